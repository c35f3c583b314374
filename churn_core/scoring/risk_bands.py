"""The scores from which a customer's risk is medium or high."""

from __future__ import annotations

from typing import Final

HIGH_AT_LEAST: Final = 0.6
"""By default no lower score is high risk."""

_STEP: Final = 0.000001
_HIGHEST: Final = 0.999999


def risk_bands(threshold: float, medium: float | None = None, high: float | None = None) -> dict[str, float]:
    """Return the lowest score of ``medium`` and of ``high`` risk.

    By default, medium begins at the threshold and high at max(0.6, (1 + threshold) / 2). Medium never begins
    above the threshold, so that no customer who is to be contacted has risk ``low``.

    Parameters
    ----------
    threshold : float
        Customers are contacted from this score on.
    medium, high : float, optional
        The scores that the configuration declares.

    Returns
    -------
    dict
        ``medium`` below ``high``, both above 0 and below 1, to six decimals.
    """
    lowest = min(threshold, _HIGHEST - _STEP)
    medium = lowest if medium is None else min(medium, lowest)
    if high is None:
        high = max(HIGH_AT_LEAST, (1 + lowest) / 2)
    return {"medium": round(medium, 6), "high": min(max(round(high, 6), round(medium + _STEP, 6)), _HIGHEST)}
