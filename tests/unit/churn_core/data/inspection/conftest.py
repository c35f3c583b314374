"""Tables to inspect."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

ROWS = 2_000


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(8)


@pytest.fixture
def customers(draw: np.random.Generator) -> pd.DataFrame:
    """A sound table: it has no finding."""
    spent = np.round(draw.gamma(2, 50, ROWS), 4)
    plan = draw.choice(["basic", "plus", "pro"], ROWS)
    odds = -1.5 + 0.01 * spent + np.where(plan == "pro", 0.8, -0.3)
    return pd.DataFrame(
        {
            "customer id": [f"c{number:06d}" for number in draw.permutation(ROWS)],
            "spent": spent,
            "plan": plan,
            "visits": draw.poisson(6, ROWS),
            "churned": np.where(draw.random(ROWS) < 1 / (1 + np.exp(-odds)), "yes", "no"),
        }
    )


@pytest.fixture
def left(customers: pd.DataFrame) -> Any:
    """Who left, as booleans."""
    return (customers["churned"] == "yes").to_numpy()
