"""Decisions and what they earn, as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from churn_core.scoring.money import format_amount

if TYPE_CHECKING:
    from churn_core.scoring.files.score_file import BatchResult
    from churn_core.scoring.money import Money


def chosen_text(decision: dict[str, Any], *, advise: bool = True) -> list[str]:
    """Describe what a threshold is expected to bring, and why it was chosen.

    Parameters
    ----------
    decision : dict
        From `churn_core.models.evaluation.threshold.Decision.to_dict`.
    advise : bool
        Whether to say whom to contact. A model that is no better than chance gives no such advice.
    """
    best = decision["observed_best"]
    spread = f"{best['threshold']:.3f} [{best['low']:.3f}, {best['high']:.3f}]"
    currency = (decision["money"] or {}).get("currency")
    expected = _expectation(decision["threshold"], decision["expected"], "expected", currency)
    advice = [expected] if advise else []
    return [
        *advice,
        f"Threshold {decision['threshold']:.6f}: {_reason(decision)}. Best threshold out of fold: {spread}.",
    ]


def _reason(decision: dict[str, Any]) -> str:
    match decision["method"], decision["basis"]:
        case "f1", _:
            return "best F1"
        case "share", _:
            return f"closest to contacting {decision['share']:g} of the customers"
        case "money", _ if decision["threshold"] > 1:
            return "at no score is an offer expected to earn what it costs"
        case "money", "break_even":
            return "the score from which a contact pays for itself"
        case "money", _:
            return f"clearly more profit than at the break-even score {decision['break_even']:.6f}"
        case _:
            return "set in the configuration"


def _expectation(
    threshold: float, measures: dict[str, dict[str, float]], tense: str, currency: str | None
) -> str:
    contacted = measures["contacted_per_1000"]["mean"]
    if contacted == 0:
        return f"Contact nobody: no customer scored {min(threshold, 1):.6f} or more."
    who = f"Of every 1,000 customers, contact {contacted:,.0f} (score >= {threshold:.6f}):"
    if "profit_per_1000" in measures:
        profit = _interval(measures["profit_per_1000"], currency)
        return f"{who} {tense} profit {profit} per 1,000 customers."
    left = measures["precision"]
    return (
        f"{who} {left['mean']:.1%} [{left['low']:.1%}, {left['high']:.1%}] of them leave, and they are"
        f" {measures['recall']['mean']:.1%} of all who leave."
    )


def _interval(measure: dict[str, float], currency: str | None) -> str:
    mean, low, high = (format_amount(measure[name]) for name in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]{f' {currency}' if currency else ''}"


def reviewed_text(review: dict[str, Any], threshold: float, currency: str | None = None) -> list[str]:
    """Describe what a bundle's threshold has brought on labelled customers, and whether to keep it.

    Parameters
    ----------
    review : dict
        From `churn_core.models.evaluation.threshold.Review.to_dict`.
    threshold : float
        The bundle's threshold.
    currency : str, optional
        Of the bundle's money values.
    """
    best = review["best"]
    lines = [_expectation(threshold, review["realised"], "realised", currency)]
    spread = f"best here {best['threshold']:.3f} [{best['low']:.3f}, {best['high']:.3f}]"
    if "profit_per_1000" in best["point"]:
        spread += f" with a profit of {format_amount(best['point']['profit_per_1000'], currency)}"
    if review["still_good"]:
        lines.append(f"No other threshold would clearly have done better ({spread}): keep it.")
    else:
        lines.append(f"Another threshold would clearly have done better ({spread}): train again.")
    return lines


def contact_text(result: BatchResult, threshold: float, money: Money | None) -> str:
    """Describe how many customers reach the threshold, and what contacting them should earn."""
    flagged = f"{result.will_churn:,} of {result.scored:,} customers score {threshold:.6f} or more"
    if result.expected_profit is None or money is None:
        return f"{flagged}."
    would = "is expected to earn" if result.expected_profit >= 0 else "would lose"
    return f"{flagged}; contacting them {would} {money.amount(abs(result.expected_profit))}."
