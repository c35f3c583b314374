"""`churn outcomes`: labels that arrived later, joined to the scores they belong to."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from churn_core.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Run = "Callable[..., Any]"


@pytest.fixture
def run(sample_bundle: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run the command; return its figures, or the error's sentence."""

    def command(labels: Path, scores: Path, *options: str) -> Any:
        capsys.readouterr()
        arguments = ["outcomes", str(labels), "--scores", str(scores), "--model", str(sample_bundle)]
        code = main([*arguments, "--json", *options])
        output = capsys.readouterr()
        return json.loads(output.out) if code == 0 else json.loads(output.err)["error"]

    return command


@pytest.fixture(scope="module")
def months(scores: Path, customers: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Scores of three days, and labels of each; on the third day, everybody left."""
    folder = tmp_path_factory.mktemp("months")
    parts = []
    for day in ("2026-03-31", "2026-04-30", "2026-05-31"):
        place = folder / "scored" / "model=abc" / f"dt={day}"
        place.mkdir(parents=True)
        (place / "part.parquet").write_bytes(scores.read_bytes())
        part = pd.read_csv(customers)[["customerID", "Churn"]].assign(day=day)
        parts.append(part.assign(Churn="Yes") if day == "2026-05-31" else part)
    pd.concat(parts).to_csv(folder / "labels.csv", index=False)
    return folder / "labels.csv", folder / "scored"


def test_the_figures_are_those_of_scikit_learn(
    run: Callable[..., Any], customers: Path, scores: Path
) -> None:
    found = run(customers, scores)["overall"]

    labels = (pd.read_csv(customers)["Churn"] == "Yes").to_numpy()
    scored = pd.read_parquet(scores)
    probability = scored["churn_probability"].to_numpy()
    assert found["customers"] == 1_000
    assert found["left"] == labels.sum()
    assert found["roc_auc"]["value"] == pytest.approx(roc_auc_score(labels, probability), abs=1e-6)
    assert found["log_loss"]["value"] == pytest.approx(log_loss(labels, probability), abs=1e-6)
    assert found["brier"]["value"] == pytest.approx(brier_score_loss(labels, probability), abs=1e-6)
    flagged = scored["will_churn"].to_numpy(dtype=bool)
    assert found["recall"] == pytest.approx((labels & flagged).sum() / labels.sum(), abs=1e-6)


def test_labels_are_joined_by_day_and_measured_by_month(
    run: Callable[..., Any], months: tuple[Path, Path]
) -> None:
    labels, scored = months
    found = run(labels, scored, "--date", "day")

    assert list(found["months"]) == ["2026-03", "2026-04", "2026-05"]
    assert found["months"]["2026-03"] == found["months"]["2026-04"]
    assert found["months"]["2026-05"]["churn_rate"]["value"] == 1
    assert found["months"]["2026-05"]["roc_auc"] is None
    assert found["counts"]["joined"] == 3_000


def test_scores_count_only_when_their_horizon_has_passed(
    run: Callable[..., Any], months: tuple[Path, Path]
) -> None:
    labels, scored = months
    options = ("--date", "day", "--horizon", "30", "--labels-until")

    on_the_day = run(labels, scored, *options, "2026-05-30")
    day_before = run(labels, scored, *options, "2026-05-29")

    assert list(on_the_day["months"]) == ["2026-03", "2026-04"]
    assert on_the_day["counts"]["not_matured"] == 1_000
    assert list(day_before["months"]) == ["2026-03"]


def test_what_has_no_counterpart_is_counted(
    run: Callable[..., Any], customers: Path, scores: Path, tmp_path: Path
) -> None:
    labels = pd.read_csv(customers)[["customerID", "Churn"]].iloc[100:]
    labels.loc[labels.index[:5], "Churn"] = None
    strangers = pd.DataFrame({"customerID": ["a", "b"], "Churn": ["Yes", "No"]})
    path = tmp_path / "labels.csv"
    pd.concat([labels, strangers, strangers.head(1)]).to_csv(path, index=False)

    counts = run(path, scores)["counts"]

    assert counts == {
        "joined": 895,
        "rejected": 0,
        "without_label": 105,
        "without_score": 2,
        "not_matured": 0,
        "unlabelled": 5,
        "repeated": 1,
    }


def test_segments_are_measured_and_small_levels_together(
    run: Callable[..., Any], customers: Path, scores: Path, tmp_path: Path
) -> None:
    kept = pd.read_parquet(scores)
    kept["region"] = np.where(np.arange(1_000) < 600, "north", "south")
    kept.loc[:39, "region"] = None
    kept.loc[40:59, "region"] = "island"
    kept.to_parquet(tmp_path / "kept.parquet")

    found = run(customers, tmp_path / "kept.parquet", "--segment", "region")["segments"]["region"]

    assert {name: measured["customers"] for name, measured in found.items()} == {
        "north": 540,
        "south": 400,
        "(small levels)": 60,
    }


def test_a_campaign_is_measured_by_its_control_group(
    run: Callable[..., Any], customers: Path, scores: Path, tmp_path: Path
) -> None:
    taken = tmp_path / "spring.parquet"
    arguments = ["campaign", str(scores), str(taken), "--name", "spring", "--top", "600"]
    assert main([*arguments, "--control", "0.4"]) == 0
    campaign = pd.read_parquet(taken)
    # Everybody left alone leaves, and a quarter of those contacted.
    contacted = campaign["campaign_group"] == "contact"
    stays = contacted & (np.arange(len(campaign)) % 4 > 0)
    campaign.assign(Churn=np.where(stays, "No", "Yes"))[["customerID", "Churn"]].to_csv(
        tmp_path / "labels.csv", index=False
    )

    found = run(tmp_path / "labels.csv", taken, "--campaign", "spring")["campaign"]

    assert found["contact"]["customers"] == contacted.sum()
    assert found["control"]["left"] == found["control"]["customers"] == (~contacted).sum()
    assert found["saved"]["value"] == pytest.approx(stays.sum(), abs=1e-5)
    assert found["clear"]
    assert found["success_rate"]["low"] > 0


def test_a_campaign_that_was_taken_with_two_shares_is_refused(
    run: Callable[..., Any], customers: Path, scores: Path, tmp_path: Path
) -> None:
    parts = []
    for place, share in ((slice(0, 500), "0.1"), (slice(500, None), "0.5")):
        half, out = tmp_path / f"half{share}.parquet", tmp_path / f"c{share}.parquet"
        pd.read_parquet(scores).iloc[place].to_parquet(half)
        assert main(["campaign", str(half), str(out), "--name", "spring", "--control", share]) == 0
        parts.append(pd.read_parquet(out))
    pd.concat(parts).to_parquet(tmp_path / "both.parquet")

    assert "different shares of control" in run(customers, tmp_path / "both.parquet", "--campaign", "spring")
    assert "no customer of campaign 'autumn'" in run(
        customers, tmp_path / "both.parquet", "--campaign", "autumn"
    )


@pytest.mark.parametrize(
    ("change", "options", "sentence"),
    [
        (
            lambda t: pd.concat([t, t.head(2).replace({"Yes": "No", "No": "Yes"})]),
            [],
            "disagree for 2 customers",
        ),
        (lambda t: t.assign(Churn=["Maybe", *t["Churn"][1:]]), [], "1 rows have labels that data.target"),
        (lambda t: t.assign(customerID=[None, *t["customerID"][1:]]), [], "1 rows have no id"),
        (lambda t: t.drop(columns="Churn"), [], "has no column 'Churn' (data.target)"),
        (lambda t: t.rename(columns={"customerID": "id"}), [], "has no column 'customerID' (--id)"),
        (lambda t: t.assign(customerID="x" + t["customerID"]), [], "No score of"),
        (lambda t: t.assign(day="2026-13-01"), ["--date", "day"], "1000 rows have no valid date"),
        (lambda t: t.assign(day="2999-01-01"), ["--date", "day"], "1000 rows have a date in the future"),
        (lambda t: t.assign(day="2026-01-01"), ["--date", "day"], "lies in no folder dt="),
        (lambda t: t, ["--segment", "region"], "has no column 'region' to measure by"),
        (lambda t: t, ["--campaign", "spring"], "name what 'churn campaign' wrote"),
        (lambda t: t, ["--horizon", "30"], "its day is not known; give it by --day"),
        (lambda t: t, ["--labels-until", "2026-01-01"], "--labels-until needs --horizon"),
        (lambda t: t, ["--fail-below", "0.99"], "below --fail-below 0.99"),
    ],
)
def test_what_can_not_be_used_is_refused_in_a_sentence(
    run: Callable[..., Any],
    customers: Path,
    scores: Path,
    tmp_path: Path,
    change: Any,
    options: list[str],
    sentence: str,
) -> None:
    labels = tmp_path / "labels.csv"
    change(pd.read_csv(customers)[["customerID", "Churn"]]).to_csv(labels, index=False)

    assert sentence in str(run(labels, scores, *options)).replace("1,000", "1000")


def test_several_scores_of_a_customer_and_labels_without_days_are_refused(
    run: Callable[..., Any], customers: Path, months: tuple[Path, Path], scores: Path, tmp_path: Path
) -> None:
    twice = tmp_path / "twice.parquet"
    pd.concat([pd.read_parquet(scores), pd.read_parquet(scores).head(7)]).to_parquet(twice)

    assert "7 further scores of the same customer" in run(customers, twice)
    assert "holds scores of 3 days" in run(customers, months[1])


def test_a_column_dt_in_a_folder_of_a_day_is_refused(
    run: Callable[..., Any], customers: Path, scores: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "dt=2026-03-31"
    folder.mkdir()
    pd.read_parquet(scores).assign(dt="x").to_parquet(folder / "part.parquet")

    assert "has a column 'dt'" in run(customers, folder / "part.parquet")


def test_a_pipe_is_refused_because_it_may_wait_for_ever(
    run: Callable[..., Any], customers: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe.parquet"
    os.mkfifo(pipe)

    assert "is not a file" in run(customers, pipe)


def test_figures_are_written_as_json_and_as_a_page(
    run: Callable[..., Any], months: tuple[Path, Path], tmp_path: Path
) -> None:
    labels, scored = months
    page, figures = tmp_path / "page.html", tmp_path / "figures.json"

    found = run(
        *(labels, scored, "--date", "day"), *("--write-page", str(page), "--write-json", str(figures))
    )

    assert json.loads(figures.read_text()) == found
    text = page.read_text()
    assert text.count("<svg") == 2
    assert "2026-05" in text
    assert "<script" not in text
