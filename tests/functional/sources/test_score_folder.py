"""`churn score FOLDER OUT_FOLDER`: one output per part, complete or absent; a later run continues."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from pyarrow import parquet

from churn_core.cli import main
from churn_core.scoring.files.score_file import score_file
from churn_core.sources import score_parts
from tests.functional.customer_files import write_table

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def score(sample_bundle: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def run(source: Path, out: Path, *words: str) -> dict[str, Any]:
        assert main(["score", str(source), str(out), "--model", str(sample_bundle), "--json", *words]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return run


def _outputs(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*.*"))}


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_each_part_has_an_output_of_its_name(
    labelled: pd.DataFrame,
    in_parts: Callable[..., Path],
    score: Callable[..., dict[str, Any]],
    tmp_path: Path,
    ending: str,
) -> None:
    folder, out = in_parts(ending=ending, folder="sub{}"), tmp_path / "out"
    found = score(folder, out)
    assert sorted(_outputs(out)) == [f"sub{number}/part-{number}.parquet" for number in range(3)]
    single = score(write_table(labelled, tmp_path / f"whole{ending}"), tmp_path / "scores.parquet")
    kept = set(single) - {"seconds", "top", "output"}
    assert {name: found[name] for name in kept} == {name: single[name] for name in kept}
    assert (found["parts"], found["parts_already_scored"], found["foreign_files"]) == (3, 0, [])
    parts = pd.concat(pd.read_parquet(out / name) for name in sorted(_outputs(out)))
    whole = pd.read_parquet(tmp_path / "scores.parquet")
    assert parts["churn_probability"].tolist() == whole["churn_probability"].tolist()


def test_a_second_run_scores_only_what_is_new(
    labelled: pd.DataFrame,
    in_parts: Callable[..., Path],
    score: Callable[..., dict[str, Any]],
    tmp_path: Path,
) -> None:
    folder, out = in_parts(), tmp_path / "out"
    first = score(folder, out)
    before = _outputs(out)
    assert score(folder, out) | {"seconds": 0, "parts_already_scored": 0} == first | {"seconds": 0}
    assert _outputs(out) == before
    # A changed part, a deleted output, a damaged output, and a new part.
    write_table(labelled.head(50), folder / "part-0.parquet")
    (out / "part-1.parquet").write_bytes(before["part-1.parquet"][:100])
    write_table(labelled.head(10), folder / "part-3.parquet")
    found = score(folder, out)
    assert (found["parts"], found["parts_already_scored"], found["rows"]) == (4, 1, 260)
    assert parquet.read_metadata(out / "part-0.parquet").num_rows == 50
    assert (out / "part-1.parquet").read_bytes() == before["part-1.parquet"]


def test_other_options_or_another_model_score_again(
    in_parts: Callable[..., Path],
    score: Callable[..., dict[str, Any]],
    bundle_of: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    folder, out = in_parts(), tmp_path / "out"
    score(folder, out)
    assert score(folder, out, "--contributions")["parts_already_scored"] == 0
    assert score(folder, out, "--contributions")["parts_already_scored"] == 3
    assert score(folder, out, "--contributions", "--reader", "decimal=,")["parts_already_scored"] == 0
    other = ["--model", str(bundle_of("gradient_boosting"))]
    assert score(folder, out, *other)["parts_already_scored"] == 0


def test_an_interrupted_run_keeps_the_complete_parts(
    in_parts: Callable[..., Path],
    score: Callable[..., dict[str, Any]],
    sample_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, out = in_parts(), tmp_path / "out"

    def interrupted(source: Path, *arguments: Any, **options: Any) -> Any:
        if source.name == "part-1.parquet":
            raise KeyboardInterrupt
        return score_file(source, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(score_parts, "score_file", interrupted)
        assert main(["score", str(folder), str(out), "--model", str(sample_bundle)]) == 130
    assert "1 of 3 parts are scored" in capsys.readouterr().err
    assert sorted(_outputs(out)) == ["part-0.parquet"]
    assert score(folder, out)["parts_already_scored"] == 1


def test_a_faulty_part_is_named_and_the_parts_before_it_stay(
    in_parts: Callable[..., Path], sample_bundle: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    folder, out = in_parts(), tmp_path / "out"
    content = (folder / "part-1.parquet").read_bytes()
    (folder / "part-1.parquet").write_bytes(content[:-8] + b"\0\0\0\0PAR1")
    assert "part-1.parquet" in fails("score", folder, out, "--model", sample_bundle)
    assert not out.exists()
    flipped = bytearray(content)
    flipped[100:200] = bytes(100)
    (folder / "part-1.parquet").write_bytes(flipped)
    assert "part-1.parquet" in fails("score", folder, out, "--model", sample_bundle)
    assert sorted(_outputs(out)) == ["part-0.parquet"]


def test_files_that_are_no_scores_of_this_table_are_named(
    in_parts: Callable[..., Path], score: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    folder, out = in_parts(), tmp_path / "out"
    score(folder, out)
    (folder / "part-2.parquet").unlink()
    assert score(folder, out)["foreign_files"] == ["part-2.parquet"]


# ---------------------------------------------------------------- where the outputs may lie


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("table", "table"),
        ("table", "table/out"),
        ("table", "table/../table/out"),
        ("table", "."),
        ("table/*", "table/out"),
        ("**/*.parquet", "out"),
        ("table/*.parquet", "table"),
        ("table/*.parquet", "table/a.parquet"),
        ("table", "link/out"),
    ],
)
def test_no_output_lies_in_what_is_read(
    in_parts: Callable[..., Path],
    sample_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: Callable[..., str],
    source: str,
    out: str,
) -> None:
    folder = in_parts()
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "table" / "a.parquet").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    before = sorted(os.walk(tmp_path))
    message = fails("score", source, out, "--model", sample_bundle)
    assert "output folder" in message
    assert sorted(os.walk(tmp_path)) == before


def test_a_pattern_of_files_allows_a_folder_beside_them(
    in_parts: Callable[..., Path],
    score: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(in_parts())
    assert score(Path("*.parquet"), Path("out"))["parts"] == 3
    assert score(Path("*.parquet"), Path("out"))["parts_already_scored"] == 3


def test_outputs_and_options_that_do_not_fit_a_folder_are_refused(
    in_parts: Callable[..., Path], tmp_path: Path, fails: Callable[..., str]
) -> None:
    folder = in_parts()
    (tmp_path / "file").touch()
    assert "--top needs" in fails("score", folder, tmp_path / "out", "--top", "3")
    assert "names a file" in fails("score", folder, tmp_path / "out.parquet")
    assert "names a file" in fails("score", folder, tmp_path / "out.csv.gz")


def test_a_file_in_the_place_of_the_folder_is_not_replaced(
    in_parts: Callable[..., Path], sample_bundle: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    (tmp_path / "file").write_text("mine")
    assert "is a file" in fails("score", in_parts(), tmp_path / "file", "--model", sample_bundle)
    assert (tmp_path / "file").read_text() == "mine"


def test_the_text_says_what_was_done(
    in_parts: Callable[..., Path], sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["score", str(in_parts()), str(tmp_path / "out"), "--model", str(sample_bundle)]
    assert main(words) == 0
    assert "Scored 3 of 3 parts" in capsys.readouterr().out
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "Scored 0 of 3 parts" in printed
    assert "3 parts were already scored by this model from the same files" in printed
    assert "All parts: 300 rows, 300 scored, 0 rejected." in printed
