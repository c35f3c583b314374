"""Leaks in columns of every kind, in small tables, and by two columns together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from churn_core.data.inspection import Inspection, inspect_table
from churn_core.data.inspection.traps.areas import area_interval, out_of_fold_area

if TYPE_CHECKING:
    from collections.abc import Callable


def rules(found: Inspection) -> list[tuple[str, str | None]]:
    return [(finding.rule, finding.column) for finding in found.findings]


def small_table(rows: int, share: float, seed: int = 0) -> tuple[pd.DataFrame, Any]:
    draw = np.random.default_rng(seed)
    left = np.zeros(rows, dtype=bool)
    left[draw.permutation(rows)[: int(share * rows)]] = True
    table = pd.DataFrame(
        {
            "customer_id": [f"c{number:05d}" for number in draw.permutation(rows)],
            "fee": draw.normal(30, 8, rows).round(2) - 3 * left,
            "plan": draw.choice(["a", "b"], rows),
            "churned": left.astype(int),
        }
    )
    return table, left


FILLED: dict[str, Callable[[int], Any]] = {
    "date": lambda rows: pd.date_range("2022-01-01", periods=rows, freq="7h"),
    "date as text": lambda rows: pd.date_range("2022-01-01", periods=rows).strftime("%d.%m.%Y"),
    "free text": lambda rows: [f"wrote a long letter about bill number {n}" for n in range(rows)],
    "name": lambda rows: [f"agent{n}@x.org" for n in range(rows)],
    "nested": lambda rows: [[n] for n in range(rows)],
    "reason": lambda rows: [("price", "moved", "service", "other")[n % 4] for n in range(rows)],
    "number": lambda rows: np.arange(rows) % 17 + 0.5,
    "single number": lambda rows: np.ones(rows),
}


@pytest.mark.parametrize("kind", FILLED)
@pytest.mark.parametrize(("rows", "share", "filled"), [(200, 0.15, 1.0), (300, 0.2, 0.5), (3_000, 0.15, 0.6)])
def test_what_is_filled_for_leavers_only_is_a_leak(kind: str, rows: int, share: float, filled: float) -> None:
    table, left = small_table(rows, share)
    there = left & (np.random.default_rng(5).random(rows) < filled)
    found = inspect_table(table.assign(end=pd.Series(list(FILLED[kind](rows))).where(there)), "churned")
    (finding,) = found.findings
    assert (finding.column, finding.rule) in (("end", "filled_for_leavers"), ("end", "target_copy"))
    assert "end" not in {column.name for column in found.features}
    assert "compute nothing" in finding.message or finding.rule == "target_copy"


@pytest.mark.parametrize("kind", FILLED)
def test_what_is_filled_for_leavers_and_others_is_no_leak(kind: str) -> None:
    table, left = small_table(3_000, 0.15)
    there = np.random.default_rng(5).random(3_000) < np.where(left, 0.5, 0.35)
    found = inspect_table(table.assign(end=pd.Series(list(FILLED[kind](3_000))).where(there)), "churned")
    assert not {"filled_for_leavers", "target_copy", "missing_gives_target_away"} & {
        f.rule for f in found.findings
    }


@pytest.mark.parametrize(("rows", "share"), [(200, 0.12), (300, 0.15), (400, 0.3)])
def test_a_copy_of_the_target_is_found_in_a_few_hundred_rows(rows: int, share: float) -> None:
    table, left = small_table(rows, share)
    draw = np.random.default_rng(2)
    copies = {
        "status": np.where(left, "closed", "open"),
        "months": np.where(left, 0, draw.integers(1, 9, rows)),
        "balance": draw.normal(size=rows) - 9 * left,
    }
    found = inspect_table(table.assign(**copies), "churned")
    assert rules(found) == [("target_copy", name) for name in copies]


def test_two_columns_that_give_the_target_away_together_are_named() -> None:
    table, left = small_table(1_500, 0.2)
    draw = np.random.default_rng(3)
    paid = draw.normal(50, 20, 1_500).round(2)
    billed = np.where(left, paid, paid + draw.normal(0, 5, 1_500).round(2) + 0.01)
    odd = draw.random(1_500) < 0.5
    for pair in (
        {"paid": paid, "billed": billed},
        {"end": 400 + paid.round() - 30 * left, "seen": 400 + paid.round() - draw.integers(1, 9, 1_500)},
        {"x": np.where(odd, "p", "q"), "y": np.where(odd ^ left, "p", "q")},
    ):
        found = inspect_table(table.assign(**pair), "churned")
        (finding,) = found.findings
        assert (finding.rule, finding.column) == ("pair_gives_target_away", next(iter(pair)))
        assert repr(list(pair)[1]) in finding.message


def test_two_strong_columns_together_are_no_leak() -> None:
    table, left = small_table(1_500, 0.2)
    draw = np.random.default_rng(3)
    strong = {name: draw.normal(size=1_500) - 1.2 * left for name in ("a", "b", "c")}
    assert rules(inspect_table(table.assign(**strong), "churned")) == []


def test_the_interval_of_an_area_stays_in_its_range_and_covers_the_true_area() -> None:
    assert area_interval(1.0, 20, 180)[1] == 1.0
    assert 0.85 < area_interval(1.0, 20, 180)[0] < 0.95
    assert area_interval(0.0, 5, 5)[0] == 0.0
    draw, hits = np.random.default_rng(0), 0
    truth = 0.8556
    for _ in range(300):
        scores = np.r_[draw.normal(1.5, 1, 40), draw.normal(0, 1, 160)]
        low, high = area_interval(roc_auc_score(np.r_[np.ones(40), np.zeros(160)], scores), 40, 160)
        hits += low <= truth <= high
    assert hits >= 0.93 * 300


def test_the_out_of_fold_area_of_chance_is_a_half() -> None:
    draw = np.random.default_rng(0)
    areas = [out_of_fold_area(draw.integers(0, 9, 2_000), draw.integers(0, 2, 2_000)) for _ in range(20)]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.01)
