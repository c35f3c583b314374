"""Derived features and missing values; only training rows are used for fitting."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_core.features import (
    FeatureEngineer,
    TableEncoder,
    create_derived_features,
    handle_missing_values,
    learn_fill_values,
    parse_table,
)
from churn_core.features.engineer import source_columns
from churn_core.schema import CategoryFeature, Contract, DerivedFeature, NumberFeature

CONTRACT = Contract(
    features=(
        CategoryFeature("plan", nullable=True),
        NumberFeature("total", 0, 1e6, nullable=True),
        CategoryFeature("add_on"),
        NumberFeature("months", 0, 1000),
    ),
    target="left",
    positive="yes",
    negative="no",
    derived=(
        DerivedFeature("per_month", "ratio", ("total", "months")),
        DerivedFeature("gap", "difference", ("total", "months")),
        DerivedFeature("both", "sum", ("total", "months")),
        DerivedFeature("golds", "count", ("plan", "add_on"), value="gold"),
        DerivedFeature("age_band", "bucket", ("months",), edges=(6.0, 12.0)),
    ),
)


def rows(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(columns)


@pytest.fixture
def table() -> pd.DataFrame:
    return rows(
        plan=["gold", "iron", "gold", None],
        total=[10.0, 0.1, None, 7.0],
        add_on=["gold", "none", "none", "gold"],
        months=[4.0, 3.0, 6.0, 0.0],
    )


def test_a_ratio_is_float64_division_of_float32_values(table: pd.DataFrame) -> None:
    derived = create_derived_features(table, CONTRACT)["per_month"]
    expected = np.float32(np.float64(np.float32(0.1)) / np.float64(np.float32(3.0)))
    assert derived.dtype == np.float32
    assert derived[1] == expected


def test_a_ratio_is_missing_if_the_divisor_is_zero_or_an_operand_is_missing(table: pd.DataFrame) -> None:
    derived = create_derived_features(table, CONTRACT)["per_month"]
    assert derived.isna().tolist() == [False, False, True, True]


def test_difference_and_sum_follow_their_columns(table: pd.DataFrame) -> None:
    derived = create_derived_features(table, CONTRACT)
    assert derived["gap"].tolist()[0] == 6.0
    assert derived["both"].tolist()[0] == 14.0
    assert derived[["gap", "both"]].isna().sum().tolist() == [1, 1]


def test_a_count_is_the_number_of_columns_with_the_value(table: pd.DataFrame) -> None:
    assert create_derived_features(table, CONTRACT)["golds"].tolist() == [2.0, 0.0, 1.0, 1.0]


def test_a_bucket_edge_belongs_to_the_interval_above(table: pd.DataFrame) -> None:
    assert create_derived_features(table, CONTRACT)["age_band"].tolist() == [0.0, 0.0, 1.0, 0.0]


def test_the_columns_of_the_table_are_unchanged(table: pd.DataFrame) -> None:
    derived = create_derived_features(table, CONTRACT)
    pd.testing.assert_frame_equal(derived[list(table.columns)], table)


def test_missing_numbers_become_the_median_of_the_training_rows(table: pd.DataFrame) -> None:
    learnt = learn_fill_values(table, CONTRACT)
    later = rows(plan=["iron"], total=[None], add_on=["none"], months=[1.0])
    assert handle_missing_values(later, CONTRACT, learnt)["total"].tolist() == [7.0]
    assert learnt["total"] == 7.0


def test_a_missing_category_has_its_own_value_only_if_training_rows_have_one(table: pd.DataFrame) -> None:
    assert learn_fill_values(table, CONTRACT)["plan"] is None
    complete = table[table["plan"].notna()]
    assert learn_fill_values(complete, CONTRACT)["plan"] == "gold"


def test_vocabularies_come_only_from_the_training_rows(table: pd.DataFrame) -> None:
    encoder = TableEncoder(CONTRACT).fit(parse_table(table, CONTRACT))
    plan = encoder.contract_.features[0]
    assert isinstance(plan, CategoryFeature)
    assert plan.vocabulary == ("gold", "iron")
    unseen = rows(plan=["brass", None, "iron"], total=[1.0] * 3, add_on=["none"] * 3, months=[1.0] * 3)
    codes = encoder.transform(parse_table(unseen, CONTRACT))[:, 0]
    assert codes.tolist() == [plan.unknown_code, plan.missing_code, 1.0]


def test_an_unknown_category_is_scored_as_the_most_frequent_one(table: pd.DataFrame) -> None:
    encoder = TableEncoder(CONTRACT)
    engineer = FeatureEngineer(encoder.fit(parse_table(table, CONTRACT)).contract_)
    engineer.fit(encoder.transform(parse_table(table, CONTRACT)))
    plan = [c.name for c in engineer.columns_].index("plan")
    feature = encoder.contract_.features[0]
    assert isinstance(feature, CategoryFeature)
    assert engineer.code_maps_[plan][feature.unknown_code] == feature.vocabulary.index("gold")


def test_the_engineered_matrix_has_no_missing_value_and_ignores_the_target(table: pd.DataFrame) -> None:
    encoder = TableEncoder(CONTRACT)
    matrix = encoder.fit_transform(parse_table(table, CONTRACT))
    engineer = FeatureEngineer(encoder.contract_)
    plain = engineer.fit_transform(matrix)
    with_target = FeatureEngineer(encoder.contract_).fit(matrix, y=[1, 0, 1, 0]).transform(matrix)
    assert not np.isnan(plain).any()
    np.testing.assert_array_equal(plain, with_target)


def test_transforming_rows_does_not_change_the_fit(table: pd.DataFrame) -> None:
    encoder = TableEncoder(CONTRACT)
    matrix = encoder.fit_transform(parse_table(table, CONTRACT))
    engineer = FeatureEngineer(encoder.contract_).fit(matrix)
    before = engineer.fill_values_.copy()
    engineer.transform(matrix[1:2])
    np.testing.assert_array_equal(engineer.fill_values_, before)


def test_categories_come_before_numbers_and_list_their_sources() -> None:
    contract = CONTRACT.with_vocabularies({"plan": ["gold"], "add_on": ["gold", "none"]})
    columns = source_columns(contract)
    assert [c.name for c in columns] == [
        *("plan", "add_on", "age_band"),
        *("total", "months", "per_month", "gap", "both", "golds"),
    ]
    assert next(c for c in columns if c.name == "per_month").sources == (1, 3)
