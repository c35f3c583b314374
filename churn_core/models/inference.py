"""Where the course had its predictor; the real one ships in the Lambdas."""

from churn_core.scoring.predictor import ChurnPredictor

__all__ = ["ChurnPredictor"]
