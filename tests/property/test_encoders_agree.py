"""Python values, a table's columns and DuckDB's SQL: three encoders, one verdict for every value."""

from __future__ import annotations

import math
import struct
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from churn_core.data import load_parquet
from churn_core.data.columns import parse_category_column, parse_number_column
from churn_core.errors import REJECT_CODES
from churn_core.features import TableEncoder, parse_table
from churn_core.schema import CategoryFeature, Contract, Feature, NumberFeature
from churn_core.scoring.batch import BatchSettings, score_file
from churn_core.scoring.encoding import RecordEncoder, ValueRefusedError, category_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from churn_core.scoring.predictor import ChurnPredictor

MISSING_SHOWN = -54321.0
Verdicts = list[str | float]
"""For each value its reject code, or its code in the encoded matrix."""

bounded = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def contract_of(feature: Feature) -> Contract:
    return Contract((feature,), target="left", positive="yes", negative="no")


def verdicts(codes: list[str | None], matrix: np.ndarray) -> Verdicts:
    column = matrix[:, 0].astype(np.float64)
    shown = np.where(np.isnan(column), MISSING_SHOWN, column).tolist()
    return [value if code is None else code for code, value in zip(codes, shown, strict=True)]


def by_records(feature: Feature, values: list[Any]) -> Verdicts:
    encoded = RecordEncoder(contract_of(feature)).encode_records([{feature.name: value} for value in values])
    found = {fault.record: fault.code for fault in encoded.faults}
    return verdicts([found.get(row) for row in range(len(values))], encoded.matrix)


def by_table(feature: Feature, path: Any) -> Verdicts:
    table = load_parquet(path)
    if isinstance(feature, NumberFeature):
        faults = parse_number_column(table[feature.name], feature, text_cells=False).faults
    else:
        faults = parse_category_column(table[feature.name], feature).faults
    contract = contract_of(feature)
    matrix = TableEncoder.of(contract).transform(parse_table(table, contract))
    return verdicts([REJECT_CODES[fault - 1] if fault else None for fault in faults], matrix)


def by_file(predictor: ChurnPredictor, path: Any) -> tuple[Verdicts, list[tuple[float | None, bool]]]:
    out = path.with_name("out.parquet")
    score_file(path, out, predictor, BatchSettings(threads=1, contributions=True))
    rows = duckdb.sql(
        "SELECT coalesce(reject_code, 'none'), struct_extract_at(contributions, 1), churn_probability,"
        f" warnings IS NOT NULL FROM read_parquet('{out}') ORDER BY row_number"
    ).fetchall()
    return (
        [value if code == "none" else code for code, value, _, _ in rows],
        [(probability, warned) for _, _, probability, warned in rows],
    )


@pytest.fixture
def agree(mirror: Callable[[Contract], ChurnPredictor], tmp_path: Any) -> Callable[..., Verdicts]:
    """Encode a column in all three ways, and return the verdicts that they share."""

    def check(feature: Feature, column: pa.Array, values: list[Any] | None = None) -> Verdicts:
        path = tmp_path / "in.parquet"
        parquet.write_table(pa.table({feature.name: column}), path)
        values = column.to_pylist() if values is None else values
        predictor = mirror(contract_of(feature))
        expected = by_records(feature, values)
        assert by_table(feature, path) == expected
        found, answers = by_file(predictor, path)
        assert found == expected
        for value, verdict, (probability, warned) in zip(values, expected, answers, strict=True):
            if isinstance(verdict, str):
                assert (probability, warned) == (None, False)
                continue
            answer = predictor.predict({feature.name: value})
            assert answer["churn_probability"] == probability
            assert (answer["warnings"] == [feature.name]) == warned
        return expected

    return check


# ---------------------------------------------------------------- categories

ODD_TEXTS = (
    *("", " ", "\t", "\n", "\r", "\v", "\f", " \t\n\r\v\f", "\u00a0", "\u2003", " Yes ", "Yes", "yes"),
    *("caf\u00e9", "cafe\u0301", "e\u0301" * 128, "e\u0301" * 129, "\u0958" * 256, "\u212b", "\u00c5"),
    *("\0", "a\0b", " \0 ", "x" * 256, "x" * 257, " " * 300, "\U0001f469\u200d\U0001f467" * 85),
    *("\u202eseY", "Y\u200bes", "\ufeffYes", "\u0425", "it's", '"; DROP TABLE x; --', "true", "1", "nan"),
)
texts = st.one_of(
    st.sampled_from(ODD_TEXTS),
    # Characters that this Python does not know yet may have a normal form elsewhere.
    st.text(st.characters(exclude_categories=("Cs", "Cn")), max_size=5),
    st.text(st.sampled_from("e\u0301\u0323\u1100\u1161\u11a8 \t\0'x"), max_size=6),
)


