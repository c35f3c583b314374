"""The scoring graph: encoded matrix to probability, raw score and contributions.

It is built from the fitted parameters, operation by operation, in a form that onnxruntime runs fast: lookups
for linear and additive models, one tree ensemble for a forest or for boosting. It does not use skl2onnx, so
that the portable graph checks it independently in the parity gate.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.features.graph_nodes import (
    DOUBLE,
    FLOAT,
    write_category_index,
    write_derived,
    write_engineered,
    write_numbers,
)
from churn_core.models.export.additive_graph import additive_terms, write_additive_pieces
from churn_core.models.export.graph_writer import GraphWriter
from churn_core.models.export.no_converter import no_converter
from churn_core.models.export.tree_ensembles import (
    column_owners,
    parts_of,
    root_value,
    tree_attributes,
    trees_of,
)
from churn_core.models.families import FAMILIES
from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

    from churn_core.features import FeatureEngineer
    from churn_core.features.churn_rates import ChurnRateEncoder
    from churn_core.features.linear_columns import LinearColumns
    from churn_core.models.churn_model import ChurnModel
    from churn_core.schema import Contract

TREES_PER_ENSEMBLE: Final = 32
"""An ensemble adds its trees in float32; few enough keep the sixth decimal."""

REASONS_METHOD: Final = {
    "linear": "exact linear terms, centred on the training rows",
    "trees": "path contributions: each split's change of the mean goes to the column it is on",
    "terms": "exact terms of one column or two, purified and centred on the training rows; a pair's"
    " term goes to its columns in halves",
}


@dataclass(frozen=True, slots=True)
class ScoringGraph:
    """The graph, its intercept, and how its contributions are computed.

    Attributes
    ----------
    model : ModelProto
        Input ``features`` float32 [n, d]; outputs ``probability`` and ``raw_score`` float32 [n, 1] and
        ``contributions`` float32 [n, d] in log-odds.
    intercept : float
        A row's contributions plus the intercept, in float64, give the raw score.
    reasons_method : str
        How the contributions are computed.
    """

    model: onnx.ModelProto
    intercept: float
    reasons_method: str


def build_scoring_graph(model: ChurnModel) -> ScoringGraph:
    """Compile a trained model into its scoring graph."""
    writer = GraphWriter()
    width = len(model.contract.features)
    sigmoid = Sigmoid.from_model(model)
    graph = FAMILIES[model.settings.model.type].graph
    write = {"linear": _write_linear, "trees": _write_trees, "terms": _write_additive}[graph]
    raw, contributions, intercept = write(writer, model, sigmoid)
    outputs = {
        "probability": (writer.node("Cast", [writer.node("Sigmoid", [raw])], to=FLOAT), 1),
        "raw_score": (writer.node("Cast", [raw], to=FLOAT), 1),
        "contributions": (contributions, width),
    }
    metadata = {"churn.encoding": json.dumps(encoding_description(model.contract), ensure_ascii=False)}
    return ScoringGraph(
        writer.model("churn_scoring", {"features": width}, outputs, metadata),
        intercept,
        REASONS_METHOD[graph],
    )


def encoding_description(contract: Contract) -> list[dict[str, Any]]:
    """Describe the encoding of each column, for the manifest and the graph's metadata."""
    return [
        {
            "name": feature.name,
            "kind": "category",
            "codes": list(feature.vocabulary),
            "unknown": feature.unknown_code,
            "missing": feature.missing_code,
        }
        if isinstance(feature, CategoryFeature)
        else {"name": feature.name, "kind": "number", "missing": "NaN"}
        | ({} if feature.days is None else {"days_between": asdict(feature.days)})
        for feature in contract.features
    ]


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """log-odds = scale * raw + shift; the identity if the model is not calibrated."""

    scale: float = 1.0
    shift: float = 0.0

    @classmethod
    def from_model(cls, model: ChurnModel) -> Sigmoid:
        """Read a model's fitted calibration."""
        if not model.calibrated:
            return cls()
        calibrator = model.classifier.calibrated_classifiers_[0].calibrators[0]
        # scikit-learn's sigmoid is 1 / (1 + exp(a * raw + b)).
        return cls(scale=-float(calibrator.a_), shift=-float(calibrator.b_))


def _write_trees(writer: GraphWriter, model: ChurnModel, sigmoid: Sigmoid) -> tuple[str, str, float]:
    engineer: FeatureEngineer = model.pipeline.named_steps["engineer"]
    trees = trees_of(model)
    columns = _write_tree_input(writer, model)
    owners = column_owners(model)
    sums = [
        writer.tree_ensemble(columns, tree_attributes(part, owners, sigmoid.scale))
        for part in parts_of(trees, TREES_PER_ENSEMBLE)
    ]
    wide = [writer.node("Cast", [name], to=DOUBLE) for name in sums]
    by_column = wide[0] if len(wide) == 1 else writer.node("Sum", wide)
    intercept = sigmoid.scale * root_value(trees) + sigmoid.shift
    raw = _write_sum(writer, by_column, intercept)
    narrow = writer.node("Cast", [by_column], to=FLOAT)
    return raw, writer.node("MatMul", [narrow, writer.constant(_shares(engineer))]), intercept


