"""Traps that spoil churn models are found, without false alarms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_core.data import generate_sample_data, load_table
from churn_core.data.inspection import Inspection, inspect_table, replica_findings
from churn_core.data.inspection.traps.areas import area, lower_bound, out_of_fold_area
from churn_core.errors import DataError


def rules(found: Inspection) -> list[tuple[str, str | None]]:
    return [(finding.rule, finding.column) for finding in found.findings]


def inspected(table: pd.DataFrame, **columns: Any) -> Inspection:
    return inspect_table(table.assign(**columns), "churned")


# ---------------------------------------------------------------- no false alarms


def test_a_sound_table_has_no_finding(customers: pd.DataFrame) -> None:
    assert inspect_table(customers, "churned").findings == ()


@pytest.mark.parametrize("rows", [200, 1_000, 5_000])
def test_sample_tables_of_any_size_have_no_finding(rows: int) -> None:
    for seed in range(6):
        assert inspect_table(generate_sample_data(rows, seed=seed), "Churn").findings == ()


def test_the_real_telco_table_has_no_finding(telco_csv: Any) -> None:
    found = inspect_table(load_table(telco_csv), "Churn")
    assert found.findings == ()
    assert [c.name for c in found.columns if c.role == "left_out"] == []


def test_in_a_few_rows_nothing_is_said_of_a_column_that_predicts_perfectly(draw: np.random.Generator) -> None:
    labels = np.array(["yes"] * 8 + ["no"] * 22)
    table = pd.DataFrame({"x": np.where(labels == "yes", 5, draw.integers(0, 3, 30)), "churned": labels})
    table["y"] = draw.normal(size=30)
    assert rules(inspect_table(table, "churned")) == [("few_leavers", None)]


# ---------------------------------------------------------------- leaks


def test_a_copy_of_the_target_is_left_out(customers: pd.DataFrame, left: Any) -> None:
    found = inspected(customers, status=np.where(left, "closed", "open"), months=np.where(left, 0, 7))
    assert rules(found) == [("target_copy", "status"), ("target_copy", "months")]
    assert {c.name: c.reason for c in found.columns if c.role == "left_out"} == {
        "status": "target_copy",
        "months": "target_copy",
    }


def test_a_column_that_nearly_predicts_the_target_is_kept_with_a_warning(
    customers: pd.DataFrame, left: Any, draw: np.random.Generator
) -> None:
    score = left + draw.normal(0, 0.45, len(left))
    found = inspected(customers, score=score)
    assert rules(found) == [("gives_target_away", "score")]
    (column,) = [c for c in found.features if c.name == "score"]
    assert any("Warning" in note for note in column.notes)


def test_a_strong_column_causes_no_warning(
    customers: pd.DataFrame, left: Any, draw: np.random.Generator
) -> None:
    assert rules(inspected(customers, score=left + draw.normal(0, 0.8, len(left)))) == []


def test_a_value_with_which_nearly_all_left_causes_a_warning(
    customers: pd.DataFrame, left: Any, draw: np.random.Generator
) -> None:
    often = left & (draw.random(len(left)) < 0.4)
    reason = np.where(often, "moved", draw.choice(["none", "asked"], len(left)))
    assert rules(inspected(customers, reason=reason)) == [("value_gives_target_away", "reason")]
    seldom = left & (draw.random(len(left)) < 0.05)
    assert rules(inspected(customers, reason=np.where(seldom, "moved", "none"))) == []


def test_values_that_only_leavers_have_cause_a_warning(
    customers: pd.DataFrame, left: Any, draw: np.random.Generator
) -> None:
    survey = np.where(left & (draw.random(len(left)) < 0.5), draw.normal(5, 1, len(left)), np.nan)
    assert rules(inspected(customers, survey=survey)) == [("filled_for_leavers", "survey")]
    some = left & (draw.random(len(left)) < 0.9) | (draw.random(len(left)) < 0.1)
    survey = np.where(some, draw.normal(5, 1, len(left)), np.nan)
    assert rules(inspected(customers, survey=survey)) == [("missing_gives_target_away", "survey")]


def test_gaps_that_predict_a_little_cause_no_warning(
    customers: pd.DataFrame, left: Any, draw: np.random.Generator
) -> None:
    gaps = draw.random(len(left)) < np.where(left, 0.5, 0.2)
    assert rules(inspected(customers, income=np.where(gaps, np.nan, draw.normal(5, 1, len(left))))) == []


def test_many_rare_values_do_not_look_like_a_leak(customers: pd.DataFrame, draw: np.random.Generator) -> None:
    town = [f"t{number}" for number in draw.integers(0, 400, len(customers))]
    codes = pd.factorize(np.array(town))[0]
    labels: np.ndarray = (customers["churned"] == "yes").to_numpy(np.int64)
    assert out_of_fold_area(codes.astype(np.int64), labels) < 0.56


def test_the_area_is_that_of_scikit_learn(draw: np.random.Generator) -> None:
    from sklearn.metrics import roc_auc_score

    labels, scores = draw.integers(0, 2, 300), np.round(draw.normal(size=300), 1)
    assert area(scores, labels) == pytest.approx(roc_auc_score(labels, scores))


@pytest.mark.parametrize(
    ("share", "count", "bound"), [(1, 100, 0.963), (0.5, 100, 0.4038), (0.9, 50, 0.7864)]
)
def test_the_bound_is_wilsons(share: float, count: int, bound: float) -> None:
    assert lower_bound(share, count) == pytest.approx(bound, abs=5e-4)


# ---------------------------------------------------------------- order


def test_leavers_appended_to_the_table_cause_a_warning(
    customers: pd.DataFrame, draw: np.random.Generator
) -> None:
    appended = customers.sort_values("churned", ignore_index=True)
    assert rules(inspect_table(appended, "churned")) == [("order_predicts", None)]


def test_a_block_of_leavers_inside_the_table_causes_a_warning(customers: pd.DataFrame, left: Any) -> None:
    order = np.concatenate([np.flatnonzero(~left)[:700], np.flatnonzero(left), np.flatnonzero(~left)[700:]])
    assert ("order_predicts", None) in rules(inspect_table(customers.iloc[order], "churned"))


def test_ids_that_predict_the_target_cause_a_warning(
    customers: pd.DataFrame, left: Any, draw: np.random.Generator
) -> None:
    place = draw.random(len(left)) + 0.7 * left
    numbers = 10_000 + place.argsort().argsort()
    for ids in (numbers, [f"C-{number}" for number in numbers]):
        table = customers.assign(**{"customer id": ids})
        assert rules(inspect_table(table, "churned")) == [("id_predicts", "customer id")]


# ---------------------------------------------------------------- replicas


def replicated(customers: pd.DataFrame, share: float) -> pd.DataFrame:
    more = customers.sample(frac=share, random_state=1)
    table = pd.concat([customers, more], ignore_index=True).sample(frac=1, random_state=2, ignore_index=True)
    return table.assign(**{"customer id": [f"n{number}" for number in range(len(table))]})


def test_replicated_customers_cause_a_warning(customers: pd.DataFrame) -> None:
    table = replicated(customers, 0.05)
    (finding,) = inspect_table(table, "churned").findings
    assert (finding.rule, finding.column, finding.count) == ("replicated_rows", None, 100)
    features = table[["spent", "plan", "visits"]]
    assert all(features.iloc[: row + 1].duplicated().iloc[-1] for row in finding.example_rows)


def test_customers_that_differ_in_one_column_cause_a_warning(
    customers: pd.DataFrame, draw: np.random.Generator
) -> None:
    wider = customers.assign(balance=draw.normal(size=len(customers)).round(4))
    table = replicated(wider, 0.3)
    table["visits"] = draw.integers(0, 1_000, len(table))
    assert rules(inspect_table(table, "churned")) == [("nearly_replicated", "visits")]


def test_replicas_within_a_group_cause_no_warning_but_replicas_across_groups_do(
    customers: pd.DataFrame,
) -> None:
    table = pd.concat([customers.assign(g=range(2_000))] * 2, ignore_index=True)
    features = ["spent", "plan", "visits"]
    assert replica_findings(table, features, "g") == []
    table.loc[:99, "g"] = range(10_000, 10_100)
    (finding,) = replica_findings(table, features, "g")
    assert finding.count == 100


@pytest.mark.parametrize("skew", [0.5, 0.2, 0.03])
def test_flags_that_repeat_by_chance_are_not_replicas(skew: float, draw: np.random.Generator) -> None:
    flags = draw.random((3_000, 8)) < skew
    table = pd.DataFrame(flags, columns=[f"f{n}" for n in range(8)])
    assert replica_findings(table, table.columns.tolist(), None) == []


def test_a_common_case_of_many_equal_rows_is_not_a_replica(draw: np.random.Generator) -> None:
    # Customers without internet have no service that depends on it.
    flags = (draw.random((3_000, 1)) < 0.5) & (draw.random((3_000, 15)) < 0.9)
    table = pd.DataFrame(flags, columns=[f"f{n}" for n in range(15)])
    assert replica_findings(table, table.columns.tolist(), None) == []
    table["amount"] = draw.normal(size=3_000)
    assert replica_findings(table, table.columns.tolist(), None) == []


def test_rows_that_are_equal_because_flags_are_rare_are_not_replicas(draw: np.random.Generator) -> None:
    flags = draw.random((600, 40)) < 0.05
    table = pd.DataFrame(flags, columns=[f"f{n}" for n in range(40)])
    assert replica_findings(table, table.columns.tolist(), None) == []


def test_columns_that_depend_on_each_other_do_not_make_replicas(draw: np.random.Generator) -> None:
    # A town has one region, one postcode and one network; customers of one town are not the same.
    town = draw.integers(0, 1_000, 3_000)
    follows = [draw.integers(0, 30, 1_000)[town] for _ in range(3)]
    table = pd.DataFrame(
        {"a": follows[0], "b": follows[1], "c": follows[2], "flag": draw.random(3_000) < 0.5}
    )
    assert replica_findings(table, table.columns.tolist(), None) == []


@pytest.mark.parametrize("rows", [300, 1_000, 5_000])
@pytest.mark.parametrize("others", [0, 1, 4])
def test_columns_computed_from_others_do_not_make_replicas(rows: int, others: int) -> None:
    """A subscription's price follows from its plan and its seats, and the yearly price from that."""
    for seed in range(4):
        draw = np.random.default_rng(seed)
        plan = draw.choice(["Basic", "Pro", "Enterprise"], rows)
        price = pd.Series(plan).map({"Basic": 19, "Pro": 49, "Enterprise": 199})
        table = pd.DataFrame({"plan": plan, "seats": 1 + draw.exponential(25, rows).astype(int)})
        table["mrr"] = table["seats"] * price
        table["arr"] = 12 * table["mrr"]
        for number, share in enumerate((0.1, 0.04, 0.5, 0.8)[:others]):
            table[f"flag {number}"] = draw.random(rows) < share
        assert replica_findings(table, table.columns.tolist(), None) == []


