"""Scored customers and money values for tests of thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np

MONEY = {"value_of_customer": 500.0, "cost_of_offer": 20.0, "success_rate": 0.3}


def sample(stretch: float = 1.0, customers: int = 900, repeats: int = 2) -> tuple[Any, Any, Any]:
    """Return labels, scores whose log-odds are `stretch` times too far from 0, and folds."""
    generator = np.random.default_rng(7)
    truth = generator.normal(-1.2, 1.5, customers)
    labels = (generator.random(customers) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    noise = generator.normal(0, 0.1, (repeats, customers))
    fold = np.array([generator.permutation(customers) % 3 for _ in range(repeats)])
    return labels, 1 / (1 + np.exp(-stretch * (truth + noise))), fold
