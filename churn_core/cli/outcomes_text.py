"""What ``churn outcomes`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from churn_core.scoring.money import format_amount

if TYPE_CHECKING:
    from churn_core.outcomes.report import OutcomesReport


def outcome_lines(report: OutcomesReport, version: str, currency: str | None) -> list[str]:
    """Describe what came true, beside what training promised."""
    if report.campaign is not None:
        # Contacts change who leaves, so the scores can't be judged by the customers of a campaign.
        return [*_count_lines(report.counts), "", *campaign_lines(report.campaign, currency)]
    lines = [*_count_lines(report.counts), "", *_table(report), "", *_promise_lines(report, version)]
    earned = report.overall["earned"]
    if earned is not None:
        lines.append(
            f"At the model's success_rate, contacting the {report.overall['flagged']:,} flagged customers"
            f" earns {format_amount(earned, currency)}."
        )
    return lines


def _count_lines(counts: dict[str, int]) -> list[str]:
    sentences = {
        "without_label": "scores have no label",
        "without_score": "labels have no score",
        "not_matured": "scores are set aside: their horizon has not passed",
        "rejected": "rows were rejected and have no score",
        "unlabelled": "rows of the labels have no label and are set aside",
        "repeated": "rows of the labels repeat another one",
    }
    lines = [f"Joined {counts['joined']:,} scores to labels."]
    return lines + [f"  {counts[name]:,} {text}" for name, text in sentences.items() if counts[name]]


def _table(report: OutcomesReport) -> list[str]:
    parts = [("all", report.overall)]
    if len(report.months) > 1:
        parts += list(report.months.items())
    if len(report.models) > 1:
        parts += list(report.models.items())
    for column, levels in report.segments.items():
        parts += [(f"{column}: {level}", measured) for level, measured in levels.items()]
    width = max(len(name) for name, _ in parts)
    head = f"{'':{width}}  customers  left [95 %]              expected  roc_auc [95 %]           log loss"
    return [head, *(f"{name:{width}}  {_cells(measured)}" for name, measured in parts)]


def _cells(measured: dict[str, Any]) -> str:
    rate, area = measured["churn_rate"], measured["roc_auc"]
    left = f"{rate['value']:.1%} [{rate['low']:.1%}, {rate['high']:.1%}]"
    ranked = "-" if area is None else f"{area['value']:.4f} [{area['low']:.4f}, {area['high']:.4f}]"
    return (
        f"{measured['customers']:>9,}  {left:<23}  {measured['expected_churn_rate']:>8.1%}"
        f"  {ranked:<23}  {measured['log_loss']['value']:.4f}"
    )


def _promise_lines(report: OutcomesReport, version: str) -> list[str]:
    promised, area = report.promised["roc_auc"], report.overall["roc_auc"]
    if area is None:
        return ["All customers have the same label, so the ROC AUC can't be measured."]
    low, high = promised["low"], promised["high"]
    verdict = "as promised"
    if area["high"] < low:
        verdict = "clearly below it"
    elif area["low"] > high:
        verdict = "clearly above it"
    lines = [
        f"Training of {version} promised a ROC AUC of {promised['mean']:.4f} [{low:.4f}, {high:.4f}]; it came"
        f" out {area['value']:.4f}: {verdict}."
    ]
    expected = report.overall["expected_roc_auc"]
    if expected is not None:
        lines.append(f"The scores alone, before the labels, let {expected:.4f} be expected.")
    return lines


def campaign_lines(campaign: dict[str, Any], currency: str | None) -> list[str]:
    """Describe what a campaign changed."""
    contact, control, saved = campaign["contact"], campaign["control"], campaign["saved"]
    lines = [
        f"Campaign {campaign['name']}: {contact['left']:,} of {contact['customers']:,} contacted customers"
        f" left ({contact['churn_rate']['value']:.1%}), and {control['left']:,} of {control['customers']:,}"
        f" left alone ({control['churn_rate']['value']:.1%})."
    ]
    lines.append(f"It saved {saved['value']:,.0f} customers [{saved['low']:,.0f}, {saved['high']:,.0f}].")
    earned = campaign["earned"]
    if earned is not None:
        amounts = [format_amount(earned[name], currency) for name in ("value", "low", "high")]
        lines.append(f"It earned {amounts[0]} [{amounts[1]}, {amounts[2]}], the cost of the contacts paid.")
    success = campaign["success_rate"]
    if not campaign["clear"]:
        needed = campaign["customers_needed"]
        lines.append(
            "That can't be told from no effect; "
            + (
                "fewer contacted customers would have to leave than customers left alone."
                if needed is None
                else f"about {needed:,} more customers would show an effect of this size."
            )
        )
    elif saved["high"] < 0:
        lines.append("More of the contacted customers left than of those left alone; stop this offer.")
    elif success is not None and success["low"] > 0:
        lines.append(
            f"For the next training: decision.success_rate: {success['value']:.3g}"
            f" [{success['low']:.3g}, {success['high']:.3g}]"
        )
    return lines
