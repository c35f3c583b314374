"""The gate compares rows of days, and every family passes it with days between dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from churn_core.config import with_model
from churn_core.models.export.gate_rows import gate_rows
from churn_core.models.families import FAMILIES
from churn_core.scoring.day_numbers import MOST_DAYS
from tests.functional.dates.dated_customers import make_customers, settings
from tests.parity.test_any_contract import PARAMETERS

if TYPE_CHECKING:
    from tests.trained_once import TrainedOnce


@pytest.mark.parametrize("family", FAMILIES)
def test_days_pass_the_gate(family: str, trained_once: TrainedOnce) -> None:
    config = with_model(settings(), family, PARAMETERS.get(family, {}))
    proved = trained_once.proved(config, make_customers())
    contract = proved.model.contract
    rows = gate_rows(proved.model, proved.model.training_matrix)
    for name in ("tenure", "idle", "until_2025"):
        days = rows.matrix[:, contract.position(name)]
        assert {-MOST_DAYS, -366, -1, 0, 1, 365, 366, 1461, MOST_DAYS} <= set(days[~np.isnan(days)].tolist())
        assert np.isnan(days).any()
        assert (days[~np.isnan(days)] % 1 == 0).mean() > 0.85
