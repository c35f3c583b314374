"""The tables on which the models are compared: each is hard for some kind of model.

Three come from `benchmarks.churn_tables`. Eleven are generated with one known difficulty each. Three are
public tables that a package ships, and are not about churn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from scipy.stats import norm

from benchmarks import churn_tables

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

TARGET: Final = "left"
SEED: Final = 7


@dataclass(frozen=True, slots=True)
class ModelTable:
    """One table of the comparison.

    Parameters
    ----------
    what : str
        What makes it hard.
    make : callable
        Returns the table.
    target : str
        Its label column.
    """

    what: str
    make: Callable[[], pd.DataFrame]
    target: str = TARGET


def _with_labels(
    columns: dict[str, npt.ArrayLike], log_odds: Floats, draw: np.random.Generator
) -> pd.DataFrame:
    """Return the columns, an id and the labels drawn with these log-odds."""
    rows = len(log_odds)
    left = draw.random(rows) < 1 / (1 + np.exp(-log_odds))
    names = np.char.mod("C-%07d", draw.permutation(rows))
    return pd.DataFrame({"customer": names, **columns, TARGET: np.where(left, "yes", "no")})


def _numbers(draw: np.random.Generator, rows: int, columns: int) -> Floats:
    return draw.normal(size=(rows, columns))


def _named(matrix: Floats) -> dict[str, npt.ArrayLike]:
    return {f"use {position:03d}": np.round(matrix[:, position], 4) for position in range(matrix.shape[1])}


def products(order: int, rows: int = 10_000) -> pd.DataFrame:
    """Return a table in which groups of `order` columns act through the sign of their product.

    From three columns on, no single column and no pair shows a trace of the effect.
    """
    draw = np.random.default_rng(SEED + order)
    matrix = _numbers(draw, rows, 12)
    plans = draw.choice(["basic", "plus", "family"], rows, p=[0.5, 0.3, 0.2])
    log_odds = -1.2 + 0.5 * matrix[:, 0] - 0.4 * (plans == "plus")
    for start in range(0, 12 - order + 1, order):
        log_odds += 1.1 * np.tanh(2 * np.prod(matrix[:, start : start + order], axis=1))
    return _with_labels(_named(matrix) | {"plan": plans}, log_odds, draw)


def all_at_once(order: int, rows: int = 10_000) -> pd.DataFrame:
    """Return a table in which a group of `order` columns matters where all of them are on the same side.

    A quarter of the customers are there, whatever `order`.
    """
    draw = np.random.default_rng(SEED + order)
    matrix = _numbers(draw, rows, 12)
    plans = draw.choice(["basic", "plus", "family"], rows, p=[0.5, 0.3, 0.2])
    log_odds = -1.8 + 0.3 * matrix[:, 0] - 0.4 * (plans == "plus")
    edge = norm.isf(0.25 ** (1 / order))
    for number, start in enumerate(range(0, 12 - order + 1, order)):
        direction = np.where(np.arange(order) % 2, -1, 1)
        together = np.all(matrix[:, start : start + order] * direction > edge, axis=1)
        log_odds += (2.0 if number % 2 == 0 else -1.2) * together
    return _with_labels(_named(matrix) | {"plan": plans}, log_odds, draw)


def many_pairs(rows: int = 10_000) -> pd.DataFrame:
    """Return a table in which 28 pairs of eight columns each add a little."""
    draw = np.random.default_rng(SEED)
    matrix = _numbers(draw, rows, 10)
    log_odds = -1.4 + 0.4 * matrix[:, 0]
    for first in range(8):
        for second in range(first):
            log_odds += 0.45 * np.tanh(matrix[:, first] * matrix[:, second]) * (-1) ** (first + second)
    return _with_labels(_named(matrix), log_odds, draw)


def thresholds(rows: int = 10_000) -> pd.DataFrame:
    """Return a table in which the risk jumps at values of eight columns."""
    draw = np.random.default_rng(SEED)
    matrix = draw.gamma(2.0, 10.0, size=(rows, 10))
    log_odds = np.full(rows, -1.5)
    for column, (edge, jump) in enumerate(
        zip(range(8, 40, 4), [1.5, -1, 0.8, -0.7, 1.2, -1.1, 0.6, 0.9], strict=True)
    ):
        log_odds += jump * (matrix[:, column] > edge)
    log_odds += 1.2 * ((matrix[:, 0] > 25) & (matrix[:, 1] < 12))
    return _with_labels(_named(matrix), log_odds, draw)


def many_levels(rows: int = 10_000) -> pd.DataFrame:
    """Return a table with three categories of 400, 80 and 12 levels, and two numbers."""
    draw = np.random.default_rng(SEED)
    columns: dict[str, npt.ArrayLike] = {}
    log_odds = np.full(rows, -1.6)
    codes = {}
    for name, levels, spread in (("shop", 400, 0.7), ("district", 80, 0.6), ("product", 12, 0.5)):
        codes[name] = draw.zipf(1.3, rows) % levels
        columns[name] = np.char.mod(f"{name} %03d", codes[name])
        log_odds += draw.normal(0, spread, levels)[codes[name]]
    months, use = draw.gamma(2, 10, rows), draw.normal(size=rows)
    log_odds += -0.03 * months + 0.8 * use * np.where(codes["product"] % 2, 1, -1)
    columns |= {"months": np.round(months, 1), "use": np.round(use, 4)}
    return _with_labels(columns, log_odds, draw)


def mostly_noise(rows: int = 10_000) -> pd.DataFrame:
    """Return 200 columns of which ten matter, two pairs of them together."""
    draw = np.random.default_rng(SEED)
    matrix = _numbers(draw, rows, 200)
    log_odds = -1.3 + matrix[:, :8] @ np.array([0.7, -0.6, 0.5, -0.5, 0.4, 0.4, -0.3, 0.3])
    log_odds += 0.8 * np.tanh(matrix[:, 8] * matrix[:, 9]) + 0.6 * (matrix[:, 0] > 1) * matrix[:, 8]
    return _with_labels(_named(matrix), log_odds, draw)


def mixed(rows: int, base: float) -> pd.DataFrame:
    """Return ten columns with humps, a triple and missing values; `base` sets the share of leavers."""
    draw = np.random.default_rng(SEED)
    matrix = _numbers(draw, rows, 8)
    plans = draw.choice(["basic", "plus", "family", "student"], rows, p=[0.4, 0.3, 0.2, 0.1])
    regions = draw.integers(0, 30, rows)
    log_odds = (
        base
        + 0.7 * matrix[:, 0]
        - 0.6 * np.maximum(matrix[:, 1], 0)
        + 0.7 * np.exp(-((matrix[:, 2] - 0.5) ** 2))
        + 0.6 * (matrix[:, 3] * matrix[:, 4] > 0) * (plans == "basic")
        + 0.4 * np.sin(2 * matrix[:, 5])
        + draw.normal(0, 0.3, 30)[regions]
    )
    lost = draw.random((rows, 8)) < 0.05
    log_odds += 0.3 * lost[:, 0]
    columns = _named(np.where(lost, np.nan, matrix))
    return _with_labels(columns | {"plan": plans, "region": np.char.mod("R%02d", regions)}, log_odds, draw)


def cell_nuclei() -> pd.DataFrame:
    """Return 569 breast-cancer biopsies (Wolberg, Street, Mangasarian 1993), shipped by scikit-learn."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    table: pd.DataFrame = data.data.assign(**{TARGET: np.where(data.target == 0, "yes", "no")})
    return table


