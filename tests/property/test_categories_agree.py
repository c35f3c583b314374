"""Categories: Python values, pandas columns and DuckDB's SQL give the same result for every value."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from churn_core.schema import CategoryFeature, NumberFeature
from churn_core.scoring.records.values import ValueRefusedError, category_text

if TYPE_CHECKING:
    from collections.abc import Callable

bounded = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

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


def vocabulary_of(values: list[Any]) -> tuple[str, ...]:
    """Return the vocabulary that training would learn from these values."""
    known = set()
    for value in values:
        try:
            text = category_text(value)
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
    assert agree(CategoryFeature("c", ("No", "Yes")), column) == ["missing", "missing", 2, 0, 1]


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
