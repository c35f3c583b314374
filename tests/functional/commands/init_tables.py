"""Tables for ``churn init``, and how tests run it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from churn_core.cli import main
from tests.functional.customer_files import CANARY

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ROWS = 600

_WRITTEN_MODEL = "model:\n  type: auto\n"


def quick(text: str) -> str:
    """Return a written configuration with the fastest family and few folds."""
    assert text.count(_WRITTEN_MODEL) == 1
    fast = "model: {type: logistic_regression}\nevaluation: {folds: 2, repeats: 1}\n"
    return text.replace(_WRITTEN_MODEL, fast)


def run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    code = main([str(word) for word in words])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    return printed.out


def init(
    capsys: pytest.CaptureFixture[str], table: Path, target: str, folder: Path, *more: object
) -> tuple[Path, dict[str, Any]]:
    config = folder / "config.yaml"
    inspected = json.loads(run(capsys, "init", table, "--target", target, "--out", config, "--json", *more))
    return config, inspected


def streaming_csv(path: Path) -> tuple[Path, str]:
    """A CSV file with odd names, blank cells, dates, e-mail addresses, many towns and a constant."""
    draw = np.random.default_rng(3)
    hours = np.round(draw.gamma(2, 9, ROWS), 1)
    plan = draw.choice(["Basic", "Größe L", 'say "hi", all'], ROWS)
    number = np.where(draw.random(ROWS) < 0.5, draw.geometric(0.3, ROWS), draw.integers(10, 200, ROWS))
    town = [f"town {n}" for n in number]
    odds = -0.4 - 0.04 * hours + (plan == "Basic") + (np.array(town) == "town 1")
    table = pd.DataFrame(
        {
            "Subscriber No.": [f"S-{number}" for number in draw.permutation(ROWS)],
            "sign-up date": pd.date_range("2023-01-01", periods=ROWS).strftime("%d.%m.%Y"),
            "Plan Type": plan,
            "e-mail.verified": draw.random(ROWS) < 0.7,
            'the "tier"': draw.integers(1, 4, ROWS),
            "größe": draw.integers(0, 2, ROWS),
            "it's; -- drop table": draw.normal(0, 1, ROWS).round(3),
            "watch\nhours": pd.Series(hours.astype(str)).mask(draw.random(ROWS) < 0.1, " "),
            "town": town,
            "contact": [f"{CANARY}{number}@example.org" for number in range(ROWS)],
            "note": [f"{CANARY} called about bill {number}" for number in range(ROWS)],
            "currency": "EUR",
            "nothing": "",
            "Churned ": np.where(draw.random(ROWS) < 1 / (1 + np.exp(-odds)), "yes", "no"),
        }
    )
    table.to_csv(path / "streaming.csv", index=False)
    return path / "streaming.csv", "Churned"


def bank_parquet(path: Path) -> tuple[Path, str]:
    """Parquet's own types: decimals, dictionaries, narrow and nullable integers, dates, lists, bytes."""
    draw = np.random.default_rng(4)
    balance = [Decimal(int(cents)) / 100 for cents in draw.integers(0, 10**7, ROWS)]
    age = draw.integers(18, 90, ROWS)
    gaps = draw.random(ROWS) < 0.1
    left = draw.random(ROWS) < 1 / (1 + np.exp(2 - 0.04 * age))
    columns = {
        "AccountId": pa.array(draw.permutation(ROWS) + 10**12),
        "balance": pa.array(balance, pa.decimal128(14, 2)),
        "age": pa.array(age.astype(np.int8)),
        "products": pa.array(draw.integers(1, 9, ROWS), pa.int64(), mask=gaps),
        "active": pa.array(draw.random(ROWS) < 0.5, mask=draw.random(ROWS) < 0.1),
        "country": pa.array(draw.choice(["FR", "DE", "ES"], ROWS)).dictionary_encode(),
        "rate": pa.array(draw.random(ROWS).astype(np.float32)),
        "opened": pa.array(pd.date_range("2020-01-01", periods=ROWS).date),
        "seen": pa.array(pd.date_range("2024-01-01", periods=ROWS, freq="h")),
        "clock": pa.array([pd.Timestamp(2024, 1, 1, hour).time() for hour in draw.integers(0, 24, ROWS)]),
        "visits": pa.array([[1, 2]] * ROWS),
        "address": pa.array([{"zip": 1, "street": CANARY}] * ROWS),
        "photo": pa.array([CANARY.encode()] * ROWS),
        "gone": pa.array(left),
    }
    parquet.write_table(pa.table(columns), path / "bank.parquet")
    return path / "bank.parquet", "gone"
