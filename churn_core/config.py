"""Read config.yaml into checked settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from churn_core.column_specs import (
    CountSpec,
    DerivedSpec,
    FeatureSpec,
    Section,
    TargetSpec,
    declared_derived,
    declared_feature,
)
from churn_core.errors import ConfigError
from churn_core.schema import Contract
from churn_core.scoring.money import Money

FamilyName = Literal["logistic_regression", "additive", "gradient_boosting", "random_forest"]

OUTPUT_COLUMNS = (
    "row_number",
    "status",
    "reject_code",
    "churn_probability",
    "will_churn",
    "risk",
    "reason_1",
    "reason_2",
    "reason_3",
    "warnings",
    "model_version",
    "expected_profit",
    "contributions",
)
"""Columns of a scored file beside the id; an id column of one of these names would collide."""


def get_project_root() -> Path:
    """Return the nearest folder at or above the working directory that holds ``config``.

    Where there is none, return the working directory.
    """
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "config").is_dir()), here)


def default_config_path() -> Path:
    """Return the configuration that is read where none is named.

    This is ``config/config.yaml`` of the project root, or else the copy in the installed package.
    """
    of_the_project = get_project_root() / "config" / "config.yaml"
    if of_the_project.is_file():
        return of_the_project
    package = Path(__file__).parent
    packaged = package / "default_config.yaml"
    # The wheel's build makes the copy; a checkout that is installed as editable has its original.
    return packaged if packaged.is_file() else package.parent / "config" / "config.yaml"


class ProjectSettings(Section):
    """What the model is called."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")] = "churn"


class DataSettings(Section):
    """The columns, and how the table is split."""

    id: str | None = None
    group: str | None = None
    target: TargetSpec
    test_size: Annotated[float, Field(gt=0, lt=1)] = 0.2
    random_state: Annotated[int, Field(ge=0, lt=2**32)] = 42
    features: Annotated[dict[str, FeatureSpec], Field(min_length=1)]
    derived: dict[str, DerivedSpec] = Field(default_factory=dict)

    @property
    def ids_repeat(self) -> bool:
        """Whether a customer may have several rows: they are a group, and the id is its name."""
        return self.group is not None and self.group == self.id


class ModelSettings(Section):
    """The model family and what its estimator is told."""

    type: FamilyName | Literal["auto"] = "additive"
    params: dict[str, Any] = Field(default_factory=dict)
    calibration: Literal["auto", "sigmoid", "none"] = "auto"


class EvaluationSettings(Section):
    """Repeated stratified cross-validation."""

    folds: Annotated[int, Field(ge=2, le=50)] = 5
    repeats: Literal["auto"] | Annotated[int, Field(ge=1, le=50)] = "auto"

    def repeat_count(self, rows: int) -> int:
        """Return how often the folds are drawn anew: 'auto' repeats where a draw matters, in small tables."""
        if self.repeats != "auto":
            return self.repeats
        return 5 if rows <= 20_000 else 2 if rows <= 100_000 else 1


class RiskBands(Section):
    """Probabilities from which a customer counts as of medium and of high risk."""

    medium: Annotated[float, Field(gt=0, lt=1)] = 0.3
    high: Annotated[float, Field(gt=0, lt=1)] = 0.6

    @model_validator(mode="after")
    def _ordered(self) -> RiskBands:
        if not self.medium < self.high:
            raise ValueError("medium must be less than high")
        return self


_Amount = Annotated[float, Field(le=1e9, allow_inf_nan=False)]
"""Money, in whatever currency; the bound keeps six decimals of it exact."""

_RULES = ("f1", "money", "share")
_MONEY_KEYS = ("value_of_customer", "cost_of_offer", "success_rate")


class DecisionSettings(Section):
    """From which probability a customer is contacted, and what contacting one costs and brings.

    `churn_core.scoring.money.Money` has the formula and what it assumes. ``threshold`` is ``money`` where
    the three money values are given and nothing else is asked for, else ``f1``.
    """

    threshold: Literal["f1", "money", "share"] | float
    value_of_customer: Annotated[_Amount, Field(gt=0)] | None = None
    cost_of_offer: Annotated[_Amount, Field(ge=0)] | None = None
    success_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    risk_bands: RiskBands = RiskBands()

    @model_validator(mode="before")
    @classmethod
    def _default_threshold(cls, content: Any) -> Any:
        if isinstance(content, dict) and content.get("threshold") is None:
            has_money = any(content.get(key) is not None for key in _MONEY_KEYS)
            return content | {"threshold": "money" if has_money else "f1"}
        return content

    @field_validator("threshold", mode="before")
    @classmethod
    def _rule_or_probability(cls, threshold: Any) -> Any:
        # A union's own complaint would name each of its members.
        if threshold in _RULES or (
            isinstance(threshold, int | float) and not isinstance(threshold, bool) and 0 < threshold < 1
        ):
            return threshold
        raise ValueError(f"must be {', '.join(_RULES)}, or a probability between 0 and 1")

    @model_validator(mode="after")
    def _complete(self) -> DecisionSettings:
        missing = [key for key in _MONEY_KEYS if getattr(self, key) is None]
        if missing and (self.threshold == "money" or len(missing) < len(_MONEY_KEYS)):
            raise ValueError(f"{missing[0]} is missing; give {', '.join(_MONEY_KEYS)}, all three")
        if self.threshold == "share" and self.share is None:
            raise ValueError("share is missing; say which share of the customers to contact, 0.1 for one")
        return self

    @property
    def money(self) -> Money | None:
        """What contacting a customer costs and brings, where the configuration says so."""
        if self.value_of_customer is None or self.cost_of_offer is None or self.success_rate is None:
            return None
        return Money(self.value_of_customer, self.cost_of_offer, self.success_rate)


