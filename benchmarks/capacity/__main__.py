"""What scoring costs and how far it grows.

    make bench-capacity

Measures both built functions inside the memory and the processor that the template asks for, writes
measured.json, and computes docs/cost.md, results.md and capacity.svg from it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.capacity.measure import measure
from benchmarks.capacity.measured import MEASURED, load_measured
from benchmarks.capacity.pages import PAGES, write_pages
from benchmarks.capacity.peer_rate import measure_peer
from benchmarks.capacity.plot import PLOT, write_plot
from infra.local.cgroup import NoCgroupError
from infra.local.function_build import BuildError
from infra.local.tools import MissingToolError


def main() -> int:
    """Measure, and write what follows from it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--pages", action="store_true", help="write pages and plot anew from measured.json, measuring nothing"
    )
    parser.add_argument(
        "--peer", action="store_true", help="measure pandas and scikit-learn alone, and keep the rest"
    )
    options = parser.parse_args()
    if not options.pages:
        try:
            with tempfile.TemporaryDirectory(prefix="churn-capacity-", ignore_cleanup_errors=True) as name:
                work = Path(name)
                if options.peer:
                    replace(load_measured(), peer=measure_peer(work)).write()
                else:
                    measure(work).write()
        except (BuildError, MissingToolError, NoCgroupError) as error:
            print(error, file=sys.stderr)
            return 1
    measured = load_measured()
    write_pages(measured)
    write_plot(measured)
    print("Wrote", *(path.name for path in (MEASURED, *PAGES, PLOT)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
