"""The columns of a table, as config.yaml declares them."""

from __future__ import annotations

import re
from datetime import date, datetime
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from churn_core.reader_rules import NUMBER_SIGNS
from churn_core.schema import (
    LARGEST_FLOAT32,
    MAX_VOCABULARY,
    CategoryFeature,
    DaysBetween,
    DerivedFeature,
    Description,
    NumberFeature,
    label_tuple,
)
from churn_core.scoring.day_numbers import MOST_DAYS
from churn_core.scoring.records.values import category_text

_day_text = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Section(BaseModel):
    """A section of config.yaml; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


_OneLine = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class DescribedSection(Section):
    """A feature with a name and an explanation for people."""

    label: _OneLine | None = None
    help: _OneLine | None = None
    reason_group: _OneLine | None = None

    @property
    def description(self) -> Description:
        """The data contract's description of the feature."""
        return Description(self.label, self.help, self.reason_group)


class NumberSpec(DescribedSection):
    """A number column."""

    kind: Literal["number"]
    minimum: float = -LARGEST_FLOAT32
    maximum: float = LARGEST_FLOAT32
    expected: tuple[float, float] | None = None
    integer: bool = False
    nullable: bool = False
    stored_as: Literal["number", "text"] = "number"
    signs: tuple[str, ...] = ()
    monotonic: Literal["increasing", "decreasing"] | None = None

    @field_validator("signs")
    @classmethod
    def _check_signs(cls, signs: tuple[str, ...]) -> tuple[str, ...]:
        for sign in signs:
            if sign not in NUMBER_SIGNS:
                raise ValueError(f"{sign!r} is unknown; known are {' '.join(NUMBER_SIGNS)}")
        return signs

    @model_validator(mode="after")
    def _check_range(self) -> NumberSpec:
        if not self.minimum < self.maximum:
            raise ValueError("minimum must be less than maximum")
        low, high = self.expected or (0.0, 0.0)
        if not max(map(abs, (self.minimum, self.maximum, low, high))) <= LARGEST_FLOAT32:
            raise ValueError("minimum, maximum and expected must fit a float32 (at most 3.4e38)")
        if not low <= high:
            raise ValueError("expected must list the lowest usual value first")
        return self


class CategorySpec(DescribedSection):
    """A category column."""

    kind: Literal["category"]
    nullable: bool = False
    allowed: tuple[str, ...] | None = None
    max_levels: Annotated[int, Field(ge=1, le=MAX_VOCABULARY)] | None = None
    values: Literal["text", "integer", "boolean"] = "text"
    normalise: bool = False
    required: bool = False

    @model_validator(mode="after")
    def _check_normalise(self) -> CategorySpec:
        if self.normalise and self.values != "text":
            raise ValueError("normalise works only with values: text; remove one of the two")
        if self.required and self.nullable:
            raise ValueError("required and nullable contradict each other; remove one of the two")
        return self


class RatioSpec(Section):
    """Numerator / denominator; missing where the denominator is 0."""

    kind: Literal["ratio"]
    numerator: str
    denominator: str


class DifferenceSpec(Section):
    """Minuend - subtrahend."""

    kind: Literal["difference"]
    minuend: str
    subtrahend: str


class SumSpec(Section):
    """The sum of several number columns."""

    kind: Literal["sum"]
    columns: Annotated[tuple[str, ...], Field(min_length=2)]


class CountSpec(Section):
    """The number of category columns that hold a given value."""

    kind: Literal["count"]
    value: str
    columns: Annotated[tuple[str, ...], Field(min_length=1)]


class BucketSpec(Section):
    """The interval between edges that holds a number, used as a category."""

    kind: Literal["bucket"]
    column: str
    edges: Annotated[tuple[float, ...], Field(min_length=1)]

    @field_validator("edges")
    @classmethod
    def _check_increasing(cls, edges: tuple[float, ...]) -> tuple[float, ...]:
        if any(a >= b for a, b in pairwise(edges)):
            raise ValueError("edges must increase")
        return edges


