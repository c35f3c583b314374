"""``churn init``: write a configuration for a churn table."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.cli.arguments import add_json, path
from churn_core.cli.output import Progress, print_result
from churn_core.errors import OutputError
from churn_core.scoring.files.complete_file import complete_file, unwritable

if TYPE_CHECKING:
    import argparse

    from churn_core.data.inspection import Inspection

DEFAULT_CONFIG = Path("config.yaml")
_ADVICE = "name another file with --out"
_NO_ID = "No column identifies the customer, so scores have only row numbers; name the id with --id."


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    init = commands.add_parser(
        "init",
        help="write a configuration for a churn table, and warn about columns that make the model wrong",
    )
    init.add_argument("data", type=path, metavar="DATA", help="labelled table, .csv or .parquet")
    init.add_argument("--target", required=True, help="the column that says who left")
    init.add_argument(
        "--positive",
        action="append",
        default=[],
        metavar="LABEL",
        help="the label of customers who left (default: by the labels and the column's name); repeatable",
    )
    init.add_argument(
        "--exclude-label",
        action="append",
        default=[],
        metavar="LABEL",
        help="set the rows with this label aside, such as customers who joined lately; repeatable",
    )
    init.add_argument("--id", help="the column that identifies the customer (default: found by its name)")
    init.add_argument(
        "--group", help="a column, such as a household, whose rows stay together in every split"
    )
    init.add_argument(
        "--date-format",
        action="append",
        default=[],
        metavar="COLUMN=FORMAT",
        help="the format of a column's dates, such as signup=DD/MM/YYYY (default: recognised)",
    )
    init.add_argument(
        "--out", type=path, default=DEFAULT_CONFIG, help=f"file to write (default {DEFAULT_CONFIG})"
    )
    init.add_argument("--force", action="store_true", help="replace the file if it exists")
    add_json(init)
    init.set_defaults(run=_init)


def _init(options: argparse.Namespace) -> None:
    with (
        complete_file(options.out, reads=[options.data], advice=_ADVICE) as unfinished,
        Progress("init") as progress,
    ):
        if options.out.is_file() and not options.force:
            raise OutputError(f"{options.out} already exists; replace it with --force, or {_ADVICE}.")
        from churn_core.data import load_table
        from churn_core.data.dialect_search import dialect_findings, find_dialect
        from churn_core.data.inspection import config_text, inspect_table
        from churn_core.data.inspection.dates import read_date_format
        from churn_core.reader_rules import ReaderRules

        date_formats = [read_date_format(option) for option in options.date_format]
        progress.step(f"reading {options.data}")
        found = find_dialect(options.data, options.target)
        table = load_table(options.data, rules=ReaderRules(dialect=found.dialect))
        progress.step("inspecting the columns")
        inspection = inspect_table(
            table,
            options.target,
            positive=options.positive,
            exclude=options.exclude_label,
            id_column=options.id,
            group=options.group,
            date_formats=date_formats,
        )
        inspection = replace(inspection, findings=(*dialect_findings(found), *inspection.findings))
        text = config_text(inspection, options.data.name, found.dialect)
        try:
            unfinished.write_text(text, encoding="utf-8")
        except OSError as error:
            raise unwritable(options.out, error, _ADVICE) from error
    print_result(
        inspection.to_dict() | {"config": str(options.out)},
        _text(inspection, options.data, options.out),
        as_json=options.json,
    )


def _text(inspection: Inspection, data: Path, out: Path) -> str:
    from churn_core.data.findings import finding_lines
    from churn_core.data.inspection.messages import TARGET_DOUBTS

    target, features = inspection.target, inspection.features
    numbers = sum(column.spec["kind"] == "number" for column in features)
    left_out = sum(column.role == "left_out" for column in inspection.columns)
    of_target = [finding for finding in inspection.findings if finding.rule in TARGET_DOUBTS]
    others = [finding for finding in inspection.findings if finding.rule not in TARGET_DOUBTS]
    aside = f"; {inspection.excluded_rows:,} rows more are set aside" if inspection.excluded_labels else ""
    label = " or ".join(map(repr, target.positive))
    lines = [
        *finding_lines(of_target),
        f"{data}: {inspection.rows:,} rows, {len(inspection.columns):,} columns{aside}.",
        f"Target {target.column!r}: {target.share:.1%} left (label {label}).",
        f"Id: {_shown(inspection.id_column)}. Group: {_shown(inspection.group_column)}.",
        *([] if inspection.id_column else [_NO_ID]),
        f"Features: {numbers} numbers and {len(features) - numbers} categories; left out: {left_out}.",
    ]
    if inspection.derived:
        lines.append(f"Days between dates: {', '.join(inspection.derived)}.")
    if others:
        lines += ["", "Findings about this table:"]
    lines += [f"  {line}" for line in finding_lines(others)]
    command = shlex.join(["churn", "train", str(data), "--config", str(out)])
    return "\n".join([*lines, "", f"Wrote {out}; check it before you train.", f"Next: {command}"])


def _shown(name: str | None) -> str:
    return "none" if name is None else repr(name)
