"""The memory and the processor that Lambda gives a function, as limits of this machine's kernel.

Version 1 of the kernel's interface, for root on machines that have it; no Docker.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

MEGABYTES_A_PROCESSOR: Final = 1_769
"""From AWS's page on memory: so much comes with one whole vCPU."""
PERIOD_MICROSECONDS: Final = 100_000

_ROOT: Final = Path("/sys/fs/cgroup")


class NoCgroupError(Exception):
    """This user may not make cgroups here; the message says what it takes."""


class Cgroup:
    """Limits of memory and processor time for what starts inside.

    Parameters
    ----------
    memory_mb : int
        The function's memory; its share of a processor grows with it, as Lambda's does.

    Raises
    ------
    NoCgroupError
        On entering, where they can't be made.
    """

    def __init__(self, memory_mb: int) -> None:
        name = f"churn-{os.getpid()}-{memory_mb}"
        self._folders = {kind: _ROOT / kind / name for kind in ("memory", "cpu")}
        self._limits = {
            "memory/memory.limit_in_bytes": memory_mb * 1024**2,
            "cpu/cpu.cfs_period_us": PERIOD_MICROSECONDS,
            "cpu/cpu.cfs_quota_us": PERIOD_MICROSECONDS * memory_mb // MEGABYTES_A_PROCESSOR,
        }

    def __enter__(self) -> Self:
        try:
            for folder in self._folders.values():
                folder.mkdir()
            for name, value in self._limits.items():
                kind, file = name.split("/")
                (self._folders[kind] / file).write_text(str(value))
        except OSError as error:
            self._remove()
            raise NoCgroupError(
                "This user may not make cgroups (version 1); run as root on a machine that has them."
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        deadline = time.monotonic() + 10
        for folder in self._folders.values():
            # It can go once the last process in it has ended.
            while (folder / "cgroup.procs").read_text() and time.monotonic() < deadline:
                time.sleep(0.05)
        self._remove()

    def _remove(self) -> None:
        for folder in self._folders.values():
            if folder.exists():
                folder.rmdir()

    @property
    def launcher(self) -> list[str]:
        """A command that starts another one, which follows, inside."""
        into = "; ".join(f"echo $$ > {folder}/cgroup.procs" for folder in self._folders.values())
        return ["/bin/sh", "-c", f'{into}; exec "$@"', "launcher"]
