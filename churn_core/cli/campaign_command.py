"""``churn campaign``: take the customers to contact from scored files, and leave a control group alone."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.cli.arguments import add_json, positive, share
from churn_core.cli.output import print_result
from churn_core.cli.tables import opened_table, table_source
from churn_core.scoring.files.output_formats import output_format
from churn_core.sources.addresses import local_output

if TYPE_CHECKING:
    import argparse

    from churn_core.outcomes.campaign import Campaign, CampaignResult


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    campaign = commands.add_parser(
        "campaign", help="take whom to contact from scored files, and leave a control group alone"
    )
    campaign.add_argument(
        "scores",
        type=table_source,
        metavar="SCORES",
        help="what 'churn score' wrote, of one day: .parquet or .csv, or a folder of such files",
    )
    campaign.add_argument(
        "out",
        type=table_source,
        metavar="OUT",
        help="file to write, .parquet, .csv or .csv.gz: the customers of the campaign, best first",
    )
    campaign.add_argument(
        "--name",
        required=True,
        help="of the campaign; with a customer's id it decides who is left alone",
    )
    campaign.add_argument(
        "--top",
        type=positive,
        metavar="N",
        help="take the N customers with the highest expected profit, or score (default: all who should be"
        " contacted)",
    )
    campaign.add_argument(
        "--control",
        type=share,
        default=0.1,
        metavar="SHARE",
        help="share of them that is left alone, to measure the effect (default 0.1)",
    )
    campaign.add_argument("--replace", action="store_true", help="replace an object in S3 that exists")
    add_json(campaign)
    campaign.set_defaults(run=_campaign)


def _campaign(options: argparse.Namespace) -> None:
    from churn_core.errors import ConfigError
    from churn_core.outcomes.campaign import Campaign, take_campaign

    output_format(Path(options.out.name))
    try:
        campaign = Campaign(options.name, options.control)
    except ValueError as error:
        raise ConfigError(f"churn campaign: {error}.") from error
    with (
        opened_table(options.scores) as found,
        local_output(options.out, replace=options.replace, option="--replace") as out,
    ):
        result = take_campaign(found, out, campaign, top=options.top, name=options.scores)
    content = {"campaign": campaign.name, "share_of_control": campaign.control, **asdict(result)}
    content["output"] = str(options.out)
    print_result(content, "\n".join(_lines(result, campaign, options)), as_json=options.json)


def _lines(result: CampaignResult, campaign: Campaign, options: argparse.Namespace) -> list[str]:
    lines = [
        f"Campaign {campaign.name}: {result.chosen:,} of {result.scored:,} scored customers; contact"
        f" {result.contact:,}, leave {result.control:,} alone (control)."
    ]
    if options.top is not None and result.chosen < options.top:
        lines.append(f"Note: only {result.chosen:,} customers have a score, fewer than --top.")
    if result.expected_profit is not None:
        from churn_core.scoring.money import format_amount

        amount = format_amount(result.expected_profit)
        lines.append(f"Contacting the {result.contact:,} should earn {amount}.")
    if not result.control or not result.contact:
        empty = "control" if result.contact else "contact"
        lines.append(
            f"Warning: nobody is in the group {empty}, so the effect can't be measured; take more customers,"
            " or another --control."
        )
    lines.append(f"Wrote {options.out}; contact only the rows whose campaign_group is contact.")
    scores = shlex.quote(str(options.out))
    lines.append(
        f"Next, once it is known who left: churn outcomes LABELS --scores {scores} --campaign {campaign.name}"
    )
    return lines
