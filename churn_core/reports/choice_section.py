"""What a report says about how the model was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.reports.page import Markup, element, join, paragraph, table

if TYPE_CHECKING:
    from churn_core.models.churn_model import ChurnModel
    from churn_core.models.evaluation.selection import Choice

TITLES: Final = {"families": "Model families", "pairs": "Pairs of columns that the model may combine"}


def choice_section(model: ChurnModel) -> list[Markup]:
    """Tell what was compared; nothing where the configuration left no choice."""
    if not model.choices:
        return []
    parts = [
        element("h2", "How the model was chosen"),
        paragraph(
            "By cross-validated log loss: the simplest candidate is taken whose distance from the best is"
            " within that distance’s standard error. The simplest stands first."
        ),
    ]
    parts += [_compared(TITLES[name], choice) for name, choice in sorted(model.choices.items())]
    return [join(parts)]


def _compared(title: str, choice: Choice) -> Markup:
    rows = [
        (
            name.replace("_", " "),
            f"{found['log_loss']:.4f}",
            f"{found['behind']:.4f}",
            f"{found['error']:.4f}",
            "taken" if name == choice.taken else "",
        )
        for name, found in choice.compared.items()
    ]
    return table(title, ("Candidate", "Log loss", "Behind the best", "Standard error", ""), rows)
