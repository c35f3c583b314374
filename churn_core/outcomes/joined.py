"""Scores joined to the labels that arrived later: what is measured, and what is set aside."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import duckdb

from churn_core.errors import DataError
from churn_core.outcomes.labels import LabelTable, read_labels
from churn_core.outcomes.score_rows import read_score_rows
from churn_core.outcomes.scored_files import (
    DAY_PARTITION,
    ScoredFiles,
    open_scored_files,
    whole_numbers,
)
from churn_core.scoring.files.sql.text import quote_text

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from churn_core.outcomes.join_settings import JoinSettings
    from churn_core.schema import Contract
    from churn_core.sources.parts import PartedTable


@dataclass(frozen=True, slots=True)
class JoinCounts:
    """What became of the rows of both tables.

    Attributes
    ----------
    joined : int
        Scores that have a label.
    rejected : int
        Rows of scored files without a score.
    without_label, without_score : int
        Scores that have no label, and labels that have no score.
    not_matured : int
        Scores whose horizon has not passed; they are set aside before the join.
    unlabelled : int
        Rows of labels without a label.
    repeated : int
        Rows of labels that say the same again.
    """

    joined: int
    rejected: int
    without_label: int
    without_score: int
    not_matured: int
    unlabelled: int
    repeated: int

    def to_dict(self) -> dict[str, int]:
        """Return the counts as JSON has them."""
        return asdict(self)


class Outcomes:
    """Scores with their labels, in a table of DuckDB.

    Use `join_outcomes`.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, counts: JoinCounts) -> None:
        self._connection = connection
        self.counts = counts

    def parts(self, by: str) -> list[str]:
        """Return the values of ``month``, ``model_version`` or ``segment<i>`` that occur, in their order."""
        rows = self._connection.sql(f"SELECT DISTINCT {by} FROM joined ORDER BY 1").fetchall()
        return [str(row[0]) for row in rows]

    def columns(self, by: str | None = None, value: str = "") -> dict[str, npt.NDArray[np.generic]]:
        """Return ``churned``, ``score``, ``flagged`` of all rows, or of those whose `by` has a value."""
        where = "" if by is None else f" WHERE {by} = {quote_text(value)}"
        query = f"SELECT churned, score, flagged FROM joined{where}"
        found: dict[str, npt.NDArray[np.generic]] = self._connection.sql(query).fetchnumpy()
        return found

    def groups(self) -> dict[str, tuple[int, int]]:
        """Return the customers of each group of the campaign, and how many of them left."""
        rows = self._connection.sql(
            "SELECT campaign_group, count(*), sum(churned) FROM joined GROUP BY ALL"
        ).fetchall()
        return {str(group): (int(customers), int(left)) for group, customers, left in rows}


def join_outcomes(
    connection: duckdb.DuckDBPyConnection,
    labels: Path,
    found: Path | PartedTable,
    contract: Contract,
    settings: JoinSettings,
    *,
    name: object,
) -> Outcomes:
    """Join scores to labels by id, and by day where the labels have one.

    Parameters
    ----------
    connection : DuckDBPyConnection
    labels : Path
    found : Path or PartedTable
        Scored files.
    contract : Contract
        Of the model.
    settings : JoinSettings
    name : object
        How messages call the scored files.

    Raises
    ------
    DataError
        If a table can't be used (see `open_scored_files`, `read_labels`), a customer has two scores of one
        model on one day, days are needed and missing, or no score has a label.
    """
    scores = open_scored_files(connection, found, name=name)
    read_score_rows(connection, scores, settings)
    table = read_labels(
        connection,
        labels,
        contract,
        id_column=settings.id_column or scores.id_column,
        date_column=settings.date_column,
        whole_ids=contract.id_type == "integer",
    )
    _check_days(connection, scores, table, settings)
    on = "s.id = l.id AND s.day = l.day" if table.dated else "s.id = l.id"
    connection.execute(
        f"CREATE TEMP TABLE joined AS SELECT s.* EXCLUDE (id, day), l.churned"
        f" FROM scores s JOIN labels l ON {on}"
    )
    (joined,) = whole_numbers(connection, "SELECT count(*) FROM joined")
    if not joined:
        raise DataError(
            f"No score of {name} has a label in {labels}; name the right id column by --id, or other files."
        )
    (without_score,) = whole_numbers(
        connection,
        f"SELECT count(*) FROM labels l WHERE NOT EXISTS (SELECT 1 FROM scores s WHERE {on})",
    )
    rejected, late, kept = whole_numbers(
        connection,
        "SELECT count(*) FILTER (NOT scored), count(*) FILTER (scored AND NOT mature),"
        " count(*) FILTER (scored AND mature) FROM all_scores",
    )
    counts = JoinCounts(
        joined, rejected, kept - joined, without_score, late, table.unlabelled, table.repeated
    )
    return Outcomes(connection, counts)


def _check_days(
    connection: duckdb.DuckDBPyConnection, scores: ScoredFiles, table: LabelTable, settings: JoinSettings
) -> None:
    (days,) = whole_numbers(connection, "SELECT count(DISTINCT day) FROM scores")
    has_days = scores.dated or settings.day is not None
    if table.dated and not has_days:
        raise DataError(
            f"The labels have days, but {scores.name} lies in no folder {DAY_PARTITION}=YYYY-MM-DD; give its"
            " day by --day, or leave --date out."
        )
    if not table.dated and days > 1:
        raise DataError(
            f"{scores.name} holds scores of {days:,} days; name the column with the day of each label by"
            " --date."
        )


def open_memory(folder: Path, megabytes: int) -> duckdb.DuckDBPyConnection:
    """Return a connection that keeps within a limit of memory and writes what is more to `folder`."""
    return duckdb.connect(config={"memory_limit": f"{megabytes:d}MB", "temp_directory": str(folder)})
