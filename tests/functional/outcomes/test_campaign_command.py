"""`churn campaign`: whom it contacts, and whom it leaves alone."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from churn_core.cli import main

if TYPE_CHECKING:
    from pathlib import Path


def _campaign(scores: Path, out: Path, *options: str, capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    code = main(["campaign", str(scores), str(out), "--json", *options])
    output = capsys.readouterr()
    return json.loads(output.out) if code == 0 else json.loads(output.err)["error"]


def _fraction(name: str, identity: object) -> float:
    return int(hashlib.sha256(f"{name}\n{identity}".encode()).hexdigest()[:8], 16) / 2**32


def test_the_best_are_taken_and_a_tenth_is_left_alone(
    scores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = _campaign(scores, tmp_path / "c.parquet", "--name", "spring", "--top", "300", capsys=capsys)

    found, all_scores = pd.read_parquet(tmp_path / "c.parquet"), pd.read_parquet(scores)
    best = all_scores.sort_values(["churn_probability", "customerID"], ascending=[False, True]).head(300)
    assert list(found["customerID"]) == list(best["customerID"])
    assert [*found.columns] == [*all_scores.columns, "campaign", "campaign_group"]
    expected = ["control" if _fraction("spring", i) < 0.1 else "contact" for i in found["customerID"]]
    assert list(found["campaign_group"]) == expected
    assert result["contact"] + result["control"] == result["chosen"] == 300
    assert result["control"] == expected.count("control") > 0


def test_without_top_everybody_is_taken_who_should_be_contacted(
    scores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = _campaign(scores, tmp_path / "c.parquet", "--name", "spring", capsys=capsys)

    assert result["chosen"] == pd.read_parquet(scores)["will_churn"].sum()


def test_the_groups_do_not_depend_on_file_format_list_or_run(
    scores: Path, customers: Path, sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    as_csv = tmp_path / "scores.csv"
    assert main(["score", str(customers), str(as_csv), "--model", str(sample_bundle)]) == 0
    _campaign(scores, tmp_path / "a.csv", "--name", "spring", "--top", "300", capsys=capsys)
    _campaign(as_csv, tmp_path / "b.csv", "--name", "spring", "--top", "400", capsys=capsys)

    one, other = (pd.read_csv(tmp_path / name).set_index("customerID") for name in ("a.csv", "b.csv"))

    assert list(other.index[:300]) == list(one.index)
    assert list(other["campaign_group"][:300]) == list(one["campaign_group"])


def test_another_campaign_leaves_others_alone(
    scores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("spring", "autumn"):
        _campaign(scores, tmp_path / f"{name}.parquet", "--name", name, "--control", "0.5", capsys=capsys)
    spring, autumn = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("spring", "autumn"))

    same = (spring["campaign_group"] == autumn["campaign_group"]).mean()
    assert 0.4 < same < 0.6


def test_a_campaign_is_not_replaced_by_one_with_another_share(
    scores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "c.parquet"
    first = _campaign(scores, out, "--name", "spring", capsys=capsys)
    kept = out.read_bytes()

    assert "another share of control" in _campaign(
        scores, out, "--name", "spring", "--control", "0.4", capsys=capsys
    )
    assert "holds another campaign" in _campaign(scores, out, "--name", "autumn", capsys=capsys)
    assert out.read_bytes() == kept
    assert _campaign(scores, out, "--name", "spring", capsys=capsys) == first


@pytest.mark.parametrize(
    ("change", "options", "sentence"),
    [
        (lambda table: table.drop(columns="status"), [], "lacks column 'status'"),
        (lambda table: table.drop(columns="customerID"), [], "has no id column"),
        (lambda table: pd.concat([table, table.head(3)]), [], "3 of 1,003 scored rows repeat a customer"),
        (lambda table: table.assign(customerID=None), [], "1,000 scored rows have no 'customerID'"),
        (lambda table: table.assign(campaign="x"), [], "already part of a campaign"),
        (lambda table: table, ["--control", "1"], "must lie between 0 and 1"),
        (lambda table: table, ["--name", "a b"], "letters, digits"),
    ],
)
def test_what_can_not_be_used_is_refused_in_a_sentence(
    scores: Path,
    tmp_path: Path,
    change: Any,
    options: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    changed = tmp_path / "changed.parquet"
    change(pd.read_parquet(scores)).to_parquet(changed)

    found = _campaign(changed, tmp_path / "c.parquet", "--name", "spring", *options, capsys=capsys)

    assert sentence in found
    assert not (tmp_path / "c.parquet").exists()


def test_an_empty_control_group_is_said(
    scores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["campaign", str(scores), str(tmp_path / "c.csv"), "--name", "spring", "--top", "2"]
    assert main([*arguments, "--control", "0.000001"]) == 0

    assert "nobody is in the group control" in capsys.readouterr().out
