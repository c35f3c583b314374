"""Whether a new model may take the place of the one that is there."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.data import validate_data
from churn_core.data.columns import target_labels
from churn_core.errors import TrainingError
from churn_core.features import TableEncoder, parse_table
from churn_core.models.splits import group_codes, holdout_split
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    import pandas as pd

    from churn_core.models.churn_model import ChurnModel

_SMALLEST: Final = 5e-7
"""Scores are rounded to six decimals: what is written as 0 may be this much."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """The new model beside the one that it would replace, on the rows held out from the new one's training.

    Attributes
    ----------
    previous : str
        The model version that is there.
    rows : int
        How many were held out.
    log_loss, previous_log_loss : float
        Mean over the rows, in nats.
    margin : float
        Standard error of the mean difference, row by row: so much worse counts as no worse.
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
    """Score the held-out rows with the bundle in a folder and with a new model.

    The bundle may have been trained on some of them, which favours it: a doubt keeps what is there.

    Parameters
    ----------
    folder : Path
        The bundle that is there.
    model : ChurnModel
        The new model, trained on this table.
    table : DataFrame
        Labelled rows; must keep the contract of the bundle too.

    Raises
    ------
    BundleError
        If the bundle can't be read.
    DataValidationError
        If the table breaks the bundle's contract.
    """
    there = ChurnPredictor.load(folder)
    contract, data = there.contract, model.settings.data
    labels = target_labels(table[model.contract.target], model.contract)
    _, holdout = holdout_split(labels, group_codes(table, data.group), data.test_size, data.random_state)
    rows = table.iloc[holdout]
    validate_data(rows, contract, ids_repeat=data.ids_repeat).raise_for_errors()
    scores = there.score_matrix(TableEncoder.of(contract).transform(parse_table(rows, contract)))
    old = _losses(labels[holdout], scores.probability)
    new = _losses(model.holdout_labels, model.holdout_probabilities)
    return Promotion(
        previous=there.bundle.model_version,
        rows=len(holdout),
        log_loss=float(new.mean()),
        previous_log_loss=float(old.mean()),
        margin=float((new - old).std(ddof=1) / np.sqrt(len(holdout))),
    )


def require_no_worse(promotion: Promotion) -> None:
    """Keep what is there, if the new model is worse.

    Raises
    ------
    TrainingError
        If it is.
    """
    if promotion.is_worse:
        raise TrainingError(
            f"The new model has a log loss of {promotion.log_loss:.6f} on {promotion.rows:,} held-out rows,"
            f" {promotion.previous} has {promotion.previous_log_loss:.6f}, which stays where it is;"
            " look at the data, or train without --promote."
        )


def _losses(
    labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.float64]:
    right = np.where(labels == 1, probabilities, 1 - probabilities).astype(np.float64)
    return np.asarray(-np.log(np.clip(right, _SMALLEST, 1)), dtype=np.float64)
