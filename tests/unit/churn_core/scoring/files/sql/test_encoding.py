"""The SQL that encodes a file's columns, and the files that it refuses."""

from __future__ import annotations

import pytest

from churn_core.errors import InputFileError
from churn_core.schema import CategoryFeature, Contract, NumberFeature
from churn_core.scoring.files.sql.encoding import encoded_columns, vocabulary_types

CONTRACT = Contract(
    (
        CategoryFeature("plan", ("basic", "caf\u00e9")),
        CategoryFeature("region", ("north",), nullable=True),
        NumberFeature("visits", 0, 100, integer=True),
        NumberFeature("spent", 0.1, 0.3, nullable=True),
    ),
    *("left", "yes", "no"),
    id_column="customer",
)

TYPES = {
    "plan": "VARCHAR",
    "region": "BOOLEAN",
    "visits": "BIGINT",
    "spent": "DECIMAL(9,2)",
    "customer": "UUID",
}


def test_only_column_names_of_the_contract_get_into_the_sql() -> None:
    types = TYPES | {'"; DROP TABLE x; --': "BIGINT"}
    assert not any("DROP" in column for column in encoded_columns(CONTRACT, types))


def test_names_and_values_are_quoted() -> None:
    odd = Contract((CategoryFeature('a"b', ("it's",)),), "left", "yes", "no")
    assert vocabulary_types(odd) == ["CREATE TYPE vocabulary_0 AS ENUM ('it''s')"]
    assert '"a""b"' in encoded_columns(odd, {'a"b': "VARCHAR"})[0]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        *(({"plan": "DOUBLE"}, "'plan' is of type DOUBLE"), ({"plan": "DATE"}, "'plan' is of type DATE")),
        *(({"visits": "VARCHAR"}, "'visits' is of type VARCHAR"), ({"visits": "BOOLEAN"}, "'visits'")),
        *(
            ({"spent": "STRUCT(secret INTEGER)"}, "'spent' is of type nested"),
            ({"customer": "BLOB"}, "'customer'"),
        ),
        ({"visits": "TIMESTAMP WITH TIME ZONE"}, "'visits' is of type TIMESTAMP WITH TIME ZONE"),
    ],
)
def test_a_column_of_the_wrong_type_is_a_schema_fault(changes: dict[str, str], named: str) -> None:
    with pytest.raises(InputFileError, match=named.replace("(", r"\(")) as caught:
        encoded_columns(CONTRACT, TYPES | changes)
    assert caught.value.code == "schema"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", [*TYPES])
def test_the_error_names_a_missing_column_and_case_matters(name: str) -> None:
    types = {column.upper() if column == name else column: kind for column, kind in TYPES.items()}
    with pytest.raises(InputFileError, match=f"'{name}' is missing") as caught:
        encoded_columns(CONTRACT, types)
    assert caught.value.code == "schema"
