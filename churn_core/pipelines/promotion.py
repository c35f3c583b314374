"""Decide whether a new model may replace the existing bundle."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.data import validate_data
from churn_core.errors import TrainingError
from churn_core.features import encode_table
from churn_core.models.evaluation.metrics import row_log_losses
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from churn_core.models.churn_model import ChurnModel

_SMALLEST: Final = 5e-7
"""Scores are rounded to six decimals, so a score of 0 may stand for up to this much."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """A new model compared with the existing bundle on the new model's holdout.

    Attributes
    ----------
    previous : str
        Model version of the existing bundle.
    rows : int
        Number of rows held out.
    log_loss, previous_log_loss : float
        Mean over the rows, in nats.
    margin : float
        Standard error of the mean difference over the rows; a smaller loss in quality is accepted.
    """

    previous: str
    rows: int
    log_loss: float
    previous_log_loss: float
    margin: float

    @property
    def is_worse(self) -> bool:
        """Whether the new model is worse by more than its margin."""
        return self.log_loss - self.previous_log_loss > self.margin

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def compare(folder: Path, model: ChurnModel, table: pd.DataFrame) -> Promotion:
    """Compare a new model with the bundle in a folder, on the new model's holdout.

    The existing bundle may have been trained on some of these rows. This favours it, so in case of doubt it
    is kept.

    Parameters
    ----------
    folder : Path
        Of the existing bundle.
    model : ChurnModel
        The new model, trained on this table.
    table : DataFrame
        Labelled rows; must conform to the existing bundle's contract too.

    Raises
    ------
    BundleError
        If the bundle can't be read.
    DataValidationError
        If the table breaks the bundle's contract.
    """
    existing = ChurnPredictor.load(folder)
    contract = existing.contract
    rows = table.iloc[model.holdout_positions]
    validate_data(rows, contract, ids_repeat=model.settings.data.ids_repeat).raise_for_errors()
    scores = existing.score_matrix(encode_table(rows, contract))
    old, new = (
        row_log_losses(model.holdout_labels, probabilities, _SMALLEST)
        for probabilities in (scores.probability, model.holdout_probabilities)
    )
    return Promotion(
        previous=existing.bundle.model_version,
        rows=len(rows),
        log_loss=float(new.mean()),
        previous_log_loss=float(old.mean()),
        margin=float((new - old).std(ddof=1) / np.sqrt(len(rows))),
    )


def require_no_worse(promotion: Promotion) -> None:
    """Refuse a new model that is worse than the existing bundle.

    Raises
    ------
    TrainingError
        If the new model is worse by more than the margin.
    """
    if promotion.is_worse:
        raise TrainingError(
            f"The new model is worse and was not written: its log loss on {promotion.rows:,} held-out rows is"
            f" {promotion.log_loss:.6f}, that of {promotion.previous} is {promotion.previous_log_loss:.6f}."
            " Check the data, or train without --promote."
        )
