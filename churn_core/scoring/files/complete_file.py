"""Output files that appear complete or not at all."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from churn_core.errors import OutputError
from churn_core.scoring.files.own_inputs import refuse_own_inputs
from churn_core.scoring.files.unfinished import unfinished_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@contextmanager
def complete_file(
    path: Path, *, reads: Iterable[Path], advice: str = "name another output file"
) -> Iterator[Path]:
    """Yield a hidden file in the same folder, and rename it to `path` once it is complete.

    An older file of that name is replaced. If the block raises an error, nothing is left.

    Parameters
    ----------
    path : Path
    reads : iterable of Path
        Everything that the command reads; see `refuse_own_inputs`.
    advice : str
        The end of every error message: how the user chooses another file.

    Raises
    ------
    OutputError
        If `path` is read too, is a folder, a device or a pipe, or its folder can't be written to.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder; {advice}.")
    refuse_own_inputs(path, reads, advice)
    if path.exists() and not path.is_file():
        # A rename would replace a device such as /dev/null by a file.
        raise OutputError(f"{path} is not a regular file; {advice}.")
    with ExitStack() as stack:
        try:
            # In the same folder, because a rename is atomic only within one file system.
            unfinished = stack.enter_context(unfinished_file(path.absolute().parent))
        except OSError as error:
            raise unwritable(path, error, advice) from error
        yield unfinished
        try:
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
            unfinished.replace(path.absolute())
        except OSError as error:
            raise unwritable(path, error, advice) from error


def unwritable(path: Path, error: OSError, advice: str = "name another output file") -> OutputError:
    """Return the error for a file that the operating system does not let us write."""
    # pyarrow raises OSError without an error number.
    reason = os.strerror(error.errno) if error.errno else "the file system refused it"
    return OutputError(f"{path} can't be written ({reason}); {advice}.")
