"""The models that are compared, each as a function that fits it.

`churn init` writes each table's configuration, and every contender gets the columns in it, with its own
defaults. CatBoost, LightGBM and XGBoost get the categories themselves; the Explainable Boosting Machine gets
the product's encoded matrix and is told which columns are categories.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from churn_core.features import TableEncoder
from churn_core.models.evaluation.selection import select_model
from churn_core.models.families import build_pipeline
from churn_core.models.rows import LabelledRows

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from churn_core.config import Settings

    Labels = npt.NDArray[np.int64]
    Predict = Callable[[pd.DataFrame], npt.NDArray[np.float64]]

AUTO: Final = "churn: auto"
PRODUCT: Final = ("logistic_regression", "additive", "boosting")


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted contender.

    Attributes
    ----------
    predict : callable
        Parsed rows to the probability that each customer leaves.
    seconds : float
        Time to fit, with all choices that belong to it.
    note : str
        What was chosen.
    """

    predict: Predict
    seconds: float
    note: str = ""


def fit_product(settings: Settings, rows: pd.DataFrame, labels: Labels) -> dict[str, Fitted]:
    """Fit the families as `model.type: auto` compares them, and the one that it takes."""
    started = time.process_time()
    selection = select_model(settings, LabelledRows(rows, labels), jobs=1)
    choosing = time.process_time() - started
    taken = selection.settings.model.type
    fitted = {}
    for family in PRODUCT:
        candidate = selection.candidates[family]
        started = time.process_time()
        encoder = TableEncoder(candidate.contract)
        matrix = encoder.fit_transform(rows)
        pipeline = build_pipeline(candidate.model, encoder.contract_, 0).fit(matrix, labels)
        fitted[f"churn: {family}"] = Fitted(_predictor(encoder, pipeline), time.process_time() - started)
    chosen = fitted[f"churn: {taken}"]
    return {AUTO: Fitted(chosen.predict, choosing + chosen.seconds, taken)} | fitted


def _predictor(encoder: TableEncoder, model: Any) -> Predict:
    def predict(unseen: pd.DataFrame) -> npt.NDArray[np.float64]:
        scores: npt.NDArray[np.float64] = np.asarray(model.predict_proba(encoder.transform(unseen)))[:, 1]
        return scores

    return predict


def _timed(
    fit: Callable[[Settings, pd.DataFrame, Labels], Predict],
) -> Callable[[Settings, pd.DataFrame, Labels], Fitted]:
    def timed(settings: Settings, rows: pd.DataFrame, labels: Labels) -> Fitted:
        started = time.process_time()
        predict = fit(settings, rows, labels)
        return Fitted(predict, time.process_time() - started)

    return timed


def _catboost(settings: Settings, rows: pd.DataFrame, labels: Labels) -> Predict:
    from catboost import CatBoostClassifier

    categories = [c.name for c in settings.contract.categories]

    def plain(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(**{name: table[name].astype(object).fillna("") for name in categories})

    model = CatBoostClassifier(
        verbose=0, random_seed=0, thread_count=1, allow_writing_files=False, cat_features=categories
    ).fit(plain(rows), labels)
    return lambda unseen: np.asarray(model.predict_proba(plain(unseen)))[:, 1]


def _with_category_types(settings: Settings, rows: pd.DataFrame) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return a function that gives category columns the levels of the training rows, and plain names."""
    names = [c.name for c in settings.contract.categories]
    types = {name: pd.CategoricalDtype(sorted(rows[name].dropna().unique())) for name in names}

    def typed(table: pd.DataFrame) -> pd.DataFrame:
        result = table.assign(**{name: table[name].astype(types[name]) for name in names})
        # Both libraries refuse some characters in names.
        return result.set_axis([f"c{position}" for position in range(result.shape[1])], axis=1)

    return typed


def _lightgbm(settings: Settings, rows: pd.DataFrame, labels: Labels) -> Predict:
    from lightgbm import LGBMClassifier

    typed = _with_category_types(settings, rows)
    model = LGBMClassifier(verbose=-1, random_state=0, n_jobs=1).fit(typed(rows), labels)
    return lambda unseen: np.asarray(model.predict_proba(typed(unseen)))[:, 1]


def _xgboost(settings: Settings, rows: pd.DataFrame, labels: Labels) -> Predict:
    from xgboost import XGBClassifier

    typed = _with_category_types(settings, rows)
    model = XGBClassifier(enable_categorical=True, random_state=0, n_jobs=1).fit(typed(rows), labels)
    return lambda unseen: np.asarray(model.predict_proba(typed(unseen)))[:, 1]


def _explainable_boosting(settings: Settings, rows: pd.DataFrame, labels: Labels) -> Predict:
    from interpret.glassbox import ExplainableBoostingClassifier

    encoder = TableEncoder(settings.contract)
    matrix = encoder.fit_transform(rows)
    categories = {settings.contract.position(c.name) for c in settings.contract.categories}
    kinds = ["nominal" if c in categories else "continuous" for c in range(matrix.shape[1])]
    model = ExplainableBoostingClassifier(feature_types=kinds, random_state=0, n_jobs=1).fit(matrix, labels)
    return _predictor(encoder, model)


PEERS: Final[dict[str, Callable[[Settings, pd.DataFrame, Labels], Fitted]]] = {
    "CatBoost": _timed(_catboost),
    "LightGBM": _timed(_lightgbm),
    "XGBoost": _timed(_xgboost),
    "InterpretML EBM": _timed(_explainable_boosting),
}
"""Other packages' models with their defaults."""
