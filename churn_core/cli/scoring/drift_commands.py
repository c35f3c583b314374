"""``churn drift``: compare a table with the training rows.

With ``--json`` it prints the dictionary that `churn_core.scoring.drift.report.DriftReport.to_dict` documents,
with two more keys: ``labelled`` (whether the table has the target column) and ``advice`` (sentences).
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from churn_core.cli.arguments import add_batch, add_json, add_model, read_batch
from churn_core.cli.output import print_result
from churn_core.cli.progress import Progress
from churn_core.cli.tables import add_table_options, load_predictor, opened_table, table_source
from churn_core.errors import DriftError
from churn_core.sources.parts import PartedTable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from churn_core.scoring.drift.report import ColumnDrift, DriftReport
    from churn_core.scoring.files.drift_pass import MeasuredDrift
    from churn_core.scoring.predictor import ChurnPredictor

_REPORTED_SHARE = 0.02
"""A fault of a column's values is reported if at least this share of its rows has it."""


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    drift = commands.add_parser(
        "drift", help="compare new customers with the training rows; estimate model quality without labels"
    )
    drift.add_argument(
        "data",
        type=table_source,
        metavar="DATA",
        help="customers, .parquet or .csv, or a folder of such files; the target is not needed",
    )
    add_model(drift)
    drift.add_argument(
        "--fail-on",
        choices=("moderate", "major"),
        help="exit with 1 if a column or the scores drifted by at least this much",
    )
    add_table_options(drift)
    add_batch(drift)
    add_json(drift)
    drift.set_defaults(run=_drift)


def _drift(options: argparse.Namespace) -> None:
    from churn_core.scoring.drift.stability_index import LEVELS

    predictor = load_predictor(options)
    with Progress("comparing") as progress, opened_table(options.data) as found:
        measured = _measure(found, predictor, options, progress)
    report = measured.report
    content = report.to_dict() | {"labelled": measured.labelled, "advice": advice(report)}
    print_result(content, _text(report, measured.labelled, options), as_json=options.json)
    if options.fail_on and LEVELS.index(report.verdict) >= LEVELS.index(options.fail_on):
        raise DriftError(
            f"Drift is {report.verdict} ({', '.join(_moved(report))}) and --fail-on is {options.fail_on};"
            " check the named columns, or train again."
        )


def _measure(
    found: Path | PartedTable, predictor: ChurnPredictor, options: argparse.Namespace, progress: Progress
) -> MeasuredDrift:
    from churn_core.scoring.files.drift_pass import measure_drift
    from churn_core.sources.score_parts import measure_parts_drift

    settings = replace(read_batch(options), match_case_insensitive=options.match_case_insensitive)
    if isinstance(found, PartedTable):
        return measure_parts_drift(found, predictor, settings, progress.update)
    return measure_drift(found, predictor, settings, progress.update)


def advice(report: DriftReport) -> list[str]:
    """Return sentences that say what to do about a report."""
    faults = {column.column: list(_column_advice(column, report.scored)) for column in report.moved}
    sentences = [sentence for found in faults.values() for sentence in found]
    if sentences:
        sentences.append("Fix faults at the source: they change the scores too.")
    if not report.scored:
        sentences.append("No row was scored: check the source of the table.")
    others = [name for name in _moved(report) if not faults.get(name)]
    if others:
        sentences.append(
            f"The customers differ from those in training ({', '.join(others)}): train again as soon as their"
            " labels are known."
        )
    return sentences or ["Nothing to do."]


def _column_advice(column: ColumnDrift, scored: int) -> Iterator[str]:
    refused = sum(column.refused.values())
    if refused >= _REPORTED_SHARE * max(1, scored + refused):
        codes = ", ".join(f"{code} {rows:,}" for code, rows in column.refused.items())
        yield f"Check the source of {column.column}: {refused:,} rows are rejected for its values ({codes})."
    elif column.missing_now - column.missing_before >= _REPORTED_SHARE:
        yield (
            f"Check the source of {column.column}: it is missing in {column.missing_now:.1%} of the rows, but"
            f" was missing in {column.missing_before:.1%} of the training rows."
        )
    if column.unknown_now is not None and column.unknown_before is not None:
        if column.unknown_now - column.unknown_before >= _REPORTED_SHARE:
            yield (
                f"Check the source of {column.column}: {column.unknown_now:.1%} of its values did not occur"
                " in training. If they are correct, train again with them."
            )
    elif column.outside_now is not None and column.outside_now >= _REPORTED_SHARE:
        yield (
            f"Check the source and unit of {column.column}: {column.outside_now:.1%} of its values are"
            " outside the range of the training rows."
        )


def _moved(report: DriftReport) -> list[str]:
    return [
        *(column.column for column in report.moved),
        *(["the scores"] if report.scores.level != "stable" else []),
    ]


def _text(report: DriftReport, labelled: bool, options: argparse.Namespace) -> str:
    lines = [
        f"{report.scored:,} rows scored by {report.model_version}, {report.rejected:,} rejected;"
        f" compared with {report.training_rows:,} training rows.",
        "",
        *_column_lines(report),
        "",
        f"Scores: PSI {report.scores.psi:.3f}, {report.scores.level};"
        f" mean {_share(report.mean_before)} -> {_share(report.mean_now)},"
        f" predicted to leave {_share(report.flagged_before)} -> {_share(report.flagged_now)}"
        f" ({report.holdout_rows:,} rows held out -> now).",
        "",
        *_performance_lines(report),
        "",
        f"Verdict: {report.verdict}. Stable: PSI below 0.1, or within the noise for this number of rows;"
        " major: PSI of 0.25 or more.",
        *advice(report),
        f"Next: {_next_command(report, labelled, options)}",
    ]
    return "\n".join(lines)


def _column_lines(report: DriftReport) -> Iterator[str]:
    width = max(len("column"), *(len(column.column) for column in report.columns))
    cells = ("column", "PSI", "noise", "level", "missing then -> now", "unknown now")
    table = f"{{:<{width}}}  {{:>6}}  {{:>6}}  {{:<8}}  {{:<19}}  {{}}"
    yield table.format(*cells)
    for column in report.columns:
        shift = column.shift
        noise = "-" if shift.noise is None else f"{shift.noise:.3f}"
        missing = f"{_share(column.missing_before)} -> {_share(column.missing_now)}"
        unknown = "" if column.unknown_now is None else _share(column.unknown_now)
        yield table.format(column.column, f"{shift.psi:.3f}", noise, shift.level, missing, unknown).rstrip()


def _performance_lines(report: DriftReport) -> Iterator[str]:
    table = "{:<12}{:>10}{:>12}{:>16}"
    yield table.format("", "held out", "(estimated)", "now, estimated")
    content = report.to_dict()["performance"]
    for name, measured in content["holdout"].items():
        estimates = (measured, content["holdout_estimated"][name], content["estimated"][name])
        yield table.format(name, *("-" if value is None else f"{value:.4f}" for value in estimates))
    yield "Estimated from the scores alone: correct if similar customers still leave as often as in training."
    yield "Only labels can confirm that."


def _next_command(report: DriftReport, labelled: bool, options: argparse.Namespace) -> str:
    data, model = shlex.quote(str(options.data)), shlex.quote(str(options.model))
    if labelled:
        return (
            f"churn evaluate {data} --model {model}  (the table has labels, so the metrics can be measured)"
        )
    if report.verdict == "stable":
        return f"churn score {data} scores.parquet --model {model}"
    return f"churn train LABELLED.parquet --out {model}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
