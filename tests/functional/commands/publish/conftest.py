"""A bucket for models, bundles to publish, and the commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from churn_core.cli import main
from churn_core.models.bundle.notes import BundleNotes
from churn_core.models.bundle.writer import write_bundle
from infra.local.aws.moto_server import moto_server
from tests.functional.commands.publish.model_bucket import BUCKET
from tests.functional.s3_client import empty_s3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from churn_core.models.export.prove import ProvedModel


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as address:
        yield address


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of S3 with one empty bucket, with versions."""
    client = empty_s3(endpoint, monkeypatch, "eu-west-1")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return client


@pytest.fixture(scope="module")
def another(proved_logistic: ProvedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of another model."""
    folder = tmp_path_factory.mktemp("another") / "bundle"
    write_bundle(proved_logistic, "another report", folder)
    return folder


@pytest.fixture(scope="module")
def sample(proved_logistic: ProvedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a sample model, marked so."""
    folder = tmp_path_factory.mktemp("sample") / "bundle"
    write_bundle(proved_logistic, "report", folder, notes=BundleNotes(sample=True))
    return folder


@pytest.fixture
def churn(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command with --json; return its output, or its error message if it must fail."""

    def run(*words: object, fails: bool = False) -> Any:
        capsys.readouterr()
        exit_code = main([*map(str, words), "--json"])
        printed = capsys.readouterr()
        assert exit_code == int(fails), printed.err
        assert "Traceback" not in printed.err
        return json.loads(printed.err)["error"] if fails else json.loads(printed.out)

    return run
