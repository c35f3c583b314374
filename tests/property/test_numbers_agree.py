"""Numbers: Python values, pandas columns and DuckDB's SQL give the same result for every value."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from churn_core.reader_rules import TextRules
from churn_core.schema import NumberFeature

if TYPE_CHECKING:
    from collections.abc import Callable

bounded = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

BOUNDS = [(-1000.0, 1000.0), (0.0, 120.0), (0.1, 0.3), (-3e38, 3e38), (0.0, 0.0)]
features = st.builds(
    lambda bounds, integer, nullable: NumberFeature("n", bounds[0], bounds[1], integer, nullable),
    *(st.sampled_from(BOUNDS), st.booleans(), st.booleans()),
)
text_features = st.builds(
    lambda bounds, integer, nullable: NumberFeature(
        "n", bounds[0], bounds[1], integer, nullable, stored_as_text=True
    ),
    *(st.sampled_from(BOUNDS), st.booleans(), st.booleans()),
)

ODD_NUMBERS = (math.nan, math.inf, -math.inf, -0.0, 1e39, -1e39, 5e-324, 1e-310, 1e-46, 1.0, 1.5, 2.0**53 + 2)


def edges(feature: NumberFeature) -> list[float]:
    """Return a feature's bounds and the adjacent doubles on both sides."""
    bounds = [feature.minimum, feature.maximum]
    return [*bounds, *(math.nextafter(bound, away) for bound in bounds for away in (-math.inf, math.inf))]


@bounded
@given(features, st.lists(st.none() | st.sampled_from(ODD_NUMBERS) | st.floats(), min_size=6, max_size=40))
@example(NumberFeature("n", 0, 120, integer=True), [*ODD_NUMBERS, None])
@example(NumberFeature("n", -3e38, 3e38, nullable=True), [*ODD_NUMBERS, None])
def test_doubles_get_the_same_verdict(
    agree: Callable[..., Any], feature: NumberFeature, values: list[float | None]
) -> None:
    agree(feature, pa.array([*values, *edges(feature)], pa.float64()))


@bounded
@given(features, st.lists(st.none() | st.floats(width=32), min_size=6, max_size=40))
def test_single_floats_get_the_same_verdict(
    agree: Callable[..., Any], feature: NumberFeature, values: list[float | None]
) -> None:
    agree(feature, pa.array(values, pa.float32()))


@bounded
@given(features, st.data())
def test_whole_numbers_get_the_same_verdict(
    agree: Callable[..., Any], feature: NumberFeature, data: Any
) -> None:
    kind = data.draw(
        st.sampled_from([getattr(pa, f"{s}int{b}")() for s in ("", "u") for b in (8, 16, 32, 64)])
    )
    signed = pa.types.is_signed_integer(kind)
    low, high = (-(2 ** (kind.bit_width - 1)) if signed else 0), 2 ** (kind.bit_width - signed) - 1
    numbers = st.none() | st.sampled_from([low, 0, 1, 120, high, high - 1]) | st.integers(low, high)
    agree(feature, pa.array(data.draw(st.lists(numbers, min_size=1, max_size=20)), kind))


@bounded
@given(st.lists(st.none() | st.decimals(-900, 900, places=2), min_size=1, max_size=20), st.booleans())
def test_decimals_get_the_same_verdict(
    agree: Callable[..., Any], values: list[Decimal | None], integer: bool
) -> None:
    feature = NumberFeature("n", -1000, 1000, integer=integer, nullable=True)
    doubles = [None if value is None else float(value) for value in values]
    for kind in (pa.decimal128(9, 2), pa.decimal128(38, 10)):
        agree(feature, pa.array(values, kind), doubles)


def test_a_decimal_equal_to_the_bound_is_in_range(agree: Callable[..., Any]) -> None:
    column = pa.array([Decimal("0.3"), Decimal("0.4")], pa.decimal128(2, 1))
    expected = [float(np.float32(0.3)), "out_of_range"]
    assert agree(NumberFeature("n", 0, 0.3), column, [0.3, 0.4]) == expected


def test_bounds_are_inclusive_and_compared_before_rounding(agree: Callable[..., Any]) -> None:
    # In single precision these six are only two different numbers.
    feature = NumberFeature("n", 0.1, 0.3)
    low, high = float(np.float32(0.1)), float(np.float32(0.3))
    expected = [low, high, "out_of_range", low, high, "out_of_range"]
    assert agree(feature, pa.array(edges(feature))) == expected