class DaysBetweenSpec(DescribedSection):
    """The whole UTC days from one date to another, which the encoder computes."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        protected_namespaces=(),
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )

    kind: Literal["days_between"]
    start: Annotated[str, Field(alias="from")]
    end: Annotated[str | date, Field(alias="to")]
    nullable: bool = False
    monotonic: Literal["increasing", "decreasing"] | None = None

    @field_validator("end", mode="before")
    @classmethod
    def _read_end(cls, end: Any) -> Any:
        """Turn text in the form of a day into one: YAML has days of its own, JSON has only text."""
        if isinstance(end, datetime):
            raise ValueError("must be a day such as 2026-01-31, without a time")  # noqa: TRY004
        if isinstance(end, str) and _day_text.fullmatch(end):
            try:
                return date.fromisoformat(end)
            except ValueError:
                raise ValueError("is a day that does not exist") from None
        return end

    @model_validator(mode="after")
    def _check_columns(self) -> DaysBetweenSpec:
        if self.start == self.end:
            raise ValueError("from and to name the same column; days_between needs two different dates")
        return self


FeatureSpec = Annotated[NumberSpec | CategorySpec, Field(discriminator="kind")]
DerivedSpec = Annotated[
    RatioSpec | DifferenceSpec | SumSpec | CountSpec | BucketSpec | DaysBetweenSpec,
    Field(discriminator="kind"),
]


SomeLabels = str | Annotated[tuple[str, ...], Field(min_length=1)]


class TargetSpec(Section):
    """The column that says who left, and its labels; without `negative`, all others mean 'stayed'."""

    column: str
    positive: SomeLabels
    negative: SomeLabels | None = None
    exclude: tuple[str, ...] = ()

    @field_validator("positive", "negative", "exclude", mode="before")
    @classmethod
    def _read_labels(cls, labels: object) -> object:
        """Return the text of labels that YAML reads as numbers or booleans, such as ``positive: 1``."""
        if isinstance(labels, list):
            return [category_text(label) if isinstance(label, int) else label for label in labels]
        return category_text(labels) if isinstance(labels, int) else labels

    @model_validator(mode="after")
    def _check_labels(self) -> TargetSpec:
        labels = [*label_tuple(self.positive), *label_tuple(self.negative or ()), *self.exclude]
        repeated = next((label for label in labels if labels.count(label) > 1), None)
        if repeated is not None:
            raise ValueError("positive, negative and exclude must differ; name each label once")
        return self


def make_feature(name: str, spec: NumberSpec | CategorySpec) -> NumberFeature | CategoryFeature:
    """Convert a column of the configuration to a feature of the data contract, still without vocabulary."""
    if isinstance(spec, CategorySpec):
        return CategoryFeature(
            name,
            nullable=spec.nullable,
            allowed=spec.allowed,
            max_levels=spec.max_levels,
            values=spec.values,
            normalise=spec.normalise,
            required=spec.required,
            description=spec.description,
        )
    return NumberFeature(
        name,
        minimum=spec.minimum,
        maximum=spec.maximum,
        integer=spec.integer,
        nullable=spec.nullable,
        stored_as_text=spec.stored_as == "text",
        signs=spec.signs,
        monotonic=spec.monotonic,
        expected=spec.expected,
        description=spec.description,
    )


def make_days_feature(name: str, spec: DaysBetweenSpec) -> NumberFeature:
    """Make the data contract's feature of the days between two dates."""
    day = spec.end.isoformat() if isinstance(spec.end, date) else None
    return NumberFeature(
        name,
        minimum=-MOST_DAYS,
        maximum=MOST_DAYS,
        integer=True,
        nullable=spec.nullable,
        monotonic=spec.monotonic,
        days=DaysBetween(spec.start, day or str(spec.end), end_is_day=day is not None),
        description=spec.description,
    )


def make_derived(
    name: str, spec: RatioSpec | DifferenceSpec | SumSpec | CountSpec | BucketSpec
) -> DerivedFeature:
    """Make the data contract's derived feature from its declaration."""
    match spec:
        case RatioSpec():
            return DerivedFeature(name, "ratio", (spec.numerator, spec.denominator))
        case DifferenceSpec():
            return DerivedFeature(name, "difference", (spec.minuend, spec.subtrahend))
        case SumSpec():
            return DerivedFeature(name, "sum", spec.columns)
        case CountSpec():
            return DerivedFeature(name, "count", spec.columns, value=spec.value)
        case BucketSpec():
            return DerivedFeature(name, "bucket", (spec.column,), edges=spec.edges)
