"""Figures that a long proof records for docs/proof.md."""

from __future__ import annotations

import json
import os
from pathlib import Path


def cases(default: int, variable: str) -> int:
    """Return the number of cases: `default` in the suite, the value of `variable` in a proof."""
    return int(os.environ.get(variable, default))


def record_figure(claim: str, figure: str) -> None:
    """Record a figure if a proof is running."""
    collected = os.environ.get("CHURN_PROOF_FIGURES")
    if collected:
        with Path(collected).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"claim": claim, "figure": figure}) + "\n")
