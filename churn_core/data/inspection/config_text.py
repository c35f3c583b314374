"""The text of a configuration: every column in the table's order, with comments that give reasons."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

import yaml

from churn_core.data.inspection.messages import LEFT_OUT, MESSAGES
from churn_core.data.inspection.offered_sections import offered_sections, project_name
from churn_core.data.inspection.ranges import RULE
from churn_core.reader_rules import Dialect, ReaderRules

if TYPE_CHECKING:
    from churn_core.data.inspection.inspect import Inspection
    from churn_core.data.inspection.planned_column import PlannedColumn

_WIDTH: Final = 98
_FEATURE_NOTES: Final = (
    "  # nullable: values are missing in this table too. A category that is missing elsewhere is scored with",
    "  # a warning (required: true rejects the row); a number that is missing elsewhere rejects the row.",
    "  # label: and help: say what people read in reasons and reports, such as",
    "  #   tenure: {kind: number, label: Months as a customer, help: Since the first contract.}",
)
_LONGEST_KEY: Final = 1_000
"""YAML allows a longer key only after a question mark."""


def config_text(inspection: Inspection, source: str, dialect: Dialect | None = None) -> str:
    """Write the configuration of an inspected table.

    Parameters
    ----------
    inspection : Inspection
    source : str
        The name of the table's file.
    dialect : Dialect, optional
        The layout of the table's file, if it is CSV.

    Returns
    -------
    str
        YAML for `churn_core.config.load_config`. Column names may hold any character.
    """
    target = inspection.target
    lines = [
        f"# Written by churn init for {scalar(source)}:"
        f" {inspection.rows:,} rows, {len(inspection.columns):,} columns.",
        "# Check how each column is declared and which columns are left out. Then train with this file.",
        *_doubt_lines(inspection),
        "",
        "# The model's name, in its version and in messages.",
        "project:",
        f"  name: {project_name(source)}",
        "",
        *_reader_lines(inspection, dialect or Dialect()),
        "data:",
        *_id_lines(inspection),
        *_group_lines(inspection),
        "  target:",
        f"    column: {scalar(target.column)}",
        f"    # {_positive_reason(inspection)}",
        f"    positive: {_labels(target.positive)}",
        f"    negative: {_labels(target.negative)}",
        *_excluded_lines(inspection),
        *(f"  # {line}" for line in textwrap.wrap(RULE, _WIDTH)),
        *_FEATURE_NOTES,
        "  features:",
    ]
    for column in inspection.columns:
        lines += _column_lines(column)
    lines += _derived_lines(inspection)
    lines += offered_sections(inspection.columns, (*target.positive, *target.negative), _flow)
    return "\n".join([*lines, ""])


def scalar(text: str) -> str:
    """Write text as one line of YAML that is read back as the same text."""
    plain = str(yaml.safe_dump(text, allow_unicode=True, width=float("inf")))
    plain = plain.removesuffix("\n").removesuffix("\n...")
    if "\n" in plain or not plain.isprintable():
        return str(
            yaml.safe_dump(text, allow_unicode=False, width=float("inf"), default_style='"')
        ).removesuffix("\n")
    return plain


def _reader_lines(inspection: Inspection, dialect: Dialect) -> list[str]:
    """Write the ``reader`` section: the settings that differ from the default."""
    rules = ReaderRules(inspection.text_rules, dialect).to_dict()
    default = ReaderRules().to_dict()
    lines = [f"  {name}: {_flow(rules[name])}" for name in default if rules[name] != default[name]]
    if not lines:
        return []
    return [
        "# How the files are laid out, and how they write numbers, dates and missing values.",
        "reader:",
        *lines,
        "",
    ]


def _id_lines(inspection: Inspection) -> list[str]:
    if inspection.id_column is not None:
        return [
            "  # Identifies the customer in scored files. It is not a feature.",
            f"  id: {scalar(inspection.id_column)}",
        ]
    return [
        "  # No column identifies a customer, so scored files have only row numbers. Name the id with --id.",
        "  # id: ...",
    ]


def _group_lines(inspection: Inspection) -> list[str]:
    if inspection.group_column is not None:
        return [
            "  # Rows of one group stay together in every split. So no model is tested on customers that it",
            "  # was trained on.",
            f"  group: {scalar(inspection.group_column)}",
        ]
    if inspection.group_offered is not None:
        return [
            "  # If rows with the same value of this column belong together, uncomment the next line.",
            f"  # group: {scalar(inspection.group_offered)}",
        ]
    return []


def _positive_reason(inspection: Inspection) -> str:
    target = inspection.target
    how = {
        "option": "The label of customers who left, as given by --positive",
        "word": "The label of customers who left, by the labels and the column's name",
        "guess": "The label for yes, assumed to be that of customers who left (change it with --positive)",
        "rarity": "The rarer label, assumed to be that of customers who left (change it with --positive)",
    }
    return f"{how[target.chosen_by]}: {target.share:.1%} of the rows."


def _doubt_lines(inspection: Inspection) -> list[str]:
    target = inspection.target
    if target.doubt is None:
        return []
    text = f"Warning: Column {scalar(target.column)} {MESSAGES[target.doubt]}."
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH)]


def _excluded_lines(inspection: Inspection) -> list[str]:
    if not inspection.excluded_labels:
        return []
    return [
        f"    # {inspection.excluded_rows:,} rows have a label of this list; they are set aside.",
        f"    exclude: {_labels(inspection.excluded_labels, always_list=True)}",
    ]


def _labels(labels: tuple[str, ...], *, always_list: bool = False) -> str:
    if len(labels) == 1 and not always_list:
        return scalar(labels[0])
    return str(
        yaml.safe_dump(
            list(labels),
            default_flow_style=True,
            allow_unicode=all(label.isprintable() for label in labels),
            width=float("inf"),
        )
    ).removesuffix("\n")


def _column_lines(column: PlannedColumn) -> list[str]:
    if column.role == "left_out":
        return [f"    # left out: {scalar(column.name)}, which {LEFT_OUT[str(column.reason)][0]}"]
    if column.role == "date":
        return [f"    # a date: {scalar(column.name)}, which data.derived uses"]
    if column.role != "feature":
        return []
    spec = _flow(column.spec)
    notes = [f"    # {line}" for note in column.notes for line in textwrap.wrap(note, _WIDTH)]
    key = scalar(column.name)
    if len(key) > _LONGEST_KEY:
        return [*notes, f"    ? {key}", f"    : {spec}"]
    return [*notes, f"    {key}: {spec}"]


def _derived_lines(inspection: Inspection) -> list[str]:
    lines = []
    if inspection.derived:
        lines += [
            "  # Whole days between two dates, computed from the date columns of files and requests.",
            "  derived:",
            *(f"    {scalar(name)}: {_flow(spec)}" for name, spec in inspection.derived.items()),
        ]
    if inspection.offered:
        lines += [
            "  # No column says on which day the table was made. A column with that day is best: add it to",
            "  # all files, and run churn init again. Or uncomment the next lines, and correct the day. It",
            "  # stays the same for later files.",
            "  # derived:",
            *(f"  #   {scalar(name)}: {_flow(spec)}" for name, spec in inspection.offered.items()),
        ]
    return lines


def _flow(spec: object) -> str:
    flow = yaml.safe_dump(
        spec, default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False
    )
    return str(flow).removesuffix("\n").removesuffix("\n...")
