"""``python -m churn_core.models.train``: the same as ``churn train``."""

import sys

from churn_core.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
