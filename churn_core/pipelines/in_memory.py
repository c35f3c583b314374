"""Train on a table that is in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.config import Settings, load_config, parse_config
from churn_core.data import load_table
from churn_core.pipelines.training import run_training
from churn_core.scoring.files.unfinished import unfinished_folder
from churn_core.scoring.loaded_model import LoadedModel, load, write_rows

if TYPE_CHECKING:
    from collections.abc import Mapping


def train(
    frame: Any,
    config: Settings | Mapping[str, Any] | str | Path,
    folder: str | Path,
    *,
    quick: bool = False,
) -> LoadedModel:
    """Train, prove and write a bundle, as ``churn train`` does for a Parquet file with the same rows.

    Parameters
    ----------
    frame : DataFrame, Table or list of dict
        Labelled customers; see `churn_core.scoring.loaded_model.LoadedModel.score`.
    config : Settings, mapping or path-like
        The configuration, its content, or its file.
    folder : path-like
        Where the bundle is written; an older one is replaced.
    quick : bool
        Take a first look, with three folds that are not repeated.

    Returns
    -------
    LoadedModel
        Read back from the folder.

    Raises
    ------
    ChurnError
        If the configuration or the table is invalid, or the export does not agree with scikit-learn.
    """
    if isinstance(config, str | Path):
        settings = load_config(Path(config))
    else:
        settings = config if isinstance(config, Settings) else parse_config(dict(config))
    with unfinished_folder(Path(tempfile.gettempdir())) as work:
        table = load_table(write_rows(frame, work), settings.contract)
    run_training(settings, table, Path(folder), quick=quick)
    return load(folder)
