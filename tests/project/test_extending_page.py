"""The worked examples of docs/extending.md: applied to a copy of the code, they train and score."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from churn_core.config import load_config, sample_config_path
from churn_core.data import generate_sample_data

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")


def apply(diff: str, folder: Path) -> None:
    """Apply a diff of the page; each hunk's old lines must occur once in the file before it."""
    for part in re.split(r"^# ", diff, flags=re.MULTILINE)[1:]:
        name, _, hunks = part.partition("\n")
        path = folder / name.strip()
        for hunk in re.split(r"^@@$", hunks, flags=re.MULTILINE)[1:]:
            lines = hunk.strip("\n").split("\n")
            old = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
            new = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
            source = path.read_text(encoding="utf-8")
            assert source.count(old) == 1, (name, old)
            path.write_text(source.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the library with all examples of the page."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "churn_core", folder / "churn_core", ignore=shutil.ignore_patterns("__pycache__"))
    diffs = re.findall(r"^```diff\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(diffs) == 3
    for diff in diffs:
        apply(diff, folder)
    return folder


def test_the_examples_train_pass_the_parity_gate_and_score(extended: Path) -> None:
    settings = load_config(sample_config_path()).model_dump(mode="json", exclude_unset=True)
    settings["model"] = {"type": "gradient_descent"}
    settings["data"]["derived"]["Paid"] = {"kind": "product", "columns": ["tenure", "MonthlyCharges"]}
    (extended / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    generate_sample_data(600, seed=1).to_parquet(extended / "customers.parquet")
    for words in (
        ["train", "customers.parquet", "--quick"],
        ["score", "customers.parquet", "scores.parquet"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "churn_core", *words],
            cwd=extended,
            env={**os.environ, "PYTHONPATH": str(extended)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    scores = pq.read_table(extended / "scores.parquet").to_pylist()
    assert all(abs(row["score_percent"] - 100 * row["churn_probability"]) <= 0.5001 for row in scores)
