"""How the text columns of a table write numbers: marks, signs, and texts that stand for a missing value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from churn_core.data.columns import distinct_text
from churn_core.data.findings import Finding, column_finding
from churn_core.data.inspection.messages import MESSAGES, listed_columns
from churn_core.reader_rules import TextRules
from churn_core.schema import NUMBER_SIGNS
from churn_core.scoring.records.number_text import (
    BLANK,
    PLAIN,
    NumberText,
    ValueRefusedError,
    lower_ascii,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Set

    import pandas as pd

MISSING_TOKENS: Final = (
    *(
        "NA",
        "N/A",
        "n.a.",
        "#N/A",
        "#NA",
        "<NA>",
        "NULL",
        "(null)",
        "\\N",
        "None",
        "NaN",
        "NaT",
        "nil",
        "void",
    ),
    *(
        "?",
        "-",
        "--",
        "---",
        ".",
        "..",
        "...",
        "_",
        "*",
        "\u2013",
        "\u2014",
        "#NV",
        "#DIV/0!",
        "#VALUE!",
        "#REF!",
    ),
    *("#NUM!", "#NAME?", "#NULL!", "missing", "unknown", "not available", "not applicable", "not known"),
    *("undefined", "unspecified", "empty", "blank", "(blank)", "tbd", "tba", "k.A.", "k. A.", "keine Angabe"),
    *("unbekannt", "fehlt", "n/d", "n.d.", "s/d", "sin dato", "desconocido", "desconhecido", "inconnu"),
    *("sconosciuto", "onbekend", "bilinmiyor"),
)
"""Texts that stand for a missing value in a column that is otherwise numeric, without the case of A to Z."""

_DEFAULT: Final = TextRules()
_PAIRS: Final = (
    *((".", None), (".", ","), (",", None), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'")),
)
_MARKS: Final = tuple(TextRules(decimal=decimal, thousands=thousands) for decimal, thousands in _PAIRS)
"""All pairs of marks; of pairs that fit equally many columns, the first is taken."""

_SAME_CURRENCY: Final = (
    *({"$", "US$", "USD"}, {"\u20ac", "EUR"}, {"\u00a3", "GBP"}, {"\u00a5", "JPY"}, {"R$", "BRL"}),
    *({"\u20b9", "Rs", "Rs.", "INR"}, {"\u20ba", "TL", "TRY"}, {"\u20bd", "RUB"}, {"z\u0142", "PLN"}),
    *({"K\u010d", "CZK"}, {"Ft", "HUF"}, {"Fr.", "CHF"}, {"kr", "kr."}, {"lei", "RON"}, {"\u20b4", "UAH"}),
    *({"\u20aa", "ILS"}, {"\u20a9", "KRW"}, {"\u0e3f", "THB"}),
)

_MOST_SHAPES: Final = 2_000
_FIRST_LOOK: Final = 50
_NINES: Final = str.maketrans("12345678", "99999999")
_tokens = {lower_ascii(token) for token in MISSING_TOKENS}
_sign = re.compile("|".join(map(re.escape, sorted(NUMBER_SIGNS, key=len, reverse=True))))
_group = re.compile("[0-9]+")


@dataclass(frozen=True, slots=True)
class NumberForms:
    """How a table writes its numbers in text.

    Attributes
    ----------
    rules : TextRules
        The marks that fit most columns, and the missing tokens of the columns that hold numbers.
    signs : dict
        By column name, the signs beside its numbers.
    ambiguous : tuple of str
        Columns whose numbers would be others with different marks that fit as well, such as ``1,234``.
    other_rules : TextRules
        The first such marks.
    other_marks : tuple of str
        Columns of numbers that do not fit `rules`.
    """

    rules: TextRules = _DEFAULT
    signs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ambiguous: tuple[str, ...] = ()
    other_rules: TextRules = _DEFAULT
    other_marks: tuple[str, ...] = ()

    def reading(self, column: str) -> NumberText:
        """Return the reader of a column's numbers."""
        signs = self.signs.get(column, ())
        return NumberText(self.rules, signs) if signs or self.rules != _DEFAULT else PLAIN


@dataclass(frozen=True, slots=True)
class _Written:
    """The shapes of a column's numbers (see `_shape`), its signs, and its missing tokens as spelled."""

    shapes: set[str]
    signs: tuple[str, ...]
    tokens: tuple[str, ...]

    def readings(self, rules: TextRules) -> list[float] | None:
        """Read every shape, or return None if one does not fit."""
        text = _reader(rules, self.signs)
        try:
            return [text.parse(shape) for shape in sorted(self.shapes)]
        except ValueRefusedError:
            return None


