"""`churn publish` against S3 over HTTP: only complete models are published, whatever fails."""

from __future__ import annotations

import hashlib
import json
import shutil
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest

from churn_core.cli import main
from churn_core.models.bundle.writer import write_bundle
from churn_core.scoring.bundle import Bundle, load_bundle
from functions.client import fetch_current
from functions.client.model_store import ModelStoreError, parse_folder
from functions.client.publish import fetch, publish
from infra.local.aws.moto_server import moto_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from churn_core.models.export.prove import ProvedModel

BUCKET: Final = "models-123456789012-eu-west-1"
ADDRESS: Final = f"s3://{BUCKET}/team/"
FILES: Final = ("metrics.json", "model.onnx", "portable.onnx", "report.html", "manifest.json")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as address:
        yield address


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of S3 with one empty bucket, with versions."""

    def reset() -> None:
        urllib.request.urlopen(f"{endpoint}/moto-api/reset", data=b"").close()

    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    reset()
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    yield client
    reset()


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
    write_bundle(proved_logistic, "report", folder, sample=True)
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


def folder_key(bundle: Bundle) -> str:
    return f"team/models/churn/{bundle.model_digest[:12]}/"


def versions(s3: Any) -> list[str]:
    """Return the key of each version of each object."""
    return sorted(version["Key"] for version in s3.list_object_versions(Bucket=BUCKET).get("Versions", []))


def require_whole(s3: Any) -> str | None:
    """Check the hashes of the pointer's objects; return the model's version, None without a pointer."""
    keys = set(versions(s3))
    if "team/models/churn/current.json" not in keys:
        return None
    pointer = json.loads(s3.get_object(Bucket=BUCKET, Key="team/models/churn/current.json")["Body"].read())
    assert set(pointer["files"]) == set(FILES)
    for named in pointer["files"].values():
        stored = s3.get_object(Bucket=BUCKET, Key=named["key"], VersionId=named["version_id"])
        assert hashlib.sha256(stored["Body"].read()).hexdigest() == named["sha256"]
        assert stored["Metadata"]["churn-sha256"] == named["sha256"]
    return str(pointer["model_version"])


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
