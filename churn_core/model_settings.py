"""The ``model`` and ``evaluation`` sections of config.yaml: what is trained, and how it is measured."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from churn_core.column_specs import Section

MONOTONIC_FAMILIES: Final = ("additive", "boosting")
"""The families that keep a declared direction."""

FamilyName = Literal["logistic_regression", "additive", "boosting", "gradient_boosting", "random_forest"]


class ModelSettings(Section):
    """The ``model`` section: the model family and the parameters of its estimator."""

    type: FamilyName | Literal["auto"] = "auto"
    params: dict[str, Any] = Field(default_factory=dict)
    calibration: Literal["auto", "sigmoid", "none"] = "auto"

    @model_validator(mode="before")
    @classmethod
    def _keep_the_family_of_params(cls, given: Any) -> Any:
        """Parameters without a type are those of the additive model, which was once the default."""
        if isinstance(given, dict) and given.get("params") and "type" not in given:
            return {"type": "additive"} | given
        return given


class EvaluationSettings(Section):
    """The ``evaluation`` section: repeated stratified cross-validation."""

    folds: Annotated[int, Field(ge=2, le=50)] = 5
    repeats: Literal["auto"] | Annotated[int, Field(ge=1, le=50)] = "auto"

    def repeat_count(self, rows: int) -> int:
        """Return how often the split into folds is repeated; ``auto`` repeats more in smaller tables.

        In a small table the result depends more on the random split.
        """
        if self.repeats != "auto":
            return self.repeats
        return 3 if rows <= 20_000 else 2 if rows <= 100_000 else 1
