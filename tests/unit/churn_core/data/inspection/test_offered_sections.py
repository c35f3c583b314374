"""The sections that `churn init` offers as comments."""

from __future__ import annotations

import pytest

from churn_core.data.inspection.offered_sections import offered_sections


@pytest.mark.parametrize(
    ("labels", "language"),
    [
        (("ja", "nein"), "de"),
        (("Ja", "Nee"), "nl"),
        (("oui", "non"), "fr"),
        (("sí", "no"), "es"),
        (("Sì", "No"), "it"),
        (("sim", "não"), "pt"),
        (("Yes", "No"), "en"),
        (("1", "0"), "en"),
    ],
)
def test_sentences_are_offered_in_the_language_of_the_labels(labels: tuple[str, str], language: str) -> None:
    assert f"#   language: {language}" in offered_sections([], labels, str)
