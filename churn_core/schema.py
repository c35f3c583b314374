"""The data contract: the columns of a table, their kinds, and the values they may hold.

Validation at training, the record encoder, the SQL of file scoring and a bundle's manifest all use one
`Contract`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from churn_core.reader_rules import ReaderRules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_TEXT_LENGTH: Final = 256
"""Longest text, in characters, that a category's value may have."""

MAX_VOCABULARY: Final = 1_000
"""Most values that a category may have; a column with more is an identifier or free text."""

MAX_GROUPED_VOCABULARY: Final = 10_000
"""Most values that a category with `max_levels` knows; rarer ones count as unknown."""

LARGEST_FLOAT32: Final = 3.4e38
"""About the largest number of float32: the bounds of a number column that declares none."""

EQUAL_ROWS: Final = "auto"
"""The value of ``data.group`` by which rows that are equal in every feature stay together."""

IdType = Literal["integer", "text"]
DerivedKind = Literal["ratio", "difference", "sum", "count", "bucket"]
CategoryValues = Literal["text", "integer", "boolean"]
Labels = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DaysBetween:
    """The whole UTC days from one date to another; the time of day is dropped first.

    Parameters
    ----------
    start : str
        The column of the earlier date.
    end : str
        The column of the later date, or a fixed day in ISO 8601 form.
    end_is_day : bool
        Whether `end` is a fixed day.
    """

    start: str
    end: str
    end_is_day: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The date columns that it is computed from."""
        return (self.start,) if self.end_is_day else (self.start, self.end)


@dataclass(frozen=True, slots=True)
class Description:
    """What a feature is called and means where people read about it.

    Parameters
    ----------
    label : str or None
        The name in reasons, reports and pages; the column's name by default.
    help : str or None
        One sentence that explains the column.
    reason_group : str or None
        Features of one group share one reason; see `churn_core.scoring.reason_groups`.
    """

    label: str | None = None
    help: str | None = None
    reason_group: str | None = None


@dataclass(frozen=True, slots=True)
class NumberFeature:
    """A number column, or a number that the encoder computes from dates.

    Parameters
    ----------
    name : str
        The column's name, exactly as the table has it.
    minimum, maximum : float
        Bounds, both inclusive, compared as float64. A value outside is rejected.
    integer : bool
        Whether only whole numbers are allowed; ``3.0`` is a whole number.
    nullable : bool
        Whether a missing value is allowed; the model then imputes it.
    stored_as_text : bool
        Whether text that parses as a number is allowed; blank text is missing.
    signs : tuple of str
        Signs, one of which may stand before or after a number in text; see `NUMBER_SIGNS`.
    monotonic : 'increasing', 'decreasing' or None
        The direction, if only one is allowed, in which the score may change when this
        column increases.
    days : DaysBetween or None
        If given, the number of days between two dates. The table has their columns, and none of this name.
    expected : tuple of (float, float) or None
        If given, the lowest and the highest usual value, compared as float32. A value outside is scored with
        a warning.
    description : Description
    """

    name: str
    minimum: float = -LARGEST_FLOAT32
    maximum: float = LARGEST_FLOAT32
    integer: bool = False
    nullable: bool = False
    stored_as_text: bool = False
    monotonic: Literal["increasing", "decreasing"] | None = None
    days: DaysBetween | None = None
    signs: tuple[str, ...] = ()
    expected: tuple[float, float] | None = None
    description: Description = Description()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that hold the feature."""
        return (self.name,) if self.days is None else self.days.columns

    @property
    def label(self) -> str:
        """The name that people read."""
        return self.description.label or self.name

    @property
    def accepts_missing(self) -> bool:
        """Whether a row with a missing value is scored."""
        return self.nullable

    @property
    def usual_value(self) -> float:
        """A value that is allowed and expected: the low end of the range, 0 without any."""
        if self.expected is not None:
            return min(max(self.expected[0], self.minimum), self.maximum)
        return self.minimum if self.minimum > -LARGEST_FLOAT32 else min(0.0, self.maximum)


