"""Drift reports of tables that differ from the training rows in one way, or not at all."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from churn_core.data import generate_sample_data
from churn_core.errors import BundleError
from churn_core.features import encode_table
from churn_core.schema import CategoryFeature, Contract, NumberFeature
from churn_core.scoring.bundle import Bundle
from churn_core.scoring.drift.category_levels import MAX_LEVELS, expect_unknown, fold_levels
from churn_core.scoring.drift.counter import DriftCounter, DriftCounts
from churn_core.scoring.drift.performance_estimate import PerformanceEstimate
from churn_core.scoring.drift.profile import (
    PROFILE_FORMAT,
    ColumnProfile,
    ScoreProfile,
    TrainingProfile,
)
from churn_core.scoring.drift.report import DriftReport, compare
from churn_core.scoring.predictor import ChurnPredictor
from tests.mirror_model import mirror

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = Contract(
    (
        NumberFeature("spent", 0, 1e6, nullable=True),
        CategoryFeature("plan", ("basic", "gold"), nullable=True),
    ),
    *("left", "yes", "no"),
)
TRAINED = {
    "spent": np.arange(1_000),
    "plan": np.repeat([0, 1], [700, 300]),
    "scores": np.linspace(0, 1, 1_000),
}
ESTIMATE = PerformanceEstimate(0.81, 0.41, 0.71, 0.61, 0.66)
PROFILE = TrainingProfile(
    rows=1_000,
    columns=(
        ColumnProfile((0, 250, 250, 250, 250, 0, 0), (250.0, 500.0, 750.0), 0.0, 999.0),
        ColumnProfile((700, 300, 0, 0)),
    ),
    scores=ScoreProfile((0.25, 0.5, 0.75), (250, 250, 250, 250), 0.5, 0.5, 0.4, ESTIMATE),
    metrics={"roc_auc": 0.8, "precision": 0.7, "recall": 0.6, "f1": 0.65},
)


def count(**changed: Any) -> DriftCounts:
    values = TRAINED | changed
    columns = np.stack([values["spent"], values["plan"]]).astype(np.float32)
    return DriftCounter(CONTRACT, PROFILE, 0.5).count(
        columns, np.asarray(np.round(values["scores"], 6), np.float64)
    )


def report(counts: DriftCounts, rejected: int = 0) -> DriftReport:
    return compare(mirror(CONTRACT).bundle, PROFILE, counts, rejected)


def levels(found: DriftReport) -> dict[str, str]:
    return {column.column: column.shift.level for column in found.columns} | {"scores": found.scores.level}


STABLE = {"spent": "stable", "plan": "stable", "scores": "stable"}


def test_the_training_rows_have_not_drifted() -> None:
    found = report(count())
    assert levels(found) == STABLE
    assert found.verdict == "stable"
    assert found.moved == ()
    assert [column.shift.psi for column in found.columns] == [0, 0]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("spent", np.arange(1_000) * 0.4),
        ("spent", np.arange(1_000) + 800),
        ("spent", np.where(np.arange(1_000) % 2, np.nan, np.arange(1_000))),
        ("plan", np.repeat([0, 1], [200, 800])),
        ("plan", np.repeat([0, 1, 2], [490, 210, 300])),
        ("plan", np.repeat([0, 1, 3], [490, 210, 300])),
        ("scores", np.linspace(0.3, 1, 1_000)),
    ],
    ids=["shrunk", "beyond training", "number missing", "other mix", "unknown", "category missing", "scores"],
)
def test_only_the_changed_column_is_reported_as_moved(column: str, values: np.ndarray) -> None:
    found = report(count(**{column: values}))
    assert levels(found) == STABLE | {column: "major"}
    assert found.verdict == "major"
    assert [moved.column for moved in found.moved] == ([] if column == "scores" else [column])


def test_the_shares_of_missing_unknown_and_outside_values_are_reported() -> None:
    spent = np.where(np.arange(1_000) < 100, np.nan, np.arange(1_000) + 50)
    found = {
        c.column: c for c in report(count(spent=spent, plan=np.repeat([0, 2, 3], [500, 300, 200]))).columns
    }
    assert (found["spent"].missing_before, found["spent"].missing_now) == (0, 0.1)
    assert found["spent"].outside_now == 0.05
    assert found["spent"].unknown_now is None
    assert (found["plan"].missing_now, found["plan"].unknown_now) == (0.2, 0.3)
    assert (found["plan"].unknown_before, found["plan"].outside_now) == (0, None)


def test_refused_values_count_as_drift_of_their_column_only() -> None:
    counts = count()
    counts.refused = {"spent": Counter(missing=300, out_of_range=200)}
    found = report(counts, rejected=500)
    assert levels(found) == STABLE | {"spent": "major"}
    assert found.columns[0].refused == {"missing": 300, "out_of_range": 200}
    assert found.columns[0].missing_now == pytest.approx(0.2)
    assert (found.scored, found.rejected) == (1_000, 500)


def test_a_table_without_scored_rows_still_reports_the_faulty_column() -> None:
    counts = DriftCounter(CONTRACT, PROFILE, 0.5).empty_counts()
    counts.refused = {"plan": Counter(wrong_type=40)}
    found = report(counts, rejected=40)
    assert levels(found) == STABLE | {"plan": "major"}
    assert (found.mean_now, found.flagged_now, found.estimated.roc_auc) == (None, None, None)


def test_a_few_rows_are_not_enough_to_report_drift() -> None:
    assert (
        report(count(spent=[1, 2, 3], plan=[1, 1, 0], scores=np.array([0.9, 0.9, 0.8]))).verdict == "stable"
    )


def test_columns_are_sorted_by_psi() -> None:
    found = report(count(spent=np.arange(1_000) * 0.9, plan=np.repeat([0, 1], [100, 900])))
    assert [column.column for column in found.columns] == ["plan", "spent"]


def test_the_report_compares_scores_with_the_holdouts() -> None:
    found = report(count())
    assert found.mean_now == pytest.approx(0.5)
    assert found.flagged_now == pytest.approx(0.5)
    assert found.measured == PROFILE.metrics | {"churn_rate": 0.4}
    assert found.estimated_before == ESTIMATE
    assert found.estimated.churn_rate == pytest.approx(0.5)


def test_the_report_is_plain_json_without_infinities() -> None:
    counts = count(plan=np.full(1_000, 3), spent=np.full(1_000, np.nan))
    for found in (report(counts), report(DriftCounter(CONTRACT, PROFILE, 0.5).empty_counts())):
        for content in (found.to_dict(), found.summary()):
            assert json.loads(json.dumps(content, allow_nan=False)) == content


def test_unknown_values_are_reported_for_categories_and_outside_values_for_numbers() -> None:
    columns = {
        column["column"]: column for column in report(count(plan=np.repeat([0, 2], 500))).to_dict()["columns"]
    }
    assert columns["plan"]["unknown"] == {"training": 0, "now": 0.5}
    assert columns["plan"]["outside"] is None
    assert columns["spent"]["unknown"] is None
    assert columns["spent"]["outside"] == 0


# ---------------------------------------------------------------- many values


def zipf_contract(values: int) -> tuple[Contract, np.ndarray]:
    shares = 1 / np.arange(1, values + 1) ** 1.1
    return (
        Contract((CategoryFeature("city", tuple(f"c{n}" for n in range(values))),), *("left", "yes", "no")),
        shares / shares.sum(),
    )


def city_report(contract: Contract, before: np.ndarray, now: np.ndarray) -> DriftReport:
    profile = replace(PROFILE, columns=(ColumnProfile(tuple(before.tolist())),))
    counts = DriftCounter(contract, profile, 0.5).empty_counts()
    counts.columns[0][:] = now
    return compare(mirror(contract).bundle, profile, counts, 0)


def test_rare_values_are_compared_as_one_group() -> None:
    before = np.array([*range(101, 1, -1), 7, 8], dtype=np.float64)
    now = np.array([*np.zeros(50), *np.ones(50), 3, 4])
    folded_before, folded_now = fold_levels(before, now, 100)
    assert folded_before.tolist() == [*range(101, 101 - MAX_LEVELS, -1), 71 * 72 / 2 - 1, 7, 8]
    assert folded_now.tolist() == [*np.zeros(MAX_LEVELS), 50, 3, 4]
    few = np.array([9.0, 8, 7, 2, 5])
    assert fold_levels(few, np.array([9.0, 8, 7, 2, 5]), 3)[0].tolist() == few.tolist()


def test_rare_and_unknown_values_are_one_interval_unless_more_are_unknown_than_expected() -> None:
    before = np.array([50.0, 1, 40, 1, 0, 8])
    for unknown, intervals in ((0, [50, 40, 2, 8]), (2, [50, 40, 2, 8]), (30, [49.5, 0.5, 39.5, 0.5, 2, 8])):
        now = np.array([50.0, 1, 40, 1, unknown, 8])
        folded_before, folded_now = fold_levels(before, now, 4)
        assert folded_before.tolist() == intervals
        assert folded_now.sum() == now.sum()


@pytest.mark.parametrize("values", [8, 25, 400, 1_600])
def test_the_training_table_itself_has_no_drift(values: int) -> None:
    """Its held-out rows have values that the training rows lack, but fewer than new rows would have."""
    random = np.random.default_rng(values)
    _, shares = zipf_contract(values)
    for _ in range(20):
        cities = random.choice(values, 2_500, p=shares)
        known = np.unique(cities[:2_000])
        contract = Contract((CategoryFeature("city", tuple(f"c{n}" for n in known)),), *("left", "yes", "no"))
        codes = {city: code for code, city in enumerate(known)}
        counted = [
            np.bincount([codes.get(city, len(known)) for city in part], minlength=len(known) + 2)
            for part in (cities[:2_000], cities)
        ]
        assert city_report(contract, *counted).verdict == "stable"


def test_values_that_occur_once_predict_the_share_of_unknown_ones() -> None:
    assert expect_unknown(np.array([10.0, 1, 1, 5, 0, 3]), 4).tolist() == [9.5, 0.5, 0.5, 4.5, 2, 3]
    assert expect_unknown(np.array([10.0, 2, 0, 3]), 2).tolist() == [10, 2, 0, 3]
    assert expect_unknown(np.array([0.0, 7]), 0).tolist() == [0, 7]


@pytest.mark.parametrize("trained", [2_000, 50_000])
def test_a_category_with_thousands_of_values_is_not_reported_as_drift(trained: int) -> None:
    random = np.random.default_rng(1)
    values = 9_000
    _, shares = zipf_contract(values)
    alarms = 0
    for _ in range(30):
        seen = random.multinomial(trained, shares)
        known = np.flatnonzero(seen)
        contract, _ = zipf_contract(len(known))
        now = random.multinomial(4_000, shares)
        unknown = now.sum() - now[known].sum()
        found = city_report(contract, np.array([*seen[known], 0, 0]), np.array([*now[known], unknown, 0]))
        alarms += found.verdict != "stable"
        assert found.columns[0].unknown_now == pytest.approx(found.columns[0].unknown_before, abs=0.05)
    assert alarms <= 1


def test_a_shift_among_thousands_of_values_is_found() -> None:
    random = np.random.default_rng(2)
    contract, shares = zipf_contract(5_000)
    before = random.multinomial(50_000, shares) + 2
    now = random.multinomial(4_000, shares[::-1])
    assert city_report(contract, np.array([*before, 0, 0]), np.array([*now, 0, 0])).verdict == "major"


# ---------------------------------------------------------------- chance


@pytest.mark.parametrize("size", [15, 60, 400])
def test_samples_of_the_same_distribution_are_stable(sample_bundle: Path, size: int) -> None:
    predictor = ChurnPredictor.load(sample_bundle)
    contract, profile = predictor.contract, TrainingProfile.from_bundle(predictor.bundle)
    assert profile is not None
    tables = 300
    table = generate_sample_data(tables * size, seed=77)
    matrix = encode_table(table, contract)
    scores = predictor.score_matrix(matrix).probability
    counter = DriftCounter(contract, profile, predictor.bundle.threshold)
    alarms = 0
    for start in range(0, tables * size, size):
        part = slice(start, start + size)
        found = compare(predictor.bundle, profile, counter.count(matrix[part].T, scores[part]), 0)
        alarms += found.verdict != "stable"
    # The promise is one in a hundred. The tolerance covers three standard errors of 300 tables, and the one
    # training sample that all of them are compared with.
    assert alarms / tables <= 0.01 + 3 * math.sqrt(0.01 / tables)


# ---------------------------------------------------------------- profiles


def bundle_with(profile: object, metrics: object = None) -> Bundle:
    manifest = {"profile": profile, "metrics": {"holdout": PROFILE.metrics if metrics is None else metrics}}
    return replace(mirror(CONTRACT).bundle, manifest=manifest)


def written() -> dict[str, Any]:
    content: dict[str, Any] = PROFILE.to_dict(CONTRACT.names)
    return content


@pytest.mark.parametrize("names", [("spent",), ("spent", "plan", "city")])
def test_a_profile_is_written_with_one_name_for_each_column(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="argument"):
        PROFILE.to_dict(names)


def test_the_profile_of_a_bundle_is_read() -> None:
    assert TrainingProfile.from_bundle(bundle_with(written())) == PROFILE


@pytest.mark.parametrize("profile", [None, [], {}, {"format": PROFILE_FORMAT - 1}, {"format": "2"}])
def test_a_profile_of_another_format_is_ignored(profile: object) -> None:
    assert TrainingProfile.from_bundle(bundle_with(profile)) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.pop("columns"),
        lambda p: p["columns"].pop("plan"),
        lambda p: p["columns"]["plan"]["counts"].append(1),
        lambda p: p["columns"]["spent"]["counts"].pop(),
        lambda p: p["columns"]["spent"].update(edges=[3.0, 2.0, 1.0]),
        lambda p: p["columns"]["spent"].update(edges=[1.0, 2.0, math.inf]),
        lambda p: p["columns"]["plan"].update(counts=[-1, 0, 0, 0]),
        lambda p: p["columns"]["plan"].update(counts=[2**60, 0, 0, 0]),
        lambda p: p["scores"].update(counts=[1]),
        lambda p: p["scores"].update(mean="high"),
        lambda p: p["scores"].update(estimated={"roc_auc": 1}),
        lambda p: p.update(rows=math.inf),
        lambda p: p.update(columns=7),
    ],
)
def test_a_profile_that_does_not_fit_its_contract_is_refused(change: Any) -> None:
    content = written()
    change(content)
    with pytest.raises(BundleError, match=r"'profile' of manifest\.json"):
        TrainingProfile.from_bundle(bundle_with(content))


def test_a_profile_without_the_holdouts_metrics_is_refused() -> None:
    with pytest.raises(BundleError, match=r"'profile' of manifest\.json"):
        TrainingProfile.from_bundle(bundle_with(written(), {"roc_auc": 0.8}))
