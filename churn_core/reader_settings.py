"""The ``reader`` section of config.yaml: how the company's files write their tables."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from churn_core.column_specs import Section
from churn_core.reader_rules import Dialect, ReaderRules, TextRules, text_encoding
from churn_core.scoring.day_numbers import split_date_format
from churn_core.scoring.records.number_text import ValueRefusedError, parse_number_text


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
