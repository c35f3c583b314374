"""The settings of config.yaml, validated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError, model_validator

from churn_core.column_specs import (
    CountSpec,
    DaysBetweenSpec,
    DerivedSpec,
    FeatureSpec,
    Section,
    TargetSpec,
    make_days_feature,
    make_derived,
    make_feature,
)
from churn_core.config_keys import unknown_key
from churn_core.config_yaml import read_yaml
from churn_core.decision_settings import DecisionSettings
from churn_core.errors import ConfigError
from churn_core.model_settings import MONOTONIC_FAMILIES, EvaluationSettings, ModelSettings
from churn_core.output_settings import OutputSettings
from churn_core.reader_settings import ReaderSettings
from churn_core.schema import Contract
from churn_core.scoring.column_names import alike_key, alike_names
from churn_core.scoring.files.sql.output_columns import RESERVED_NAMES


def get_project_root() -> Path:
    """Return the nearest folder at or above the working directory that holds ``config``.

    Where there is none, return the working directory.
    """
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "config").is_dir()), here)


OWN_CONFIG: Final = Path("config.yaml")
"""The configuration that ``churn init`` writes, in the working directory."""


def default_config_path() -> Path:
    """Return the configuration that is read where none is named.

    This is ``config.yaml`` of the working directory, or else `sample_config_path`.
    """
    return OWN_CONFIG if OWN_CONFIG.is_file() else sample_config_path()


def sample_config_path() -> Path:
    """Return the configuration of the sample table.

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
    """The ``project`` section: the model's name."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")] = "churn"


class DataSettings(Section):
    """The ``data`` section: the table's columns and how its rows are split."""

    id: str | None = None
    group: str | None = None
    target: TargetSpec
    test_size: Annotated[float, Field(gt=0, lt=1)] = 0.2
    random_state: Annotated[int, Field(ge=0, lt=2**32)] = 42
    features: Annotated[dict[str, FeatureSpec], Field(min_length=1)]
    derived: dict[str, DerivedSpec] = Field(default_factory=dict)

    @property
    def ids_repeat(self) -> bool:
        """Whether a customer may have several rows, because the id is also the group."""
        return self.group is not None and self.group == self.id


