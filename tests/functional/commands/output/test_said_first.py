"""What is in doubt is said before anything else: the label, the id, and the quality of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from churn_core.cli import main
from churn_core.config import load_config
from tests.functional.commands.init_tables import quick

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 600


def run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    code = main([str(word) for word in words])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    return printed.out


def noise(path: Path, **columns: Any) -> Path:
    """A table in which no column says who left, and none identifies a customer."""
    draw = np.random.default_rng(5)
    table = pd.DataFrame(
        {
            "age": draw.integers(18, 80, ROWS),
            "fee": draw.uniform(1, 9, ROWS).round(1),
            "plan": draw.choice(["a", "b", "c"], ROWS),
            "status": draw.choice(["Stayed", "Churned", "Joined"], ROWS, p=[0.6, 0.3, 0.1]),
        }
    )
    table.assign(**columns).to_csv(path / "noise.csv", index=False)
    return path / "noise.csv"


@pytest.mark.parametrize(("share", "rule"), [(0.3, "positive_guessed"), (0.8, "most_left")])
def test_a_doubtful_label_is_the_first_line_of_init_and_of_the_configuration(
    share: float, rule: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "churned" if rule == "most_left" else "outcome"
    values = np.random.default_rng(1).permutation(np.arange(ROWS) < share * ROWS).astype(int)
    table, config = noise(tmp_path, **{name: values}), tmp_path / "c.yaml"
    said = run(capsys, "init", table, "--target", name, "--out", config)
    assert said.startswith(f"Warning: Column '{name}' ")
    assert rule in said.splitlines()[0]
    assert config.read_text().index("# Warning: ") < config.read_text().index("data:")
    decided = run(capsys, "init", table, "--target", name, "--out", config, "--force", "--positive", "0")
    assert not decided.startswith("Warning")
    assert load_config(config).data.target.positive == "0"


def test_a_model_of_noise_without_an_id_says_so_from_init_to_evaluate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, config, model = noise(tmp_path), tmp_path / "c.yaml", tmp_path / "m"
    aside = int((pd.read_csv(table)["status"] == "Joined").sum())
    said = run(capsys, "init", table, "--target", "status", "--exclude-label", "joined", "--out", config)
    assert f"{ROWS - aside} rows, 4 columns; {aside} rows more are set aside" in said
    assert "No column identifies the customer" in said
    config.write_text(quick(config.read_text()))
    said = run(capsys, "train", table, "--config", config, "--out", model)
    assert said.startswith("Warning: the model is no better than chance")
    assert f"{aside} rows were set aside" in said
    assert "ontact" not in said
    said = run(capsys, "evaluate", table, "--model", model)
    assert f"{aside} rows were set aside" in said
    said = run(capsys, "score", table, tmp_path / "s.parquet", "--model", model)
    assert said.startswith("The model has no id column")


def test_warnings_of_one_kind_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wide = {f"constant{number}": "x" for number in range(80)} | {
        f"empty{number}": None for number in range(80)
    }
    table = noise(tmp_path, **wide)
    said = run(
        capsys, "init", table, "--target", "status", "--positive", "Churned", "--out", tmp_path / "c.yaml"
    )
    warnings = [line for line in said.splitlines() if "Warning" in line]
    assert len(warnings) == 2
    assert "80 columns ('constant0', 'constant1', 'constant2' and 77 more): each holds" in warnings[0]
