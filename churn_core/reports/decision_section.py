"""What a report says about the decision: from which score to contact, and what that brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.reports.page import Markup, element, join, paragraph, table
from churn_core.reports.plots import plot_decision
from churn_core.scoring.scores import round_probability

if TYPE_CHECKING:
    from churn_core.models.evaluation.ranking import Point
    from churn_core.models.evaluation.threshold import Decision
    from churn_core.models.export.prove import ProvedModel
    from churn_core.scoring.money import Money

ALTERNATIVES: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
"""Shares of the customers that the table shows beside the chosen one."""


def decision_section(proved: ProvedModel) -> Markup:
    """Describe a proved model's decision.

    Parameters
    ----------
    proved : ProvedModel
    """
    decision = proved.model.decision
    parts = [element("h2", "Decisions at the threshold"), paragraph(_rule(decision))]
    if decision.money is not None:
        if decision.expected["contacted_per_1000"]["mean"] > 0:
            parts.append(paragraph(_expectation(decision)))
        parts.append(paragraph(_economics(decision.money)))
    figure = join([Markup(plot_decision(decision)), element("figcaption", _caption(decision))])
    parts += [
        element("figure", figure, 'style="max-width:32rem"'),
        _alternatives(decision),
        _held_out(proved),
    ]
    return join(parts)


def _rule(decision: Decision) -> str:
    if decision.threshold > 1:
        return "Nobody is flagged as leaving: at no score is an offer expected to earn what it costs."
    return f"A customer is flagged as leaving from a score of {decision.threshold:g} on: {_why(decision)}."


def _why(decision: Decision) -> str:
    match decision.method, decision.basis:
        case "f1", _:
            return "the value with the best F1 on predictions for rows that a fold’s model had not seen"
        case "share", _:
            return f"the value that comes nearest to contacting {decision.share or 0:.3g} of the customers"
        case "money", "break_even":
            return "there a contact begins to pay, and no other value has clearly earned more"
        case "money", _:
            return (
                "the value that earned most on predictions for rows that a fold’s model had not seen, clearly"
                " more than the score from which a contact should begin to pay"
            )
        case _:
            return "as the configuration says"


def _expectation(decision: Decision) -> str:
    earned, contacted = decision.expected["profit_per_1000"], decision.expected["contacted_per_1000"]["mean"]
    return (
        f"Of 1,000 customers that is {contacted:,.0f}; contacting them is expected to earn"
        f" {_amount(earned['mean'])} (95% interval {_amount(earned['low'])} to {_amount(earned['high'])})"
        " more than contacting nobody."
    )


def _economics(money: Money) -> str:
    return (
        f"A contact costs {_amount(money.cost_of_offer)}, keeps {money.success_rate:.3g} of those who would"
        f" leave, each worth {_amount(money.value_of_customer)}, and changes nothing for the others. It is"
        " expected to earn the probability of leaving × the success rate × the value − the cost, and pays"
        f" from a probability of {money.break_even:.3g} on."
    )


def _caption(decision: Decision) -> str:
    what = "F1" if decision.money is None else "profit"
    best = decision.observed_best
    aim = "nearest to the share asked for" if decision.method == "share" else f"highest in {_aim(decision)}"
    return (
        f"How much {what} comes of contacting more customers, highest scores first? Shaded: where the"
        f" thresholds from {best.low:.3g} to {best.high:.3g} lie, the middle 95% of those {aim} when the"
        " customers are drawn anew; the data can’t tell them apart."
    )


def _aim(decision: Decision) -> str:
    return "F1" if decision.method == "f1" or decision.money is None else "profit"


def _alternatives(decision: Decision) -> Markup:
    heads = ["Contacted", "Score from", "Of them leave", "Leavers reached", "F1"]
    if decision.money is not None:
        heads.append("Profit of 1,000 customers")
    contacted = np.array([point["contacted_per_1000"] for point in decision.curve])
    nearest = [decision.curve[int(np.argmin(np.abs(contacted - 1000 * share)))] for share in ALTERNATIVES]
    chosen = {name: interval["mean"] for name, interval in decision.expected.items()}
    rows = [_row(chosen | {"threshold": decision.threshold}, " (chosen)"), *map(_row, nearest)]
    return table("What contacting other shares of the customers would bring, out of fold", heads, rows)


def _row(point: Point, mark: str = "") -> tuple[str, ...]:
    profit = (_amount(point["profit_per_1000"]),) if "profit_per_1000" in point else ()
    return (
        f"{point['contacted_per_1000'] / 1000:.1%}{mark}",
        f"{point['threshold']:.3f}",
        f"{point['precision']:.1%}",
        f"{point['recall']:.1%}",
        f"{point['f1']:.3f}",
        *profit,
    )


def _held_out(proved: ProvedModel) -> Markup:
    model = proved.model
    flagged = round_probability(model.holdout_probabilities) >= proved.threshold
    left = model.holdout_labels == 1
    rows = [
        (name, f"{(group & flagged).sum():,}", f"{(group & ~flagged).sum():,}", f"{group.sum():,}")
        for name, group in (("Left", left), ("Stayed", ~left), ("All", left | ~left))
    ]
    return table("Held-out customers", ("What happened", "Flagged", "Not flagged", "All"), rows)


def _amount(value: float) -> str:
    whole = 100
    return f"{value:,.0f}" if abs(value) >= whole else f"{value:,.3g}"
