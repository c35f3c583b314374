"""Lambda's limits of memory and processor time, enforced by this machine's kernel without Docker.

It uses version 1 of the kernel's cgroup interface and needs root.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

MEGABYTES_A_PROCESSOR: Final = 1_769
"""Memory that comes with one whole vCPU (AWS's page "Configure Lambda function memory")."""
PERIOD_MICROSECONDS: Final = 100_000

_ROOT: Final = Path("/sys/fs/cgroup")


class NoCgroupError(Exception):
    """Cgroups can't be created here; the message says what is needed."""


class Cgroup:
    """Limits of memory and processor time for the processes that are started in it.

    Parameters
    ----------
    memory_mb : int
        The function's memory. Its share of a processor grows in proportion, as in Lambda.

    Raises
    ------
    NoCgroupError
        On entering, if they can't be created.
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
                "Cgroups (version 1) can't be created here; run as root on a machine that has them."
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        deadline = time.monotonic() + 10
        for folder in self._folders.values():
            # The kernel removes it only after the last process in it has ended.
            while (folder / "cgroup.procs").read_text() and time.monotonic() < deadline:
                time.sleep(0.05)
        self._remove()

    def _remove(self) -> None:
        for folder in self._folders.values():
            if folder.exists():
                folder.rmdir()

    @property
    def launcher(self) -> list[str]:
        """A command that starts the command after it inside the limits."""
        into = "; ".join(f"echo $$ > {folder}/cgroup.procs" for folder in self._folders.values())
        return ["/bin/sh", "-c", f'{into}; exec "$@"', "launcher"]