def _write_tree_input(writer: GraphWriter, model: ChurnModel) -> str:
    """Write the matrix that the trees split: codes of categories, or their churn rates and indicators."""
    steps = model.pipeline.named_steps
    engineer: FeatureEngineer = steps["engineer"]
    if FAMILIES[model.settings.model.type].representation != "churn_rates":
        return write_engineered(writer, "features", engineer)
    represent: ChurnRateEncoder = steps["represent"]
    by_code = [
        rates[code_map.astype(np.int64)]
        for code_map, rates in zip(engineer.code_maps_, represent.values_, strict=True)
    ]
    return write_engineered(writer, "features", engineer, by_code, represent.indicated_)


def _write_additive(writer: GraphWriter, model: ChurnModel, sigmoid: Sigmoid) -> tuple[str, str, float]:
    terms = additive_terms(model).scaled(sigmoid.scale, sigmoid.shift)
    pieces, to_columns = write_additive_pieces(writer, model, terms)
    raw = _write_sum(writer, pieces, terms.intercept)
    shares = to_columns @ _shares(model.pipeline.named_steps["engineer"])
    narrow = writer.node("Cast", [pieces], to=FLOAT)
    return raw, writer.node("MatMul", [narrow, writer.constant(shares)]), terms.intercept


def _write_sum(writer: GraphWriter, pieces: str, intercept: float) -> str:
    """Write the raw score [rows, 1]: the sum of float64 pieces [rows, columns] and the intercept."""
    axes = writer.constant(np.array([1], dtype=np.int64))
    total = writer.node("ReduceSum", [pieces, axes], keepdims=1)
    return writer.node("Add", [total, writer.constant(np.array([[intercept]]))])


def _write_linear(writer: GraphWriter, model: ChurnModel, sigmoid: Sigmoid) -> tuple[str, str, float]:
    engineer: FeatureEngineer = model.pipeline.named_steps["engineer"]
    if not hasattr(model.estimator, "coef_"):
        raise no_converter(model, "churn_core/models/export/scoring_graph.py (_write_linear)")
    terms = _LinearTerms.from_model(model, sigmoid)
    derived = write_derived(writer, "features", model.contract)
    parts = []
    if terms.tables:
        index = write_category_index(writer, "features", derived, engineer)
        parts.append(writer.node("Gather", [writer.constant(np.concatenate(terms.tables)), index], axis=0))
    if len(terms.slopes):
        numbers = writer.node("Cast", [write_numbers(writer, "features", derived, engineer)], to=DOUBLE)
        scaled = writer.node("Mul", [numbers, writer.constant(terms.slopes[None, :])])
        parts.append(writer.node("Add", [scaled, writer.constant(terms.offsets[None, :])]))
    # Summed in float64: in float32 large terms that cancel would change the sixth decimal.
    pieces = parts[0] if len(parts) == 1 else writer.node("Concat", parts, axis=1)
    raw = _write_sum(writer, pieces, terms.intercept)
    narrow = writer.node("Cast", [pieces], to=FLOAT)
    contributions = writer.node("MatMul", [narrow, writer.constant(_shares(engineer))])
    return raw, contributions, terms.intercept


def _shares(engineer: FeatureEngineer) -> npt.NDArray[np.float32]:
    """Return the matrix that divides each column's term equally among its raw features."""
    shares = np.zeros((len(engineer.columns_), len(engineer.contract.features)), dtype=np.float32)
    for position, column in enumerate(engineer.columns_):
        for source in column.sources:
            shares[position, source] += 1 / len(column.sources)
    return shares


@dataclass(frozen=True, slots=True)
class _LinearTerms:
    """A linear model with one term per column: a table for a category, a line for a number.

    Every term has mean 0 over the training rows; the intercept contains the means.
    """

    tables: list[npt.NDArray[np.float64]]
    slopes: npt.NDArray[np.float64]
    offsets: npt.NDArray[np.float64]
    intercept: float

    @classmethod
    def from_model(cls, model: ChurnModel, sigmoid: Sigmoid) -> _LinearTerms:
        estimator = model.estimator
        engineer: FeatureEngineer = model.pipeline.named_steps["engineer"]
        represent: LinearColumns = model.pipeline.named_steps["represent"]
        coefficients = sigmoid.scale * np.asarray(estimator.coef_[0], dtype=np.float64)
        intercept = sigmoid.scale * float(estimator.intercept_[0]) + sigmoid.shift
        engineered = engineer.transform(model.training_matrix)
        tables: list[npt.NDArray[np.float64]] = []
        used = 0
        if engineer.code_maps_:
            for position, (code_map, levels) in enumerate(
                zip(engineer.code_maps_, represent.levels_, strict=True)
            ):
                weight = dict(zip(levels.tolist(), coefficients[used : used + len(levels)], strict=True))
                used += len(levels)
                by_level = np.array([weight.get(float(level), 0.0) for level in code_map])
                mean = float(np.mean([weight[float(level)] for level in engineered[:, position]]))
                tables.append(by_level - mean)
                intercept += mean
        if len(coefficients) == used:
            no_numbers = np.empty(0)
            return cls(tables, no_numbers, no_numbers, intercept)
        slopes = coefficients[used:] / represent.scale_
        means = engineered[:, len(tables) :].astype(np.float64).mean(axis=0)
        intercept += float(slopes @ (means - represent.mean_))
        return cls(tables, slopes, -slopes * means, intercept)