def handwritten_digits() -> pd.DataFrame:
    """Return 1,797 handwritten digits (Alpaydin, Kaynak 1998), odd or even, shipped by scikit-learn."""
    from sklearn.datasets import load_digits

    data = load_digits(as_frame=True)
    table: pd.DataFrame = data.data.assign(**{TARGET: np.where(data.target % 2, "yes", "no")})
    return table


def affairs() -> pd.DataFrame:
    """Return the answers of 6,366 readers on extramarital affairs (Fair 1978), shipped by statsmodels."""
    from statsmodels.datasets import fair

    table: pd.DataFrame = fair.load_pandas().data
    left = np.where(table["affairs"] > 0, "yes", "no")
    return table.drop(columns="affairs").assign(**{TARGET: left})


def _churn_table(name: str) -> ModelTable:
    return ModelTable(
        "A churn table as untidy as real ones",
        lambda: churn_tables.TABLES[name](10_000, SEED),
        churn_tables.TARGETS[name],
    )


MODEL_TABLES: Final[dict[str, ModelTable]] = {
    **{name: _churn_table(name) for name in churn_tables.TABLES},
    "pairs": ModelTable("Six pairs of columns act together", lambda: products(2)),
    "many_pairs": ModelTable("28 pairs each add a little", many_pairs),
    "triples": ModelTable("Four triples of columns act together", lambda: all_at_once(3)),
    "quadruples": ModelTable("Three groups of four columns act together", lambda: all_at_once(4)),
    "no_trace": ModelTable("Four triples act together, and no smaller group does", lambda: products(3)),
    "thresholds": ModelTable("The risk jumps at values", thresholds),
    "many_levels": ModelTable("Categories of 400, 80 and 12 levels", many_levels),
    "mostly_noise": ModelTable("200 columns of which 10 matter", mostly_noise),
    "rare": ModelTable("Few leavers", lambda: mixed(20_000, -5.4)),
    "small": ModelTable("Few customers", lambda: mixed(500, -1.2)),
    "large": ModelTable("Many customers", lambda: mixed(300_000, -1.6)),
    "cell_nuclei": ModelTable("569 biopsies, nearly separable", cell_nuclei),
    "handwritten_digits": ModelTable("1,797 pictures of 64 pixels", handwritten_digits),
    "affairs": ModelTable("6,366 answers to a survey", affairs),
}
