"""Complete runs: train, evaluate, prove, write the bundle."""

from churn_core.pipelines.training import TrainingRun, run_training

__all__ = ["TrainingRun", "run_training"]
