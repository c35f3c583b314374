"""Check the members of a bundle's manifest before anything of it is used.

A digest shows that a manifest was not altered by chance. It does not show that its values make sense: whoever
can write a bundle can also write its digest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from churn_core.reader_rules import NUMBER_SIGNS, text_encoding
from churn_core.schema import LARGEST_FLOAT32
from churn_core.scoring.day_numbers import MOST_DAYS, parse_fixed_day, split_date_format
from churn_core.scoring.money import NOBODY
from churn_core.scoring.reason_words import ReasonWords

Check = Callable[[Any, str], None]
"""Takes a value and its place in the manifest, such as ``decision.threshold``; raises `MemberError`."""


class MemberError(ValueError):
    """A member of the manifest is missing, unknown, or has a wrong type or value; the message names it."""


def check_manifest(manifest: dict[str, Any]) -> None:
    """Check names, types and ranges of all members that scoring uses, and that every number is finite.

    Raises
    ------
    MemberError
        Names the first member at fault.
    """
    _MANIFEST(manifest, "")
    _check_finite(manifest, "")
    names = [feature["name"] for feature in manifest["contract"]["features"]]
    if len(set(names)) < len(names):
        raise MemberError("contract.features names a column twice")
    bands = manifest["decision"]["risk_bands"]
    if not bands["medium"] < bands["high"]:
        raise MemberError("decision.risk_bands.medium must be below decision.risk_bands.high")
    for position, feature in enumerate(manifest["contract"]["features"]):
        place = f"contract.features[{position}]"
        if feature["kind"] == "number" and not feature["minimum"] < feature["maximum"]:
            raise MemberError(f"{place}.minimum must be below its maximum")
        if feature.get("days") is not None:
            _check_days(feature, names, place)
    reader = manifest["contract"].get("reader", {"date_formats": {}})
    for column, date_format in reader["date_formats"].items():
        try:
            split_date_format(date_format)
        except ValueError as error:
            raise MemberError(f"contract.reader.date_formats: {column!r}: {error}") from None


def _check_days(feature: Mapping[str, Any], names: list[str], place: str) -> None:
    days = feature["days"]
    if days["end_is_day"]:
        try:
            parse_fixed_day(days["end"])
        except ValueError as error:
            raise MemberError(f"{place}.days.end: {error}") from None
    if not {days["start"], *([] if days["end_is_day"] else [days["end"]])}.isdisjoint(names):
        raise MemberError(f"{place}.days names a column that is a feature too")
    if not (feature["minimum"] <= -MOST_DAYS and feature["maximum"] >= MOST_DAYS):
        raise MemberError(f"{place}.minimum and maximum must allow every number of days")


def _check_finite(value: Any, place: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise MemberError(f"{place} must be a finite number")
    if isinstance(value, dict):
        for name, member in value.items():
            _check_finite(member, _member(place, name))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            _check_finite(item, f"{place}[{position}]")


def _member(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _is(kind: type | tuple[type, ...], description: str) -> Check:
    def check(value: Any, place: str) -> None:
        if not isinstance(value, kind):
            raise MemberError(f"{place} must be {description}")

    return check


def _matches(pattern: str, description: str) -> Check:
    def check(value: Any, place: str) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise MemberError(f"{place} must be {description}")

    return check


def _text_encoding(value: Any, place: str) -> None:
    if not isinstance(value, str) or text_encoding(value) is None:
        raise MemberError(f"{place} must be a text encoding that Python knows")


def _one_of(*allowed: str | None) -> Check:
    def check(value: Any, place: str) -> None:
        if not (value is None or isinstance(value, str)) or value not in allowed:
            raise MemberError(f"{place} must be one of {', '.join(map(str, allowed))}")

    return check


def _number(accepts: Callable[[float], bool], description: str) -> Check:
    def check(value: Any, place: str) -> None:
        # `accepts` is false for NaN, because every comparison with NaN is.
        if isinstance(value, bool) or not isinstance(value, int | float) or not accepts(value):
            raise MemberError(f"{place} must be {description}")

    return check


def _optional(check: Check) -> Check:
    return lambda value, place: None if value is None else check(value, place)


def _list(check: Check, least: int = 0) -> Check:
    def check_list(value: Any, place: str) -> None:
        if not isinstance(value, list) or len(value) < least:
            raise MemberError(f"{place} must be a list" + (f" of at least {least}" if least else ""))
        for position, item in enumerate(value):
            check(item, f"{place}[{position}]")

    return check_list


def _object(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """Check an object whose keys are known; any other key is an error."""
    known = {**required, **(optional or {})}

    def check(value: Any, place: str) -> None:
        _OBJECT(value, place)
        for name in required:
            if name not in value:
                raise MemberError(f"{_member(place, name)} is missing")
        for name, member in value.items():
            if name not in known:
                raise MemberError(f"{place or 'the manifest'} has an unknown key {name[:40]!r}")
            known[name](member, _member(place, name))

    return check


def _each_member(check: Check) -> Check:
    def check_members(value: Any, place: str) -> None:
        _OBJECT(value, place)
        for name, member in value.items():
            check(member, f"{place}.{name}")

    return check_members


def _words(value: Any, place: str) -> None:
    _OBJECT(value, place)
    try:
        ReasonWords.from_dict(value)
    except ValueError as error:
        raise MemberError(f"{place}: {error}") from None


def _labels(value: Any, place: str) -> None:
    """Check one label or a list of labels."""
    (_list(_TEXT) if isinstance(value, list) else _TEXT)(value, place)


def _feature(value: Any, place: str) -> None:
    _OBJECT(value, place)
    (_NUMBER_FEATURE if value.get("kind") == "number" else _CATEGORY_FEATURE)(value, place)


_OBJECT: Final = _is(dict, "an object")
_TEXT: Final = _is(str, "text")
_BOOLEAN: Final = _is(bool, "true or false")
_SHA256: Final = _matches("[0-9a-f]{64}", "a sha256 in hexadecimal digits")
_FINITE: Final = _number(lambda x: -LARGEST_FLOAT32 <= x <= LARGEST_FLOAT32, "a finite number")
_COUNT: Final = _number(lambda x: isinstance(x, int) and x >= 0, "a whole number, at least 0")
_BAND: Final = _number(lambda x: 0 < x < 1, "a number above 0 and below 1")

_DESCRIPTION: Final = _object(
    {}, {"label": _optional(_TEXT), "help": _optional(_TEXT), "reason_group": _optional(_TEXT)}
)
_NUMBER_FEATURE: Final = _object(
    {"kind": _one_of("number"), "name": _TEXT, "minimum": _FINITE, "maximum": _FINITE},
    {
        "integer": _BOOLEAN,
        "nullable": _BOOLEAN,
        "stored_as_text": _BOOLEAN,
        "monotonic": _one_of("increasing", "decreasing", None),
        "signs": _list(_one_of(*NUMBER_SIGNS)),
        "days": _optional(_object({"start": _TEXT, "end": _TEXT, "end_is_day": _BOOLEAN})),
        "expected": _optional(_list(_FINITE, least=2)),
        "description": _DESCRIPTION,
    },
)
_CATEGORY_FEATURE: Final = _object(
    {"kind": _one_of("category"), "name": _TEXT, "vocabulary": _list(_TEXT)},
    {
        "nullable": _BOOLEAN,
        "allowed": _optional(_list(_TEXT)),
        "max_levels": _optional(_COUNT),
        "values": _one_of("text", "integer", "boolean"),
        "normalise": _BOOLEAN,
        "required": _BOOLEAN,
        "description": _DESCRIPTION,
    },
)
_CHARACTER: Final = _matches("(?s:.)", "one character")
_MARK: Final = _matches(r"[\x01-\x09\x0b\x0c\x0e-\x7f]", "one ASCII character other than a line break")
_READER: Final = _object(
    {
        "delimiter": _MARK,
        "quote": _MARK,
        "encoding": _text_encoding,
        "header_line": _COUNT,
        "decimal": _one_of(".", ","),
        "thousands": _optional(_CHARACTER),
        "missing_tokens": _list(_TEXT),
        "date_formats": _each_member(_TEXT),
    }
)
_DERIVED: Final = _object(
    {
        "name": _TEXT,
        "kind": _one_of("ratio", "difference", "sum", "count", "bucket"),
        "columns": _list(_TEXT, least=1),
        "edges": _list(_FINITE),
    },
    {"value": _optional(_TEXT)},
)
_CONTRACT: Final = _object(
    {
        "id_column": _optional(_TEXT),
        "target": _TEXT,
        "positive": _labels,
        "negative": _labels,
        "features": _list(_feature, least=1),
        "derived": _list(_DERIVED),
    },
    # Bundles of format 1 do not have them.
    {"id_type": _one_of("integer", "text", None), "reader": _READER, "excluded": _list(_TEXT)},
)
_DECISION: Final = _object(
    {
        "threshold": _number(
            lambda x: 0 < x <= 1 or x == NOBODY,
            f"a number above 0 and at most 1, or {NOBODY}, which stands for nobody",
        ),
        "risk_bands": _object({"medium": _BAND, "high": _BAND}),
    },
    {
        # Bundles of earlier versions have no money values.
        "money": _optional(
            _object(
                dict.fromkeys(("value_of_customer", "cost_of_offer", "success_rate"), _FINITE),
                {"currency": _TEXT},
            )
        ),
        "method": _TEXT,
        "basis": _TEXT,
        "break_even": _optional(_is((int, float), "a number")),
        "share": _optional(_BAND),
        "expected": _OBJECT,
        "observed_best": _OBJECT,
        "curve": _list(_OBJECT),
    },
)
_GOLDEN_ROW: Final = _object(
    {
        "record": _OBJECT,
        "churn_probability": _number(lambda x: 0 <= x <= 1, "a number from 0 to 1"),
        "will_churn": _BOOLEAN,
    },
    # Bundles of earlier versions do not have it.
    {"risk": _one_of("low", "medium", "high")},
)
_MANIFEST: Final = _object(
    {
        "format": _COUNT,
        "name": _matches(r"[a-z][a-z0-9-]{0,39}", "a name of lower-case letters, digits and hyphens"),
        "contract": _CONTRACT,
        "decision": _DECISION,
        "files": _each_member(_object({"sha256": _SHA256}, {"bytes": _COUNT})),
        "golden_rows": _list(_GOLDEN_ROW, least=1),
        "model_digest": _SHA256,
        "model_version": _TEXT,
    },
    {
        "created": _TEXT,
        "sample": _BOOLEAN,
        "quick": _BOOLEAN,
        "training_table": _object({"rows": _COUNT, "counts": _SHA256}),
        "table": _TEXT,
        "warnings": _list(_TEXT),
        "output": _object({"keep": _list(_TEXT), "reason_texts": _BOOLEAN, "words": _words}),
        "family": _TEXT,
        "settings": _OBJECT,
        "encoding": _is((dict, list), "an object or a list"),
        "calibrated": _BOOLEAN,
        "reasons": _OBJECT,
        "metrics": _OBJECT,
        "parity": _OBJECT,
        "profile": _OBJECT,
        "libraries": _each_member(_TEXT),
    },
)
