"""Figures that a long proof leaves for docs/proof.md."""

from __future__ import annotations

import json
import os
from pathlib import Path


def cases(default: int, variable: str) -> int:
    """Return how many cases to try: few in the suite, `variable` in a proof."""
    return int(os.environ.get(variable, default))


def record_figure(claim: str, figure: str) -> None:
    """Leave a figure, if somebody collects them."""
    collected = os.environ.get("CHURN_PROOF_FIGURES")
    if collected:
        with Path(collected).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"claim": claim, "figure": figure}) + "\n")
