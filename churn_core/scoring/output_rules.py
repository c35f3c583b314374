"""What shapes the answers and scored files of a model, beyond its scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from churn_core.scoring.reason_words import ReasonWords

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class OutputRules:
    """The ``output`` member of a manifest.

    Parameters
    ----------
    keep : tuple of str
        Columns of the input that scored files repeat, as text, at their end.
    reason_texts : bool
        Whether scored files have reasons as sentences.
    words : ReasonWords
        The words of these sentences.
    """

    keep: tuple[str, ...] = ()
    reason_texts: bool = False
    words: ReasonWords = field(default_factory=ReasonWords)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> OutputRules:
        """Read the rules from a manifest.

        Raises
        ------
        KeyError, TypeError, ValueError
            If `content` is not a result of `to_dict`.
        """
        return cls(
            keep=tuple(content["keep"]),
            reason_texts=bool(content["reason_texts"]),
            words=ReasonWords.from_dict(content["words"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the rules for a manifest."""
        return {"keep": list(self.keep), "reason_texts": self.reason_texts, "words": self.words.to_dict()}
