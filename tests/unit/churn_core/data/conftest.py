"""The data contract of the default configuration, and tables that match it."""

from __future__ import annotations

import pandas as pd
import pytest

from churn_core.config import get_project_root, load_config
from churn_core.data import generate_sample_data
from churn_core.schema import CategoryFeature, Contract, NumberFeature


@pytest.fixture
def telco_contract() -> Contract:
    return load_config(get_project_root() / "config" / "config.yaml").contract


@pytest.fixture
def sample() -> pd.DataFrame:
    return generate_sample_data(300, seed=7)


@pytest.fixture
def contract() -> Contract:
    """A small contract with one feature of each kind."""
    return Contract(
        features=(
            NumberFeature("visits", 0, 100, integer=True),
            NumberFeature("spent", 0, 1000, nullable=True, stored_as_text=True),
            CategoryFeature("plan", allowed=("basic", "café")),
            CategoryFeature("region", nullable=True),
        ),
        target="left",
        positive="yes",
        negative="no",
        id_column="customer",
    )


@pytest.fixture
def table() -> pd.DataFrame:
    """Eight customers that match the small contract without a warning."""
    return pd.DataFrame(
        {
            "customer": [f"c{number}" for number in range(8)],
            "visits": [0, 1, 2, 3, 5, 8, 13, 100],
            "spent": ["0", "1.5", " ", "1e3", "+7", ".5", "8.", "nan"],
            "plan": ["basic", "café"] * 4,
            "region": ["north", "south", None, ""] * 2,
            "left": ["yes", "no"] * 4,
        }
    )