@dataclass(frozen=True, slots=True)
class CategoryFeature:
    """A category column.

    Parameters
    ----------
    name : str
        The column's name, exactly as the table has it.
    vocabulary : tuple of str
        The known values in the order of their codes; empty until a model has been trained.
    nullable : bool
        Whether a missing value (NULL or blank text) is allowed.
    allowed : tuple of str or None
        If given, the values that a training table may hold.
    max_levels : int or None
        If given, the model distinguishes only this many values, the most frequent in the training rows. All
        other values, known or unknown, are one level.
    values : 'text', 'integer' or 'boolean'
        How values are compared. Text is compared exactly. ``integer`` and ``boolean`` compare by value: then
        ``1``, ``1.0`` and ``true`` are one value, whatever type stores it.
    normalise : bool
        Whether values that differ only by case, surrounding or repeated blanks are one value.
    required : bool
        Whether a row with a missing value is rejected. Otherwise it is scored; if the column is not nullable,
        with a warning.
    description : Description
    """

    name: str
    vocabulary: tuple[str, ...] = ()
    nullable: bool = False
    allowed: tuple[str, ...] | None = None
    max_levels: int | None = None
    values: CategoryValues = "text"
    normalise: bool = False
    required: bool = False
    description: Description = Description()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that hold the feature."""
        return (self.name,)

    @property
    def label(self) -> str:
        """The name that people read."""
        return self.description.label or self.name

    @property
    def accepts_missing(self) -> bool:
        """Whether a row with a missing value is scored."""
        return self.nullable or not self.required

    @property
    def unknown_code(self) -> int:
        """Code of a value that is not in the vocabulary."""
        return len(self.vocabulary)

    @property
    def missing_code(self) -> int:
        """Code of a missing value."""
        return len(self.vocabulary) + 1


Feature = NumberFeature | CategoryFeature


@dataclass(frozen=True, slots=True)
class DerivedFeature:
    """A feature computed from raw columns, in float64 on float32-rounded values, cast to float32.

    - ``ratio``: columns[0] / columns[1], missing if the divisor is 0
    - ``difference``: columns[0] - columns[1]
    - ``sum``: the sum of all columns
    - ``count``: the number of category columns that hold `value`
    - ``bucket``: the number of `edges` that are <= columns[0], used as a category
    """

    name: str
    kind: DerivedKind
    columns: tuple[str, ...]
    value: str | None = None
    edges: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """The columns of a churn table.

    Parameters
    ----------
    features : tuple of NumberFeature or CategoryFeature
        The model's inputs; their order is the order of the encoded matrix's columns.
    target : str
        The column that says whether a customer left.
    positive, negative : str or tuple of str
        The target's label, or labels, of customers who left, and of those who stayed. If `negative` is an
        empty tuple, every other label means 'stayed'.
    id_column : str or None
        The column that identifies a customer; never a model input.
    derived : tuple of DerivedFeature
        Features that the model computes from the raw columns.
    id_type : 'integer', 'text' or None
        The type of the ids in scored files: ``integer`` (64 bits) if every id of the training table is such
        a number, written without leading zeros. None in bundles of format 1: the type of the input file.
    reader : ReaderRules
        How text stands for values, and how CSV files are laid out.
    excluded : tuple of str
        Labels whose rows are neither trained on nor measured.
    """

    features: tuple[Feature, ...]
    target: str
    positive: Labels
    negative: Labels
    id_column: str | None = None
    derived: tuple[DerivedFeature, ...] = ()
    id_type: IdType | None = None
    reader: ReaderRules = field(default_factory=ReaderRules)
    excluded: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table that the features need, each once, in contract order."""
        return tuple(dict.fromkeys(column for feature in self.features for column in feature.columns))

    @property
    def date_columns(self) -> tuple[str, ...]:
        """The date columns that days are counted between, each once, in contract order."""
        days = (feature.days for feature in self.numbers if feature.days is not None)
        return tuple(dict.fromkeys(column for pair in days for column in pair.columns))

    def may_be_missing(self, column: str) -> bool:
        """Return whether a row is scored although a column of the table has no value there."""
        return all(feature.accepts_missing for feature in self.features if column in feature.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names in contract order."""
        return tuple(feature.name for feature in self.features)

    @property
    def numbers(self) -> tuple[NumberFeature, ...]:
        """The number features in contract order."""
        return tuple(f for f in self.features if isinstance(f, NumberFeature))

    @property
    def categories(self) -> tuple[CategoryFeature, ...]:
        """The category features in contract order."""
        return tuple(f for f in self.features if isinstance(f, CategoryFeature))

    def position(self, name: str) -> int:
        """Return the position of the feature `name`, which is its column in the encoded matrix."""
        return self.names.index(name)

    def feature(self, name: str) -> Feature:
        """Return the feature called `name`."""
        return self.features[self.position(name)]

    def with_vocabularies(self, vocabularies: Mapping[str, Sequence[str]]) -> Contract:
        """Return a copy whose categories have the given vocabularies, by column name."""
        return replace(
            self,
            features=tuple(
                replace(f, vocabulary=tuple(vocabularies[f.name])) if isinstance(f, CategoryFeature) else f
                for f in self.features
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the contract as plain JSON types, for `from_dict`."""
        return {
            "id_column": self.id_column,
            "id_type": self.id_type,
            "target": self.target,
            "positive": _plain_labels(self.positive),
            "negative": _plain_labels(self.negative),
            "excluded": list(self.excluded),
            "features": [
                {"kind": "number" if isinstance(f, NumberFeature) else "category"} | asdict(f)
                for f in self.features
            ],
            "derived": [asdict(d) for d in self.derived],
            "reader": self.reader.to_dict(),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Contract:
        """Build a contract from the result of `to_dict`.

        Raises
        ------
        KeyError, TypeError, ValueError
            If `content` is not a result of `to_dict`.
        """
        # Bundles of format 1 lack it.
        id_type = content.get("id_type")
        if id_type not in (None, *get_args(IdType)):
            raise ValueError("id_type is unknown")
        return cls(
            features=tuple(_feature_from_dict(f) for f in content["features"]),
            target=content["target"],
            positive=_labels_from(content["positive"]),
            negative=_labels_from(content["negative"]),
            id_column=content["id_column"],
            id_type=id_type,
            derived=tuple(
                DerivedFeature(**{**d, "columns": tuple(d["columns"]), "edges": tuple(d["edges"])})
                for d in content["derived"]
            ),
            # Bundles of format 1 lack it.
            reader=ReaderRules.from_dict(content["reader"]) if "reader" in content else ReaderRules(),
            excluded=tuple(content.get("excluded", ())),
        )


def label_tuple(labels: Labels) -> tuple[str, ...]:
    """Return one label or several as a tuple."""
    return (labels,) if isinstance(labels, str) else labels


def label_or_labels(labels: tuple[str, ...]) -> Labels:
    """Return a single label as text, several as they are."""
    return labels[0] if len(labels) == 1 else labels


def _plain_labels(labels: Labels) -> str | list[str]:
    return labels if isinstance(labels, str) else list(labels)


def _labels_from(content: str | Sequence[str]) -> Labels:
    return content if isinstance(content, str) else tuple(content)


def _feature_from_dict(content: Mapping[str, Any]) -> Feature:
    arguments = {key: value for key, value in content.items() if key != "kind"}
    # Bundles of earlier versions lack the members that are read with a default.
    arguments["description"] = Description(**arguments.pop("description", {}))
    if content["kind"] == "number":
        days = arguments.pop("days", None)
        signs = tuple(arguments.pop("signs", ()))
        expected = arguments.pop("expected", None)
        return NumberFeature(
            **arguments,
            days=None if days is None else DaysBetween(**days),
            signs=signs,
            expected=None if expected is None else (float(expected[0]), float(expected[1])),
        )
    allowed = arguments.pop("allowed")
    vocabulary = tuple(arguments.pop("vocabulary"))
    # Before there was this member, a missing value was rejected wherever the column was not nullable.
    required = arguments.pop("required", not arguments.get("nullable", False))
    return CategoryFeature(
        **arguments,
        vocabulary=vocabulary,
        allowed=None if allowed is None else tuple(allowed),
        required=required,
    )