# ---------------------------------------------------------------- names, emptiness, infinity


def test_infinite_numbers_are_an_error(customers: pd.DataFrame) -> None:
    table = customers.assign(spent=customers["spent"].mask(customers.index == 7, np.inf))
    (finding,) = inspect_table(table, "churned").findings
    assert (finding.rule, finding.severity, finding.example_rows) == ("not_finite", "error", (7,))


def test_names_that_differ_in_case_alone_are_refused(customers: pd.DataFrame) -> None:
    other = np.random.default_rng(0).normal(size=len(customers))
    with pytest.raises(DataError, match=r"'spent' and 'Spent' .*case .*rename"):
        inspect_table(customers.assign(Spent=other), "churned")
    assert rules(inspect_table(customers.assign(ſpent=other), "churned")) == []


def test_a_table_without_features_is_refused() -> None:
    with pytest.raises(DataError, match="No column"):
        inspect_table(pd.DataFrame({"a": [1] * 40, "t": ["yes", "no"] * 20}), "t")
    with pytest.raises(DataError, match="no rows"):
        inspect_table(pd.DataFrame({"a": [], "t": []}), "t")


def test_no_finding_shows_a_customers_value(customers: pd.DataFrame, left: Any) -> None:
    canary = "CANARY"
    found = inspected(
        customers,
        status=np.where(left, canary, "open"),
        mail=[f"{canary}{number}@x.org" for number in range(len(left))],
        mixed=[canary if number % 9 == 0 else str(number) for number in range(len(left))],
        constant=canary,
        towns=[f"{canary} {number // 3}" for number in range(len(left))],
    )
    assert len(found.findings) == 5
    assert canary not in str(found.to_dict())


