"""The first sentence of a report: whom to call, how many of them would leave, and what that is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from churn_core.models.evaluation.threshold import Decision

CHANCE: Final = (
    "Call nobody because of this model: it is no better than chance. Add columns that describe the customers,"
    " or more customers, and train again."
)
NO_MONEY: Final = (
    "To see what that is worth, put value_of_customer, cost_of_offer and success_rate under decision in the"
    " configuration, and train again."
)


def headline(decision: Decision, *, chance: bool) -> str:
    """Say what to do with the scores.

    Parameters
    ----------
    decision : Decision
        With its expected results.
    chance : bool
        Whether the model is no better than chance; then no advice to call anybody follows from it.
    """
    if chance:
        return CHANCE
    expected = decision.expected
    contacted = expected["contacted_per_1000"]["mean"]
    if decision.threshold > 1 or contacted == 0:
        return "Call nobody: at no score is an offer expected to earn what it costs."
    leave = expected["precision"]["mean"] * 10
    who = f"Call these {contacted:,.0f} of 1,000 customers: {leave:.0f} of 10 would leave"
    if decision.money is None:
        return f"{who}. {NO_MONEY}"
    profit = expected["profit_per_1000"]["mean"]
    amount = decision.money.amount(abs(profit))
    return f"{who}; calling them {'is worth' if profit >= 0 else 'would lose'} {amount}."
