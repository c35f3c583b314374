"""The model families: their scikit-learn estimators and how each one's input is represented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from churn_core.features import FeatureEngineer
from churn_core.features.churn_rates import ChurnRateEncoder
from churn_core.features.engineer import category_count, source_columns
from churn_core.features.linear_columns import LinearColumns
from churn_core.models.additive.classifier import AdditiveBoostingClassifier
from churn_core.models.boosting.averaged import AveragedBoostingClassifier
from churn_core.models.parameters import check_values, parameter_error
from churn_core.schema import NumberFeature

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin

    from churn_core.model_settings import ModelSettings
    from churn_core.schema import Contract


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of model.

    Parameters
    ----------
    estimator : type
        The scikit-learn classifier.
    defaults : dict
        Its parameters, unless the configuration sets others.
    representation : 'one_hot', 'ordinal' or 'churn_rates'
        The estimator's input. ``one_hot``: indicator columns and scaled numbers. ``ordinal``: category
        codes and unscaled numbers. ``churn_rates``: churn rates of categories and unscaled numbers, which
        may be missing. Trees get no scaler: its float32 arithmetic moves rows across a split's threshold.
    graph : 'linear', 'trees' or 'terms'
        The form of its scoring graph: a weight per column, a tree ensemble, or tables of terms.
    indicators : bool
        Whether ``churn_rates`` has indicators of single levels too.
    always_calibrated : bool
        Whether its raw output is a share of votes instead of log-odds and always needs a sigmoid.
    """

    estimator: type[Any]
    defaults: dict[str, Any]
    representation: Literal["one_hot", "ordinal", "churn_rates"]
    graph: Literal["linear", "trees", "terms"]
    indicators: bool = False
    always_calibrated: bool = False


FAMILIES: Final[dict[str, Family]] = {
    "logistic_regression": Family(LogisticRegression, {"max_iter": 2000}, "one_hot", "linear"),
    "additive": Family(AdditiveBoostingClassifier, {}, "churn_rates", "terms"),
    "boosting": Family(AveragedBoostingClassifier, {}, "churn_rates", "trees", indicators=True),
    "gradient_boosting": Family(
        GradientBoostingClassifier, {"n_estimators": 100, "max_depth": 3}, "ordinal", "trees"
    ),
    "random_forest": Family(
        RandomForestClassifier,
        {"n_estimators": 100, "max_depth": 10},
        "ordinal",
        "trees",
        always_calibrated=True,
    ),
}
"""Ordered from the simplest to explain to the hardest."""


def build_estimator(model: ModelSettings, seed: int) -> ClassifierMixin:
    """Build an unfitted classifier.

    Raises
    ------
    ConfigError
        If ``model.params`` names an unknown parameter, or a value that the estimator does not accept.
    """
    family = FAMILIES[model.type]
    unknown = sorted(set(model.params) - set(family.estimator().get_params()))
    if unknown:
        raise parameter_error(unknown[:1], f"{family.estimator.__name__} has no parameter {unknown[0]!r}")
    seeded = {"random_state": seed} if "random_state" in family.estimator().get_params() else {}
    estimator: ClassifierMixin = family.estimator(**(family.defaults | seeded | model.params))
    check_values(estimator, model.params)
    return estimator


def build_pipeline(
    model: ModelSettings, contract: Contract, seed: int, *, calibration: Any = None
) -> Pipeline:
    """Build the unfitted steps that follow the encoder: engineered features, representation, classifier.

    Parameters
    ----------
    model : ModelSettings
        Family and parameters.
    contract : Contract
        With the vocabularies that the encoder learnt.
    seed : int
        Seeds the estimator.
    calibration : splitter or list of (rows to train on, rows held out), optional
        Folds from `churn_core.models.splits.calibration_folds`, on whose out-of-fold raw output a sigmoid
        is fitted. Not calibrated by default.
    """
    family = FAMILIES[model.type]
    representation = family.representation
    estimator = build_estimator(model, seed)
    if representation == "churn_rates":
        estimator.set_params(monotonic=monotonic_directions(contract))
    if calibration is not None:
        estimator = CalibratedClassifierCV(estimator, method="sigmoid", cv=calibration, ensemble=False)
    steps: list[tuple[str, Any]] = [
        (
            "engineer",
            FeatureEngineer(
                contract, impute=representation != "churn_rates", limit=representation == "one_hot"
            ),
        )
    ]
    if representation == "one_hot":
        steps.append(("represent", LinearColumns(category_count(contract))))
    elif representation == "churn_rates":
        steps.append(("represent", ChurnRateEncoder(category_count(contract), seed, family.indicators)))
    return Pipeline([*steps, ("classify", estimator)])


def monotonic_directions(contract: Contract) -> list[int]:
    """Return 1 (churn may only rise with it), -1 (only fall) or 0 (both) for each engineered column."""
    signs = {"increasing": 1, "decreasing": -1, None: 0}
    directions = []
    for column in source_columns(contract):
        feature = contract.features[column.sources[0]]
        declared = feature.monotonic if isinstance(feature, NumberFeature) else None
        directions.append(signs[declared] if column.derived is None else 0)
    return directions
