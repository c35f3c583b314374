"""The ids of customers in tables, by the type that training learnt.

`churn_core.scoring.files.sql.ids` states the same rules for DuckDB.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from churn_core.scoring.records.number_text import BLANK, ZERO_FRACTION
from churn_core.scoring.records.values import ValueRefusedError, answered_id

if TYPE_CHECKING:
    from churn_core.schema import IdType

_WHOLE: Final = "(0|-?[1-9][0-9]*)"
WHOLE_WITH_POINT: Final = f"{_WHOLE}{ZERO_FRACTION}"
"""The regular expression of ``7.0`` and ``7,0``, for Python and DuckDB; the first group is 7."""

_whole_text = re.compile(f"{_WHOLE}{ZERO_FRACTION}?")
_MOST_DIGITS: Final = 20
"""Characters of the longest whole number of 64 bits."""


def read_whole_id(text: str) -> int | None:
    """Return the whole number of 64 bits that an id in text is, or None.

    A number has no leading zeros and no plus. ``7.0`` is 7: pandas writes a whole number so where a column
    once held a missing value. Every digit counts, also above 2**53.
    """
    found = _whole_text.fullmatch(text)
    if found is None or len(found[1]) > _MOST_DIGITS:
        return None
    return _of_64_bits(int(found[1]))


def table_id(value: object, id_type: IdType | None) -> object:
    """Return the id of a table's row as scored files have it.

    Parameters
    ----------
    value : object
        None where it is missing.
    id_type : 'integer', 'text' or None
        None leaves the type as it is, as bundles of format 1 do.

    Raises
    ------
    ValueRefusedError
        ``missing``, or if the id does not fit its type.
    """
    if value is None or (isinstance(value, str) and not value.strip(BLANK)):
        raise ValueRefusedError("missing")
    known = answered_id(value)
    if id_type == "integer":
        whole = None
        if isinstance(known, str):
            whole = read_whole_id(known)
        elif not isinstance(known, bool):
            whole = _of_64_bits(int(str(known)))
        if whole is None:
            raise ValueRefusedError("wrong_type")
        return whole
    if id_type == "text" and not isinstance(known, str):
        return str(known).lower() if isinstance(known, bool) else str(known)
    return known


def _of_64_bits(number: int) -> int | None:
    return number if -(2**63) <= number < 2**63 else None
