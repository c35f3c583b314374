"""Compare the product's models with others, and write benchmarks/models.md.

    make bench-models                                        # all tables; goes on where a run was stopped
    make bench-models TABLES="bank telco" DATA=telco.csv     # some tables; telco is the table in DATA
    make bench-models FRESH=1                                # measure everything again

The table in DATA is called telco; its target is TARGET.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

from benchmarks.models.contenders import PEERS
from benchmarks.models.measure import MEASURED, Measurements, measure_table
from benchmarks.models.page import write_page
from benchmarks.models.tables import MODEL_TABLES

OWN = "telco"


def main() -> None:
    """Measure what is missing, and write the page after each table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, help=f"a further labelled table, called {OWN}")
    parser.add_argument("--target", default="Churn")
    parser.add_argument("--tables", nargs="+", choices=[*MODEL_TABLES, OWN])
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--fresh", action="store_true", help="forget what was measured before")
    options = parser.parse_args()
    if options.fresh:
        MEASURED.unlink(missing_ok=True)
    measurements = Measurements()
    own = [OWN] if options.data else []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.tables or [*own, *MODEL_TABLES]:
            if name == OWN:
                what, path, target = "The IBM Telco sample", options.data, options.target
            else:
                table = MODEL_TABLES[name]
                what, path, target = table.what, Path(folder) / f"{name}.parquet", table.target
                table.make().to_parquet(path, index=False)
            measure_table(measurements, name, what, path, target, options.peers)
            write_page(measurements)


if __name__ == "__main__":
    main()