def find_number_forms(
    table: pd.DataFrame,
    columns: Iterable[str],
    declared: TextRules = _DEFAULT,
    *,
    marks_given: bool = False,
) -> NumberForms:
    """Find how the text columns of a table write numbers; the marks are decided by all columns together.

    Parameters
    ----------
    table : DataFrame
    columns : iterable of str
        The columns to look at.
    declared : TextRules
        What the user says. Its missing tokens are known in addition to `MISSING_TOKENS`.
    marks_given : bool
        Whether the user gave the marks of `declared`; otherwise they are found.
    """
    known = _tokens.union(map(lower_ascii, declared.missing_tokens))
    written = {name: found for name in columns if (found := _read(table[name], known)) is not None}
    if not written:
        return NumberForms(declared)
    asked = TextRules(declared.decimal, declared.thousands)
    candidates = (asked,) if marks_given else _MARKS
    readings = [{name: column.readings(rules) for name, column in written.items()} for rules in candidates]
    fits = [sum(read is not None for read in by_column.values()) for by_column in readings]
    chosen = fits.index(max(fits))
    read = readings[chosen]
    numbers = [name for name in written if read[name] is not None]
    tokens = {lower_ascii(token): token for token in declared.missing_tokens}
    for name in numbers:
        for token in written[name].tokens:
            tokens.setdefault(lower_ascii(token), token)
    rivals = {
        rules: differing
        for rules, by_column, fit in zip(candidates, readings, fits, strict=True)
        if fit == fits[chosen]
        and (differing := [name for name in numbers if by_column[name] not in (None, read[name])])
    }
    ambiguous = {name for differing in rivals.values() for name in differing}
    return NumberForms(
        replace(
            candidates[chosen],
            missing_tokens=tuple(tokens[token] for token in sorted(tokens)),
            date_formats=declared.date_formats,
        ),
        {name: written[name].signs for name in numbers if written[name].signs},
        tuple(name for name in numbers if name in ambiguous),
        next(iter(rivals), _DEFAULT),
        tuple(name for name in written if read[name] is None),
    )


def marks_findings(forms: NumberForms) -> list[Finding]:
    """Return the warnings about numbers that can be read in two ways, and about other marks."""
    found = []
    if forms.ambiguous:
        thousands = f" and {forms.rules.thousands!r} as thousands mark" if forms.rules.thousands else ""
        other = forms.other_rules
        message = MESSAGES["ambiguous_marks"].format(
            columns=listed_columns(forms.ambiguous),
            marks=f"{forms.rules.decimal!r} as decimal mark{thousands}",
            options=f"--reader decimal={other.decimal}"
            + (f" --reader thousands={other.thousands}" if other.thousands else ""),
        )
        count = len(forms.ambiguous)
        found.append(column_finding(None, "ambiguous_marks", "warning", count, message))
    found += [
        column_finding(name, "other_marks", "warning", 1, MESSAGES["other_marks"])
        for name in forms.other_marks
    ]
    return found


def _read(series: pd.Series[Any], known_tokens: Set[str]) -> _Written | None:
    """Return how a column writes its numbers, or None if it is not a text column of numbers."""
    text = distinct_text(series)
    if text is None:
        return None
    shapes: set[str] = set()
    tokens: dict[str, None] = {}
    for count, value in enumerate(text.values):
        bare = value.strip(BLANK)
        if lower_ascii(bare) in known_tokens:
            tokens[bare] = None
        elif bare:
            shapes.add(_shape(bare))
        # Most columns of names and texts are found soon.
        if count == _FIRST_LOOK and None in map(_fitting_sign, shapes):
            return None
        if len(shapes) > _MOST_SHAPES:
            return None
    fitting = set(map(_fitting_sign, shapes))
    signs = {sign for sign in fitting if sign is not None}
    if not shapes or None in fitting or not _agree(signs, shapes) or _are_groups(shapes):
        return None
    declared = tuple(token for token in tokens if lower_ascii(token) != "nan")
    return _Written(shapes, tuple(sorted(signs - {""})), declared)


def _shape(bare: str) -> str:
    """Return a number with all digits as 9, but for a 0 at its start: a column has few shapes."""
    nines = bare.translate(_NINES)
    first = _group.search(nines)
    if first is None:
        return nines
    rest = nines[first.start() + 1 :].replace("0", "9")
    return nines[: first.start() + 1] + rest


@cache
def _reader(rules: TextRules, signs: tuple[str, ...]) -> NumberText:
    return NumberText(rules, signs)


def _fitting_sign(shape: str) -> str | None:
    """Return the sign with which a shape is a number by some marks, empty for none; None if none fits."""
    found = _sign.search(shape)
    sign = found[0] if found else ""
    for rules in _MARKS:
        try:
            _reader(rules, (sign,) if sign else ()).parse(shape)
        except ValueRefusedError:
            continue
        return sign
    return None


def _agree(signs: set[str], shapes: set[str]) -> bool:
    """Return whether all numbers mean the same unit: 45 % next to 0.45, or dollars next to euros, do not."""
    named = signs - {""}
    if "%" in named:
        bare_zeros = all("9" not in shape for shape in shapes if "%" not in shape)
        return len(named) == 1 and bare_zeros
    return len(named) < 2 or any(named <= same for same in _SAME_CURRENCY)


def _are_groups(shapes: set[str]) -> bool:
    """Return whether all shapes are at least three groups of digits, as in telephone numbers."""
    counts = {len(_group.findall(shape)) for shape in shapes}
    return len(counts) == 1 and min(counts) >= 3
