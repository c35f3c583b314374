"""The options of ``churn init``, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from churn_core.cli import main
from churn_core.config import load_config
from tests.functional.commands.init_tables import bank_parquet, init, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def test_an_existing_file_is_replaced_only_with_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, target = bank_parquet(tmp_path)
    config, _ = init(capsys, table, target, tmp_path)
    config.write_text("mine")
    words = ["init", str(table), "--target", target, "--out", str(config)]
    assert main(words) == 1
    assert "--force" in capsys.readouterr().err
    assert config.read_text() == "mine"
    assert f"Next: churn train {table} --config {config}" in run(capsys, *words, "--force")
    assert yaml.safe_load(config.read_text())["data"]["target"]["column"] == target
    assert {path.name for path in tmp_path.iterdir()} == {"bank.parquet", "config.yaml"}


def test_an_unwritable_path_is_named(tmp_path: Path, fails: Callable[..., str]) -> None:
    table, target = bank_parquet(tmp_path)
    for out in (tmp_path, tmp_path / "no" / "config.yaml"):
        assert str(out) in fails("init", table, "--target", target, "--out", out, "--force")


def test_a_name_that_does_not_exist_is_named(tmp_path: Path, fails: Callable[..., str]) -> None:
    table, target = bank_parquet(tmp_path)
    out = tmp_path / "config.yaml"
    assert "did you mean 'gone'" in fails("init", table, "--target", "gon", "--out", out)
    assert "'x' (--group)" in fails("init", table, "--target", target, "--group", "x", "--out", out)
    assert "--positive 'maybe'" in fails(
        "init", table, "--target", target, "--positive", "maybe", "--out", out
    )
    assert "different labels" in fails("init", table, "--target", "country", "--out", out)
    assert not out.exists()


def test_the_label_of_customers_who_left_can_be_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, target = bank_parquet(tmp_path)
    config, _ = init(capsys, table, target, tmp_path, "--positive", "False")
    assert load_config(config).data.target.positive == "false"
