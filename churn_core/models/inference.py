"""`ChurnPredictor` under its former import path; the class itself ships in the Lambdas."""

from churn_core.scoring.predictor import ChurnPredictor

__all__ = ["ChurnPredictor"]