def vocabulary_of(values: list[Any]) -> tuple[str, ...]:
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
@given(st.lists(st.none() | texts, min_size=1, max_size=8), st.lists(texts, max_size=4), st.booleans(), st.data())
@example([*ODD_TEXTS], ["Yes", "café", "it's", "e\u0301" * 128], True, None)
@example([*ODD_TEXTS], [*ODD_TEXTS], False, None)
def test_text_gets_the_same_code_as_a_category(
    agree: Callable[..., Verdicts], values: list[str | None], learnt: list[str], nullable: bool, data: Any
) -> None:
    shapes = [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
    kind = shapes[0] if data is None else data.draw(st.sampled_from(shapes))
    feature = CategoryFeature("c", vocabulary_of(learnt), nullable)
    agree(feature, pa.array(values, pa.string()).cast(kind))


COUNT_TYPES = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]


@st.composite
def whole_columns(draw: st.DrawFn) -> pa.Array:
    kind = draw(st.sampled_from(COUNT_TYPES))
    signed = pa.types.is_signed_integer(kind)
    low = -(2 ** (kind.bit_width - 1)) if signed else 0
    high = 2 ** (kind.bit_width - signed) - 1
    values = st.none() | st.sampled_from([low, 0, 1, high, high - 1]) | st.integers(low, high)
    return pa.array(draw(st.lists(values, min_size=1, max_size=8)), kind)


@bounded
@given(whole_columns(), st.booleans(), st.integers(0, 3))
@example(pa.array([2**64 - 1, 0, None], pa.uint64()), True, 1)
def test_whole_numbers_get_the_same_code_as_a_category(
    agree: Callable[..., Verdicts], column: pa.Array, nullable: bool, learnt: int
) -> None:
    agree(CategoryFeature("c", vocabulary_of([*column.to_pylist()[:learnt], 1]), nullable), column)


@pytest.mark.parametrize("vocabulary", [("false", "true"), ("true",), ("True", "1")])
def test_booleans_get_the_same_code_as_a_category(
    agree: Callable[..., Verdicts], vocabulary: tuple[str, ...]
) -> None:
    feature = CategoryFeature("c", vocabulary, nullable=True)
    codes = [vocabulary.index(text) if text in vocabulary else len(vocabulary) for text in ("true", "false")]
    assert agree(feature, pa.array([True, False, None])) == [*codes, len(vocabulary) + 1]


def test_a_missing_category_is_not_an_unknown_one(agree: Callable[..., Verdicts]) -> None:
    column = pa.array([None, " \t", "Maybe", "No", "Yes"])
    assert agree(CategoryFeature("c", ("No", "Yes"), nullable=True), column) == [3, 3, 2, 0, 1]
    assert agree(CategoryFeature("c", ("No", "Yes")), column) == ["missing", "missing", 2, 0, 1]


def test_a_category_column_of_nulls_alone_is_missing(agree: Callable[..., Verdicts]) -> None:
    assert agree(CategoryFeature("c", ("No",), nullable=True), pa.nulls(2)) == [2, 2]
    assert agree(NumberFeature("n", 0, 1, nullable=True), pa.nulls(2)) == [MISSING_SHOWN] * 2


# ---------------------------------------------------------------- numbers

BOUNDS = [(-1000.0, 1000.0), (0.0, 120.0), (0.1, 0.3), (-3e38, 3e38), (0.0, 0.0)]
number_features = st.builds(
    lambda bounds, integer, nullable, as_text: NumberFeature("n", *bounds, integer, nullable, as_text),
    *(st.sampled_from(BOUNDS), st.booleans(), st.booleans(), st.booleans()),
)


def at_the_edges(feature: NumberFeature) -> list[float]:
    edges = [feature.minimum, feature.maximum]
    return [*edges, *(math.nextafter(edge, away) for edge in edges for away in (-math.inf, math.inf))]


ODD_NUMBERS = (math.nan, math.inf, -math.inf, -0.0, 1e39, -1e39, 5e-324, 1e-310, 1e-46, 1.0, 1.5, 2.0**53 + 2)


@bounded
@given(number_features, st.lists(st.none() | st.sampled_from(ODD_NUMBERS) | st.floats(), max_size=6))
@example(NumberFeature("n", 0, 120, integer=True), [*ODD_NUMBERS])
@example(NumberFeature("n", -3e38, 3e38, nullable=True), [*ODD_NUMBERS, None])
def test_doubles_get_the_same_verdict(
    agree: Callable[..., Verdicts], feature: NumberFeature, values: list[float | None]
) -> None:
    agree(feature, pa.array([*values, *at_the_edges(feature)], pa.float64()))


