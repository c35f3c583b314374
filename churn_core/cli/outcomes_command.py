"""``churn outcomes``: what scores and campaigns were worth, once it is known who left."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.cli.arguments import add_json, add_model, not_negative, path, readable_path, share
from churn_core.cli.output import print_result
from churn_core.cli.tables import opened_table, table_source
from churn_core.errors import ConfigError, OutcomesError

if TYPE_CHECKING:
    from churn_core.outcomes.join_settings import JoinSettings
    from churn_core.outcomes.report import OutcomesReport


def day(text: str) -> date:
    """Read a day, as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a day such as 2026-11-27") from None


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    outcomes = commands.add_parser(
        "outcomes", help="join labels that arrived later to scores; measure scores and campaigns"
    )
    outcomes.add_argument(
        "labels",
        type=readable_path,
        metavar="LABELS",
        help=".parquet or .csv with the id and the target column: who left",
    )
    outcomes.add_argument(
        "--scores",
        type=table_source,
        required=True,
        metavar="SCORES",
        help="what 'churn score' or 'churn campaign' wrote: a file, a folder, or s3://BUCKET/PREFIX/; folders"
        " dt=YYYY-MM-DD give the days",
    )
    add_model(outcomes)
    outcomes.add_argument("--id", metavar="COLUMN", help="id column of LABELS (default: that of SCORES)")
    outcomes.add_argument(
        "--date", metavar="COLUMN", help="column of LABELS with the day of the score that a label belongs to"
    )
    outcomes.add_argument("--day", type=day, help="day of SCORES that lie in no folder dt=")
    outcomes.add_argument(
        "--horizon",
        type=not_negative,
        metavar="DAYS",
        help="count a score only this many days after its day (default: count all)",
    )
    outcomes.add_argument(
        "--labels-until", type=day, metavar="DAY", help="the labels are complete until then (default: today)"
    )
    outcomes.add_argument(
        "--segment",
        action="append",
        default=[],
        metavar="COLUMN",
        help="measure by the values of a column of SCORES too; may be repeated",
    )
    outcomes.add_argument("--campaign", metavar="NAME", help="measure a campaign by its control group")
    outcomes.add_argument(
        "--fail-below", type=share, metavar="AUC", help="exit with 1 if the ROC AUC is below this"
    )
    outcomes.add_argument("--write-json", type=path, metavar="FILE", help="write the figures as JSON")
    outcomes.add_argument("--write-page", type=path, metavar="FILE", help="write the figures as an HTML page")
    add_json(outcomes)
    outcomes.set_defaults(run=_outcomes)


def _outcomes(options: argparse.Namespace) -> None:
    from churn_core.cli.outcomes_text import outcome_lines
    from churn_core.outcomes.report import measure_outcomes
    from churn_core.scoring.bundle import load_bundle

    settings = _settings(options)
    bundle = load_bundle(options.model)
    with opened_table(options.scores) as found:
        report = measure_outcomes(options.labels, found, bundle, settings, name=options.scores)
    currency = None if bundle.money is None else bundle.money.currency
    lines = outcome_lines(report, bundle.model_version, currency)
    lines += _write(report, bundle.model_version, options)
    print_result(report.to_dict(), "\n".join(lines), as_json=options.json)
    _check(report, options.fail_below)


def _settings(options: argparse.Namespace) -> JoinSettings:
    from churn_core.outcomes.join_settings import JoinSettings, Maturity

    if options.labels_until is not None and options.horizon is None:
        raise ConfigError("--labels-until needs --horizon: the days after which the outcome is known.")
    maturity = None
    if options.horizon is not None:
        maturity = Maturity(options.horizon, options.labels_until or datetime.now(UTC).date())
    return JoinSettings(
        id_column=options.id,
        date_column=options.date,
        day=options.day,
        maturity=maturity,
        segments=tuple(dict.fromkeys(options.segment)),
        campaign=options.campaign,
    )


def _write(report: OutcomesReport, version: str, options: argparse.Namespace) -> list[str]:
    from churn_core.scoring.files.complete_file import complete_file

    texts: dict[Path, str] = {}
    if options.write_json is not None:
        texts[options.write_json] = json.dumps(report.to_dict(), indent=1, ensure_ascii=False) + "\n"
    if options.write_page is not None:
        from churn_core.reports.outcomes_page import render_outcomes

        texts[options.write_page] = render_outcomes(report, version)
    reads = [options.labels, *([options.scores] if isinstance(options.scores, Path) else []), options.model]
    for place, text in texts.items():
        with complete_file(place, reads=reads) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    return [f"Wrote {place}." for place in texts]


def _check(report: OutcomesReport, lowest: float | None) -> None:
    """Fail if the scores were worse than ``--fail-below`` allows.

    Raises
    ------
    OutcomesError
        After everything was printed and written.
    """
    if lowest is None:
        return
    area = report.overall["roc_auc"]
    if area is None:
        raise OutcomesError("The labels are all alike, so --fail-below can't be checked; add further labels.")
    if area["value"] < lowest:
        raise OutcomesError(
            f"The ROC AUC is {area['value']:.4f}, below --fail-below {lowest:g}; train again with"
            " these labels."
        )
