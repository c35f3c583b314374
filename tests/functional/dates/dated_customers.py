"""A table of customers with dates, and the ways in which files and requests may write it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from churn_core.config import Settings, parse_config

ROWS: Final = 500

CONFIG: Final[dict[str, Any]] = {
    "reader": {"date_formats": {"signup": "DD.MM.YYYY"}, "missing_tokens": ["never"]},
    "data": {
        "id": "customer",
        "target": {"column": "left", "positive": "yes", "negative": "no"},
        "features": {"plan": {"kind": "category"}},
        "derived": {
            "tenure": {"kind": "days_between", "from": "signup", "to": "snapshot"},
            "idle": {"kind": "days_between", "from": "last_login", "to": "snapshot", "nullable": True},
            "until_2025": {"kind": "days_between", "from": "signup", "to": "2025-01-01"},
            "tenure_band": {"kind": "bucket", "column": "tenure", "edges": [365, 730]},
        },
    },
    "model": {"type": "logistic_regression"},
    "evaluation": {"folds": 2, "repeats": 1},
}

DATES: Final = ("signup", "last_login", "snapshot")


def settings() -> Settings:
    return parse_config(CONFIG)


def make_customers() -> pd.DataFrame:
    """Make customers with times of whole seconds; short tenures leave more often."""
    draw = np.random.default_rng(8)
    snapshot = np.datetime64("2024-03-01T00:00:00") + draw.integers(0, 86_400, ROWS)
    tenure = draw.integers(1, 1_500, ROWS)
    signup = snapshot - tenure.astype("timedelta64[D]")
    last_login = snapshot - draw.integers(0, 90 * 86_400, ROWS).astype("timedelta64[s]")
    last_login[draw.random(ROWS) < 0.2] = np.datetime64("NaT")
    left = draw.random(ROWS) < 0.1 + 0.5 * (tenure < 400)
    return pd.DataFrame(
        {
            "customer": [f"c{row}" for row in range(ROWS)],
            "plan": draw.choice(["basic", "gold"], ROWS),
            "signup": signup,
            "last_login": last_login,
            "snapshot": snapshot,
            "left": np.where(left, "yes", "no"),
        }
    )


def as_text(customers: pd.DataFrame) -> pd.DataFrame:
    """Write the dates as text: one in the declared format, one with an offset, one with a missing token."""
    zoned = customers["snapshot"].dt.tz_localize("UTC").dt.tz_convert("Asia/Kolkata")
    return customers.assign(
        signup=customers["signup"].dt.strftime("%d.%m.%Y"),
        last_login=customers["last_login"].dt.strftime("%Y-%m-%dT%H:%M:%S.000Z").fillna("Never"),
        snapshot=[moment.isoformat() for moment in zoned],
    )


def as_records(customers: pd.DataFrame) -> list[dict[str, Any]]:
    """Write the customers as JSON records, without the target."""
    written = as_text(customers).drop(columns="left")
    records = [dict(zip(map(str, written), row, strict=True)) for row in written.itertuples(index=False)]
    return [record | ({"last_login": None} if record["last_login"] == "Never" else {}) for record in records]
