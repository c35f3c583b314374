"""No command writes what it reads, whatever name or link leads to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from churn_core.cli.demo import run_demo
from churn_core.errors import OutputError
from churn_core.scoring.files.own_inputs import refuse_own_inputs
from tests.functional.customer_files import write_table

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd


def _same(path: Path) -> Path:
    return path


def _soft(path: Path) -> Path:
    link = path.with_name(f"soft{path.suffix}")
    link.symlink_to(path)
    return link


def _hard(path: Path) -> Path:
    link = path.with_name(f"hard{path.suffix}")
    link.hardlink_to(path)
    return link


def _roundabout(path: Path) -> Path:
    link = path.parent.parent / "elsewhere"
    link.symlink_to(path.parent)
    return link / ".." / path.parent.name / path.name


other_name = pytest.mark.parametrize("other_name", [_same, _soft, _hard, _roundabout])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


@pytest.fixture
def bundle(sample_bundle: Path, folder: Path) -> Path:
    return shutil.copytree(sample_bundle, folder / "bundle")


@other_name
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_score_does_not_replace_its_customers(
    ending: str,
    other_name: Callable[[Path], Path],
    customers: pd.DataFrame,
    sample_bundle: Path,
    fails: Callable[..., str],
    folder: Path,
) -> None:
    source = write_table(customers, folder / f"in{ending}")
    content = source.read_bytes()
    assert "input" in fails("score", source, other_name(source), "--model", sample_bundle)
    assert source.read_bytes() == content


@other_name
def test_score_does_not_replace_its_model(
    other_name: Callable[[Path], Path],
    customers: pd.DataFrame,
    bundle: Path,
    fails: Callable[..., str],
    folder: Path,
) -> None:
    source = write_table(customers, folder / "in.parquet")
    assert "input" in fails("score", source, other_name(bundle / "model.onnx"), "--model", bundle)
    assert (bundle / "model.onnx").read_bytes()[:4] != b"PAR1"


@other_name
def test_init_does_not_replace_its_table(
    other_name: Callable[[Path], Path], customers: pd.DataFrame, fails: Callable[..., str], folder: Path
) -> None:
    source = write_table(customers, folder / "in.csv")
    content = source.read_bytes()
    assert "input" in fails("init", source, "--target", "Churn", "--force", "--out", other_name(source))
    assert source.read_bytes() == content


@other_name
def test_openapi_does_not_replace_its_model(
    other_name: Callable[[Path], Path], bundle: Path, fails: Callable[..., str]
) -> None:
    content = (bundle / "manifest.json").read_bytes()
    assert "input" in fails("openapi", "--model", bundle, "--out", other_name(bundle / "manifest.json"))
    assert (bundle / "manifest.json").read_bytes() == content


def test_openapi_writes_a_link_itself_not_its_target(
    sample_bundle: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "notes").write_text("kept")
    (tmp_path / "api.json").symlink_to(tmp_path / "notes")
    subprocess.run(
        _churn("openapi", "--model", sample_bundle, "--out", tmp_path / "api.json"), check=True, timeout=60
    )
    assert (tmp_path / "notes").read_text() == "kept"
    assert "folder" in fails("openapi", "--model", sample_bundle, "--out", tmp_path)


@other_name
@pytest.mark.parametrize("place", ["bundle", "bundle.previous"])
@pytest.mark.parametrize("option", ["table", "config"])
def test_train_does_not_replace_a_folder_that_holds_its_table_or_its_configuration(
    option: str,
    place: str,
    other_name: Callable[[Path], Path],
    customers: pd.DataFrame,
    bundle: Path,
    fails: Callable[..., str],
    folder: Path,
) -> None:
    if place != "bundle":
        shutil.copytree(bundle, folder / place)
    table = write_table(customers, folder / "in.csv")
    config = Path(shutil.copy("config/config.yaml", folder / "config.yaml"))
    inside = folder / place / "inside"
    if option == "table":
        table = other_name(table.rename(inside.with_suffix(".csv")))
    else:
        config = other_name(config.rename(inside.with_suffix(".yaml")))
    assert "input" in fails("train", table, "--config", config, "--out", bundle)
    assert table.exists()
    assert config.exists()


def test_train_replaces_nothing_that_is_not_part_of_a_bundle(
    customers: pd.DataFrame, bundle: Path, fails: Callable[..., str], folder: Path
) -> None:
    source = write_table(customers, folder / "in.csv")
    (bundle / "scores.parquet").write_text("precious")
    assert "scores.parquet" in fails("train", source, "--out", bundle)
    assert (bundle / "scores.parquet").read_text() == "precious"


def _churn(*words: object) -> list[str]:
    return [sys.executable, "-m", "churn_core.cli", *map(str, words)]


@pytest.mark.parametrize("command", ["predict", "evaluate", "drift", "validate"])
@pytest.mark.parametrize("stream", [1, 2])
def test_results_and_messages_are_not_appended_to_a_file_that_is_read(
    stream: int,
    command: str,
    customers: pd.DataFrame,
    sample_bundle: Path,
    fails: Callable[..., str],
    tmp_path: Path,
) -> None:
    source = write_table(customers, tmp_path / "in.csv")
    content = source.read_bytes()
    before = os.dup(stream)
    with source.open("ab") as appended:
        os.dup2(appended.fileno(), stream)
    try:
        model = [] if command == "validate" else ["--model", sample_bundle]
        assert "input" in fails(command, source, *model)
    finally:
        os.dup2(before, stream)
        os.close(before)
    assert source.read_bytes() == content


def test_the_demo_does_not_replace_its_configuration(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("churn_core.cli.demo._churn", lambda *_: None)
    source = write_table(customers, tmp_path / "in.parquet")
    (tmp_path / "one.json").write_text("settings")
    words = [source, "--config", tmp_path / "one.json", "--folder", tmp_path, "--model", sample_bundle]
    assert run_demo([str(word) for word in words]) == 1
    assert (tmp_path / "one.json").read_text() == "settings"


def test_names_that_no_file_can_have_are_no_inputs(tmp_path: Path) -> None:
    reads = [Path("x" * 300), Path("a\0b"), tmp_path / "missing", tmp_path]
    refuse_own_inputs(tmp_path / "out", reads, "")
    (tmp_path / "in").touch()
    with pytest.raises(OutputError, match="input"):
        refuse_own_inputs(tmp_path / "in", reads, "")