def test_a_number_is_rounded_once_to_single_precision(agree: Callable[..., Any]) -> None:
    values = [0.1, 1 / 3, 16777217.0, 1.0000000596046449]
    expected = [float(np.float32(value)) for value in values]
    assert agree(NumberFeature("n", 0, 1e9), pa.array(values)) == expected
    as_text = NumberFeature("n", 0, 1e9, stored_as_text=True)
    assert agree(as_text, pa.array([repr(value) for value in values])) == expected


# ---------------------------------------------------------------- numbers stored as text

ODD_NUMBER_TEXTS = (
    *("1.", ".5", "+1e3", "-1E-3", "1_000", " 12 ", "\t7\n", "nan", "-NaN", "inf", "+Infinity", "-INF"),
    *("1e999", "-1e999", "1e-999", "", " ", "abc", "\u0661\u0662", "\uff11", "\u0130nf", "\u0131nf"),
    *("\u0130nfinity", "0x10", "1,5", "1e", ".", "+", "--1", "1 2", "\u00a01", "1\0", "\0", "0" * 300 + "7"),
    *("9" * 400, "9007199254740993", "0.30000000000000004", "1e+0000000000000000002", "true", "infinit"),
)
number_texts = st.one_of(
    st.none(),
    st.sampled_from(ODD_NUMBER_TEXTS),
    st.from_regex(r"[ \t]?[+-]?[0-9]{0,4}[.]?[0-9]{0,18}([eE][+-]?[0-9]{1,3})?[ \n]?", fullmatch=True),
    st.floats().map(repr),
    st.text(st.sampled_from("0123456789.eE+-_ nafit\u0130\u0131\0"), max_size=6),
)


@bounded
@given(text_features, st.lists(number_texts, min_size=8, max_size=40))
@example(NumberFeature("n", -1000, 1000, False, True, True), [*ODD_NUMBER_TEXTS, None])
@example(NumberFeature("n", 0, 120, True, False, True), [*ODD_NUMBER_TEXTS, None])
def test_numbers_stored_as_text_get_the_same_verdict(
    agree: Callable[..., Any], feature: NumberFeature, values: list[str | None]
) -> None:
    agree(feature, pa.array(values, pa.string()))


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        *(("1.", 1.0), (".5", 0.5), ("+1e3", 1000.0), (" 12 ", 12.0), ("1e-999", 0.0)),
        *(
            ("1_000", "wrong_type"),
            ("abc", "wrong_type"),
            ("\u0661", "wrong_type"),
            ("\u0130nf", "wrong_type"),
        ),
        *(("", "missing"), (" \t", "missing"), ("nan", "missing"), (" " * 300, "missing")),
        *(("0" * 255 + "7", 7.0), ("0" * 256 + "7", "too_long"), (" " * 256 + "7", "too_long")),
        ("x" * 257, "too_long"),
        *(("inf", "not_finite"), ("1e999", "not_finite"), ("1e39", "out_of_range")),
    ],
)
def test_a_text_is_a_number_or_its_fault_is_named(
    agree: Callable[..., Any], text: str, verdict: float | str
) -> None:
    feature = NumberFeature("n", -1000, 1000, stored_as_text=True)
    assert agree(feature, pa.array([text])) == [verdict]


# ---------------------------------------------------------------- declared marks, signs and missing tokens

POINT, COMMA = TextRules(thousands=","), TextRules(decimal=",", thousands=".")
SWISS, FRENCH = TextRules(thousands="'"), TextRules(decimal=",", thousands=" ")
TOKENS = TextRules(missing_tokens=("NA", "n/a", "-", "?", " None ", "\u00c4"))
ANY_RULES = (POINT, COMMA, SWISS, FRENCH, TOKENS, TextRules(decimal=","))
SIGNS = ((), ("%",), ("\u20ac", "EUR"), ("$", "US$"), ("Rs", "Rs.", "kr", "kr."), ("%", "CHF", "Fr."))

