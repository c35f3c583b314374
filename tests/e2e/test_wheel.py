"""The built wheel in an environment of its own, away from the checkout."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Final

import duckdb
import pytest
import yaml

from infra.local.child_process import ChildProcess

REPOSITORY: Final = Path(__file__).resolve().parents[2]
UV: Final = Path(sys.executable).with_name("uv")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of commands of an empty environment into which the wheel was installed."""
    folder = tmp_path_factory.mktemp("wheel")

    def run_uv(*words: object) -> None:
        done = subprocess.run(
            [UV, "--quiet", *map(str, words)], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    run_uv("build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", folder)
    run_uv("venv", "--python", sys.executable, folder / "environment")
    python = folder / "environment" / "bin" / "python"
    lock = REPOSITORY / "requirements" / "train.txt"
    run_uv("pip", "install", "--python", python, "--require-hashes", "-r", lock)
    run_uv("pip", "install", "--python", python, "--no-deps", *folder.glob("*.whl"))
    return python.parent


@pytest.fixture
def clean(tmp_path: Path, installed: Path) -> dict[str, str]:
    """Return an environment that leads to nothing but the installed wheel."""
    return {"PATH": f"{installed}:/usr/bin:/bin", "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}


def run(folder: Path, environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_takes_a_table_from_training_to_the_served_api(
    tmp_path: Path, installed: Path, clean: dict[str, str]
) -> None:
    def churn(*words: str) -> str:
        return run(tmp_path, clean, "churn", *words)

    churn("generate", "customers.parquet", "--rows", "600", "--seed", "1")
    churn("validate", "customers.parquet")
    packaged = run(
        tmp_path, clean, "python", "-c", "import churn_core.config as c; print(c.default_config_path())"
    )
    assert not Path(packaged.strip()).is_relative_to(REPOSITORY)
    settings = yaml.safe_load(Path(packaged.strip()).read_text(encoding="utf-8"))
    assert settings == yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text(encoding="utf-8"))

    # The default family takes long; which one it is makes no difference to an installation.
    settings |= {"model": {"type": "logistic_regression"}, "evaluation": {"folds": 2, "repeats": 1}}
    # The words of the other languages are in the wheel too.
    settings["output"] = {"reason_texts": True, "language": "de"}
    (tmp_path / "quick.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    churn("train", "customers.parquet", "--config", "quick.yaml")
    churn("score", "customers.parquet", "scores.parquet")
    scored = duckdb.execute("FROM read_parquet(?)", [str(tmp_path / "scores.parquet")]).fetchone()
    assert " das Risiko " in str(scored)
    assert "report.html" in churn("report")
    event = json.loads((REPOSITORY / "events" / "predict.json").read_text(encoding="utf-8"))
    (tmp_path / "one.json").write_text(event["body"], encoding="utf-8")
    predicted = json.loads(churn("predict", "one.json"))

    command: list[str | Path] = [installed / "churn", "serve", "--port", "0"]
    with ChildProcess(command, folder=tmp_path, environment=clean, stop_signal=signal.SIGINT) as server:
        server.wait_until(lambda: "http://" in server.output)
        address = re.search(r"http://[^\s/]+", server.output)
        assert address
        request = urllib.request.Request(
            f"{address[0]}/predict", event["body"].encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as response:
            served = json.load(response)
    assert served["churn_probability"] == predicted["churn_probability"]


def test_the_wheel_is_typed_and_has_one_version(tmp_path: Path, clean: dict[str, str]) -> None:
    script = (
        "import churn_core, importlib.metadata, importlib.resources\n"
        "assert (importlib.resources.files(churn_core) / 'py.typed').is_file()\n"
        "print(churn_core.__version__, importlib.metadata.version('churn-stack'))"
    )
    of_the_source, of_the_wheel = run(tmp_path, clean, "python", "-c", script).split()
    assert of_the_source == of_the_wheel
    assert run(tmp_path, clean, "churn", "--version").strip() == f"churn {of_the_source}"


def test_a_folder_named_functions_in_the_working_directory_changes_nothing(
    tmp_path: Path, clean: dict[str, str]
) -> None:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "__init__.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    assert "serve" in run(tmp_path, clean, "churn", "--help")


@pytest.mark.parametrize("content", ["", "raise ImportError('no cli')"], ids=["another package", "broken"])
def test_a_foreign_package_named_functions_is_named_in_one_sentence(
    tmp_path: Path, clean: dict[str, str], content: str
) -> None:
    (tmp_path / "foreign" / "functions").mkdir(parents=True)
    (tmp_path / "foreign" / "functions" / "__init__.py").write_text(content, encoding="utf-8")
    done = subprocess.run(
        ["churn", "--help"],
        cwd=tmp_path,
        env=clean | {"PYTHONPATH": str(tmp_path / "foreign")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    assert "functions" in sentence
    assert f"{os.sep}foreign{os.sep}" in sentence
