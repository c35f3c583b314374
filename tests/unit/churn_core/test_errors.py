"""The closed lists of fault codes, and what error messages hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import churn_core
from churn_core.errors import (
    EXTRA_KEY_CODE,
    FILE_FAULT_CODES,
    REJECT_CODES,
    InputFileError,
    InvalidRecordsError,
    ValueFault,
)


def test_the_reject_codes_are_a_closed_list_in_this_order() -> None:
    # Encoded files hold a code's position: a new code goes to the end.
    assert (*REJECT_CODES, EXTRA_KEY_CODE) == (
        *("missing", "not_finite", "out_of_range", "not_integer", "too_long", "invalid_unicode"),
        *("wrong_type", "malformed_line", "not_a_date", "extra_forbidden"),
    )


def test_the_file_fault_codes_are_a_closed_list() -> None:
    assert (
        *("not-parquet", "corrupt", "encrypted", "unsupported-encoding", "schema", "duplicate-column"),
        *("too-large", "too-many-rows", "too-many-columns", "too-many-row-groups", "resource-limit"),
        *("not-text", "bad-compression", "dialect"),
    ) == FILE_FAULT_CODES


def test_the_library_raises_each_file_fault_code_and_no_other() -> None:
    sources = "".join(path.read_text() for path in Path(churn_core.__file__).parent.rglob("*.py"))
    raised = set(re.findall(r'InputFileError\(\s*"([^"]+)"', sources))
    assert raised == set(FILE_FAULT_CODES)


@pytest.mark.parametrize("code", ["timeout", "gone", "bad-message", "no-space", "missing", ""])
def test_a_file_error_refuses_other_codes(code: str) -> None:
    with pytest.raises(ValueError, match="FILE_FAULT_CODES"):
        InputFileError(code, "message")


def test_an_error_about_records_names_the_first_fault_and_counts_the_others() -> None:
    faults = [ValueFault(3, "tenure", "out_of_range"), ValueFault(4, 7, EXTRA_KEY_CODE)]
    message = str(InvalidRecordsError(faults))
    assert "Record 3" in message
    assert "'tenure'" in message
    assert "out_of_range" in message
    assert "1 more" in message
