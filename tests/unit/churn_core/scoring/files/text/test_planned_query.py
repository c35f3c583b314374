"""A query that is planned once reads the rows of each batch."""

from __future__ import annotations

import arro3.core as arrow
import duckdb

from churn_core.scoring.files.text.planned_query import PlannedQuery


def texts(*values: str | None) -> dict[str, arrow.Array]:
    return {"text": arrow.Array(list(values), type=arrow.DataType.utf8())}


def test_each_run_reads_its_own_rows_in_order() -> None:
    connection = duckdb.connect()
    queries = [
        PlannedQuery(connection, name, f"SELECT text || '{name}' AS t FROM {name}_rows") for name in "ab"
    ]
    for batch in (["1"], [], ["2", None, "3"], ["x"] * 200_000):
        for query in queries:
            result = query.run(texts(*batch)).read_all().column("t").to_pylist()
            assert result == [None if text is None else text + query.name for text in batch]


def test_arrays_are_those_of_the_batch() -> None:
    query = PlannedQuery(duckdb.connect(), "a", "SELECT length(text)::USMALLINT AS n FROM a_rows")
    for batch in (["1", "22"], ["333"]):
        result = query.arrays(texts(*batch))["n"]
        assert (result.tolist(), result.dtype.name) == ([len(text) for text in batch], "uint16")


def test_a_name_can_be_used_again_after_its_query_is_closed() -> None:
    connection = duckdb.connect()
    for number in range(3):
        query = PlannedQuery(connection, "a", f"SELECT text || {number} AS t FROM a_rows")
        assert query.run(texts("x")).read_all().column("t").to_pylist() == [f"x{number}"]
        query.close()
        query.close()
    assert connection.execute("FROM duckdb_views() WHERE NOT internal").fetchall() == []
