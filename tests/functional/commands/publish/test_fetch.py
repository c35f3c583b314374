"""`churn` fetches published models and compares with the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from churn_core.scoring.bundle import load_bundle
from functions.client import fetch_current
from functions.client.model_store import ModelStoreError, parse_folder
from functions.client.publish import fetch, publish
from tests.functional.commands.publish.model_bucket import (
    ADDRESS,
    BUCKET,
    folder_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_fetch_downloads_the_files_that_a_lambda_needs(
    s3: Any, churn: Callable[..., Any], sample_bundle: Path, tmp_path: Path
) -> None:
    address = churn("publish", sample_bundle, ADDRESS)["address"]

    bundle = fetch(s3, address, tmp_path / "model", load_bundle(sample_bundle).model_digest)

    assert {path.name for path in (tmp_path / "model").iterdir()} == {"model.onnx", "manifest.json"}
    assert bundle == load_bundle(sample_bundle)
    assert bundle == fetch(s3, address, tmp_path / "model"), "fetched twice"


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json"])
def test_a_fetched_model_must_match_its_address(
    s3: Any, churn: Callable[..., Any], sample_bundle: Path, another: Path, tmp_path: Path, name: str
) -> None:
    address = churn("publish", sample_bundle, ADDRESS)["address"]
    folder = parse_folder(address)
    with pytest.raises(ModelStoreError, match="not the model with digest"):
        fetch(s3, address, tmp_path / "model", "0" * 64)

    stored = s3.get_object(Bucket=BUCKET, Key=folder.prefix + name)["Body"].read()
    s3.put_object(Bucket=BUCKET, Key=folder.prefix + name, Body=stored.replace(b"0", b"1"))
    with pytest.raises(Exception, match="was altered"):
        fetch(s3, address, tmp_path / "model")
    for file in ("model.onnx", "manifest.json"):
        s3.put_object(Bucket=BUCKET, Key=folder.prefix + file, Body=(another / file).read_bytes())
    with pytest.raises(ModelStoreError, match=f"{address} holds"):
        fetch(s3, address, tmp_path / "model")
    s3.delete_object(Bucket=BUCKET, Key=folder.prefix + name)
    with pytest.raises(ModelStoreError, match=f"no {name} in {address}"):
        fetch(s3, address, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_the_current_model_is_fetched_for_a_comparison(
    s3: Any,
    sample_bundle: Path,
    another: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fetched(folder: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["fetch_current", ADDRESS, str(tmp_path / folder)])
        exit_code = fetch_current.main()
        printed = capsys.readouterr()
        return exit_code, printed.out + printed.err

    assert fetched("none") == (0, "No model is published yet.\n")
    assert not (tmp_path / "none").exists()
    publish(s3, another, ADDRESS)
    publish(s3, sample_bundle, ADDRESS)
    version = load_bundle(sample_bundle).model_version
    assert fetched("model") == (0, f"{version} is the current model.\n")
    assert load_bundle(tmp_path / "model").model_version == version
    s3.delete_object(Bucket=BUCKET, Key=folder_key(load_bundle(sample_bundle)) + "model.onnx")
    exit_code, printed = fetched("gone")
    assert (exit_code, printed.count("\n")) == (1, 1)
    assert "There is no model.onnx in" in printed


@pytest.mark.parametrize(
    "address", ["models/churn", "s3://bucket", "s3://bucket/models/churn/", "s3://bucket/0123456789ab/"]
)
def test_an_address_that_names_no_model_is_refused(address: str) -> None:
    with pytest.raises(ModelStoreError, match="copy it from the output of 'churn publish'"):
        parse_folder(address)
