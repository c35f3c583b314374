"""The messages of findings, by rule: what is wrong, why it matters, and how to fix it.

A message continues after "Column 'name'" or "The table". No message holds a customer's value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.data.inspection.ranges import LARGEST

if TYPE_CHECKING:
    from collections.abc import Sequence

LISTED_COLUMNS: Final = 5
"""A message about many columns names at most this many."""

LEFT_OUT: Final = {
    "date": (
        "holds times, or dates in a form that is not read",
        "write the dates as in 2026-01-31, and run churn init again",
    ),
    "ambiguous_date": (
        "holds dates whose day and month can't be told apart",
        "run churn init again with --date-format 'COLUMN=DD/MM/YYYY', or with the order that is right",
    ),
    "date_leaks": (
        "holds dates that give the target away, as if they were filled when a customer leaves",
        "use them only if they are known before",
    ),
    "date_without_start": (
        "holds the days on which the table was made, and there are no other dates to count from",
        None,
    ),
    "date_without_end": (
        "holds dates, but no column says on which day the table was made",
        "uncomment its line under data.derived in the configuration, and correct the day",
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
    "row_number": ("merely numbers the rows", None),
    "unique_number": (
        "has a different whole number in every row, as a key has",
        "name it with --id if it identifies the customer, or declare it in data.features if it is a quantity",
    ),
    "other_key": (
        "is a customer's key by its name, and a model must not learn single customers",
        "name it with --id or --group if rows belong together by it",
    ),
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
    "filled_for_leavers": (
        "has or lacks values almost only for customers who left, as if it were filled in when they leave",
        "compute nothing from it, or declare it in data.features if it is known before a customer leaves",
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
        "has a name and labels that do not say which label means 'left'; if it is not the one above, name it"
        " with --positive"
    ),
    "most_left": (
        "makes more than half of the customers leavers; if that is wrong, name the label of customers who"
        " left with --positive"
    ),
    "id_in_doubt": (
        "has a different value in every row, so it may be the id; it is no feature: if it identifies the"
        " customer, name it with --id"
    ),
    "id_incomplete": (
        "identifies the customer by its name, but lacks values; fill them, or name another column with --id"
    ),
    "id_collides": ("would be the id, but scored files or answers use that name; rename it"),
    "many_values": (
        "has so many different values that the model treats the rare ones as one (max_levels); a coarser"
        " column, such as the region instead of the city, may work better"
    ),
    "ambiguous_marks": (
        "has numbers such as 1,234 or 1.234 that can be read in two ways in {columns}; they are read with"
        " {marks}: if that is wrong, run churn init again with {options}"
    ),
    "other_marks": (
        "has numbers with other decimal or thousands marks than the rest of the table; write them alike, and"
        " run churn init again"
    ),
    "alike_spellings": (
        "has values that differ only by case, blanks or Unicode form in {columns}; to make these one value,"
        " declare these columns with normalise: true"
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
        "has {count:,} of {rows:,} rows that repeat an earlier row in every feature; the quality looks"
        " better than it is: set data.group to auto, which keeps equal rows together, or remove the repeats"
    ),
    "periodic_rows": (
        "has rows that are equal in {share:.0%} of their values {lag:,} rows apart, unlike other rows; if the"
        " table repeats the same customers, set data.group to the column that names them"
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
    "pair_gives_target_away": (
        "together with column {} predicts the target better than columns known in advance can; remove the one"
        " that is not known before a customer leaves"
    ),
    "value_gives_target_away": (
        "has a value with which nearly every customer left, as if it were set when a customer leaves;"
        " remove it unless it is known before"
    ),
}
"""All other findings."""

LEAKS: Final = ("target_copy", "filled_for_leavers")
"""The rules of `LEFT_OUT` about leaks; they count the rows that show the leak."""

TARGET_DOUBTS: Final = ("positive_guessed", "most_left", "few_leavers")
"""Findings that are said before everything else: they concern what the model will predict."""


def left_out_message(rule: str, column: str) -> str:
    """Return the message of a column that is left out."""
    reason, advice = LEFT_OUT[rule]
    return f"{reason}; it is left out" + (f": {advice.replace('COLUMN', column)}" if advice else "")


def listed_columns(names: Sequence[str]) -> str:
    """List the first columns and the number of the others."""
    more = len(names) - LISTED_COLUMNS
    return ", ".join(map(repr, names[:LISTED_COLUMNS])) + (f" and {more} more" if more > 0 else "")
