"""``churn init``: write a configuration for a churn table."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.cli.arguments import add_json
from churn_core.cli.output import print_result
from churn_core.cli.progress import Progress
from churn_core.cli.tables import (
    add_table_options,
    chosen_rules,
    opened_table,
    reader_keys,
    table_files,
    table_source,
)
from churn_core.errors import OutputError
from churn_core.scoring.files.complete_file import complete_file, unwritable
from churn_core.sources.addresses import local_output

if TYPE_CHECKING:
    import argparse

    from churn_core.data.inspection import Inspection
    from churn_core.sources.addresses import Source

DEFAULT_CONFIG = Path("config.yaml")
_ADVICE = "name another file with --out"
_GROUP_ADVICE = "reason_group in the configuration makes one reason of the three"
_NO_ID = "No column identifies the customer, so scores have only row numbers; name the id with --id."


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    init = commands.add_parser(
        "init",
        help="write a configuration for a churn table, and warn about columns that make the model wrong",
    )
    init.add_argument(
        "data",
        type=table_source,
        metavar="DATA",
        help="labelled table, .csv or .parquet, or a folder of such files",
    )
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
        "--out", type=table_source, default=DEFAULT_CONFIG, help=f"file to write (default {DEFAULT_CONFIG})"
    )
    init.add_argument("--force", action="store_true", help="replace the file if it exists")
    add_table_options(init, match=False)
    add_json(init)
    init.set_defaults(run=_init)


def _init(options: argparse.Namespace) -> None:
    with (
        local_output(options.out, replace=options.force, option="--force") as out,
        opened_table(options.data) as found,
        complete_file(out, reads=table_files(found), advice=_ADVICE) as unfinished,
        Progress("init") as progress,
    ):
        if out.is_file() and not options.force:
            raise OutputError(f"{options.out} already exists; replace it with --force, or {_ADVICE}.")
        from churn_core.data import load_table
        from churn_core.data.files.dialect_search import dialect_findings, find_dialect
        from churn_core.data.inspection import config_text, inspect_table
        from churn_core.data.inspection.dates import read_date_format
        from churn_core.reader_rules import ReaderRules

        date_formats = [read_date_format(option) for option in options.date_format]
        progress.step(f"reading {options.data}")
        first = table_files(found)[0]
        given = chosen_rules(options)
        layout = find_dialect(
            first, options.target, None if given is None else given.dialect, reader_keys(options)
        )
        table = load_table(found, rules=ReaderRules(dialect=layout.dialect))
        progress.step("inspecting the columns")
        inspection = inspect_table(
            table,
            options.target,
            positive=options.positive,
            exclude=options.exclude_label,
            id_column=options.id,
            group=options.group,
            date_formats=date_formats,
            text_rules=None if given is None else given.text,
            marks_given=not {"decimal", "thousands"}.isdisjoint(reader_keys(options)),
            delimiter=layout.dialect.delimiter,
        )
        inspection = replace(inspection, findings=(*dialect_findings(layout), *inspection.findings))
        text = config_text(inspection, options.data.name, layout.dialect)
        try:
            unfinished.write_text(text, encoding="utf-8")
        except OSError as error:
            raise unwritable(out, error, _ADVICE) from error
    print_result(
        inspection.to_dict() | {"config": str(options.out)},
        _text(inspection, options.data, options.out),
        as_json=options.json,
    )


def _text(inspection: Inspection, data: Source, out: Source) -> str:
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
    lines += [f"{function}: {_GROUP_ADVICE}." for function in inspection.functions]
    if others:
        lines += ["", "Findings about this table:"]
    lines += [f"  {line}" for line in finding_lines(others)]
    configured = [] if out == DEFAULT_CONFIG else ["--config", str(out)]
    command = shlex.join(["churn", "train", str(data), *configured])
    return "\n".join([*lines, "", f"Wrote {out}; check it before you train.", f"Next: {command}"])


def _shown(name: str | None) -> str:
    return "none" if name is None else repr(name)