# ---------------------------------------------------------------- related rows


def test_repeated_rows_are_found_among_a_thousand_and_said_in_numbers(draw: np.random.Generator) -> None:
    once = generate_sample_data(600, seed=3)
    rows = pd.concat([once, once.sample(400, random_state=1)]).sample(frac=1, random_state=2)
    rows = rows.assign(customerID=[f"c{n}" for n in draw.permutation(1_000)])
    features = [str(name) for name in rows if name not in ("customerID", "Churn")]
    (finding,) = replica_findings(rows, features, None)
    assert finding.count == 400
    assert "400 of 1,000 rows that repeat an earlier row in every feature" in finding.message
    assert "data.group to auto" in finding.message
    assert replica_findings(rows, features, "auto") == []


def test_a_period_in_the_order_of_the_rows_is_found(draw: np.random.Generator) -> None:
    rows = pd.concat([generate_sample_data(50, seed=3)] * 20, ignore_index=True)
    features = [str(name) for name in rows if name not in ("customerID", "Churn")]
    for name in features:
        changed = draw.random(1_000) < 0.03
        rows.loc[changed, name] = rows[name].sample(frac=1, random_state=1).to_numpy()[changed]
    rows["MonthlyCharges"] = draw.normal(size=1_000)
    rows["TotalCharges"] = draw.normal(size=1_000)
    found = replica_findings(rows, features, None)
    assert [finding.rule for finding in found] == ["periodic_rows"]
    assert "50 rows apart" in found[0].message


