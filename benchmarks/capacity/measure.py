"""One run: both built functions in their templates' memory, and the peer that the others are reckoned by."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path
from typing import Final

from benchmarks.capacity.batch_function import measure_batch
from benchmarks.capacity.measured import Measured
from benchmarks.capacity.online_function import measure_online
from benchmarks.capacity.peer_rate import measure_peer
from benchmarks.online.trained_model import train_in_a_process
from infra.local.cgroup import Cgroup
from infra.local.function_build import build_function
from infra.local.template_settings import TemplateSettings
from infra.local.tools import find_tools

COMMAND: Final = "make bench-capacity"
FAMILY: Final = "additive"
"""The default configuration's."""


def measure(work: Path) -> Measured:
    """Train, build, and measure all that the pages are computed from.

    Parameters
    ----------
    work : Path
        Folder for all files of the run.

    Raises
    ------
    MissingToolError
        If SAM or uv is not installed.
    NoCgroupError
        If this user may not limit memory and processor.
    BuildError
        If SAM can't build.
    """
    load = os.getloadavg()[0]
    tools = find_tools()
    template = TemplateSettings()
    memory_mb = {name: template.function(name).memory_mb for name in ("BatchFunction", "ScoreFunction")}
    with Cgroup(memory_mb["BatchFunction"]):
        pass  # Told now rather than after minutes of training and building.
    model = train_in_a_process(work / "model", FAMILY)
    folders = {name: build_function(name, tools, model.bundle, work / name) for name in memory_mb}
    print("Measuring: the batch function ...", flush=True)
    with Cgroup(memory_mb["BatchFunction"]) as cgroup:
        batch = measure_batch(folders["BatchFunction"], tools, cgroup, work)
    print("Measuring: the score function ...", flush=True)
    with Cgroup(memory_mb["ScoreFunction"]) as cgroup:
        online = measure_online(folders["ScoreFunction"], tools, cgroup, model)
    print("Measuring: pandas and scikit-learn ...", flush=True)
    return Measured(
        command=COMMAND,
        date=f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        machine=f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        load_at_start=round(load, 1),
        architecture=tools.architecture,
        python=tools.python_version,
        family=FAMILY,
        batch=batch,
        online=online,
        peer=measure_peer(work / "peer"),
    )


def _processor() -> str:
    """Return the processor's kind in general terms."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip().split(" @")[0]
    return platform.machine()
