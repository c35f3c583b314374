"""The start page and Swagger UI in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from churn_core.config import parse_config
from churn_core.pipelines import run_training
from churn_core.scoring.predictor import ChurnPredictor
from functions.score.model_info import typical_customer
from tests.e2e.serve.browser import Watched, open_browser
from tests.served_api import ServedApi

if TYPE_CHECKING:
    from collections.abc import Iterator

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from open_browser()


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """A page that must log no error and must send requests to its own server only."""
    context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
    page = Watched(context.new_page())
    yield page
    context.close()
    assert page.errors == []
    assert {
        re.sub(r"^(http://[^/]+)/.*", r"\1", url) for url in page.requests if not url.startswith("data:")
    } <= {re.sub(r"^(http://[^/]+)/.*", r"\1", page.requests[0])}


@pytest.fixture
def page(watched: Watched, api: ServedApi) -> Page:
    """The start page with the typical customer's score."""
    watched.page.goto(api.address)
    expect(watched.page.locator("#headline")).to_contain_text("likely to leave")
    return watched.page


def percent(probability: float) -> str:
    return f"{probability * 100:.0f} %"


def field(page: Page, name: str) -> Any:
    return page.get_by_label(name, exact=True)


def test_the_form_has_the_columns_of_the_contract_and_the_typical_customer(
    page: Page, predictor: ChurnPredictor
) -> None:
    labels = [label.inner_text() for label in page.locator("#form label").all()]
    assert labels == ["customerID", *predictor.contract.names]
    typical = typical_customer(predictor.bundle)
    for name, value in typical.items():
        shown = field(page, name).input_value().removeprefix("known:")
        assert shown == str(value), name
    contract = field(page, "Contract").locator("option").all_inner_texts()
    assert contract == ["Month-to-month", "One year", "Two year", "(missing)", "other …"]


def test_the_score_equals_that_of_the_library(page: Page, predictor: ChurnPredictor) -> None:
    answer = predictor.predict(typical_customer(predictor.bundle), all_reasons=True)
    assert page.locator("#headline").inner_text() == f"{percent(answer['churn_probability'])} likely to leave"
    assert ("Contact this customer" in page.locator("#decision").inner_text()) is answer["will_churn"]
    assert answer["risk"] in page.locator("#decision").inner_text()
    strongest = max(answer["reasons"], key=lambda reason: abs(reason["contribution"]))
    first = page.locator("#reasons tr").first
    assert strongest["feature"] in first.inner_text()
    side = "leave" if strongest["contribution"] > 0 else "stay"
    assert first.locator(f".bar.{side}").count() == 1
    page.get_by_role("button", name=re.compile("Show all")).click()
    assert page.locator("#reasons tr").count() == len(predictor.contract.names)


def test_a_change_shows_the_new_score_and_the_difference(page: Page, predictor: ChurnPredictor) -> None:
    start = typical_customer(predictor.bundle)
    changed = start | {"tenure": 20, "Contract": "One year"}
    before = predictor.predict(start)["churn_probability"]
    now = predictor.predict(changed)["churn_probability"]

    field(page, "tenure").fill("20")
    field(page, "Contract").select_option(label="One year")

    expect(page.locator("#headline")).to_have_text(f"{percent(now)} likely to leave")
    difference = page.locator("#difference").inner_text()
    assert difference.startswith(f"{percent(before)} → {percent(now)}, {'−' if now < before else '+'}")
    assert page.locator(".field.changed label").all_inner_texts() == ["tenure", "Contract"]

    page.get_by_role("button", name="Go back").click()
    expect(page.locator("#headline")).to_have_text(f"{percent(before)} likely to leave")
    assert field(page, "tenure").input_value() == str(start["tenure"])
    expect(page.locator("#change")).to_be_hidden()

    field(page, "Contract").select_option(label="Two year")
    expect(page.locator("#change")).to_be_visible()
    page.get_by_role("button", name="Start from here").click()
    expect(page.locator("#change")).to_be_hidden()
    assert field(page, "Contract").input_value() == "known:Two year"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("tenure", "200", "This must be from 0 to 120."),
        ("tenure", "1.5", "This must be a whole number."),
        ("tenure", "", "This column needs a value."),
        ("MonthlyCharges", "-1", "This must be from 0 to 1000."),
    ],
)
def test_a_fault_is_shown_at_its_field_until_it_is_fixed(page: Page, name: str, text: str, says: str) -> None:
    field(page, name).fill(text)
    error = page.locator(".field", has=field(page, name)).locator(".error")
    expect(error).to_have_text(says)
    expect(field(page, name)).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#headline")).to_have_text("No score")
    field(page, name).fill("30")
    expect(error).to_be_hidden()
    expect(page.locator("#headline")).to_contain_text("likely to leave")


