"""``churn generate`` and ``churn validate``: make sample tables and check tables."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from churn_core.cli.arguments import add_config, add_json, not_negative, positive
from churn_core.cli.arguments import path as local_path
from churn_core.cli.output import print_result, print_text
from churn_core.cli.tables import add_table_options, chosen_settings, config_name, opened_table, table_source

if TYPE_CHECKING:
    import argparse


def add_commands(commands: Any) -> None:
    """Add the commands to the parser."""
    generate = commands.add_parser(
        "generate", help="write sample customers, whose churn depends on their columns"
    )
    generate.add_argument("out", type=local_path, metavar="OUT", help="file to write, .csv or .parquet")
    generate.add_argument("--rows", type=positive, default=10_000, help="number of customers (default 10000)")
    generate.add_argument(
        "--seed", type=not_negative, default=0, help="seed; equal seeds give equal files (default 0)"
    )
    generate.set_defaults(run=_generate)
    validate = commands.add_parser("validate", help="check a table against the data contract")
    validate.add_argument(
        "data", type=table_source, metavar="DATA", help="table, .csv or .parquet, or a folder of such files"
    )
    add_config(validate)
    add_table_options(validate)
    validate.add_argument(
        "--unlabelled", action="store_true", help="the rows are only to be scored and need no target"
    )
    validate.set_defaults(run=_validate)
    for command in (generate, validate):
        add_json(command)


def _generate(options: argparse.Namespace) -> None:
    from churn_core.data import write_sample_data

    write_sample_data(options.out, options.rows, options.seed)
    print_result(
        {"file": str(options.out), "rows": options.rows, "seed": options.seed},
        f"Wrote {options.rows:,} customers to {options.out}.\n"
        f"Next: churn train {shlex.quote(str(options.out))}",
        as_json=options.json,
    )


def _validate(options: argparse.Namespace) -> None:
    from churn_core.config import default_config_path, load_config
    from churn_core.data import load_table, validate_data
    from churn_core.data.inspection import replica_findings

    path = options.config or default_config_path()
    config = chosen_settings(load_config(path), options)
    contract, labelled = config.contract, not options.unlabelled
    with opened_table(options.data) as found:
        table = load_table(found, contract, match_case_insensitive=options.match_case_insensitive)
    report = validate_data(table, contract, labelled=labelled, ids_repeat=config.data.ids_repeat)
    if labelled:
        replicas = replica_findings(table, contract.columns, config.data.group)
        report = replace(report, findings=(*report.findings, *replicas))
    if options.json:
        print_result(report.to_dict() | {"config": str(path)}, "", as_json=True)
    else:
        print_text(f"Configuration: {config_name(path)}.")
        print_text(report.render())
        if report.ok:
            print_text(_next_command(options))
    report.raise_for_errors()


def _next_command(options: argparse.Namespace) -> str:
    if options.unlabelled:
        return f"Next: {shlex.join(['churn', 'score', str(options.data), 'scores.parquet'])}"
    configured = ["--config", str(options.config)] if options.config else []
    return f"Next: {shlex.join(['churn', 'train', str(options.data), *configured])}"
