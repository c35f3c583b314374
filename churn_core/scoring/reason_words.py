"""Reasons in words: ``Contract is Month-to-month: strongly raises the risk``."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Literal

from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from churn_core.schema import Contract

Effect = Literal["raises", "lowers"]
Strength = Literal["slightly", "clearly", "strongly"]

CLEARLY_FROM: Final = math.log(1.25)
"""A contribution in log-odds: it changes the odds of leaving by a quarter."""

STRONGLY_FROM: Final = math.log(2)
"""A contribution in log-odds: it doubles or halves the odds of leaving."""

_SIGNIFICANT_DIGITS: Final = 6
_PLACEHOLDERS: Final = ("label", "value", "effect", "strength")


@dataclass(frozen=True, slots=True)
class ReasonWords:
    """The words of a language for reasons.

    Parameters
    ----------
    reason : str
        The sentence, with the places ``{label}``, ``{value}``, ``{effect}`` and ``{strength}``.
    raises, lowers : str
        The effects.
    slightly, clearly, strongly : str
        The strengths.
    missing : str
        Stands for a missing value.
    unknown : str
        Stands for a category that training never saw.
    yes, no : str
        Stand for true and false.
    decimal : str
        The decimal mark.
    """

    reason: str = "{label} is {value}: {strength} {effect} the risk"
    raises: str = "raises"
    lowers: str = "lowers"
    slightly: str = "slightly"
    clearly: str = "clearly"
    strongly: str = "strongly"
    missing: str = "missing"
    unknown: str = "a value never seen before"
    yes: str = "yes"
    no: str = "no"
    decimal: str = "."

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ReasonWords:
        """Read the words from a file or a manifest; words that are not given are English.

        Raises
        ------
        ValueError
            If a word is unknown or is not text, or the sentence lacks a place.
        """
        known = {field.name for field in fields(cls)}
        for name, word in content.items():
            if name not in known:
                raise ValueError(f"{name!r} is unknown; known are {', '.join(sorted(known))}")
            if not isinstance(word, str) or not word or not word.isprintable():
                raise ValueError(f"{name!r} must be text in one line")
        words = cls(**content)
        for place in _PLACEHOLDERS:
            if words.reason.count(f"{{{place}}}") != 1:
                raise ValueError(f"'reason' must contain {{{place}}} once")
        return words

    def to_dict(self) -> dict[str, str]:
        """Return the words for a manifest."""
        return asdict(self)

    def number(self, value: float) -> str:
        """Return a number as text with at most six significant digits, without an exponent if it is usual."""
        text = f"{value:.{_SIGNIFICANT_DIGITS}g}"
        if "e" in text and abs(value) < 1e15 and (abs(value) >= 1 or value == 0):
            text = f"{value:.0f}"
        return text.replace(".", self.decimal)

    def sentence(self, label: str, value: str, contribution: float) -> str:
        """Return a reason as a sentence."""
        places = {
            "label": label,
            "value": value,
            "effect": getattr(self, effect_of(contribution)),
            "strength": getattr(self, strength_of(contribution)),
        }
        text = self.reason
        # Each place is filled where the template has it, so a label or a value may contain braces.
        parts: list[str] = []
        while text:
            found = [(text.find(f"{{{name}}}"), name) for name in places if f"{{{name}}}" in text]
            if not found:
                parts.append(text)
                break
            start, name = min(found)
            parts += [text[:start], places[name]]
            text = text[start + len(name) + 2 :]
        return "".join(parts)


def effect_of(contribution: float) -> Effect:
    """Return whether a contribution raises or lowers the score."""
    return "raises" if contribution > 0 else "lowers"


def strength_of(contribution: float) -> Strength:
    """Return how much a contribution, in log-odds, changes the score; see the limits of this module."""
    size = abs(contribution)
    return "strongly" if size >= STRONGLY_FROM else "clearly" if size >= CLEARLY_FROM else "slightly"


class ReasonText:
    """Writes reasons as sentences, from encoded values: the same for records and files.

    Parameters
    ----------
    contract : Contract
        With vocabularies.
    words : ReasonWords
    """

    def __init__(self, contract: Contract, words: ReasonWords) -> None:
        self._contract = contract
        self._words = words
        self._labels = [feature.label for feature in contract.features]

    def label(self, position: int) -> str:
        """Return the label of a feature by its position in the contract."""
        return self._labels[position]

    def value(self, position: int, code: float) -> str:
        """Return an encoded value as text."""
        words, feature = self._words, self._contract.features[position]
        if not isinstance(feature, CategoryFeature):
            return words.missing if code != code else words.number(code)
        if code == feature.missing_code:
            return words.missing
        if code == feature.unknown_code:
            return words.unknown
        text = feature.vocabulary[int(code)]
        if feature.values == "boolean":
            return {"true": words.yes, "false": words.no}.get(text, text)
        return text

    def sentence(self, position: int, code: float, contribution: float) -> str:
        """Return the reason of a feature's contribution, in log-odds, as a sentence."""
        return self._words.sentence(self._labels[position], self.value(position, code), contribution)
