"""The columns of a table, as config.yaml declares them."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from churn_core.schema import MAX_VOCABULARY, CategoryFeature, DerivedFeature, NumberFeature
from churn_core.scoring.records.values import category_text


class Section(BaseModel):
    """A section of config.yaml; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class NumberSpec(Section):
    """A number column."""

    kind: Literal["number"]
    minimum: float
    maximum: float
    integer: bool = False
    nullable: bool = False
    stored_as: Literal["number", "text"] = "number"
    monotonic: Literal["increasing", "decreasing"] | None = None

    @model_validator(mode="after")
    def _check_range(self) -> NumberSpec:
        if not self.minimum < self.maximum:
            raise ValueError("minimum must be less than maximum")
        if max(abs(self.minimum), abs(self.maximum)) > 3.4e38:
            raise ValueError("minimum and maximum must fit a float32 (below 3.4e38)")
        return self


class CategorySpec(Section):
    """A category column."""

    kind: Literal["category"]
    nullable: bool = False
    allowed: tuple[str, ...] | None = None
    max_levels: Annotated[int, Field(ge=1, le=MAX_VOCABULARY)] | None = None


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


FeatureSpec = Annotated[NumberSpec | CategorySpec, Field(discriminator="kind")]
DerivedSpec = Annotated[
    RatioSpec | DifferenceSpec | SumSpec | CountSpec | BucketSpec, Field(discriminator="kind")
]


class TargetSpec(Section):
    """The column that says who left, and its two labels."""

    column: str
    positive: str
    negative: str

    @field_validator("positive", "negative", mode="before")
    @classmethod
    def _read_label(cls, label: object) -> object:
        """Return the text of a label that YAML reads as a number or boolean, such as ``positive: 1``."""
        return category_text(label) if isinstance(label, int) else label


def make_feature(name: str, spec: NumberSpec | CategorySpec) -> NumberFeature | CategoryFeature:
    """Convert a column of the configuration to a feature of the data contract, still without vocabulary."""
    if isinstance(spec, CategorySpec):
        return CategoryFeature(name, nullable=spec.nullable, allowed=spec.allowed, max_levels=spec.max_levels)
    return NumberFeature(
        name,
        minimum=spec.minimum,
        maximum=spec.maximum,
        integer=spec.integer,
        nullable=spec.nullable,
        stored_as_text=spec.stored_as == "text",
        monotonic=spec.monotonic,
    )


def make_derived(name: str, spec: DerivedSpec) -> DerivedFeature:
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
