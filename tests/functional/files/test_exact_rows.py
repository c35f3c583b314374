"""Each value of a scored row, by a model whose scores and contributions are known exactly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from churn_core.errors import InputFileError
from churn_core.schema import CategoryFeature, Contract, NumberFeature
from churn_core.scoring.files.drift_pass import measure_drift
from churn_core.scoring.files.score_file import BatchResult, score_file
from churn_core.scoring.money import Flagged
from churn_core.scoring.parquet.input_checks import read_layout
from churn_core.scoring.predictor import ChurnPredictor
from tests.mirror_model import mirror

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = ("a", "b", "c", "d")
CONTRACT = Contract(
    (
        *(NumberFeature(name, -100, 100) for name in NUMBERS),
        CategoryFeature("plan", ("x",)),
        CategoryFeature("region", ("x",)),
        CategoryFeature("channel", ("x",)),
    ),
    "target",
    "1",
    "0",
)
ROW = {**dict.fromkeys(NUMBERS, 0.0), "plan": "x", "region": "x", "channel": "x"}


@pytest.fixture
def predictor() -> ChurnPredictor:
    """A model whose contributions are the encoded row, and whose log-odds are their sum."""
    return mirror(CONTRACT)


def score(
    predictor: ChurnPredictor, rows: list[dict[str, Any]], folder: Path
) -> tuple[BatchResult, list[dict[str, Any]]]:
    source, out = folder / "in.parquet", folder / "out.parquet"
    pd.DataFrame(rows).to_parquet(source)
    return score_file(source, out, predictor), pq.read_table(out).to_pylist()


def with_limits(predictor: ChurnPredictor, threshold: float, medium: float, high: float) -> ChurnPredictor:
    bands = {"medium": medium, "high": high}
    return ChurnPredictor(replace(predictor.bundle, threshold=threshold, risk_bands=bands))


def test_every_unknown_column_of_a_row_is_named_in_a_file_and_in_an_answer(
    predictor: ChurnPredictor, tmp_path: Path
) -> None:
    rows = [
        ROW,
        ROW | {"plan": "new", "region": "new", "channel": "new"},
        ROW | {"plan": "?", "channel": "?"},
    ]

    result, written = score(predictor, rows, tmp_path)

    assert [row["warnings"] for row in written] == [None, "plan,region,channel", "plan,channel"]
    assert result.unknown == {"plan": 2, "region": 1, "channel": 2}
    assert [answer["warnings"] for answer in predictor.predict(rows)] == [
        [],
        ["plan", "region", "channel"],
        ["plan", "channel"],
    ]


def test_reasons_are_ordered_from_the_largest_contribution(predictor: ChurnPredictor, tmp_path: Path) -> None:
    rows = [
        ROW | {"a": 1.0, "b": 3.0, "c": 2.0, "d": 0.5},
        ROW | {"a": 1.0, "b": -3.0, "c": 2.0},
        ROW | {"d": 4.0},
    ]

    _, written = score(predictor, rows, tmp_path)

    reasons = [[row[f"reason_{place}"] for place in (1, 2, 3)] for row in written]
    assert reasons == [["b", "c", "a"], ["c", "a", None], ["d", None, None]]
    for answer, expected in zip(predictor.predict(rows), reasons, strict=True):
        assert [reason["feature"] for reason in answer["reasons"]] == [name for name in expected if name]


def test_a_score_that_equals_a_limit_belongs_to_the_side_above(
    predictor: ChurnPredictor, tmp_path: Path
) -> None:
    """The threshold and both risk bands are the exact scores of rows, one step of 1e-6 above others."""
    rows = [ROW | {"a": value} for value in (-1.0, 0.0, 1.0)]
    medium, threshold, high = (answer["churn_probability"] for answer in predictor.predict(rows))
    at_limits = with_limits(predictor, threshold, medium, high)
    above = with_limits(predictor, threshold + 1e-6, medium + 1e-6, high + 1e-6)

    for limited, decisions, risks in (
        (at_limits, [False, True, True], ["medium", "medium", "high"]),
        (above, [False, False, True], ["low", "medium", "medium"]),
    ):
        result, written = score(limited, rows, tmp_path)
        assert [row["will_churn"] for row in written] == decisions
        assert [row["risk"] for row in written] == risks
        assert result.will_churn == sum(decisions)
        answers = limited.predict(rows)
        assert [answer["will_churn"] for answer in answers] == decisions
        assert [answer["risk"] for answer in answers] == risks


def test_counts_of_flagged_scores_include_the_threshold() -> None:
    scores = np.array([0.4, 0.5, 0.6])
    assert Flagged.count(scores, 0.5).customers == 2


def test_each_column_of_a_table_reaches_its_own_feature(predictor: ChurnPredictor, tmp_path: Path) -> None:
    rows = [ROW | {"a": 1.0, "b": -2.0, "c": 3.0, "d": 4.0}, ROW | {"a": 8.0, "b": 7.0, "c": -6.0, "d": 5.0}]
    expected = np.array([[row[name] for name in NUMBERS] + [0, 0, 0] for row in rows])

    by_columns = predictor.predict_columns({name: [row[name] for row in rows] for name in ROW})
    np.testing.assert_array_equal(by_columns.contributions, expected)

    _, written = score(predictor, rows, tmp_path)
    for row, answer, contributions in zip(
        written, predictor.predict(rows, all_reasons=True), expected, strict=True
    ):
        by_name = {reason["feature"]: reason["contribution"] for reason in answer["reasons"]}
        assert [by_name[name] for name in CONTRACT.names] == contributions.tolist()
        ranked = [CONTRACT.names[place] for place in np.argsort(-contributions, kind="stable")][:3]
        assert [row[f"reason_{place}"] for place in (1, 2, 3)] == ranked


@pytest.mark.parametrize("difference", [-1, 1])
@pytest.mark.parametrize("command", ["score", "drift"])
def test_a_footer_with_a_wrong_number_of_rows_is_noticed(
    sample_bundle: Path,
    customers: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    difference: int,
) -> None:
    def lie(*arguments: Any) -> Any:
        layout = read_layout(*arguments)
        return replace(layout, rows=layout.rows + difference)

    monkeypatch.setattr("churn_core.scoring.files.scoring_pass.read_layout", lie)
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    customers.to_parquet(source)
    predictor = ChurnPredictor.load(sample_bundle)
    run = (
        (lambda: score_file(source, out, predictor))
        if command == "score"
        else (lambda: measure_drift(source, predictor))
    )
    with pytest.raises(InputFileError, match="wrong number of rows") as refused:
        run()
    assert refused.value.code == "corrupt"
    assert not out.exists()
