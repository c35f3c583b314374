"""The sections after the data in a written configuration, most of them comments for the user to uncomment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from churn_core.output_settings import known_languages, language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from churn_core.data.inspection.planned_column import PlannedColumn

_KEPT: Final = 3
_NAMES: Final = frozenset({"naming", "unique_number"})
"""Reasons by which a column that names a customer, such as a telephone number, is left out."""

_MODEL: Final = """\
# auto takes the family that predicts best, or additive, whose reasons are exact, where it predicts as well.
model:
  type: auto
"""

DECISION: Final = """\
# What contacting a customer costs and earns. The threshold is then the score from which a contact pays, and
# scored files have the expected profit of each contact. Remove the # and put in your own amounts.
# decision:
#   value_of_customer: 500
#   cost_of_offer: 20
#   success_rate: 0.3
#   currency: EUR
"""

EVALUATION: Final = """\
# More folds and repeats give narrower intervals, and take longer.
# evaluation:
#   folds: 5
#   repeats: auto
"""

_OUTPUT: Final = """\
# What scored files hold beside the scores: columns that they repeat, and reasons as sentences, in one of the
# languages {languages}.
# output:
#   keep: {keep}
#   reason_texts: true
#   language: {language}
"""


def offered_sections(
    columns: Sequence[PlannedColumn], labels: Sequence[str], write: Callable[[list[str]], str]
) -> list[str]:
    """Return the lines of the sections; those in comments are valid when they are uncommented.

    Parameters
    ----------
    columns : sequence of PlannedColumn
        Of the table; those that name a customer are offered as columns that scored files repeat.
    labels : sequence of str
        Of the target; where they are the words for yes and no of a language, it is offered.
    write : callable
        Writes a list as YAML in one line.
    """
    names = [column.name for column in columns if column.reason in _NAMES][:_KEPT]
    output = _OUTPUT.format(
        keep=write(names), languages=", ".join(known_languages()), language=language_of(labels)
    )
    sections = (_MODEL, DECISION, EVALUATION, output)
    return [line for section in sections for line in ["", *section.splitlines()]]


def project_name(source: str) -> str:
    """Return a name for the model: that of the table's file, as `project.name` allows it."""
    stem = source.split("/")[-1].split(".")[0].lower()
    name = re.sub("[^a-z0-9]+", "-", stem).strip("-")
    name = re.sub("^[^a-z]+", "", name)[:40].rstrip("-")
    return name or "churn"
