"""What a model is worth when equal rows stay on one side of each split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from churn_core.errors import TrainingError
from churn_core.models.evaluation.cross_validation import judge, predict_out_of_fold
from churn_core.models.splits import cross_validation_folds

if TYPE_CHECKING:
    from churn_core.config import Settings
    from churn_core.models.rows import LabelledRows


def measure_grouped(
    settings: Settings, rows: LabelledRows, *, jobs: int
) -> dict[str, dict[str, float]] | None:
    """Cross-validate once with rows of equal features kept together.

    Parameters
    ----------
    settings : Settings
        With the chosen family.
    rows : LabelledRows
        The training rows.
    jobs : int
        Folds fitted at the same time.

    Returns
    -------
    dict or None
        The metrics with intervals; None if so many rows are equal that no such folds have both labels.
    """
    grouped = rows.with_equal_rows_together()
    folds, seed = settings.evaluation.folds, settings.data.random_state
    try:
        cross_validation_folds(grouped.labels, grouped.groups, folds=folds, repeats=1, seed=seed)
    except TrainingError:
        return None
    out_of_fold = predict_out_of_fold(settings, grouped, repeats=1, jobs=jobs)
    return judge(settings, out_of_fold).metrics
