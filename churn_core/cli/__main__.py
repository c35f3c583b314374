"""Run the command ``churn`` as ``python -m churn_core.cli``."""

import sys

from churn_core.cli import main

sys.exit(main())
