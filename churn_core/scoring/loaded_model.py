"""Score tables that are in memory with the scores, columns and bytes of ``churn score``."""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import arro3.core as arrow
import duckdb

from churn_core.errors import DataError
from churn_core.scoring.files.score_file import BatchSettings, score_file
from churn_core.scoring.files.sql.text import quote_text
from churn_core.scoring.files.unfinished import unfinished_folder
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    from churn_core.scoring.bundle import Bundle


class LoadedModel:
    """A model, ready to score tables.

    Parameters
    ----------
    predictor : ChurnPredictor
    """

    def __init__(self, predictor: ChurnPredictor) -> None:
        self.predictor = predictor

    @property
    def bundle(self) -> Bundle:
        """The verified bundle."""
        return self.predictor.bundle

    def score(
        self, frame: Any, *, contributions: bool = False, top: int | None = None, threads: int | None = None
    ) -> Any:
        """Score a table; the result equals the file that ``churn score`` writes for the same rows.

        Parameters
        ----------
        frame : DataFrame, Table or list of dict
            A pandas or Polars data frame, any table with ``__arrow_c_stream__``, or records. It has the
            contract's columns; others are ignored.
        contributions : bool
            Whether the result has every feature's contribution.
        top : int, optional
            Return only the customers to contact first, best first.
        threads : int, optional
            All cores by default.

        Returns
        -------
        DataFrame, Table or list of dict
            The columns of a scored file, of the same kind as `frame`: pandas, Polars, pyarrow, otherwise an
            arro3 table; records for records. One row per row of `frame` in the same order, unless `top` is
            given.

        Raises
        ------
        InputFileError
            If a needed column is missing or has a type that the contract does not accept.
        DataError
            If `frame` is not a table.
        """
        settings = BatchSettings(contributions=contributions, top=top)
        if threads is not None:
            settings = replace(settings, threads=threads)
        with unfinished_folder(Path(tempfile.gettempdir())) as work:
            scored = work / "scored.parquet"
            score_file(write_rows(frame, work), scored, self.predictor, settings)
            return _read_like(scored, frame)


def load(folder: str | Path) -> LoadedModel:
    """Load and verify a model bundle.

    Parameters
    ----------
    folder : path-like
        The bundle.

    Raises
    ------
    BundleError
        If it is missing, altered, or does not give the scores of its golden rows.
    """
    return LoadedModel(ChurnPredictor.load(Path(folder)))


def write_rows(frame: Any, folder: Path) -> Path:
    """Write a table that is in memory to a file: Parquet, or JSON lines for records.

    Raises
    ------
    DataError
        If `frame` is not a table, or holds what neither can store.
    """
    if is_records(frame):
        path = folder / "rows.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for record in frame:
                present = {name: _plain(value) for name, value in record.items()}
                file.write(json.dumps(present, ensure_ascii=False, default=str) + "\n")
        return path
    if not hasattr(frame, "__arrow_c_stream__"):
        raise DataError(
            f"A {type(frame).__name__} is not a table; pass a pandas or Polars data frame, an Arrow table, or"
            " a list of dicts."
        )
    path = folder / "rows.parquet"
    try:
        table = arrow.Table.from_arrow(frame)
    except Exception as error:
        # Each library raises errors of its own; their texts may hold values, so none is repeated.
        raise DataError(
            "The table holds a column of mixed types; give each column one type, or pass records."
        ) from error
    with duckdb.connect() as connection:
        connection.register("rows", table)
        connection.execute(f"COPY (FROM rows) TO {quote_text(str(path))} (FORMAT parquet)")
    return path


def is_records(frame: Any) -> bool:
    """Return whether a table is given as records."""
    return isinstance(frame, Sequence) and all(isinstance(record, Mapping) for record in frame)


def _plain(value: Any) -> Any:
    """Return a value for JSON, which has no NaN."""
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and math.isnan(plain) else plain


def _read_like(path: Path, frame: Any) -> Any:
    """Read a Parquet file as a table of the kind of `frame`."""
    with duckdb.connect() as connection:
        rows = connection.sql("FROM read_parquet($path)", params={"path": str(path)})
        if is_records(frame):
            names = rows.columns
            return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
        library = type(frame).__module__.partition(".")[0]
        if library == "pandas":
            return rows.df()
        table = arrow.Table.from_arrow(rows)
    if library == "polars":
        # The caller has it; this library does not need it.
        return type(frame)(table)
    if library == "pyarrow":
        return sys.modules[library].table(table)
    return table