ODD_MARKED = (
    *(
        "1.234",
        "1,234",
        "1'234",
        "1\u2019234",
        "1 234",
        "1\u00a0234",
        "1\u202f234,5",
        "12.5",
        "12,5",
        "1.23.4",
    ),
    *("1234,567", "1.234.567,89", "1,234,567.89", "0.125", "0,125", "01.234", "1.2345", "1..234", ".5", ",5"),
    *("5.", "5,", "1.234e5", "1e5", "-1.234", "+1,234", "- 5", "(5)", "5-", "45%", "45 %", "% 45", "45 %%"),
    *(
        "\u20ac 5",
        "-\u20ac5",
        "\u20ac-5",
        "5\u00a0\u20ac",
        "5 EUR",
        "EUR5",
        "EUR 5 EUR",
        "5E3EUR",
        "eur 5",
        "$1,234.50",
    ),
    *("US$5", "US$ 5 $", "Rs.5", "Rs. 5", "Rs .5", "kr.5", "5 kr.", "Fr.5", "$.5", "$,5", "$", "%", "5 \t%"),
    *(
        "na",
        "NA",
        " Na ",
        "N/A",
        "-",
        "?",
        "none",
        "\u00e4",
        "\u00c4",
        "nan",
        "inf",
        "",
        " ",
        "\u0130",
        "NAN",
    ),
)
marked_texts = st.one_of(
    st.none(),
    st.sampled_from(ODD_MARKED),
    st.from_regex(r"[+-]?[0-9]{1,3}([.,' ][0-9]{3}){0,2}([.,][0-9]{0,3})?( ?[%\u20ac$])?", fullmatch=True),
    st.text(st.sampled_from("0123456789.,' \u00a0+-%\u20acEURkNA"), max_size=8),
)


@bounded
@given(st.sampled_from(ANY_RULES), st.sampled_from(SIGNS), st.lists(marked_texts, min_size=8, max_size=40))
def test_numbers_with_marks_and_signs_get_the_same_verdict(
    agree: Callable[..., Any], rules: TextRules, signs: tuple[str, ...], values: list[str | None]
) -> None:
    feature = NumberFeature("n", -1e6, 1e6, nullable=True, stored_as_text=True, signs=signs)
    agree(feature, pa.array([*values, *ODD_MARKED], pa.string()), rules=rules)


@pytest.mark.parametrize(
    ("rules", "signs", "text", "verdict"),
    [
        *((COMMA, (), text, 1234.0) for text in ("1.234", "1234", "1.234,0", "+1.234")),
        *(
            (COMMA, (), text, "wrong_type")
            for text in ("1.23", "12.5", "0.125", "1.234.5", "1,2,3", "1.234e2")
        ),
        (COMMA, (), "12,5", 12.5),
        (TextRules(decimal=","), (), "1.234", "wrong_type"),
        (TextRules(), (), "1,234", "wrong_type"),
        *((FRENCH, (), text, 1234.5) for text in ("1 234,5", "1\u00a0234,5", "1\u202f234,5", "1234,5")),
        *((SWISS, (), text, 1234.5) for text in ("1'234.5", "1\u2019234.5")),
        *((POINT, ("$",), text, -1234.5) for text in ("-$1,234.50", "$-1,234.50", "-1,234.50 $", "-1234.5")),
        *((TextRules(), ("%",), text, 45.0) for text in ("45%", "45 %", "%45", "% 45", "45")),
        *((TextRules(), ("%",), text, "wrong_type") for text in ("45 \u20ac", "% 45 %", "(45)")),
        *((TextRules(), ("Rs", "Rs."), text, 5.0) for text in ("Rs.5", "Rs 5", "5 Rs.")),
        (TextRules(), ("Rs",), "Rs.5", "wrong_type"),
        (TextRules(), (), "5 EUR", "wrong_type"),
        (TextRules(), ("EUR",), "5E3EUR", 5000.0),
        *((TOKENS, (), text, "missing") for text in ("NA", " na ", "N/A", "-", "none", "\u00c4", "nan", "")),
        *((TOKENS, (), text, "wrong_type") for text in ("\u00e4", "unknown", "N A")),
        (TOKENS, (), "-5", -5.0),
    ],
)
def test_a_text_with_marks_is_read_as_declared_or_refused(
    agree: Callable[..., Any], rules: TextRules, signs: tuple[str, ...], text: str, verdict: float | str
) -> None:
    feature = NumberFeature("n", -1e6, 1e6, stored_as_text=True, signs=signs)
    assert agree(feature, pa.array([text]), rules=rules) == [verdict]