@bounded
@given(number_features, st.lists(st.none() | st.floats(width=32), min_size=1, max_size=8))
def test_floats_get_the_same_verdict(
    agree: Callable[..., Verdicts], feature: NumberFeature, values: list[float | None]
) -> None:
    agree(feature, pa.array(values, pa.float32()))


@bounded
@given(number_features, whole_columns())
@example(NumberFeature("n", -3e38, 3e38), pa.array([2**64 - 1, 2**53 + 1], pa.uint64()))
def test_whole_numbers_get_the_same_verdict(
    agree: Callable[..., Verdicts], feature: NumberFeature, column: pa.Array
) -> None:
    agree(feature, column)


@bounded
@given(st.lists(st.none() | st.decimals(-900, 900, places=2), min_size=1, max_size=8), st.booleans())
def test_decimals_get_the_same_verdict(
    agree: Callable[..., Verdicts], values: list[Decimal | None], integer: bool
) -> None:
    feature = NumberFeature("n", -1000, 1000, integer=integer, nullable=True)
    for kind in (pa.decimal128(9, 2), pa.decimal128(38, 10)):
        agree(feature, pa.array(values, kind), [None if value is None else float(value) for value in values])


def test_a_decimal_at_its_bound_is_within(agree: Callable[..., Verdicts]) -> None:
    column = pa.array([Decimal("0.3"), Decimal("0.31")], pa.decimal128(3, 2))
    expected = [struct.unpack("f", struct.pack("f", 0.3))[0], "out_of_range"]
    assert agree(NumberFeature("n", 0, 0.3), column, [0.3, 0.31]) == expected


# ---------------------------------------------------------------- numbers stored as text

ODD_NUMBER_TEXTS = (
    *("1.", ".5", "+1e3", "-1E-3", "1_000", " 12 ", "\t7\n", "nan", "-NaN", "inf", "+Infinity", "-INF"),
    *("1e999", "-1e999", "1e-999", "", " ", "abc", "\u0661\u0662", "\uff11", "\u0130nf", "\u0131nf"),
    *("\u0130nfinity", "0x10", "1,5", "1e", ".", "+", "--1", "1 2", "\u00a01", "1\0", "\0", "0" * 300 + "7"),
    *("9" * 400, "9007199254740993", "0.30000000000000004", "1e+0000000000000000002", "true", "infinit"),
)


@bounded
@given(
    number_features.filter(lambda feature: feature.stored_as_text),
    st.lists(
        st.none()
        | st.sampled_from(ODD_NUMBER_TEXTS)
        | st.from_regex(r"[ \t]?[+-]?[0-9]{0,4}[.]?[0-9]{0,18}([eE][+-]?[0-9]{1,3})?[ \n]?", fullmatch=True)
        | st.floats().map(repr)
        | st.text(st.sampled_from("0123456789.eE+-_ nafit\u0130\u0131\0"), max_size=6),
        min_size=1,
        max_size=8,
    ),
)
@example(NumberFeature("n", -1000, 1000, False, True, True), [*ODD_NUMBER_TEXTS, None])
@example(NumberFeature("n", 0, 120, True, False, True), [*ODD_NUMBER_TEXTS, None])
def test_numbers_stored_as_text_get_the_same_verdict(
    agree: Callable[..., Verdicts], feature: NumberFeature, values: list[str | None]
) -> None:
    agree(feature, pa.array(values, pa.string()))


def test_a_number_is_rounded_once_to_single_precision(agree: Callable[..., Verdicts]) -> None:
    # Through a shorter detour, or rounded twice, the last of these would become another number.
    values = [0.1, 1 / 3, 16777217.0, 1.00000005960464477539062500000001]
    feature = NumberFeature("n", 0, 1e9)
    expected = [float(np.float32(value)) for value in values]
    assert agree(feature, pa.array(values, pa.float64())) == expected
    as_text = NumberFeature("n", 0, 1e9, stored_as_text=True)
    assert agree(as_text, pa.array([repr(value) for value in values])) == expected


def test_categories_are_compared_in_their_composed_form(agree: Callable[..., Verdicts]) -> None:
    composed = unicodedata.normalize("NFC", "Zu\u0308rich")
    column = pa.array(["Zu\u0308rich", composed, "Z\u00fcrich\u200b", "Zurich"])
    assert agree(CategoryFeature("c", (composed,)), column) == [0, 0, 1, 1]
