"""Round thresholds to float32."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def float32_floor(threshold: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Round down to float32, which keeps the result of ``x <= threshold`` for every float32 x."""
    narrow = threshold.astype(np.float32)
    above = narrow.astype(np.float64) > threshold
    narrow[above] = np.nextafter(narrow[above], np.float32(-np.inf))
    return narrow
