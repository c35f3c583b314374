"""Categories with many values: the most frequent have their own level, the others share one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from churn_core.features import FeatureEngineer, TableEncoder, learn_fill_values, parse_table
from churn_core.features.engineer import source_columns
from churn_core.schema import CategoryFeature, Contract

if TYPE_CHECKING:
    from collections.abc import Sequence


def contract_of(max_levels: int | None) -> Contract:
    return Contract(
        features=(CategoryFeature("city", nullable=True, max_levels=max_levels),),
        target="left",
        positive="yes",
        negative="no",
    )


def fitted(cities: Sequence[str | None], max_levels: int | None) -> tuple[TableEncoder, FeatureEngineer]:
    parsed = parse_table(pd.DataFrame({"city": cities}), contract_of(max_levels))
    encoder = TableEncoder(contract_of(max_levels))
    matrix = encoder.fit_transform(parsed)
    return encoder, FeatureEngineer(encoder.contract_).fit(matrix)


def levels(encoder: TableEncoder, engineer: FeatureEngineer, cities: list[str | None]) -> list[float]:
    parsed = parse_table(pd.DataFrame({"city": cities}), encoder.contract_)
    levels: list[float] = engineer.transform(encoder.transform(parsed))[:, 0].tolist()
    return levels


CITIES = ["Rom"] * 5 + ["Bonn"] * 4 + ["Ulm"] * 2 + ["Ahlen", "Zwickau"]


def test_the_most_frequent_values_have_their_own_level_and_all_others_share_one() -> None:
    model = fitted(CITIES, 2)
    bonn, rom, ulm, ahlen, zwickau, unseen = levels(*model, ["Bonn", "Rom", "Ulm", "Ahlen", "Zwickau", "?"])
    assert len({bonn, rom, ulm}) == 3
    assert ulm == ahlen == zwickau == unseen


def test_a_rare_value_is_known_and_an_unseen_one_is_not() -> None:
    encoder, _ = fitted(CITIES, 2)
    feature = encoder.contract_.categories[0]
    codes = encoder.transform(pd.DataFrame({"city": ["Ahlen", "never seen"]}))[:, 0]
    assert codes.tolist() == [feature.vocabulary.index("Ahlen"), feature.unknown_code]


def test_a_missing_value_has_its_own_level_or_becomes_the_most_frequent() -> None:
    with_missing = levels(*fitted([*CITIES, None], 2), ["Bonn", "Rom", "Ulm", None])
    assert len(set(with_missing)) == 4
    bonn, rom, none = levels(*fitted(CITIES, 2), ["Bonn", "Rom", None])
    assert none == rom != bonn


def test_of_equally_frequent_values_the_first_in_code_point_order_are_kept() -> None:
    model = fitted(["b", "c", "a", "d"], 2)
    a, b, c, d = levels(*model, ["a", "b", "c", "d"])
    assert len({a, b, c}) == 3
    assert c == d


@pytest.mark.parametrize("max_levels", [5, 6, 1000, None])
def test_a_limit_that_is_not_exceeded_has_no_effect(max_levels: int | None) -> None:
    limited, plain = fitted([*CITIES, None], max_levels), fitted([*CITIES, None], None)
    asked = [*CITIES, "never seen", None]
    assert levels(*limited, asked) == levels(*plain, asked)


def test_the_engineer_has_at_most_max_levels_and_rare() -> None:
    engineer = fitted([f"c{n}" for n in range(500)] + ["c7"] * 3 + ["c400"] * 2, 2)[1]
    assert set(np.unique(engineer.code_maps_[0])) == {0.0, 1.0, 2.0}
    assert source_columns(engineer.contract)[0].max_levels == 2


def test_only_the_ten_thousand_most_frequent_values_are_known() -> None:
    cities = [f"c{n:05d}" for n in range(10_050)] + [f"c{n:05d}" for n in range(40, 10_050)]
    encoder, engineer = fitted(cities, 50)
    vocabulary = encoder.contract_.categories[0].vocabulary
    assert len(vocabulary) == 10_000
    # Forty values occur once; of those that occur twice, the last in code point order are cut off.
    assert vocabulary[0] == "c00040"
    assert vocabulary[-1] == "c10039"
    rare, cut_off, kept = levels(encoder, engineer, ["c10030", "c10040", "c00041"])
    assert rare == cut_off != kept


def test_the_fill_value_of_a_grouped_category_is_its_most_frequent_value() -> None:
    table = pd.DataFrame({"city": CITIES})
    assert learn_fill_values(table, contract_of(2)) == {"city": "Rom"}
    assert learn_fill_values(pd.DataFrame({"city": [*CITIES, None]}), contract_of(2)) == {"city": None}


def test_the_contract_keeps_the_limit_in_the_manifest_and_reads_manifests_without_it() -> None:
    contract = contract_of(7)
    assert Contract.from_dict(contract.to_dict()) == contract
    older = contract_of(None).to_dict()
    del older["features"][0]["max_levels"]
    assert Contract.from_dict(older) == contract_of(None)
