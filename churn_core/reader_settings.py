"""The ``reader`` section of config.yaml: how the company's files write their tables."""

from __future__ import annotations

import difflib
import json
import math
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from churn_core.column_specs import Section
from churn_core.errors import ConfigError
from churn_core.reader_rules import Dialect, ReaderRules, TextRules, text_encoding
from churn_core.scoring.day_numbers import split_date_format
from churn_core.scoring.records.number_text import ValueRefusedError, parse_number_text

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMED_MARKS: Final = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "none": None}
_MARKS: Final = ("delimiter", "quote", "decimal", "thousands")


class ReaderSettings(Section):
    """How text stands for numbers, dates and missing values, and the layout of CSV files."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    encoding: str = "utf-8"
    header_line: Annotated[int, Field(ge=1, le=1_000)] = 1
    decimal: Literal[".", ","] = "."
    thousands: Annotated[str, Field(pattern="^[.,' \u00a0\u202f\u2019]$")] | None = None
    missing_tokens: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = ()
    date_formats: dict[str, str] = Field(default_factory=dict)

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, encoding: str) -> str:
        known = text_encoding(encoding)
        if known is None:
            raise ValueError("is no text encoding that Python knows; write one such as utf-8")
        return known

    @field_validator("date_formats")
    @classmethod
    def _check_date_formats(cls, formats: dict[str, str]) -> dict[str, str]:
        for column, date_format in formats.items():
            try:
                split_date_format(date_format)
            except ValueError:
                raise ValueError(
                    f"{column!r} has the format {date_format!r}; write YYYY, MM and DD in their order with"
                    " the marks between them, such as DD.MM.YYYY"
                ) from None
        return formats

    @field_validator("missing_tokens")
    @classmethod
    def _check_tokens(cls, tokens: tuple[str, ...]) -> tuple[str, ...]:
        for token in tokens:
            try:
                number = parse_number_text(token)
            except ValueRefusedError:
                continue
            if not math.isnan(number):
                raise ValueError(f"{token!r} is a number; empty such cells in the table instead")
        return tokens

    @model_validator(mode="after")
    def _check_marks(self) -> ReaderSettings:
        if self.thousands == self.decimal:
            raise ValueError("thousands and decimal must differ")
        if self.delimiter == self.quote or {self.delimiter, self.quote} & set("\r\n\0"):
            raise ValueError("delimiter and quote must differ, and neither may be a line break")
        if not (self.delimiter + self.quote).isascii():
            raise ValueError("delimiter and quote must be ASCII characters")
        return self

    @property
    def rules(self) -> ReaderRules:
        """The rules that a bundle keeps."""
        return ReaderRules(
            TextRules(self.decimal, self.thousands, self.missing_tokens, tuple(self.date_formats.items())),
            Dialect(self.delimiter, self.quote, self.encoding, self.header_line),
        )


def overridden_rules(rules: ReaderRules, overrides: Sequence[str]) -> ReaderRules:
    """Return rules of which some are replaced by the options of a command.

    Parameters
    ----------
    rules : ReaderRules
    overrides : sequence of str
        Each ``KEY=VALUE``. Missing tokens are separated by commas, or are a JSON list. A column's date format
        has the key ``date_formats.COLUMN``. Marks may be written as tab, space, comma, semicolon or none.

    Raises
    ------
    ConfigError
        If a key or a value is not allowed.
    """
    content = rules.to_dict()
    for override in overrides:
        key, found, value = override.partition("=")
        if not found:
            raise ConfigError(f"--reader {override}: write KEY=VALUE, such as decimal=,.")
        section, _, column = key.partition(".")
        if section == "date_formats" and column:
            content[section] = {**content[section], column: value}
        elif key in content and key != "date_formats":
            content[key] = _option_value(key, value)
        else:
            raise ConfigError(f"--reader {key} is no key of the section reader; {_near_key(key, content)}")
    try:
        return ReaderSettings.model_validate(content).rules
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"--reader {place}: {message}." if place else f"--reader: {message}.") from error


def _option_value(key: str, value: str) -> Any:
    if key in _MARKS:
        return _NAMED_MARKS.get(value, value)
    if key != "missing_tokens":
        return value
    if value.startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ConfigError(
                '--reader missing_tokens is no JSON list; write one such as \'["NA", "a,b"]\'.'
            ) from None
    return [token for token in value.split(",") if token]


def _near_key(key: str, content: dict[str, Any]) -> str:
    known = ["date_formats.COLUMN" if name == "date_formats" else name for name in content]
    near = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {near[0]}?" if near else f"write one of {', '.join(known)}."
