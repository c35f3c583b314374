"""The model families: which scikit-learn estimators there are and how their input is represented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

from churn_core.errors import ConfigError
from churn_core.features import FeatureEngineer
from churn_core.features.churn_rates import ChurnRateEncoder
from churn_core.features.engineer import category_count, source_columns
from churn_core.models.additive.classifier import AdditiveBoostingClassifier
from churn_core.models.splits import calibration_folds
from churn_core.schema import NumberFeature

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin

    from churn_core.config import ModelSettings
    from churn_core.schema import Contract


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of model.

    Parameters
    ----------
    estimator : type
        The scikit-learn classifier.
    defaults : dict
        Its parameters where the configuration gives no others.
    representation : 'one_hot', 'ordinal' or 'churn_rates'
        What the estimator is fed: indicator columns and scaled numbers; category codes and numbers as they
        are; or churn rates of categories and numbers as they are, missing ones among them. Trees take no
        scaler: float32 arithmetic before a split moves rows across it.
    always_calibrated : bool
        Whether its raw output is a vote and no log-odds, so that it needs a sigmoid in any case.
    """

    estimator: type[Any]
    defaults: dict[str, Any]
    representation: Literal["one_hot", "ordinal", "churn_rates"]
    always_calibrated: bool = False


FAMILIES: Final[dict[str, Family]] = {
    "logistic_regression": Family(LogisticRegression, {"max_iter": 2000}, "one_hot"),
    "additive": Family(AdditiveBoostingClassifier, {}, "churn_rates"),
    "gradient_boosting": Family(GradientBoostingClassifier, {"n_estimators": 100, "max_depth": 3}, "ordinal"),
    "random_forest": Family(
        RandomForestClassifier, {"n_estimators": 100, "max_depth": 10}, "ordinal", always_calibrated=True
    ),
}
"""The simplest to explain first."""


def build_estimator(model: ModelSettings, seed: int) -> ClassifierMixin:
    """Build an unfitted classifier.

    Raises
    ------
    ConfigError
        If ``model.params`` names a parameter that the estimator does not have, or gives one a value that
        it does not take.
    """
    family = FAMILIES[model.type]
    unknown = sorted(set(model.params) - set(family.estimator().get_params()))
    if unknown:
        raise ConfigError(
            f"Config key model.params: {family.estimator.__name__} has no parameter {unknown[0]!r}."
        )
    estimator: ClassifierMixin = family.estimator(**(family.defaults | {"random_state": seed} | model.params))
    try:
        estimator._validate_params()
    except InvalidParameterError as error:
        raise ConfigError(f"Config key model.params: {error}") from error
    return estimator


def build_pipeline(
    model: ModelSettings, contract: Contract, seed: int, *, calibrated: bool, folds: Any = None
) -> Pipeline:
    """Build the unfitted steps that follow the encoder: engineered features, representation, classifier.

    Parameters
    ----------
    model : ModelSettings
        Family and parameters.
    contract : Contract
        With the vocabularies that the encoder learnt.
    seed : int
        Seeds the estimator and the calibration's folds.
    calibrated : bool
        Whether a sigmoid is fitted on the out-of-fold raw output of the training rows.
    folds : splitter or list of (rows to train on, rows held out), optional
        The calibration's folds, from `churn_core.models.splits.calibration_folds`; ungrouped by default.
    """
    representation = FAMILIES[model.type].representation
    estimator = build_estimator(model, seed)
    if representation == "churn_rates":
        estimator.set_params(monotonic=monotonic_directions(contract))
    if calibrated:
        folds = calibration_folds(seed) if folds is None else folds
        estimator = CalibratedClassifierCV(estimator, method="sigmoid", cv=folds, ensemble=False)
    steps: list[tuple[str, Any]] = [
        ("engineer", FeatureEngineer(contract, impute=representation != "churn_rates"))
    ]
    if representation == "one_hot":
        steps.append(("represent", _one_hot_representation(contract)))
    elif representation == "churn_rates":
        steps.append(("represent", ChurnRateEncoder(category_count(contract), seed)))
    return Pipeline([*steps, ("classify", estimator)])


def _one_hot_representation(contract: Contract) -> ColumnTransformer:
    categories = category_count(contract)
    width = len(contract.features) + len(contract.derived)
    parts: list[tuple[str, Any, list[int]]] = []
    if categories:
        one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        parts.append(("one_hot", one_hot, list(range(categories))))
    if width > categories:
        parts.append(("scale", StandardScaler(), list(range(categories, width))))
    return ColumnTransformer(parts)


def monotonic_directions(contract: Contract) -> list[int]:
    """Return 1, -1 or 0 for each engineered column: churn may only rise with it, only fall, or both."""
    signs = {"increasing": 1, "decreasing": -1, None: 0}
    directions = []
    for column in source_columns(contract):
        feature = contract.features[column.sources[0]]
        declared = feature.monotonic if isinstance(feature, NumberFeature) else None
        directions.append(signs[declared] if column.derived is None else 0)
    return directions