class ApiSettings(Section):
    """Where the local API listens."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000


class Settings(Section):
    """All of config.yaml."""

    project: ProjectSettings = ProjectSettings()
    data: DataSettings
    model: ModelSettings = ModelSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    decision: DecisionSettings = DecisionSettings(threshold="f1")
    api: ApiSettings = ApiSettings()

    @model_validator(mode="after")
    def _monotonic_is_kept(self) -> Settings:
        bound = [name for name, f in self.data.features.items() if f.kind == "number" and f.monotonic]
        if bound and self.model.type != "additive":
            raise ValueError(
                f"data.features.{bound[0]}.monotonic is kept by model.type additive alone; choose it, or"
                " leave monotonic out"
            )
        return self

    @model_validator(mode="after")
    def _parameters_have_their_place(self) -> Settings:
        if self.model.type == "auto" and self.model.params:
            raise ValueError("model.params needs a model.type other than auto, whose parameters they are")
        if "monotonic" in self.model.params:
            raise ValueError("model.params.monotonic: say it of each feature in data.features instead")
        return self

    @model_validator(mode="after")
    def _columns_agree(self) -> Settings:
        _check_names(self.data)
        for name, derived in self.data.derived.items():
            _check_derived(name, derived, self.data.features)
        return self

    @property
    def contract(self) -> Contract:
        """The data contract, its vocabularies still to be learnt."""
        data = self.data
        return Contract(
            features=tuple(declared_feature(name, spec) for name, spec in data.features.items()),
            target=data.target.column,
            positive=data.target.positive,
            negative=data.target.negative,
            id_column=data.id,
            derived=tuple(declared_derived(name, spec) for name, spec in data.derived.items()),
        )


def load_config(path: Path | None = None) -> Settings:
    """Read a configuration file.

    Parameters
    ----------
    path : Path, optional
        The YAML file; by default as `default_config_path` says.

    Raises
    ------
    ConfigError
        If the file is missing, is no YAML, or holds a key or value that is not allowed.
    """
    path = path or default_config_path()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path} can't be read ({error.strerror}); name a config file with --config."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML; mend its syntax.") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds no settings; start from config/config.yaml.")
    return parse_config(content)


def parse_config(content: dict[str, Any]) -> Settings:
    """Check settings that were read from somewhere else than a file.

    Raises
    ------
    ConfigError
        Names the first key at fault.
    """
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "config"
        raise ConfigError(f"Config key {key}: {first['msg'].removeprefix('Value error, ')}.") from error


def with_model_type(settings: Settings, model_type: str) -> Settings:
    """Return the settings with another model family and that family's default parameters.

    Raises
    ------
    ConfigError
        If there is no such family.
    """
    return settings if model_type == settings.model.type else with_model(settings, model_type, {})


def with_model(settings: Settings, model_type: str, params: dict[str, Any]) -> Settings:
    """Return the settings with another model family and these parameters.

    Raises
    ------
    ConfigError
        If there is no such family.
    """
    model = settings.model.model_dump() | {"type": model_type, "params": params}
    return parse_config(settings.model_dump() | {"model": model})


def _check_names(data: DataSettings) -> None:
    if data.target.positive == data.target.negative:
        raise ValueError("data.target: positive and negative must differ")
    names = [*data.features, *data.derived, data.target.column, *([data.id] if data.id else [])]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"column {min(twice)!r} is declared twice; give each column one role")
    if data.group is not None and data.group in (data.target.column, *data.derived):
        raise ValueError(f"data.group: {data.group!r} must be a column of the table beside the target")
    if data.id in OUTPUT_COLUMNS:
        raise ValueError(f"data.id: {data.id!r} is also a column of scored files; rename the id column")


def _check_derived(name: str, spec: DerivedSpec, features: dict[str, FeatureSpec]) -> None:
    needed = "category" if isinstance(spec, CountSpec) else "number"
    for column in declared_derived(name, spec).columns:
        if column not in features:
            raise ValueError(f"data.derived.{name}: {column!r} is not among data.features")
        if features[column].kind != needed:
            raise ValueError(f"data.derived.{name}: {column!r} must be a {needed} column")
