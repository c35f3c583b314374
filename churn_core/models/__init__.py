"""Training, evaluation, export and the parity gate."""

from churn_core.models.churn_model import ChurnModel
from churn_core.models.inference import ChurnPredictor
from churn_core.models.training import train_model

__all__ = ["ChurnModel", "ChurnPredictor", "train_model"]