class ApiSettings(Section):
    """The ``api`` section: the address of the local API."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000


class Settings(Section):
    """The whole of config.yaml."""

    project: ProjectSettings = ProjectSettings()
    reader: ReaderSettings = ReaderSettings()
    data: DataSettings
    model: ModelSettings = ModelSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    decision: DecisionSettings = DecisionSettings(threshold="f1")
    output: OutputSettings = OutputSettings()
    api: ApiSettings = ApiSettings()

    @property
    def directed(self) -> list[str]:
        """The keys of the columns whose effect has a declared direction."""
        data = self.data
        return [
            *(f"data.features.{n}" for n, f in data.features.items() if f.kind == "number" and f.monotonic),
            *(
                f"data.derived.{n}"
                for n, d in data.derived.items()
                if d.kind == "days_between" and d.monotonic
            ),
        ]

    @model_validator(mode="after")
    def _check_monotonic(self) -> Settings:
        if self.directed and self.model.type not in ("auto", *MONOTONIC_FAMILIES):
            raise ValueError(
                f"{self.directed[0]}.monotonic works only with model.type"
                f" {' or '.join(MONOTONIC_FAMILIES)}; set that type, or remove monotonic"
            )
        return self

    @model_validator(mode="after")
    def _check_parameters(self) -> Settings:
        if self.model.type == "auto" and self.model.params:
            raise ValueError(
                "model.params needs a single family; change model.type from auto, or remove params"
            )
        if "monotonic" in self.model.params:
            raise ValueError("model.params.monotonic: set monotonic on each feature in data.features instead")
        return self

    @model_validator(mode="after")
    def _check_columns(self) -> Settings:
        _check_roles(self.data)
        for name, derived in self.data.derived.items():
            _check_derived(name, derived, self.data)
        return self

    @model_validator(mode="after")
    def _check_kept(self) -> Settings:
        kept = [alike_key(name) for name in self.output.keep]
        taken = {*map(alike_key, RESERVED_NAMES), *([alike_key(self.data.id)] if self.data.id else [])}
        for name, key in zip(self.output.keep, kept, strict=True):
            if key in taken:
                raise ValueError(
                    f"output.keep: {name!r} is already a column of scored files; remove it from output.keep"
                )
            if kept.count(key) > 1:
                raise ValueError(f"output.keep: {name!r} and another column differ in case alone; keep one")
        return self

    @property
    def contract(self) -> Contract:
        """The data contract; training adds the vocabularies."""
        data = self.data
        return Contract(
            features=(
                *(make_feature(name, spec) for name, spec in data.features.items()),
                *(
                    make_days_feature(name, spec)
                    for name, spec in data.derived.items()
                    if isinstance(spec, DaysBetweenSpec)
                ),
            ),
            target=data.target.column,
            positive=data.target.positive,
            negative=data.target.negative or (),
            excluded=data.target.exclude,
            id_column=data.id,
            derived=tuple(
                make_derived(name, spec)
                for name, spec in data.derived.items()
                if not isinstance(spec, DaysBetweenSpec)
            ),
            reader=self.reader.rules,
        )


_OPTIONAL: Final = frozenset(Settings.model_fields) - {"data"}
"""The sections that a configuration may leave out."""


def load_config(path: Path | None = None) -> Settings:
    """Read a configuration file.

    Parameters
    ----------
    path : Path, optional
        The YAML file; by default as `default_config_path` says.

    Raises
    ------
    ConfigError
        If the file is missing or not valid YAML, or holds a key or value that is not allowed.
    """
    return parse_config(read_yaml(path or default_config_path()))


def parse_config(content: dict[str, Any]) -> Settings:
    """Validate settings that are given as a dictionary.

    Raises
    ------
    ConfigError
        If a key or value is not allowed; the message names the first such key.
    """
    # A section whose keys are all commented out has its defaults.
    content = {
        name: section for name, section in content.items() if section is not None or name not in _OPTIONAL
    }
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "config"
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"Config key {key}: {unknown_key(Settings, first['loc'])}.") from error
        raise ConfigError(f"Config key {key}: {first['msg'].removeprefix('Value error, ')}.") from error


def with_model_type(settings: Settings, model_type: str) -> Settings:
    """Return the settings with another model family and its default parameters.

    Raises
    ------
    ConfigError
        If the family does not exist.
    """
    return settings if model_type == settings.model.type else with_model(settings, model_type, {})


def with_model(settings: Settings, model_type: str, params: dict[str, Any]) -> Settings:
    """Return the settings with another model family and the given parameters.

    Raises
    ------
    ConfigError
        If the family does not exist.
    """
    model = settings.model.model_dump() | {"type": model_type, "params": params}
    return parse_config(settings.model_dump() | {"model": model})


def _check_roles(data: DataSettings) -> None:
    names = [*data.features, *data.derived, data.target.column, *([data.id] if data.id else [])]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"column {min(repeated)!r} is declared twice; give each column one role")
    dates = {
        column: name
        for name, spec in data.derived.items()
        if isinstance(spec, DaysBetweenSpec)
        for column in make_days_feature(name, spec).columns
    }
    for column, name in dates.items():
        if column in names:
            raise ValueError(
                f"data.derived.{name}: {column!r} is a date column, so it can't have another role or be the"
                " name of a derived column; rename it, or remove its other declaration"
            )
    if data.group is not None and data.group in (data.target.column, *data.derived):
        raise ValueError(f"data.group: {data.group!r} must be a column of the table other than the target")
    columns = [*data.features, *dates, data.target.column, *([data.id] if data.id else [])]
    alike = alike_names(columns)
    if alike is not None:
        raise ValueError(
            f"columns {columns[alike[0]]!r} and {columns[alike[1]]!r} differ in case alone; rename one"
        )
    if data.id is not None and alike_key(data.id) in map(alike_key, RESERVED_NAMES):
        raise ValueError(
            f"data.id: {data.id!r} is also a column of scored files or a member of answers; rename the id"
            " column"
        )


def _check_derived(name: str, spec: DerivedSpec, data: DataSettings) -> None:
    if isinstance(spec, DaysBetweenSpec):
        return
    kinds = {column: feature.kind for column, feature in data.features.items()}
    kinds |= {column: "number" for column, other in data.derived.items() if other.kind == "days_between"}
    needed = "category" if isinstance(spec, CountSpec) else "number"
    for column in make_derived(name, spec).columns:
        if column not in kinds:
            raise ValueError(f"data.derived.{name}: {column!r} is not in data.features; add it there")
        if kinds[column] != needed:
            raise ValueError(
                f"data.derived.{name}: {column!r} must be a {needed} column; name another column, or set"
                f" data.features.{column}.kind to {needed}"
            )
