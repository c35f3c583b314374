"""Labels that arrive later: who left, by id and, where the scores have several days, by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from churn_core.errors import DataError
from churn_core.outcomes.scored_files import readable, require_files, whole_numbers
from churn_core.schema import label_tuple
from churn_core.scoring.files.sql.text import quote_identifier, quote_text

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from churn_core.schema import Contract


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The table ``labels`` of a connection: ``id`` as text, ``day`` DATE, ``churned`` 0 or 1.

    Attributes
    ----------
    columns : tuple of str
        Of the file.
    rows : int
        Of the file.
    unlabelled : int
        Rows whose label is missing or excluded by the configuration; they are set aside.
    repeated : int
        Rows that say the same again.
    dated : bool
        Whether there is a day.
    """

    columns: tuple[str, ...]
    rows: int
    unlabelled: int
    repeated: int
    dated: bool


def read_labels(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    contract: Contract,
    *,
    id_column: str,
    date_column: str | None,
    whole_ids: bool,
) -> LabelTable:
    """Read the labels into the table ``labels``.

    Parameters
    ----------
    connection : DuckDBPyConnection
    path : Path
        ``.parquet``, ``.csv`` or ``.csv.gz``.
    contract : Contract
        Names the target and its labels.
    id_column : str
    date_column : str or None
        The day that a row's label belongs to: that of the scores.
    whole_ids : bool
        Whether the scores' ids are whole numbers, so that ``7.0`` is 7.

    Raises
    ------
    DataError
        If a column is missing, an id or a date is missing or can't be read, a date lies in the future, a
        label is unknown, or labels of one customer and day disagree.
    """
    require_files([path])
    is_csv = path.name.lower().endswith((".csv", ".csv.gz"))
    file = quote_text(str(path))
    source = (
        f"read_csv({file}, header=true, all_varchar=true)"
        if is_csv
        else f"read_parquet({file}, hive_partitioning=false)"
    )
    with readable(path):
        columns = tuple(str(row[0]) for row in connection.sql(f"DESCRIBE SELECT * FROM {source}").fetchall())
    for option, column in (("--id", id_column), ("--date", date_column), ("data.target", contract.target)):
        if column is not None and column not in columns:
            raise DataError(f"{path} has no column {column!r} ({option}); add it, or name the right column.")
    identity = f"trim({quote_identifier(id_column)}::VARCHAR)"
    if whole_ids:
        identity = rf"regexp_replace({identity}, '\.0+$', '')"
    day = "NULL::DATE" if date_column is None else f"TRY_CAST({quote_identifier(date_column)} AS DATE)"
    text = f"trim({quote_identifier(contract.target)}::VARCHAR)"
    with readable(path):
        connection.execute(
            f"CREATE TEMP TABLE raw_labels AS SELECT {identity} AS id, {day} AS day,"
            f" {_label_sql(text, contract)} AS churned FROM {source}"
        )
    _check(connection, path, dated=date_column is not None)
    connection.execute(
        "CREATE TEMP TABLE labels AS SELECT id, day, min(churned) AS churned, max(churned) AS highest"
        " FROM raw_labels WHERE churned >= 0 GROUP BY id, day"
    )
    rows, kept = whole_numbers(connection, "SELECT count(*), count(*) FILTER (churned >= 0) FROM raw_labels")
    distinct, disagreeing = whole_numbers(
        connection, "SELECT count(*), count(*) FILTER (churned < highest) FROM labels"
    )
    if disagreeing:
        raise DataError(
            f"{path} has labels that disagree for {disagreeing:,} customers; keep the right one of each."
        )
    if not distinct:
        raise DataError(f"{path} has no label in column {contract.target!r}; name a table of labels.")
    return LabelTable(columns, rows, rows - kept, kept - distinct, date_column is not None)


def _label_sql(text: str, contract: Contract) -> str:
    """Return SQL: 1 left, 0 stayed, -1 set aside, -2 unknown."""

    def among(labels: tuple[str, ...]) -> str:
        return f"list_contains([{', '.join(map(quote_text, labels))}], {text})" if labels else "false"

    positive, negative = label_tuple(contract.positive), label_tuple(contract.negative)
    return (
        f"CASE WHEN {text} IS NULL OR {text} = '' OR {among(contract.excluded)} THEN -1"
        f" WHEN {among(positive)} THEN 1"
        f" WHEN {among(negative) if negative else 'true'} THEN 0 ELSE -2 END"
    )


def _check(connection: duckdb.DuckDBPyConnection, path: Path, *, dated: bool) -> None:
    today = datetime.now(UTC).date().isoformat()
    unknown, ids, days, future = whole_numbers(
        connection,
        "SELECT count(*) FILTER (churned = -2), count(*) FILTER (id IS NULL OR id = ''),"
        f" count(*) FILTER (day IS NULL), count(*) FILTER (day > DATE '{today}') FROM raw_labels",
    )
    if unknown:
        raise DataError(f"{path}: {unknown:,} rows have labels that data.target does not name; correct them.")
    if ids:
        raise DataError(f"{path}: {ids:,} rows have no id; remove them, or name the right column by --id.")
    if dated and days:
        raise DataError(f"{path}: {days:,} rows have no valid date; write dates as YYYY-MM-DD.")
    if future:
        raise DataError(f"{path}: {future:,} rows have a date in the future; correct them.")
