"""Raw values to the encoded matrix: one float32 row a customer.

A category becomes the position of its value in the vocabulary; an unknown and a missing value have
codes of their own, the two that follow the vocabulary. A number is parsed as float64 and rounded once,
to float32; a missing one is NaN. What a value may be is said by the data contract, and this module is
where that is decided for Python values; `churn_core.scoring.files.encoding_sql` says the same to DuckDB.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.errors import ValueFault
from churn_core.schema import MAX_TEXT_LENGTH, CategoryFeature, NumberFeature
from churn_core.scoring.plain_records import PlainRecords

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from churn_core.schema import Contract

BLANK: Final = " \t\n\r\v\f"
"""Text of these characters alone is a missing value."""

NUMBER_TEXT: Final = r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?"
"""What counts as a number in text; the same expression is given to Python and to DuckDB."""

_number_text = re.compile(NUMBER_TEXT)
_not_a_number_words = {"nan", "+nan", "-nan"}
_infinity_words = {"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}


class ValueRefusedError(ValueError):
    """One value breaks the contract; `code` is one of `churn_core.errors.REJECT_CODES`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def parse_number_text(text: str) -> float:
    """Parse text as float64; blank text and ``nan`` give NaN.

    Raises
    ------
    ValueRefusedError
        ``wrong_type`` if the text is no number, ``too_long`` if it is too long for any text.
    """
    bare = text.strip(BLANK)
    if bare and len(text) > MAX_TEXT_LENGTH:
        raise ValueRefusedError("too_long")
    if _number_text.fullmatch(bare):
        return float(bare)
    word = bare.lower()
    if not bare or word in _not_a_number_words:
        return math.nan
    if word in _infinity_words:
        return math.inf
    raise ValueRefusedError("wrong_type")


def encode_number(value: object, feature: NumberFeature) -> float:
    """Return a value of a number column as float64, NaN where it is missing.

    Raises
    ------
    ValueRefusedError
        If the contract does not allow the value.
    """
    number = _as_float(value, feature)
    if feature.minimum <= number <= feature.maximum:
        if feature.integer and number % 1:
            raise ValueRefusedError("not_integer")
        return number
    if number != number:
        if feature.nullable:
            return number
        raise ValueRefusedError("missing")
    raise ValueRefusedError("not_finite" if math.isinf(number) else "out_of_range")


def _as_float(value: object, feature: NumberFeature) -> float:
    if type(value) is float:
        return value
    if value is None:
        return math.nan
    if isinstance(value, str):
        if feature.stored_as_text:
            return parse_number_text(value)
        raise ValueRefusedError("wrong_type")
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ValueRefusedError("out_of_range") from None
    raise ValueRefusedError("wrong_type")


