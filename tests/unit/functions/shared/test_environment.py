"""Settings in environment variables: defaults, and errors that name the variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.backfill.settings import BackfillSettings
from functions.batch.settings import DEFAULT_MAX_ROWS, BatchFunctionSettings
from functions.pre_traffic.settings import PreTrafficSettings
from functions.score.settings import ScoreSettings
from functions.shared.environment import SettingError, read_integer, read_model_dir, read_text

BUCKETS = {"CHURN_INPUT_BUCKET": "in", "CHURN_OUTPUT_BUCKET": "out"}


@pytest.mark.parametrize("settings", [BatchFunctionSettings, BackfillSettings])
def test_the_buckets_are_enough(settings: type[BatchFunctionSettings | BackfillSettings]) -> None:
    found = settings.from_environment(BUCKETS | {"LAMBDA_TASK_ROOT": "/var/task"})
    assert (found.input_bucket, found.output_bucket, found.announces) == ("in", "out", True)
    assert found.model_dir == Path("/var/task/model")


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        (BatchFunctionSettings, "CHURN_MAX_ROWS"),
        (BatchFunctionSettings, "CHURN_MAX_OBJECT_BYTES"),
        (BatchFunctionSettings, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        (BackfillSettings, "CHURN_BACKFILL_CONCURRENCY"),
        (BackfillSettings, "CHURN_BATCH_MEMORY_MB"),
    ],
)
@pytest.mark.parametrize("value", ["ten", "1.5", "2 GiB"])
def test_a_malformed_number_is_named_in_one_sentence(
    settings: type[BatchFunctionSettings | BackfillSettings], variable: str, value: str
) -> None:
    with pytest.raises(SettingError, match=f"^{variable} must be a whole number; .+[.]$"):
        settings.from_environment(BUCKETS | {variable: value})


@pytest.mark.parametrize("variable", BUCKETS)
@pytest.mark.parametrize("settings", [BatchFunctionSettings, BackfillSettings])
def test_a_missing_bucket_is_named(
    settings: type[BatchFunctionSettings | BackfillSettings], variable: str
) -> None:
    for value in ({}, {variable: ""}):
        others = {name: text for name, text in BUCKETS.items() if name != variable}
        with pytest.raises(SettingError, match=variable):
            settings.from_environment(others | value)


def test_a_missing_version_is_named() -> None:
    with pytest.raises(SettingError, match="CHURN_NEW_VERSION"):
        PreTrafficSettings.from_environment({})


def test_an_empty_variable_means_the_default() -> None:
    assert read_integer({"CHURN_MAX_ROWS": ""}, "CHURN_MAX_ROWS", DEFAULT_MAX_ROWS) == DEFAULT_MAX_ROWS
    assert read_model_dir({"CHURN_MODEL_DIR": ""}) == Path("model")
    assert read_text({"X": "x"}, "X") == "x"


def test_announcements_are_switched_off_by_any_other_word() -> None:
    assert not BackfillSettings.from_environment(BUCKETS | {"CHURN_ANNOUNCE": "false"}).announces


def test_the_model_folder_is_read_the_same_way_by_every_function() -> None:
    environment = BUCKETS | {"CHURN_MODEL_DIR": "/opt/model", "CHURN_NEW_VERSION": "arn"}
    kinds = (BatchFunctionSettings, BackfillSettings, PreTrafficSettings, ScoreSettings)
    assert {kind.from_environment(environment).model_dir for kind in kinds} == {Path("/opt/model")}
