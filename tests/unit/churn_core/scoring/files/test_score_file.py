"""Why an output could not be written."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

import duckdb
import pytest

from churn_core.errors import InputFileError, NoSpaceError, OutputError
from churn_core.scoring.files.score_file import _writing_fault

if TYPE_CHECKING:
    from pathlib import Path

MEBIBYTE = 2**20
FULL, TOO_LARGE, FORBIDDEN = (
    duckdb.IOException(f"IO Error: Could not write file: {os.strerror(number)}")
    for number in (errno.ENOSPC, errno.EFBIG, errno.EACCES)
)


@pytest.mark.parametrize(
    ("error", "free", "expected"),
    [
        (FULL, 100 * MEBIBYTE, NoSpaceError),
        (FULL, 0, NoSpaceError),
        (FORBIDDEN, MEBIBYTE - 1, NoSpaceError),
        (FORBIDDEN, MEBIBYTE, OutputError),
        (TOO_LARGE, 0, InputFileError),
    ],
)
def test_a_full_disk_is_recognized_by_the_error_or_by_the_space_that_is_left(
    error: duckdb.IOException,
    free: int,
    expected: type[Exception],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert type(_writing_fault(error, tmp_path)) is expected
