"""Bodies: JSON, its encoding and its limits (rows A2 to A10 and A25 to A32)."""

from __future__ import annotations

import base64
import json
import resource
import zlib
from typing import Any

import pytest

from churn_core.scoring.records.strict_json import MAX_JSON_DEPTH, MAX_NUMBER_LENGTH
from functions.score.limits import MAX_BODY_BYTES
from tests.functional.score_api.score_client import event, invoke, post

JSON = "application/json"


@pytest.mark.parametrize("body", [None, "", "   ", "null"])
def test_a2_an_empty_body_is_not_json(body: str | None) -> None:
    answer = post("/predict", body)
    assert (answer.status, answer.problem) == (400, "malformed-json")


@pytest.mark.parametrize(
    "body",
    [
        "{",
        '{"tenure": 1,}',
        '{"tenure": 1} more',
        "{'tenure': 1}",
        '{"tenure": 01}',
        '{"tenure": "\x01"}',
        '{"tenure": +1}',
        '{"tenure": .5}',
        '{"tenure": 0x1}',
        "{tenure: 1}",
        '{"tenure": 1} {}',
        '{"tenure": "\\x41"}',
        "// note\n{}",
        "]",
    ],
)
def test_a3_text_similar_to_json_is_refused(body: str) -> None:
    answer = post("/predict", body)
    assert (answer.status, answer.problem) == (400, "malformed-json")


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "nan", "inf"])
def test_a4_nan_and_infinity_are_not_json(token: str) -> None:
    answer = post("/predict", f'{{"MonthlyCharges": {token}}}')
    assert (answer.status, answer.problem) == (400, "malformed-json")


def test_a5_a_number_too_large_for_float64_is_not_finite(customer: dict[str, Any]) -> None:
    body = json.dumps(customer | {"MonthlyCharges": "here"}).replace('"here"', "1e999")
    answer = post("/predict", body)
    assert (answer.status, answer.problem) == (422, "validation")
    assert answer.errors == [(["MonthlyCharges"], "not_finite")]


def test_a6_a_number_too_large_for_float32_is_out_of_range(customer: dict[str, Any]) -> None:
    answer = post("/predict", customer | {"MonthlyCharges": 1e39})
    assert (answer.status, answer.problem) == (422, "validation")
    assert answer.errors == [(["MonthlyCharges"], "out_of_range")]


@pytest.mark.parametrize(
    "digits", ["9" * 5_000, "9" * (MAX_NUMBER_LENGTH + 1), "0." + "1" * MAX_NUMBER_LENGTH]
)
def test_a7_a_number_has_at_most_32_characters(digits: str) -> None:
    answer = post("/predict", f'{{"tenure": {digits}}}')
    assert (answer.status, answer.problem) == (400, "malformed-json")


def test_a7_a_number_of_32_characters_is_read(customer: dict[str, Any]) -> None:
    digits = "29." + "0" * (MAX_NUMBER_LENGTH - 3)
    body = json.dumps(customer | {"MonthlyCharges": "here"}).replace('"here"', digits)
    assert post("/predict", body).content == post("/predict", customer | {"MonthlyCharges": 29}).content


@pytest.mark.parametrize("body", ["[" * 5_000, '{"a":' * 5_000, '{"a":[' * 100 + "]}" * 100])
def test_a8_deep_nesting_is_refused(body: str) -> None:
    answer = post("/predict", body)
    assert (answer.status, answer.problem) == (400, "too-deep")


@pytest.mark.parametrize(
    ("depth", "problem"), [(MAX_JSON_DEPTH, "validation"), (MAX_JSON_DEPTH + 1, "too-deep")]
)
def test_a8_eight_levels_are_allowed(depth: int, problem: str) -> None:
    assert post("/predict", "[" * depth + "]" * depth).problem == problem


def test_a8_brackets_in_text_are_not_counted(customer: dict[str, Any]) -> None:
    answer = post("/predict", customer | {"Contract": '[[[[[[[[[["{{{{{{{{{{\\'})
    assert (answer.status, answer.content["warnings"]) == (200, ["Contract"])


@pytest.mark.parametrize(
    "body",
    [
        '{"tenure": 1, "tenure": 2}',
        '{"tenure": 1, "tenure": 1}',
        '{"tenure": 1, "t\\u0065nure": 1}',
        '{"note": "a:b", "tenure": 1, "tenure": 1}',
        '{"customerID": {"a": 1, "a": 2}}',
    ],
)
def test_a9_a_repeated_key_is_refused(body: str) -> None:
    answer = post("/predict", body)
    assert (answer.status, answer.problem) == (400, "duplicate-key")


@pytest.mark.parametrize(
    "body", ['{"customers": [], "customers": []}', '{"customers": [{}, {"tenure": 1, "tenure": 1}]}']
)
def test_a10_a_repeated_key_in_a_batch_is_refused(body: str) -> None:
    answer = post("/predict/batch", body)
    assert (answer.status, answer.problem) == (400, "duplicate-key")


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413)])
@pytest.mark.parametrize("encoded", [False, True])
def test_a25_the_decoded_body_has_at_most_one_mebibyte(
    customer: dict[str, Any], size: int, status: int, encoded: bool
) -> None:
    text = json.dumps(customer)
    body = text + " " * (size - len(text))
    answer = post("/predict", body.encode() if encoded else body)
    assert answer.status == status
    if status == 413:
        assert answer.problem == "payload-too-large"


