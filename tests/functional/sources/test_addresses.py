"""`s3://` as input and output of local commands, against S3 over HTTP."""

from __future__ import annotations

import io
import json
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pytest

from churn_core.cli import main
from churn_core.sources import addresses
from functions.client import object_store
from infra.local.aws.moto_server import moto_server
from tests.functional.customer_files import write_table
from tests.functional.s3_client import empty_s3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BUCKET: Final = "tables-123456789012"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as address:
        yield address


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of S3 with one empty bucket."""
    client = empty_s3(endpoint, monkeypatch, "us-east-1")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for copies, which must be empty afterwards."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def _put(s3: Any, source: Path, key: str) -> str:
    if source.is_dir():
        for path in source.rglob("*.*"):
            _put(s3, path, f"{key}{path.relative_to(source).as_posix()}")
    else:
        s3.put_object(Bucket=BUCKET, Key=key, Body=source.read_bytes())
    return f"s3://{BUCKET}/{key}"


def _keys(s3: Any) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def _get(s3: Any, key: str) -> bytes:
    content: bytes = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return content


def _printed(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    code = main([str(word) for word in words])
    printed = capsys.readouterr()
    assert (code, printed.err) == (0, "")
    return printed.out


def test_every_command_reads_an_address_as_it_reads_a_file(
    labelled: pd.DataFrame,
    s3: Any,
    sample_bundle: Path,
    tmp_path: Path,
    temporary: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_table(labelled, tmp_path / "in.parquet")
    address = _put(s3, source, "tables/in.parquet")
    model = ["--model", sample_bundle]
    for command in (["validate"], ["evaluate", *model], ["drift", *model]):
        words = [command[0], "{}", *command[1:], "--json"]
        local, remote = ([name if word == "{}" else word for word in words] for name in (source, address))
        assert _printed(capsys, *remote) == _printed(capsys, *local)
    _printed(capsys, "init", source, "--target", "Churn", "--out", tmp_path / "local.yaml")
    _printed(capsys, "init", address, "--target", "Churn", "--out", f"s3://{BUCKET}/remote.yaml")
    assert _get(s3, "remote.yaml") == (tmp_path / "local.yaml").read_bytes()
    words = ["--config", tmp_path / "local.yaml", "--model-type", "logistic_regression"]
    _printed(capsys, "train", address, *words, "--out", tmp_path / "model")
    assert (tmp_path / "model" / "manifest.json").exists()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", ["out.parquet", "out.csv"])
def test_scores_are_uploaded_complete_and_replace_nothing_unasked(
    labelled: pd.DataFrame,
    s3: Any,
    sample_bundle: Path,
    tmp_path: Path,
    temporary: Path,
    capsys: pytest.CaptureFixture[str],
    fails: Callable[..., str],
    name: str,
) -> None:
    source = _put(s3, write_table(labelled, tmp_path / "in.parquet"), "in.parquet")
    model = ["--model", sample_bundle]
    _printed(capsys, "score", source, tmp_path / name, *model)
    out = f"s3://{BUCKET}/scores/{name}"
    printed = _printed(capsys, "score", source, out, *model)
    assert f"Wrote {out} with" in printed
    assert f"aws s3 cp {out} ." in printed
    expected = (tmp_path / name).read_bytes()
    assert _get(s3, f"scores/{name}") == expected
    s3.put_object(Bucket=BUCKET, Key=f"scores/{name}", Body=b"mine")
    assert "already exists; replace it with --replace" in fails("score", source, out, *model)
    assert _get(s3, f"scores/{name}") == b"mine"
    _printed(capsys, "score", source, out, *model, "--replace")
    assert _get(s3, f"scores/{name}") == expected
    assert list(temporary.iterdir()) == []


def test_an_object_that_appears_while_we_score_is_not_replaced(
    labelled: pd.DataFrame,
    s3: Any,
    sample_bundle: Path,
    tmp_path: Path,
    fails: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = write_table(labelled, tmp_path / "in.parquet")

    def appears(_store: object, _address: str) -> bool:
        s3.put_object(Bucket=BUCKET, Key="out.parquet", Body=b"theirs")
        return False

    monkeypatch.setattr(object_store.S3Store, "exists", appears)
    out = f"s3://{BUCKET}/out.parquet"
    assert "already exists" in fails("score", source, out, "--model", sample_bundle)
    assert _get(s3, "out.parquet") == b"theirs"


def test_an_upload_whose_answer_was_lost_is_done(s3: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    store, address = object_store.S3Store(s3), f"s3://{BUCKET}/key"
    assert store.upload(tmp_path / "file", address, replace=False)
    assert store.upload(tmp_path / "file", address, replace=False)
    (tmp_path / "file").write_bytes(b"other")
    assert not store.upload(tmp_path / "file", address, replace=False)


def test_a_prefix_is_a_table_of_parts(
    in_parts: Callable[..., Path],
    s3: Any,
    sample_bundle: Path,
    tmp_path: Path,
    temporary: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = in_parts(folder="dt=2026-0{}")
    source = _put(s3, folder, "tables/year=2026/")
    s3.put_object(Bucket=BUCKET, Key="tables/year=2026/_SUCCESS", Body=b"")
    s3.put_object(Bucket=BUCKET, Key="tables/year=2026/dt=2026-00/", Body=b"")
    s3.put_object(Bucket=BUCKET, Key="tables/year=2026/.part.parquet", Body=b"x")
    out, model = f"s3://{BUCKET}/scores/", ["--model", sample_bundle, "--json"]
    local = json.loads(_printed(capsys, "score", folder, tmp_path / "out", *model))
    remote = json.loads(_printed(capsys, "score", source, out, *model))
    assert remote | {"seconds": 0, "output": ""} == local | {"seconds": 0, "output": ""}
    names = [f"dt=2026-0{number}/part-{number}.parquet" for number in range(3)]
    assert [key for key in _keys(s3) if key.startswith("scores/")] == [f"scores/{name}" for name in names]
    # The same scores; only the footer says another year, of the address.
    for name in names:
        expected = pd.read_parquet(tmp_path / "out" / name, partitioning=None)
        pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(_get(s3, f"scores/{name}"))), expected)
    s3.delete_object(Bucket=BUCKET, Key=f"scores/{names[1]}")
    again = json.loads(_printed(capsys, "score", source, out, *model))
    assert again["parts_already_scored"] == 2
    assert len([key for key in _keys(s3) if key.startswith("scores/")]) == 3
    assert list(temporary.iterdir()) == []


def test_the_output_of_another_model_is_replaced_only_if_asked(
    in_parts: Callable[..., Path], s3: Any, sample_bundle: Path, fails: Callable[..., str]
) -> None:
    s3.put_object(Bucket=BUCKET, Key="scores/part-0.parquet", Body=b"mine")
    words = ["score", in_parts(), f"s3://{BUCKET}/scores/", "--model", sample_bundle]
    assert f"s3://{BUCKET}/scores/part-0.parquet already exists" in fails(*words)
    assert _get(s3, "scores/part-0.parquet") == b"mine"
    assert main([*map(str, words), "--replace"]) == 0


@pytest.mark.parametrize("key", ["a/../../b.parquet", "a//b.parquet", f"{'x' * 300}.parquet"])
def test_keys_that_no_file_can_have_are_refused(
    s3: Any, fails: Callable[..., str], tmp_path: Path, temporary: Path, key: str
) -> None:
    s3.put_object(Bucket=BUCKET, Key=f"t/{key}", Body=b"x")
    assert "no file can have" in fails("validate", f"s3://{BUCKET}/t/")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["temporary"]
    assert list(temporary.iterdir()) == []


def test_errors_name_the_address_and_not_its_copy(
    s3: Any, fails: Callable[..., str], temporary: Path
) -> None:
    s3.put_object(Bucket=BUCKET, Key="t/empty.csv", Body=b"")
    for address in (f"s3://{BUCKET}/t/empty.csv", f"s3://{BUCKET}/t/"):
        message = fails("validate", address)
        assert f"s3://{BUCKET}/t/empty.csv is empty" in message
        assert str(temporary) not in message


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (f"s3://{BUCKET}/none.parquet", "does not exist; name an existing object."),
        (f"s3://{BUCKET}/none", f"all objects below it as s3://{BUCKET}/none/"),
        (f"s3://{BUCKET}/none/", "holds no table"),
        ("s3://no-such-bucket/a.csv", "NoSuchBucket"),
        ("s3://B/a.csv", "is no address in S3"),
        ("s3://", "is no address in S3"),
        (f"s3://{BUCKET}", "is no address in S3"),
    ],
)
def test_addresses_without_a_table_are_refused(
    s3: Any, fails: Callable[..., str], address: str, message: str
) -> None:
    assert message in fails("validate", address)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("https://example.com/a.csv", "is a web address; download the file and name the copy"),
        ("gs://bucket/a.csv", "is an address of Google Cloud Storage"),
        ("abfss://c@account.dfs.core.windows.net/a", "is an address of Azure storage"),
        ("s3a://bucket/a", "is Hadoop's form of an S3 address; write s3://"),
        ("file:///a.csv", "is a URL of a local file; write its path without file://"),
        ("foo://a", "is an address of an unknown kind"),
    ],
)
def test_other_addresses_are_named_for_what_they_are(
    capsys: pytest.CaptureFixture[str], address: str, message: str
) -> None:
    for words in (
        ["validate", address],
        ["score", address, "o.csv"],
        ["score", "i.csv", address],
        ["predict", address],
    ):
        assert main(words) == 2
        assert f"{address} {message}" in capsys.readouterr().err


def test_an_address_where_only_a_path_will_do_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["predict", "s3://b/a"], ["evaluate", "a.csv", "--model", "s3://b/m/"]):
        assert main(words) == 2
        assert "is an address; name a local path here" in capsys.readouterr().err


def test_without_boto3_the_message_says_what_to_install(
    fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "functions.shared.storage", raising=False)
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert "churn-stack[aws]" in fails("validate", "s3://bucket/a.csv")


def test_without_the_entry_point_the_message_says_what_to_install(
    fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "entry_points", lambda **_: metadata.EntryPoints())
    assert "pip install 'churn-stack[aws]'" in fails("validate", "s3://bucket/a.csv")
