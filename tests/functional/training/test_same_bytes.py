"""The same table and configuration give the same bundle, byte for byte, whatever the process is like.

The digest of a bundle is part of the keys of its outputs, so a difference would score every file again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.functional.training import train_everywhere
from tests.proof_figures import cases, record_figure

ROOT: Final = Path(__file__).resolve().parents[3]
SHIFTS: Final = range(cases(1, "CHURN_SAME_BYTES_SHIFTS"))


@dataclass(frozen=True)
class Surroundings:
    """What differs between processes and must not matter."""

    hash_seed: int
    folder: str
    umask: int
    omp_threads: int
    cores: int
    locale: str = "C.UTF-8"
    time_zone: str = "UTC"


SURROUNDINGS: Final = (
    Surroundings(0, "one", 0o022, 1, 1),
    Surroundings(1, "a folder with 'quotes', é and blanks", 0o077, 4, 64, time_zone="Asia/Kathmandu"),
    Surroundings(4_242, "three", 0o000, 2, 64, locale="C"),
    Surroundings(7, "four", 0o027, 3, 1),
    Surroundings(2**32 - 1, "five", 0o022, 1, 64),
    Surroundings(99, "six", 0o002, 8, 64, time_zone="America/New_York"),
)


def train(where: Surroundings, folder: Path, shift: int) -> dict[str, dict[str, str]]:
    own = folder / where.folder
    own.mkdir()
    cores = sorted(os.sched_getaffinity(0))[: where.cores]
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            f"import os, runpy, sys; os.sched_setaffinity(0, {cores}); sys.argv[1:] = ['out', '{shift}'];"
            f" runpy.run_path({train_everywhere.__file__!r}, run_name='__main__')",
        ],
        cwd=own,
        umask=where.umask,
        env=os.environ
        | {
            "PYTHONHASHSEED": str(where.hash_seed),
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": str(where.omp_threads),
            "LC_ALL": where.locale,
            "TZ": where.time_zone,
            "SOURCE_DATE_EPOCH": "1700000000",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: dict[str, dict[str, str]] = json.loads(done.stdout)
    return results


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux, to choose the cores")
@pytest.mark.parametrize("shift", SHIFTS)
def test_the_same_table_gives_the_same_bytes_in_any_process(tmp_path: Path, shift: int) -> None:
    count = cases(3, "CHURN_SAME_BYTES_PROCESSES")
    first, *others = [train(where, tmp_path, shift) for where in SURROUNDINGS[:count]]

    assert set(first) == {f"{kind}, {family}" for kind, family in zip(*names(shift), strict=True)}
    for other, where in zip(others, SURROUNDINGS[1:count], strict=True):
        assert other == first, where
    record_figure(
        f"Bundles of {', '.join(first)}: equal whatever hash seed, folder, umask and cores",
        f"{count} processes, 0 differences",
    )


def names(shift: int) -> tuple[list[str], list[str]]:
    families = list(train_everywhere.FAMILIES)
    kinds = list(train_everywhere.tables())
    return kinds, [families[(position + shift) % len(families)] for position in range(len(kinds))]