def test_a25_bytes_are_counted_not_characters(customer: dict[str, Any]) -> None:
    body = json.dumps(customer | {"Contract": "ö" * 600_000}, ensure_ascii=False)
    assert len(body) < MAX_BODY_BYTES
    assert post("/predict", body).problem == "payload-too-large"


@pytest.mark.parametrize("headers", [{}, {"Accept": JSON}])
def test_a26_the_content_type_is_required(customer: dict[str, Any], headers: dict[str, str]) -> None:
    answer = post("/predict", customer, headers=headers)
    assert (answer.status, answer.problem) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
    ],
)
def test_a27_other_media_types_are_refused(customer: dict[str, Any], media_type: str) -> None:
    answer = post("/predict", customer, headers={"Content-Type": media_type})
    assert (answer.status, answer.problem) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("media_type", "named"),
    [
        ("application/x-www-form-urlencoded", "a form"),
        ("multipart/form-data; boundary=x", "a form"),
        ("Text/CSV; charset=utf-8", "a table"),
        ("application/xml", "XML"),
        ("application/x-ndjson", "not lines"),
    ],
)
def test_a27_what_was_sent_instead_of_json_is_named(
    customer: dict[str, Any], media_type: str, named: str
) -> None:
    answer = post("/predict", customer, headers={"Content-Type": media_type})
    assert (answer.status, answer.problem) == (415, "unsupported-media-type")
    assert named in answer.content["detail"]
    assert "'Content-Type: application/json'" in answer.content["detail"]


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json; charset=utf-16",
        "application/json, text/plain",
        "application/jsonp",
        "application/json; charset=utf-8; charset=utf-16",
    ],
)
def test_a28_json_in_another_encoding_is_refused(customer: dict[str, Any], media_type: str) -> None:
    answer = post("/predict", customer, headers={"content-type": media_type})
    assert (answer.status, answer.problem) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    "media_type",
    [JSON, "Application/JSON", "application/json;charset=UTF-8", 'application/json ; charset="utf-8"'],
)
def test_a28_json_declared_as_utf_8_is_accepted(customer: dict[str, Any], media_type: str) -> None:
    assert post("/predict", customer, headers={"CONTENT-TYPE": media_type}).status == 200


@pytest.mark.parametrize(
    "body",
    [
        "{}".encode("utf-16"),
        "{}".encode("utf-16-le"),
        "{}".encode("utf-32"),
        b'{"gender": "\xff"}',
        b'{"gender": "\xc3"}',
        '{"gender": "\ud800"}',
    ],
)
def test_a29_only_utf_8_is_read(body: bytes | str) -> None:
    answer = post("/predict", body)
    assert (answer.status, answer.problem) == (400, "bad-encoding")


@pytest.mark.parametrize("encoded", [False, True])
def test_a29_a_byte_order_mark_is_ignored(customer: dict[str, Any], encoded: bool) -> None:
    body = "\ufeff" + json.dumps(customer)
    answer = post("/predict", body.encode() if encoded else body)
    assert answer.content == post("/predict", customer).content


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("", "empty"),
        ("tenure=3&Contract=x", "a form"),
        ("<customer><tenure>3</tenure></customer>", "XML"),
        ("tenure,Contract\n3,x\n", "CSV"),
        ('{"tenure": 3}\n{"tenure": 4}\n', "JSON lines"),
        ("{'tenure': 3}", "Python"),
    ],
)
def test_a_body_of_another_format_is_named(body: str, named: str) -> None:
    answer = post("/predict", body)
    assert (answer.status, answer.problem) == (400, "malformed-json")
    assert named in answer.content["detail"]


def test_a30_base64_is_decoded(customer: dict[str, Any]) -> None:
    assert post("/predict", json.dumps(customer).encode()).content == post("/predict", customer).content


@pytest.mark.parametrize("garbage", ["!!!!", "e30", "e30=e30=", "ünïcode"])
def test_a30_invalid_base64_is_refused(garbage: str) -> None:
    answer = invoke(event(body=garbage) | {"isBase64Encoded": True})
    assert (answer.status, answer.problem) == (400, "bad-encoding")


def test_a30_base64_that_is_too_long_is_refused_before_it_is_decoded() -> None:
    garbage = "!" * (MAX_BODY_BYTES * 4 // 3 + 8)
    answer = invoke(event(body=garbage) | {"isBase64Encoded": True})
    assert (answer.status, answer.problem) == (413, "payload-too-large")


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity", "GZIP"])
def test_a31_a_compressed_body_is_refused(customer: dict[str, Any], encoding: str) -> None:
    body = zlib.compress(json.dumps(customer).encode(), wbits=31)
    answer = post("/predict", body, headers={"Content-Type": JSON, "Content-Encoding": encoding})
    assert (answer.status, answer.problem) == (415, "unsupported-media-type")


def test_a31_the_encoding_identity_is_accepted(customer: dict[str, Any]) -> None:
    headers = {"Content-Type": JSON, "Content-Encoding": "identity"}
    assert post("/predict", customer, headers=headers).status == 200


def test_a32_a_compressed_bomb_is_never_decompressed() -> None:
    compressor = zlib.compressobj(9, wbits=31)
    zeros = bytes(2**20)
    bomb = b"".join(compressor.compress(zeros) for _ in range(512)) + compressor.flush()
    assert len(base64.b64encode(bomb)) < MAX_BODY_BYTES
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    answer = post("/predict", bomb, headers={"Content-Type": JSON, "Content-Encoding": "gzip"})

    assert (answer.status, answer.problem) == (415, "unsupported-media-type")
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 64 * 1024
