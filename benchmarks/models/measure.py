"""Fit every contender on every fold of every table, and keep what was measured in measured.json."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from joblib import Parallel, delayed
from sklearn import metrics
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

from benchmarks.measuring import seconds_of
from benchmarks.models.contenders import AUTO, PEERS, PRODUCT, fit_product
from churn_core.config import Settings, load_config, parse_config, with_model_type
from churn_core.data import load_table
from churn_core.data.columns import target_labels
from churn_core.features import parse_table
from churn_core.models.evaluation.metrics import expected_calibration_error
from churn_core.models.export.prove import prove_model
from churn_core.models.training import train_model
from churn_core.scoring.onnx_session import open_session

if TYPE_CHECKING:
    import pandas as pd

    from benchmarks.models.contenders import Fitted, Labels

MEASURED: Final = Path(__file__).with_name("measured.json")
JOBS: Final = 2
FOLDS: Final = 5
ONE_SPLIT_ROWS: Final = 100_000
"""From this many rows on, one fifth is held out once: with so many rows, folds hardly differ."""

SCORED_ROWS: Final = 50_000


@dataclass(frozen=True, slots=True)
class FoldResult:
    """One contender on one fold.

    Attributes
    ----------
    fit_seconds, score_seconds : float
        On one thread; the second for 1,000 rows.
    note : str
        What the contender chose.
    """

    table: str
    contender: str
    fold: int
    roc_auc: float
    log_loss: float
    ece: float
    fit_seconds: float
    score_seconds: float
    note: str


@dataclass(frozen=True, slots=True)
class GraphResult:
    """The exported model of one family on one table.

    Attributes
    ----------
    largest_difference : float
        From scikit-learn, over the rows of the parity gate.
    changed : int
        Decisions that differ.
    score_seconds : float
        For 1,000 encoded rows with their contributions, on one thread.
    """

    table: str
    family: str
    rows: int
    largest_difference: float
    changed: int
    score_seconds: float


class Measurements:
    """What was measured so far; a run that was stopped goes on where it ended."""

    def __init__(self, path: Path = MEASURED) -> None:
        self._path = path
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        self.tables: dict[str, dict[str, Any]] = found.get("tables", {})
        self.folds = [FoldResult(**result) for result in found.get("folds", [])]
        self.graphs = [GraphResult(**result) for result in found.get("graphs", [])]

    def has(self, table: str, contender: str) -> bool:
        """Return whether a contender was measured on a table."""
        return any(r.table == table and r.contender == contender for r in self.folds)

    def has_graphs(self, table: str) -> bool:
        """Return whether the exported models of a table were measured."""
        return any(r.table == table for r in self.graphs)

    def save(self) -> None:
        """Write all that was measured."""
        content = {
            "tables": self.tables,
            "folds": [asdict(result) for result in self.folds],
            "graphs": [asdict(result) for result in self.graphs],
        }
        lines = json.dumps(content, indent=None, separators=(",", ":")).replace("},{", "},\n{")
        self._path.write_text(lines + "\n")


def measure_table(
    measurements: Measurements, name: str, what: str, path: Path, target: str, peers: list[str]
) -> None:
    """Measure on one table what is missing.

    Parameters
    ----------
    measurements : Measurements
        Gets the results; it is saved after each contender.
    name, what : str
        The table's name, and what makes it hard.
    path : Path
    target : str
        Its label column.
    peers : list of str
        Keys of `PEERS`.
    """
    settings = _init_settings(path, target)
    table = load_table(path, settings.contract)
    labels = target_labels(table[settings.contract.target], settings.contract)
    rows = parse_table(table, settings.contract)
    measurements.tables[name] = {
        "what": what,
        "rows": len(rows),
        "columns": len(settings.contract.features),
        "leave": round(float(labels.mean()), 4),
    }
    for contender in [AUTO, *peers]:
        if not measurements.has(name, contender):
            found = Parallel(n_jobs=JOBS)(
                delayed(_run_fold)(name, contender, settings, rows, labels, number, train, test)
                for number, (train, test) in enumerate(_splits(labels))
            )
            measurements.folds += [result for results in found for result in results]
            measurements.save()
            print(f"{name}: {contender}", flush=True)
    if not measurements.has_graphs(name):
        measurements.graphs += [_measure_graph(name, family, settings, table) for family in PRODUCT]
        measurements.save()
        print(f"{name}: exported models", flush=True)


def _splits(labels: Labels) -> list[tuple[Any, Any]]:
    many = len(labels) >= ONE_SPLIT_ROWS
    folds = (
        StratifiedShuffleSplit(1, test_size=1 / FOLDS, random_state=42)
        if many
        else StratifiedKFold(FOLDS, shuffle=True, random_state=42)
    )
    return list(folds.split(np.zeros(len(labels)), labels))


def _init_settings(path: Path, target: str) -> Settings:
    """Write a configuration with `churn init`, and read it; families are compared without repeats."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "config.yaml"
        command = [sys.executable, "-m", "churn_core.cli", "init", str(path), "--target", target]
        subprocess.run([*command, "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
        content = load_config(out).model_dump()
    return parse_config(content | {"evaluation": {"folds": FOLDS, "repeats": 1}})


def _run_fold(
    table: str,
    contender: str,
    settings: Settings,
    rows: pd.DataFrame,
    labels: Labels,
    number: int,
    train: Any,
    test: Any,
) -> list[FoldResult]:
    if contender == AUTO:
        fitted = fit_product(settings, rows.iloc[train], labels[train])
    else:
        fitted = {contender: PEERS[contender](settings, rows.iloc[train], labels[train])}
    return [
        _judge(table, name, number, model, rows.iloc[test], labels[test]) for name, model in fitted.items()
    ]


def _judge(
    table: str, contender: str, number: int, model: Fitted, unseen: pd.DataFrame, labels: Labels
) -> FoldResult:
    started = time.process_time()
    scores = model.predict(unseen)
    score_seconds = (time.process_time() - started) * 1_000 / len(unseen)
    scores = np.clip(np.asarray(scores, dtype=np.float64), 1e-7, 1 - 1e-7)
    return FoldResult(
        table,
        contender,
        number,
        round(float(metrics.roc_auc_score(labels, scores)), 6),
        round(float(metrics.log_loss(labels, scores)), 6),
        round(expected_calibration_error(labels, scores), 6),
        round(model.seconds, 3),
        round(score_seconds, 6),
        model.note,
    )


def _measure_graph(table: str, family: str, settings: Settings, frame: pd.DataFrame) -> GraphResult:
    """Train on the whole table, prove both graphs, and time the scoring graph with its contributions."""
    model = train_model(with_model_type(settings, family), frame, jobs=JOBS)
    proved = prove_model(model, frame)
    session = open_session(proved.scoring.model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    copies = -(-SCORED_ROWS // len(proved.encoded))
    matrix = np.tile(proved.encoded, (copies, 1))[:SCORED_ROWS]

    def score() -> None:
        for start in range(0, len(matrix), 4_096):
            session.run(names, {"features": matrix[start : start + 4_096]})

    parity = proved.parity
    return GraphResult(
        table,
        family,
        parity.rows_compared,
        float(parity.max_abs_difference),
        parity.decisions_changed,
        round(min(seconds_of(score) for _ in range(3)) * 1_000 / len(matrix), 6),
    )
