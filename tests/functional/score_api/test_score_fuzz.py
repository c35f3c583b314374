"""Random requests: no answer is a 5xx, and answers fit the API's description (row A52)."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.score.routes import ROUTES
from tests.functional.score_api.score_client import event, invoke, post
from tests.proof_figures import cases, record_figure
from tests.served_api import ServedApi

if TYPE_CHECKING:
    from collections.abc import Iterator

POSTED = [path for path, methods in ROUTES.items() if "POST" in methods]
FUZZED = settings(
    max_examples=cases(200, "CHURN_FUZZ_BODIES"),
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None), max_size=40)
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module", autouse=True)
def tried() -> Iterator[Counter[str]]:
    """Count the cases that really ran."""
    counter: Counter[str] = Counter()
    yield counter
    for kind, count in counter.items():
        record_figure(f"{kind}, none answered 5xx", f"{count:,}")


@FUZZED
@given(st.sampled_from(POSTED), st.binary(max_size=400))
def test_a52_any_bytes_are_answered(tried: Counter[str], path: str, body: bytes) -> None:
    tried["Bodies of random bytes"] += 1
    assert 400 <= post(path, body).status < 500


@FUZZED
@given(st.sampled_from(POSTED), st.dictionaries(st.text(max_size=12), json_values, max_size=5), st.data())
def test_a52_any_json_is_answered(
    tried: Counter[str], customer: dict[str, Any], path: str, extra: dict[str, Any], data: Any
) -> None:
    tried["Bodies of random JSON"] += 1
    for column in data.draw(st.lists(st.sampled_from(sorted(customer)), max_size=4)):
        extra[column] = data.draw(json_values)
    body: Any = customer | extra
    if path == "/predict/batch":
        body = {"customers": [body]}
    elif path != "/predict":
        body = {
            "inputs": [
                {"name": name, "shape": [1], "datatype": "BYTES", "data": [v]} for name, v in body.items()
            ]
        }
    assert post(path, body).status in (200, 400, 413, 422)


@FUZZED
@given(
    st.sampled_from(sorted(event())),
    json_values,
)
def test_a52_any_event_is_answered(tried: Counter[str], member: str, value: Any) -> None:
    tried["Events with a random member"] += 1
    assert invoke(event(body="{}") | {member: value}).status < 500


@pytest.mark.timeout(3_600)
def test_a52_the_description_holds_for_generated_requests(sample_bundle: Path, tmp_path: Path) -> None:
    examples = cases(12, "CHURN_FUZZ_EXAMPLES")
    with ServedApi(sample_bundle) as api:
        result = subprocess.run(
            [
                *(Path(sys.executable).with_name("schemathesis"), "--config-file"),
                *(Path(__file__).with_name("schemathesis.toml"), "run", f"{api.address}/openapi.json"),
                *("--checks", "all", "--max-examples", str(examples), "--seed", "1", "--no-color"),
                *("--continue-on-failure", "--suppress-health-check", "all"),
                # OpenAPI cannot express bounds of a number in text, or that tensors have equal lengths.
                *("--exclude-checks", "positive_data_acceptance"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        exit_code, output = api.stop(), api.output

    assert result.returncode == 0, result.stdout[-6_000:]
    found = re.search(r"(\d+) generated", result.stdout)
    assert found is not None, result.stdout[-2_000:]
    assert int(found[1]) > 500
    assert (exit_code, "Traceback" in output) == (130, False), output
    record_figure("Requests generated from the API's description, answered as it says, none 5xx", found[1])
