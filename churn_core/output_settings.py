"""The ``output`` section of config.yaml: what scored files hold beside the scores, and in which language."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import yaml
from pydantic import Field, field_validator

from churn_core.column_specs import Section
from churn_core.scoring.output_rules import OutputRules
from churn_core.scoring.reason_words import ReasonWords

if TYPE_CHECKING:
    from collections.abc import Iterable

_LANGUAGES: Final = Path(__file__).parent / "languages"
_MAX_BYTES: Final = 2**16


def known_languages() -> list[str]:
    """Return the codes of the languages whose words the package has."""
    return sorted(["en", *(path.stem for path in _LANGUAGES.glob("*.yaml"))])


def language_of(labels: Iterable[str]) -> str:
    """Return the code of the language whose words for yes and no are among `labels`, else ``en``."""
    given = {label.strip().casefold() for label in labels}
    for language in known_languages():
        words = _read_words(language)
        if {words.yes, words.no} <= given:
            return language
    return "en"


class OutputSettings(Section):
    """The columns of scored files, and the words of reasons."""

    keep: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    reason_texts: bool = False
    language: str = "en"

    @field_validator("keep")
    @classmethod
    def _check_keep(cls, keep: tuple[str, ...]) -> tuple[str, ...]:
        repeated = next((name for name in keep if keep.count(name) > 1), None)
        if repeated is not None:
            raise ValueError(f"{repeated!r} is listed twice; list each column once")
        return keep

    @field_validator("language")
    @classmethod
    def _check_language(cls, language: str) -> str:
        _read_words(language)
        return language

    @property
    def rules(self) -> OutputRules:
        """What a bundle keeps of the section."""
        return OutputRules(self.keep, self.reason_texts, _read_words(self.language))


def _read_words(language: str) -> ReasonWords:
    if language == "en":
        return ReasonWords()
    if language.endswith((".yaml", ".yml")):
        path = Path(language)
    elif language in known_languages():
        path = _LANGUAGES / f"{language}.yaml"
    else:
        raise ValueError(
            f"must be one of {', '.join(known_languages())}, or the path of a YAML file with the words"
        )
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode("utf-8")
        # The base loader reads all as text; others would read the key `no` as false.
        content: Any = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
    except OSError as error:
        raise ValueError(
            f"{path} can't be read ({error.strerror}); name a YAML file with the words"
        ) from None
    except (ValueError, yaml.YAMLError, RecursionError):
        raise ValueError(f"{path} is not YAML in UTF-8; correct its syntax") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds no words; see docs/configuration.md#output")  # noqa: TRY004
    try:
        return ReasonWords.from_dict({str(name): word for name, word in content.items()})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
