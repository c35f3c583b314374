"""`churn publish` against S3 over HTTP: only complete models are published, whatever fails."""

from __future__ import annotations

import json
import shutil
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest

from churn_core.cli import main
from churn_core.scoring.bundle import load_bundle
from functions.client.model_store import ModelStoreError
from functions.client.publish import publish
from tests.functional.commands.publish.model_bucket import (
    ADDRESS,
    BUCKET,
    FILES,
    folder_key,
    require_whole,
    versions,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_bundle_gets_keys_of_its_digest_and_becomes_current(
    s3: Any, churn: Callable[..., Any], sample_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = load_bundle(sample_bundle)
    folder = folder_key(bundle)

    answer = churn("publish", sample_bundle, ADDRESS)

    assert answer == {
        "model_version": bundle.model_version,
        "model_digest": bundle.model_digest,
        "address": f"s3://{BUCKET}/{folder}",
        "pointer": f"s3://{BUCKET}/team/models/churn/current.json",
        "previous": None,
        "written": [*(folder + name for name in FILES), "team/models/churn/current.json"],
    }
    assert require_whole(s3) == bundle.model_version
    for name in FILES:
        stored = s3.get_object(Bucket=BUCKET, Key=folder + name)["Body"].read()
        assert stored == (sample_bundle / name).read_bytes()


def test_publishing_again_writes_nothing(
    s3: Any, churn: Callable[..., Any], sample_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    churn("publish", sample_bundle, ADDRESS)
    before = versions(s3)

    assert churn("publish", sample_bundle, ADDRESS)["written"] == []
    assert versions(s3) == before
    assert main(["publish", str(sample_bundle), ADDRESS]) == 0
    bundle = load_bundle(sample_bundle)
    first, following = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{bundle.model_version} is already")
    command = f"make package MODEL=s3://{BUCKET}/{folder_key(bundle)} MODEL_DIGEST={bundle.model_digest}"
    assert following.endswith(command)


def test_the_same_model_with_another_creation_time_is_the_same(
    s3: Any, churn: Callable[..., Any], sample_bundle: Path, tmp_path: Path
) -> None:
    churn("publish", sample_bundle, ADDRESS)
    later = tmp_path / "later"
    shutil.copytree(sample_bundle, later)
    manifest = json.loads((later / "manifest.json").read_text())
    (later / "manifest.json").write_text(json.dumps(manifest | {"created": "2099-01-01T00:00:00+00:00"}))

    assert churn("publish", later, ADDRESS)["written"] == []


def test_an_older_model_becomes_current_again_by_its_pointer_alone(
    s3: Any, churn: Callable[..., Any], sample_bundle: Path, another: Path
) -> None:
    churn("publish", sample_bundle, ADDRESS)
    second = churn("publish", another, ADDRESS)
    assert second["previous"] == load_bundle(sample_bundle).model_version
    assert require_whole(s3) == load_bundle(another).model_version

    assert churn("publish", sample_bundle, ADDRESS)["written"] == ["team/models/churn/current.json"]
    assert require_whole(s3) == load_bundle(sample_bundle).model_version


class Killed(BaseException):
    """The publishing process was killed."""


class Interrupted:
    """A client of S3 that calls a function before or after its nth write."""

    def __init__(self, s3: Any, number: int, happens: Callable[[], None], *, after: bool) -> None:
        self._s3, self._left, self._happens, self._after = s3, number, happens, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def put_object(self, **arguments: Any) -> Any:
        self._left -= 1
        if self._left == 0 and not self._after:
            self._happens()
        answer = self._s3.put_object(**arguments)
        if self._left == 0 and self._after:
            self._happens()
        return answer


WRITES: Final = len(FILES) + 1


def die() -> None:
    raise Killed


@pytest.mark.parametrize(
    ("write", "after"), [*((write, False) for write in range(1, WRITES + 1)), (WRITES, True)]
)
def test_after_a_kill_at_any_write_the_pointer_names_a_complete_model(
    s3: Any, sample_bundle: Path, another: Path, write: int, after: bool
) -> None:
    publish(s3, another, ADDRESS)

    with pytest.raises(Killed):
        publish(Interrupted(s3, write, die, after=after), sample_bundle, ADDRESS)

    new, old = load_bundle(sample_bundle).model_version, load_bundle(another).model_version
    assert require_whole(s3) == (new if (write, after) == (WRITES, True) else old)
    publish(s3, sample_bundle, ADDRESS)
    assert require_whole(s3) == new
    written = versions(s3)
    assert len(written) == 2 * len(FILES) + 2
    assert len(set(written)) == 2 * len(FILES) + 1  # Only the pointer has had two versions.


@pytest.mark.parametrize(("write", "first"), [(1, True), (WRITES, True), (WRITES, False)])
def test_of_two_simultaneous_publishers_the_later_one_fails(
    s3: Any, sample_bundle: Path, another: Path, write: int, first: bool, sample: Path
) -> None:
    if not first:
        publish(s3, sample, ADDRESS, allow_sample=True)
    interrupted = Interrupted(s3, write, lambda: void(publish(s3, another, ADDRESS)), after=False)

    with pytest.raises(ModelStoreError, match="at the same time"):
        publish(interrupted, sample_bundle, ADDRESS)

    assert require_whole(s3) == load_bundle(another).model_version


def void(_: object) -> None:
    """Drop a value."""


def test_a_lost_answer_is_not_taken_for_another_publisher(s3: Any, sample_bundle: Path) -> None:
    class Repeats(Interrupted):
        def put_object(self, **arguments: Any) -> Any:
            self._s3.put_object(**arguments)
            return self._s3.put_object(**arguments)

    publish(Repeats(s3, 0, die, after=False), sample_bundle, ADDRESS)

    assert require_whole(s3) == load_bundle(sample_bundle).model_version


@pytest.mark.parametrize("name", FILES)
def test_an_altered_bundle_is_refused_before_anything_is_written(
    s3: Any, churn: Callable[..., Any], sample_bundle: Path, tmp_path: Path, name: str
) -> None:
    altered = tmp_path / "altered"
    shutil.copytree(sample_bundle, altered)
    content = (altered / name).read_bytes()
    (altered / name).write_bytes(content.replace(b"0", b"1"))

    assert "was altered" in churn("publish", altered, ADDRESS, fails=True)
    assert versions(s3) == []


def test_an_incomplete_bundle_is_refused(
    s3: Any, churn: Callable[..., Any], sample_bundle: Path, tmp_path: Path
) -> None:
    partial = tmp_path / "partial"
    shutil.copytree(sample_bundle, partial, ignore=shutil.ignore_patterns("report.html"))

    assert "report.html" in churn("publish", partial, ADDRESS, fails=True)
    assert versions(s3) == []


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json"])
def test_other_content_at_a_key_is_neither_overwritten_nor_published(
    s3: Any, churn: Callable[..., Any], sample_bundle: Path, name: str
) -> None:
    key = folder_key(load_bundle(sample_bundle)) + name
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")

    assert "other content" in churn("publish", sample_bundle, ADDRESS, fails=True)
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"{}"
    assert require_whole(s3) is None


def test_a_sample_model_needs_an_option(s3: Any, churn: Callable[..., Any], sample: Path) -> None:
    assert "--allow-sample" in churn("publish", sample, ADDRESS, fails=True)
    assert versions(s3) == []
    assert len(churn("publish", sample, ADDRESS, "--allow-sample")["written"]) == WRITES


def test_a_bucket_without_versions_is_refused(
    s3: Any, churn: Callable[..., Any], sample_bundle: Path
) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})

    assert "keeps no versions" in churn("publish", sample_bundle, ADDRESS, fails=True)
    assert versions(s3) == []


def test_other_failures_are_one_sentence_too(
    s3: Any, churn: Callable[..., Any], sample_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "NoSuchBucket" in churn("publish", sample_bundle, "s3://no-such-bucket-1/", fails=True)
    assert "s3://BUCKET/PREFIX/" in churn("publish", sample_bundle, BUCKET, fails=True)
    assert "no model in" in churn("publish", tmp_path, ADDRESS, fails=True)
    s3.put_object(Bucket=BUCKET, Key="team/models/churn/current.json", Body=b"[]")
    assert "current.json does not name a model" in churn("publish", sample_bundle, ADDRESS, fails=True)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert "connection to AWS failed" in churn("publish", sample_bundle, ADDRESS, fails=True)


def test_missing_rights_are_one_sentence(
    s3: Any,
    endpoint: str,
    churn: Callable[..., Any],
    sample_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    iam = boto3.client("iam")
    iam.create_user(UserName="reader")
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    # boto3 would keep using the credentials of its default session.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    def authorised_after(calls: str) -> None:
        request = urllib.request.Request(
            f"{endpoint}/moto-api/reset-auth", calls.encode(), {"Content-Type": "text/plain"}
        )
        urllib.request.urlopen(request).close()

    authorised_after("0")
    try:
        message = churn("publish", sample_bundle, ADDRESS, fails=True)
    finally:
        authorised_after("inf")

    assert message.startswith("AWS answered AccessDenied to GetBucketVersioning")
    assert versions(s3) == []