def category_text(value: object) -> str | None:
    """Return a category's value as normalised text, None where it is missing.

    Raises
    ------
    ValueRefusedError
        ``wrong_type``, ``too_long`` or ``invalid_unicode``.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return _checked_text(value)
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        if not -(2**127) <= value < 2**127:
            raise ValueRefusedError("too_long")
        return str(int(value))
    if isinstance(value, (float, np.floating)) and math.isnan(value):
        return None
    raise ValueRefusedError("wrong_type")


def _checked_text(text: str) -> str | None:
    if not text.strip(BLANK):
        return None
    if len(text) > MAX_TEXT_LENGTH:
        raise ValueRefusedError("too_long")
    if text.isascii():
        if "\0" in text:
            raise ValueRefusedError("invalid_unicode")
        return text
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise ValueRefusedError("invalid_unicode")
    composed = unicodedata.normalize("NFC", text)
    # A few characters are longer when composed; a vocabulary must not learn what is too long to be given.
    if len(composed) > MAX_TEXT_LENGTH:
        raise ValueRefusedError("too_long")
    return composed


@dataclass(frozen=True, slots=True)
class EncodedRecords:
    """What became of raw records.

    Attributes
    ----------
    matrix : ndarray of float32, shape (records, features)
        Columns in contract order; a faulty value is NaN or the missing code.
    faults : list of ValueFault
        In record order, then contract order; empty when every record can be scored.
    """

    matrix: npt.NDArray[np.float32]
    faults: list[ValueFault]


class RecordEncoder:
    """Encodes records and columns of Python values.

    Parameters
    ----------
    contract : Contract
        With the vocabularies that training learnt.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._codes: list[dict[str, int]] = [
            {value: code for code, value in enumerate(feature.vocabulary)}
            if isinstance(feature, CategoryFeature)
            else {}
            for feature in contract.features
        ]
        self._known_keys = {*contract.names, *([contract.id_column] if contract.id_column else [])}
        self._plain = PlainRecords(contract)

    def encode_records(self, records: Sequence[Mapping[str, Any]]) -> EncodedRecords:
        """Encode customers given as mappings from column to value.

        A nullable column may be left out. A key that is neither a feature nor the id is a fault
        ``extra_forbidden`` at its position, so that a misspelt column is never silently ignored.
        """
        matrix = self._plain.matrix(records)
        if matrix is not None:
            return EncodedRecords(matrix, [])
        columns = {name: [record.get(name) for record in records] for name in self._contract.names}
        encoded = self.encode_columns(columns, len(records))
        encoded.faults[:0] = self._id_faults(records)
        encoded.faults.extend(self._extra_key_faults(records))
        encoded.faults.sort(key=lambda fault: fault.record)
        return encoded

    def encode_columns(self, columns: Mapping[str, Iterable[Any]], rows: int) -> EncodedRecords:
        """Encode `rows` customers given column by column; each feature's name must be a key."""
        features = self._contract.features
        matrix = np.empty((rows, len(features)), dtype=np.float32)
        faults: list[ValueFault] = []
        for position, feature in enumerate(features):
            values = columns[feature.name]
            if isinstance(feature, NumberFeature):
                matrix[:, position] = self._number_column(values, feature, faults)
            else:
                matrix[:, position] = self._category_column(values, feature, self._codes[position], faults)
        faults.sort(key=lambda fault: fault.record)
        return EncodedRecords(matrix, faults)

    def _extra_key_faults(self, records: Sequence[Mapping[str, Any]]) -> list[ValueFault]:
        return [
            ValueFault(number, position, "extra_forbidden")
            for number, record in enumerate(records)
            if not self._known_keys.issuperset(record)
            for position, key in enumerate(record)
            if key not in self._known_keys
        ]

    def _id_faults(self, records: Sequence[Mapping[str, Any]]) -> list[ValueFault]:
        """Find ids that could not be echoed as JSON, or are longer than a text may be."""
        name = self._contract.id_column
        faults: list[ValueFault] = []
        if name is None:
            return faults
        for number, record in enumerate(records):
            value = record.get(name)
            if isinstance(value, float):
                if not math.isfinite(value):
                    faults.append(ValueFault(number, name, "not_finite"))
                continue
            try:
                category_text(value)
            except ValueRefusedError as refused:
                faults.append(ValueFault(number, name, refused.code))
        return faults

    @staticmethod
    def _number_column(
        values: Iterable[Any], feature: NumberFeature, faults: list[ValueFault]
    ) -> list[float]:
        numbers = []
        for row, value in enumerate(values):
            try:
                numbers.append(encode_number(value, feature))
            except ValueRefusedError as refused:
                faults.append(ValueFault(row, feature.name, refused.code))
                numbers.append(math.nan)
        return numbers

    @staticmethod
    def _category_column(
        values: Iterable[Any], feature: CategoryFeature, known: dict[str, int], faults: list[ValueFault]
    ) -> list[int]:
        codes = []
        for row, value in enumerate(values):
            # Text that stands in the vocabulary needs no further look: the vocabulary is normalised.
            code = known.get(value) if type(value) is str else None
            if code is None:
                try:
                    code = category_code(category_text(value), feature, known)
                except ValueRefusedError as refused:
                    faults.append(ValueFault(row, feature.name, refused.code))
                    code = feature.missing_code
            codes.append(code)
        return codes


def category_code(text: str | None, feature: CategoryFeature, known: Mapping[str, int]) -> int:
    """Return the code of normalised text.

    Raises
    ------
    ValueRefusedError
        ``missing`` if the value is missing where the contract wants one.
    """
    if text is None:
        if not feature.nullable:
            raise ValueRefusedError("missing")
        return feature.missing_code
    return known.get(text, feature.unknown_code)
