"""Tables with so few customers of one label that nothing can be said about a model."""

from __future__ import annotations

from typing import Final

FEWEST_CUSTOMERS: Final = 20
"""With 20 leavers, the 95 % interval of an area of 0.75 under the ROC curve reaches from 0.61 to 0.86
(`churn_core.data.inspection.traps.areas.area_interval`): a poor and a good model look alike."""


def few_leavers_message(positive: int, negative: int) -> str | None:
    """Return what to say about a table with this many customers who left and who stayed, or None.

    The message continues after "The table".
    """
    if min(positive, negative) >= FEWEST_CUSTOMERS:
        return None
    count, who = (positive, "left") if positive <= negative else (negative, "stayed")
    return (
        f"has only {count:,} customers who {who}, and with fewer than {FEWEST_CUSTOMERS} nothing can be said"
        " about a model; add more of them, such as those of earlier months"
    )
