"""How a failed write of an output ends."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from churn_core.errors import InputFileError, NoSpaceError, OutputError
from churn_core.scoring.files.output_formats import output_format
from churn_core.scoring.files.score_file import _write, writing_fault

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
    assert type(writing_fault(error, tmp_path)) is expected


class Database:
    """DuckDB whose statements fail; it remembers whether its cursor was closed."""

    def __init__(self, error: BaseException) -> None:
        self._error = error
        self.closed = False

    def cursor(self) -> Database:
        return self

    def register(self, name: str, reader: Any) -> None:
        pass

    def execute(self, statement: str) -> None:
        raise self._error

    def close(self) -> None:
        self.closed = True


class Stream:
    """Stream of scores that has failed, or not."""

    def __init__(self, failure: Exception | None) -> None:
        self.failure = failure

    def reader(self) -> None:
        pass


REFUSED = InputFileError("corrupt", "The file is damaged.")


@pytest.mark.parametrize(
    ("error", "failure", "expected"),
    [
        (duckdb.InterruptException("Interrupted!"), None, KeyboardInterrupt),
        (RuntimeError("INTERRUPT Error: Interrupted!"), None, KeyboardInterrupt),
        (FORBIDDEN, None, OutputError),
        (RuntimeError("of another kind"), None, RuntimeError),
        (duckdb.InvalidInputException("the stream failed"), REFUSED, InputFileError),
        (RuntimeError("INTERRUPT Error: Interrupted!"), REFUSED, InputFileError),
    ],
)
def test_a_failed_write_raises_its_cause(
    error: Exception, failure: Exception | None, expected: type[BaseException], tmp_path: Path
) -> None:
    database: Any = Database(error)
    stream: Any = Stream(failure)
    out = tmp_path / "out.parquet"
    with pytest.raises(expected) as caught:
        _write(database, stream, "SELECT 1", out, output_format(out))
    assert caught.type is expected
    assert failure is None or caught.value is failure
    assert database.closed