def test_an_empty_nullable_field_is_scored_as_missing(page: Page, predictor: ChurnPredictor) -> None:
    field(page, "TotalCharges").fill("")
    now = predictor.predict(typical_customer(predictor.bundle) | {"TotalCharges": None})
    expect(page.locator("#headline")).to_have_text(f"{percent(now['churn_probability'])} likely to leave")


def test_a_value_that_the_model_has_not_seen_is_scored_with_a_warning(page: Page) -> None:
    field(page, "PaymentMethod").select_option(label="other …")
    other = field(page, "PaymentMethod: other value")
    expect(other).to_be_focused()
    other.fill("Carrier pigeon")
    expect(page.locator("#warnings")).to_contain_text("PaymentMethod")
    expect(page.locator("#headline")).to_contain_text("likely to leave")


def test_a_customer_is_pasted_as_json(page: Page, predictor: ChurnPredictor) -> None:
    event = json.loads(
        (Path(__file__).resolve().parents[3] / "events" / "predict.json").read_text(encoding="utf-8")
    )
    score = predictor.predict(json.loads(event["body"]))["churn_probability"]
    paste = page.get_by_role("button", name="Paste JSON")
    for text, complaint in (
        ("{", "not JSON"),
        ("[]", "one customer"),
        ('{"tenure": 1, "shoe size": 44}', "shoe size"),
    ):
        paste.click() if not page.locator("dialog").is_visible() else None
        field(page, "Customer as JSON").fill(text)
        page.get_by_role("button", name="Use it").click()
        expect(page.locator("#json-error")).to_contain_text(complaint)
    field(page, "Customer as JSON").fill(event["body"])
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("#headline")).to_have_text(f"{percent(score)} likely to leave")
    assert field(page, "customerID").input_value() == "7590-VHVEG"


def test_it_can_be_used_by_keyboard_alone(page: Page) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.labels?.[0]?.textContent") == "tenure":
            break
    before = page.locator("#headline").inner_text()
    page.keyboard.press("Control+A")
    page.keyboard.type("1")
    expect(page.locator("#headline")).not_to_have_text(before)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_a_late_answer_is_not_shown(page: Page, predictor: ChurnPredictor) -> None:
    waiting: list[Any] = []
    page.route("**/predict?*", lambda route: waiting.append(route))
    field(page, "tenure").fill("1")
    page.wait_for_timeout(400)
    field(page, "tenure").fill("70")
    page.wait_for_timeout(400)
    assert len(waiting) == 2
    now = predictor.predict(typical_customer(predictor.bundle) | {"tenure": 70})["churn_probability"]
    waiting[1].continue_()
    expect(page.locator("#headline")).to_have_text(f"{percent(now)} likely to leave")
    waiting[0].abort() if page.is_closed() else waiting[0].continue_()
    page.wait_for_timeout(300)
    expect(page.locator("#headline")).to_have_text(f"{percent(now)} likely to leave")


def test_a_failed_request_is_shown_and_sent_again(watched: Watched, sample_bundle: Path) -> None:
    page = watched.page
    with ServedApi(sample_bundle) as served:
        page.goto(served.address)
        expect(page.locator("#headline")).to_contain_text("likely to leave")
        page.route("**/predict?*", lambda route: route.abort())
        field(page, "tenure").fill("3")
        expect(page.locator("#banner")).to_contain_text("does not answer")
        page.unroute("**/predict?*")
        expect(page.locator("#banner")).to_be_hidden(timeout=10_000)
        expect(page.locator("#change")).to_be_visible()
    watched.errors[:] = [error for error in watched.errors if "ERR_FAILED" not in error]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_phone_layout_fits_the_width_and_keeps_the_score_in_view(
    browser: Browser, api: ServedApi, scheme: Any
) -> None:
    page = browser.new_page(viewport=PHONE, color_scheme=scheme)
    page.goto(api.address)
    expect(page.locator("#dock")).to_contain_text("likely to leave")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    field(page, "TotalCharges").scroll_into_view_if_needed()
    expect(page.locator("#dock")).to_be_in_viewport()
    page.close()


