"""``churn init``: a configuration for any churn table."""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.cli.output import Progress, print_result
from churn_core.errors import OutputError

if TYPE_CHECKING:
    import argparse

    from churn_core.data.inspection import Inspection

DEFAULT_CONFIG = Path("config.yaml")


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    init = commands.add_parser(
        "init", help="write a configuration for a churn table, and warn of traps in it"
    )
    init.add_argument("data", type=Path, metavar="DATA", help="labelled table, .csv or .parquet")
    init.add_argument("--target", required=True, help="the column that says who left")
    init.add_argument("--positive", help="its label of those who left (default: by its name, or the rarer)")
    init.add_argument("--id", help="the column that names the customer (default: found)")
    init.add_argument("--group", help="a column whose rows are held out together, such as a household")
    init.add_argument(
        "--out", type=Path, default=DEFAULT_CONFIG, help=f"file to write (default {DEFAULT_CONFIG})"
    )
    init.add_argument("--force", action="store_true", help="replace the file if it is there")
    init.add_argument("--json", action="store_true", help="print JSON for programs")
    init.set_defaults(run=_init)


def _init(options: argparse.Namespace) -> None:
    _check_free(options)
    from churn_core.data import load_table
    from churn_core.data.inspection import config_text, inspect_table

    with Progress("init") as progress:
        progress.step(f"reading {options.data}")
        table = load_table(options.data)
        progress.step("looking at every column")
        inspection = inspect_table(
            table, options.target, positive=options.positive, id_column=options.id, group=options.group
        )
    _write(options.out, config_text(inspection, options.data.name))
    print_result(
        inspection.to_dict() | {"config": str(options.out)},
        _text(inspection, options.data, options.out),
        as_json=options.json,
    )


def _check_free(options: argparse.Namespace) -> None:
    if options.out.exists() and not (options.force and options.out.is_file()):
        raise OutputError(
            f"{options.out} is there already; replace it with --force, or name another file with --out."
            if options.out.is_file()
            else f"{options.out} is no file; name another with --out."
        )


def _write(path: Path, text: str) -> None:
    try:
        # Whole or not at all: an interrupted command leaves no half a configuration.
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.absolute().parent, prefix=".churn-", delete=False
        ) as draft:
            try:
                draft.write(text)
                draft.close()
                os.chmod(draft.name, 0o666 & ~_umask())  # noqa: PTH101
                os.replace(draft.name, path)  # noqa: PTH105
            except BaseException:
                Path(draft.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise OutputError(
            f"{path} can't be written ({error.strerror}); name another file with --out."
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _text(inspection: Inspection, data: Path, out: Path) -> str:
    target, features = inspection.target, inspection.features
    numbers = sum(column.spec["kind"] == "number" for column in features)
    left_out = sum(column.role == "left_out" for column in inspection.columns)
    lines = [
        f"{data}: {inspection.rows:,} rows, {len(inspection.columns):,} columns.",
        f"Target {target.column!r}: {target.share:.1%} left (label {target.positive!r}).",
        f"Id: {_shown(inspection.id_column)}. Group: {_shown(inspection.group_column)}.",
        f"Features: {numbers} numbers and {len(features) - numbers} categories; left out: {left_out}.",
    ]
    if inspection.findings:
        lines += ["", "What to know about this table:"]
    ordered = sorted(inspection.findings, key=lambda finding: finding.severity != "error")
    lines += [f"  {finding}" for finding in ordered]
    command = shlex.join(["churn", "train", str(data), "--config", str(out)])
    return "\n".join([*lines, "", f"Wrote {out}; read it through.", f"Next: {command}"])


def _shown(name: str | None) -> str:
    return "none" if name is None else repr(name)
