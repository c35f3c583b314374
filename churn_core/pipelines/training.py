"""From a table to a proved bundle, in one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from churn_core.models.bundle.writer import write_bundle
from churn_core.models.export.prove import ProvedModel, prove_model
from churn_core.models.training import train_model
from churn_core.pipelines.promotion import Promotion, compare, require_no_worse
from churn_core.reports import render_report
from churn_core.scoring.bundle import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from churn_core.config import Settings
    from churn_core.scoring.bundle import Bundle


def _silent(step: str) -> None:
    del step


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What a run made.

    Attributes
    ----------
    proved : ProvedModel
        The model, its graphs and what the parity gate found.
    bundle : Bundle
        As it was read back from its files.
    promotion : Promotion or None
        How it did beside the bundle that it replaced, where that was asked for and there was one.
    """

    proved: ProvedModel
    bundle: Bundle
    promotion: Promotion | None = None


def run_training(
    config: Settings,
    table: pd.DataFrame,
    folder: Path,
    *,
    jobs: int | None = None,
    sample: bool = False,
    promote: bool = False,
    on_step: Callable[[str], None] = _silent,
    on_fold: Callable[[int, int], None] | None = None,
) -> TrainingRun:
    """Train, evaluate, export, prove and write a bundle.

    Parameters
    ----------
    config : Settings
    table : DataFrame
        Labelled rows.
    folder : Path
        Where the bundle goes.
    jobs : int, optional
        Folds fitted at the same time; all cores by default.
    sample : bool
        Whether the rows are made up; the bundle then says so.
    promote : bool
        Whether a bundle in `folder` is replaced only by a model that is no worse, and kept beside it.
    on_step : callable
        Told what is being done.
    on_fold : callable, optional
        Told how many folds of the cross-validation are done, and of how many.

    Raises
    ------
    ChurnError
        If the table, the configuration, the parity gate or a better bundle forbids it; nothing is written
        then.
    """
    on_step(f"training: model.type {config.model.type}, {config.evaluation.folds} folds")
    model = train_model(config, table, jobs=jobs, on_fold=on_fold)
    promotion = None
    if promote and (folder / MANIFEST).exists():
        on_step(f"comparing with the bundle in {folder}")
        promotion = compare(folder, model, table)
        require_no_worse(promotion)
    on_step("proving that the exported graphs answer as scikit-learn")
    proved = prove_model(model, table)
    on_step(f"writing {folder}")
    bundle = write_bundle(proved, render_report(proved), folder, sample=sample, keep_previous=promote)
    return TrainingRun(proved, bundle, promotion)