def test_a_sorted_table_has_no_period() -> None:
    rows = generate_sample_data(1_000, seed=3).sort_values(["Contract", "tenure"])
    features = [str(name) for name in rows if name not in ("customerID", "Churn")]
    assert replica_findings(rows, features, None) == []


# ---------------------------------------------------------------- columns that follow from others


@pytest.mark.parametrize("sign", ["x", "+", "-"])
def test_a_column_that_follows_from_two_others_is_found(
    customers: pd.DataFrame, draw: np.random.Generator, sign: str
) -> None:
    price, seats = draw.uniform(10, 90, 2_000).round(2), draw.integers(1, 40, 2_000)
    total = {"x": price * seats, "+": price + seats, "-": price - seats}[sign]
    found = inspected(
        customers, price=price, seats=seats, total=(total + draw.normal(0, 0.01, 2_000)).round(2)
    )
    assert len(found.functions) == 1
    assert set(found.functions[0].columns) == {"price", "seats", "total"}
    noted = [column.name for column in found.columns if any("reason_group" in note for note in column.notes)]
    assert noted == [found.functions[0].column]


def test_independent_columns_follow_from_nothing(customers: pd.DataFrame, draw: np.random.Generator) -> None:
    assert inspected(customers, a=draw.normal(size=2_000), b=draw.normal(size=2_000)).functions == ()
