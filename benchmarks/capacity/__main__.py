"""Measure what scoring takes, and compute what it costs.

    make bench-capacity

Measures both built functions within the memory and the processor of the template, writes measured.json, and
computes the tables of docs/cost.md. ``--page`` computes the tables alone.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.capacity.batch_function import measure_batch
from benchmarks.capacity.measured import Measured, load_measured
from benchmarks.capacity.online_function import measure_online
from benchmarks.capacity.pages import write_page
from benchmarks.trained_model import write_model_and_customers
from infra.local.cgroup import Cgroup, NoCgroupError
from infra.local.function_build import BuildError, build_function
from infra.local.template_settings import TemplateSettings
from infra.local.tools import MissingToolError, find_tools

FAMILY: Final = "additive"  # The default configuration's


def main() -> int:
    """Measure, and write what follows from it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--page", action="store_true", help="compute the page from measured.json alone")
    if not parser.parse_args().page:
        try:
            with tempfile.TemporaryDirectory(prefix="churn-capacity-", ignore_cleanup_errors=True) as name:
                measure(Path(name)).write()
        except (BuildError, MissingToolError, NoCgroupError) as error:
            print(error, file=sys.stderr)
            return 1
    write_page(load_measured())
    return 0


def measure(work: Path) -> Measured:
    """Train, build, and measure, with all files of the run below `work`."""
    load = os.getloadavg()[0]
    tools, template = find_tools(), TemplateSettings()
    memory_mb = {name: template.function(name).memory_mb for name in ("BatchFunction", "ScoreFunction")}
    with Cgroup(memory_mb["BatchFunction"]):
        pass  # Fails now rather than after minutes of training and building.
    model = write_model_and_customers(work / "model", FAMILY)
    folders = {name: build_function(name, tools, model.bundle, work / name) for name in memory_mb}
    with Cgroup(memory_mb["BatchFunction"]) as cgroup:
        batch = measure_batch(folders["BatchFunction"], tools, cgroup, work)
    with Cgroup(memory_mb["ScoreFunction"]) as cgroup:
        online = measure_online(folders["ScoreFunction"], tools, cgroup, model)
    return Measured(
        command="make bench-capacity",
        date=f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        machine=f"{os.cpu_count()} cores, {platform.platform(aliased=True, terse=True)}",
        load_at_start=round(load, 1),
        architecture=tools.architecture,
        python=tools.python_version,
        family=FAMILY,
        batch=batch,
        online=online,
    )


if __name__ == "__main__":
    sys.exit(main())
