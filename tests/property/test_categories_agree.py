"""Categories: Python values, pandas columns and DuckDB's SQL give the same result for every value."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from churn_core.schema import CategoryFeature, NumberFeature
from churn_core.scoring.records.categories import DOT_ABOVE, canonical_category, fold_character
from churn_core.scoring.records.values import ValueRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

bounded = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

PLAIN = CategoryFeature("c")
SHORT, LONG = "\u0958" * 256, "\u0915\u093c" * 256
"""The same text twice; the second is NFC-normalised, which makes it longer."""

ODD_TEXTS = (
    *("", " ", "\t", "\n", "\r", "\v", "\f", " \t\n\r\v\f", "\u00a0", "\u2003", " Yes ", "Yes", "yes"),
    *("caf\u00e9", "cafe\u0301", "e\u0301" * 128, "e\u0301" * 129, SHORT, LONG, "\u212b", "\u00c5"),
    *("\0", "a\0b", " \0 ", "x" * 256, "x" * 257, " " * 300, "\U0001f469\u200d\U0001f467" * 85),
    *("\u202eseY", "Y\u200bes", "\ufeffYes", "\u0425", "it's", '"; DROP TABLE x; --', "true", "1", "nan"),
)
texts = st.one_of(
    st.sampled_from(ODD_TEXTS),
    # DuckDB may normalise characters that this Python's Unicode version does not know.
    st.text(st.characters(exclude_categories=("Cs", "Cn")), max_size=5),
    st.text(st.sampled_from("e\u0301\u0323\u1100\u1161\u11a8 \t\0'x"), max_size=6),
)
text_types = st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])


def vocabulary_of(values: list[Any], feature: CategoryFeature = PLAIN) -> tuple[str, ...]:
    """Return the vocabulary that training would learn from these values."""
    known = set()
    for value in values:
        try:
            text = canonical_category(value, feature)
        except ValueRefusedError:
            continue
        if text is not None:
            known.add(text)
    return tuple(sorted(known)) or ("Yes",)


@bounded
@given(
    st.lists(st.none() | texts, min_size=8, max_size=40),
    st.lists(texts, max_size=9),
    st.booleans(),
    text_types,
)
@example([*ODD_TEXTS, None], ["Yes", "caf\u00e9", "it's", "e\u0301" * 128], True, pa.string())
@example([*ODD_TEXTS, None], [*ODD_TEXTS], False, pa.string())
def test_text_gets_the_same_code(
    agree: Callable[..., Any], values: list[str | None], learnt: list[str], nullable: bool, kind: pa.DataType
) -> None:
    feature = CategoryFeature("c", vocabulary_of(learnt), nullable)
    agree(feature, pa.array(values, pa.string()).cast(kind))


@bounded
@given(st.data(), st.booleans(), st.integers(0, 3))
def test_whole_numbers_get_the_code_of_their_text(
    agree: Callable[..., Any], data: Any, nullable: bool, learnt: int
) -> None:
    kind = data.draw(
        st.sampled_from([getattr(pa, f"{s}int{b}")() for s in ("", "u") for b in (8, 16, 32, 64)])
    )
    signed = pa.types.is_signed_integer(kind)
    low, high = (-(2 ** (kind.bit_width - 1)) if signed else 0), 2 ** (kind.bit_width - signed) - 1
    numbers = st.none() | st.sampled_from([low, 0, 1, high]) | st.integers(low, high)
    values = data.draw(st.lists(numbers, min_size=1, max_size=20))
    feature = CategoryFeature("c", vocabulary_of([*values[:learnt], 1]), nullable)
    found = agree(feature, pa.array(values, kind))
    for value, verdict in zip(values, found, strict=True):
        if value is not None and str(value) in feature.vocabulary:
            assert verdict == feature.vocabulary.index(str(value))


@pytest.mark.parametrize("vocabulary", [("false", "true"), ("true",), ("True", "1")])
def test_booleans_get_the_code_of_true_and_false(
    agree: Callable[..., Any], vocabulary: tuple[str, ...]
) -> None:
    feature = CategoryFeature("c", vocabulary, nullable=True)
    codes = [vocabulary.index(text) if text in vocabulary else len(vocabulary) for text in ("true", "false")]
    assert agree(feature, pa.array([True, False, None])) == [*codes, len(vocabulary) + 1]


def test_a_missing_category_is_not_an_unknown_one(agree: Callable[..., Any]) -> None:
    column = pa.array([None, " \t", "Maybe", "No", "Yes"])
    assert agree(CategoryFeature("c", ("No", "Yes"), nullable=True), column) == [3, 3, 2, 0, 1]
    assert agree(CategoryFeature("c", ("No", "Yes")), column) == [3, 3, 2, 0, 1]
    required = CategoryFeature("c", ("No", "Yes"), required=True)
    assert agree(required, column) == ["missing", "missing", 2, 0, 1]


def test_a_column_with_only_nulls_is_missing(agree: Callable[..., Any]) -> None:
    assert agree(CategoryFeature("c", ("No",), nullable=True), pa.nulls(2)) == [2, 2]
    assert agree(NumberFeature("n", 0, 1), pa.nulls(2)) == ["missing"] * 2


def test_categories_are_compared_after_nfc_normalisation(agree: Callable[..., Any]) -> None:
    composed = unicodedata.normalize("NFC", "Zu\u0308rich")
    column = pa.array(["Zu\u0308rich", composed, "Z\u00fcrich\u200b", "Zurich"])
    assert agree(CategoryFeature("c", (composed,)), column) == [0, 0, 1, 1]


def test_text_that_nfc_normalisation_makes_too_long_is_too_long(agree: Callable[..., Any]) -> None:
    assert unicodedata.normalize("NFC", SHORT) == LONG
    assert agree(CategoryFeature("c", ("Yes",)), pa.array([SHORT, LONG])) == ["too_long"] * 2


# ---------------------------------------------------------------- categories compared by value

LEVELS = ("-3", "0", "1", "12", "170141183460469231731687303715884105727")
WHOLE, FLAG = (
    CategoryFeature("c", LEVELS, True, values="integer"),
    CategoryFeature("c", ("false", "true"), True, values="boolean"),
)
by_value = st.sampled_from([WHOLE, FLAG])
ODD_NUMBERS = (
    *("1", "1.0", " 1.00 ", "1.", "+1", "01", "001.0", "-0", "-0.0", "0", "-3", "-3.0", "1.5", "-0.5", ".5"),
    *(
        "1e0",
        "12.0",
        "true",
        "TRUE",
        " False",
        "t\u0131rue",
        "tr\u0130ue",
        "yes",
        "nan",
        "inf",
        "",
        " \t",
        "\0",
    ),
    *("1\0", "9" * 256, "9" * 257, "1." + "0" * 250, "1.0.0", "\u0661", "1 2", "--1", "0x1", "1_0"),
    *("170141183460469231731687303715884105727.0", "cafe\u0301"),
)


@bounded
@given(
    by_value,
    st.booleans(),
    st.lists(
        st.none()
        | st.sampled_from(ODD_NUMBERS)
        | st.from_regex(r" ?[+-]?[0-9]{0,3}([.][0-9]{0,3})?", fullmatch=True)
        | texts,
        max_size=30,
    ),
)
def test_numbers_in_text_are_compared_by_value(
    agree: Callable[..., Any], feature: CategoryFeature, nullable: bool, values: list[str | None]
) -> None:
    agree(replace(feature, nullable=nullable), pa.array([*values, *ODD_NUMBERS], pa.string()))


@bounded
@given(
    by_value,
    st.lists(st.none() | st.sampled_from([0.0, -0.0, 1.0, 12.0, -3.0, 0.5]) | st.floats(), max_size=30),
    st.sampled_from([pa.float64(), pa.float32()]),
)
@example(
    WHOLE, [math.nan, math.inf, -math.inf, 1e39, -1e39, 2.0**127, -(2.0**127), 1e20, 5e-324], pa.float64()
)
def test_floating_point_numbers_are_compared_by_value(
    agree: Callable[..., Any], feature: CategoryFeature, values: list[float | None], kind: pa.DataType
) -> None:
    column = pa.array(values, pa.float64()).cast(kind)
    agree(feature, column)


@settings(bounded, max_examples=8)
@given(by_value, st.lists(st.none() | st.integers(-15, 15), min_size=1, max_size=30), st.integers(0, 2))
def test_decimals_and_whole_numbers_are_compared_by_value(
    agree: Callable[..., Any], feature: CategoryFeature, values: list[int | None], places: int
) -> None:
    expected = agree(feature, pa.array(values, pa.int8()))
    decimals = [None if value is None else Decimal(value) for value in values]
    assert agree(feature, pa.array(decimals, pa.decimal128(38, places)), values) == expected
    assert agree(feature, pa.array(values, pa.float64())) == expected
    assert agree(feature, pa.array([None if value is None else f"{value}.0" for value in values])) == expected


@pytest.mark.parametrize("feature", [WHOLE, FLAG])
def test_one_and_true_are_one_value_whatever_stores_them(
    agree: Callable[..., Any], feature: CategoryFeature
) -> None:
    one = [feature.vocabulary.index("1" if feature is WHOLE else "true")]
    for value in (1, 1.0, True, "1", "1.0", "true", "TRUE", " 1 "):
        assert agree(feature, pa.array([value])) == one
    unknown = [feature.unknown_code]
    assert agree(feature, pa.array([Decimal("1.50")]), [1.5]) == unknown
    assert agree(feature, pa.array([1.5])) == agree(feature, pa.array(["1.5"])) == unknown


# ---------------------------------------------------------------- categories without case and blanks

ODD_SPELLINGS = (
    *("Month to Month", "month  to\tmonth", " MONTH\u00a0TO MONTH ", "month-to-month", "\u00a0", "\u2003 \t"),
    *(
        "Stra\u00dfe",
        "STRASSE",
        "STRA\u1e9eE",
        "\u0130stanbul",
        "i\u0307stanbul",
        "Istanbul",
        "\u0131stanbul",
    ),
    *(
        "\u039f\u0394\u039f\u03a3",
        "\u03bf\u03b4\u03bf\u03c2",
        "Z\u00dcRICH",
        "Zu\u0308rich",
        "H\u0331",
        "\u1e96",
        "\u017f",
    ),
    *("\u212a", "\u2126", "\u212b", "\u13a0", "\uab70", "\0", "A\0", "\u0958" * 200, "x" * 257, "", " "),
)
spellings = st.one_of(
    st.sampled_from(ODD_SPELLINGS),
    st.text(st.characters(exclude_categories=("Cs", "Cn")), max_size=5),
    st.text(
        st.sampled_from("iI\u0130\u0131\u0307sS\u017f\u03c3\u03c2\u03a3hH\u0331\u1e96 \t\u00a0"), max_size=6
    ),
)


@bounded
@given(
    st.lists(st.none() | spellings, min_size=8, max_size=40), st.lists(spellings, max_size=9), st.booleans()
)
@example([*ODD_SPELLINGS], [*ODD_SPELLINGS], True)
def test_spellings_get_the_same_code(
    agree: Callable[..., Any], values: list[str | None], learnt: list[str], nullable: bool
) -> None:
    feature = CategoryFeature("c", nullable=nullable, normalise=True)
    levels = vocabulary_of([*learnt, *values[:2]], feature)
    agree(replace(feature, vocabulary=levels), pa.array(values, pa.string()))


@pytest.mark.parametrize(
    "spellings",
    [
        ("Month to Month", "MONTH  TO MONTH", " month\u00a0to month\t"),
        ("Z\u00fcrich", "zu\u0308rich", "Z\u00dcRICH"),
        ("\u0130stanbul", "istanbul", "ISTANBUL", "i\u0307stanbul"),
        ("\u03bf\u03b4\u03bf\u03c2", "\u039f\u0394\u039f\u03a3"),
        ("H\u0331", "\u1e96"),
    ],
)
def test_spellings_that_differ_by_case_blanks_or_unicode_form_are_one_value(
    agree: Callable[..., Any], spellings: tuple[str, ...]
) -> None:
    feature = CategoryFeature("c", normalise=True)
    levels = vocabulary_of(list(spellings), feature)
    assert len(levels) == 1
    assert agree(replace(feature, vocabulary=levels), pa.array(spellings)) == [0] * len(spellings)
    assert agree(replace(feature, vocabulary=levels), pa.array(["other"])) == [1]


def test_a_folded_character_is_folded_to_itself() -> None:
    for character in map(chr, range(0x110000)):
        folded = fold_character(character)
        assert fold_character(folded) == folded if folded else character == DOT_ABOVE
