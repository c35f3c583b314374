"""What an object's result says if its job ends before there is anything to count."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from functions.batch.object_job import ObjectJob, ObjectResult
from functions.batch.settings import BatchFunctionSettings
from functions.shared.objects import InputObject
from functions.shared.outcomes import NotScoredError, Outcome

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = InputObject("inputs", "incoming/a.parquet", "v", "e", 7)


class Unavailable:
    """Storage that answers no request."""

    def describe_output(self, bucket: str, key: str) -> None:
        raise NotScoredError(Outcome.STORAGE_UNAVAILABLE, "S3 did not answer.")


def job(work: Path) -> ObjectJob:
    settings = BatchFunctionSettings.from_environment(
        {"CHURN_INPUT_BUCKET": "inputs", "CHURN_OUTPUT_BUCKET": "outputs"}
    )
    storage: Any = Unavailable()
    scorer: Any = None
    return ObjectJob(replace(settings, work_dir=work), storage, scorer, "d" * 64, "churn-1")


def test_a_job_that_can_not_ask_for_its_output_counts_nothing_and_leaves_no_files(tmp_path: Path) -> None:
    work = tmp_path / "work"
    assert job(work).run(SOURCE, lambda: 60.0) == ObjectResult(
        Outcome.STORAGE_UNAVAILABLE,
        SOURCE,
        message="S3 did not answer.",
        stage="find",
        output_key=None,
        file=None,
        input_bytes=0,
        output_bytes=0,
        seconds={},
        announcement_fault=None,
    )
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("left", ["a.parquet", "folder/b.parquet"])
def test_files_of_an_earlier_attempt_are_removed_first(left: str, tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / left).parent.mkdir(parents=True)
    (work / left).touch()
    job(work).run(SOURCE, lambda: 60.0)
    assert list(work.iterdir()) == []


def test_a_work_folder_that_can_not_be_removed_does_not_change_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "rmdir", refuse)
    assert job(tmp_path / "work").run(SOURCE, lambda: 60.0).outcome is Outcome.STORAGE_UNAVAILABLE
