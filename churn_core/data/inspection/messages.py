"""The messages of findings, by rule: what is wrong, why it matters, and how to fix it.

A message continues after "Column 'name'" or "The table". No message holds a customer's value.
"""

from __future__ import annotations

from typing import Final

from churn_core.data.inspection.ranges import LARGEST

LEFT_OUT: Final = {
    "date": (
        "holds dates or times, which can't be features",
        "derive a number from it, such as the days up to a fixed day, and run churn init again",
    ),
    "free_text": (
        "holds free text, which a model can't learn from",
        "derive a category or a number from it if it matters",
    ),
    "naming": ("has a different value in nearly every row, so a model can't learn from it", None),
    "constant": ("holds a single value, so a model can't learn from it", None),
    "all_missing": ("has no value in any row", None),
    "nested": ("holds nested or binary values", "write what matters in them as columns of their own"),
    "no_name": ("has no name", "name it if the model should use it"),
    "row_number": ("counts the rows", None),
    "mixed_numbers": (
        "holds numbers and other text",
        "empty the other cells, or write them as plain numbers such as 1234.5, and run churn init again",
    ),
    "scattered": (
        "has many different values that rarely repeat",
        "group them into a few dozen if they matter",
    ),
    "too_large": (f"holds numbers beyond {LARGEST:g}", "scale them down if they matter"),
    "target_copy": (
        "alone identifies nearly every leaver, as only a copy of the target can",
        "declare it in data.features if it is known before a customer leaves",
    ),
}
"""Why a column is left out, by rule: the reason, and what the user can do if there is anything."""

MESSAGES: Final = {
    "name_corrected": (
        "matches the name you gave except for case or surrounding blanks; the configuration uses the"
        " table's spelling"
    ),
    "missing_label": ("is the target but lacks labels; label these rows or remove them before training"),
    "not_finite": (
        "holds infinite numbers; replace them before training, or empty the cells if the numbers are unknown"
    ),
    "positive_guessed": (
        "has labels that do not show which one means 'left'; the rarer one was taken: set --positive if"
        " it is the other"
    ),
    "id_collides": ("would be the id, but scored files or answers use that name; rename it"),
    "many_values": (
        "has so many different values that the model treats the rare ones as one (max_levels); a coarser"
        " column, such as the region instead of the city, may work better"
    ),
    "group_offered": (
        "repeats and looks like a key that several customers share; if their rows are alike, set"
        " data.group to it, or the metrics will be too good"
    ),
    "repeated_customer": (
        "repeats, so customers have several rows; data.group keeps the rows of one customer together, so"
        " that no model is tested on customers it was trained on"
    ),
    "order_predicts": (
        "has rows in an order that predicts the target, as if it were joined from several parts; check"
        " that leavers and stayers come from the same source and period"
    ),
    "id_predicts": (
        "predicts the target although it is the id; check that leavers and stayers come from the same"
        " source and period"
    ),
    "replicated_rows": (
        "has more rows that equal earlier ones in every feature than chance explains; remove them, or set"
        " data.group to what they share, or the model is tested on rows it was trained on"
    ),
    "nearly_replicated": (
        "is the only difference between many rows and earlier ones, more than chance explains; if these"
        " are the same customers, keep one row of each, or set data.group to what they share"
    ),
    "gives_target_away": (
        "predicts the target better than a column known in advance can; remove it unless it is known"
        " before a customer leaves"
    ),
    "missing_gives_target_away": (
        "predicts the target by whether it has a value, as if it were filled in when a customer leaves;"
        " remove it unless it is known before"
    ),
    "value_gives_target_away": (
        "has a value with which nearly every customer left, as if it were set when a customer leaves;"
        " remove it unless it is known before"
    ),
}
"""All other findings."""


def left_out_message(rule: str) -> str:
    """Return the message of a column that is left out."""
    reason, advice = LEFT_OUT[rule]
    return f"{reason}; it is left out" + (f": {advice}" if advice else "")