HOSTILE = {
    '"><img src=x onerror=window.pwned=1>': {"kind": "number", "minimum": 0, "maximum": 1000},
    "__proto__": {"kind": "category", "nullable": True},
    "<script>window.pwned=2</script>": {"kind": "category"},
    "größe in m²; a, b": {"kind": "number", "minimum": -5, "maximum": 5, "nullable": True},
    "town": {"kind": "category"},
}


@pytest.fixture(scope="module")
def hostile_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a table without ids, with markup in names and values."""
    generator = np.random.default_rng(1)
    rows = 600
    first, proto, script, size, town = HOSTILE
    table = pd.DataFrame(
        {
            first: generator.uniform(0, 1000, rows).round(2),
            proto: generator.choice(np.array(["constructor", "a'b", None], dtype=object), rows),
            script: generator.choice(
                ["<b>bold</b>", "</option></select><img src=x onerror=window.pwned=3>"], rows
            ),
            size: generator.normal(0, 1, rows).clip(-5, 5),
            town: [f"town {number % 90}" for number in range(rows)],
        }
    )
    table["left"] = np.where(table[first] + generator.normal(0, 300, rows) > 500, "yes", "no")
    config = parse_config(
        {
            "data": {"target": {"column": "left", "positive": "yes", "negative": "no"}, "features": HOSTILE},
            "model": {"type": "logistic_regression"},
            "evaluation": {"folds": 2, "repeats": 1},
        }
    )
    folder = tmp_path_factory.mktemp("hostile") / "bundle"
    run_training(config, table, folder, jobs=1)
    return folder


def test_markup_in_names_and_values_is_shown_as_text(watched: Watched, hostile_bundle: Path) -> None:
    predictor = ChurnPredictor.load(hostile_bundle)
    first, proto, script, size, town = HOSTILE
    page = watched.page
    with ServedApi(hostile_bundle) as served:
        page.goto(served.address)
        expect(page.locator("#headline")).to_contain_text("likely to leave")
        assert page.locator("#form label").all_inner_texts() == list(HOSTILE)
        field(page, proto).select_option(label="a'b")
        field(page, script).select_option(label="<b>bold</b>")
        field(page, town).fill("town 7")
        field(page, size).fill("")
        field(page, first).fill("999")
        customer = {first: 999, proto: "a'b", script: "<b>bold</b>", size: None, town: "town 7"}
        score = predictor.predict(customer)["churn_probability"]
        expect(page.locator("#headline")).to_have_text(f"{percent(score)} likely to leave")
        field(page, town).fill("nowhere <img src=x onerror=window.pwned=4>")
        expect(page.locator("#warnings")).to_contain_text("town")
        assert page.evaluate("window.pwned") is None
        assert page.locator("main img, main script").count() == 0


def test_swagger_ui_describes_the_api_and_calls_it(watched: Watched, api: ServedApi) -> None:
    page = watched.page
    page.goto(f"{api.address}/docs")
    expect(page.locator(".opblock")).to_have_count(11)
    page.locator("#operations-Scores-predict .opblock-summary-control").click()
    page.get_by_role("button", name="Execute").first.click()
    expect(page.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
    expect(page.locator(".live-responses-table")).to_contain_text("churn_probability")


def test_pages_have_strict_headers_and_are_sent_only_when_changed(api: ServedApi) -> None:
    with urlopen(api.address) as response:
        headers = response.headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        tag = headers["ETag"]
    request = Request(api.address, headers={"If-None-Match": tag})
    with pytest.raises(Exception, match="304"):
        urlopen(request)
    with pytest.raises(Exception, match="405"):
        urlopen(Request(api.address, data=b"x"))
    with urlopen(
        Request(f"{api.address}/swagger-ui.js", method="HEAD", headers={"Accept-Encoding": "gzip"})
    ) as head:
        assert head.headers["Content-Encoding"] == "gzip"
        assert head.read() == b""
