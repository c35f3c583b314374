"""Write a model bundle, either completely or not at all."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.errors import OutputError
from churn_core.models.bundle.golden_rows import golden_records, golden_records_at_limits
from churn_core.models.bundle.history import bundle_folder, keep, previous_of
from churn_core.models.bundle.notes import BundleNotes
from churn_core.models.bundle.training_profile import training_profile
from churn_core.models.export.scoring_graph import encoding_description
from churn_core.scoring.bundle import (
    FILES,
    FORMAT,
    MANIFEST,
    METRICS,
    PORTABLE_GRAPH,
    REPORT,
    SCORING_GRAPH,
    Bundle,
    canonical_json,
    manifest_digest,
    model_version,
)
from churn_core.scoring.drift.counter import DriftCounter
from churn_core.scoring.drift.training_table import training_table
from churn_core.scoring.files.own_inputs import refuse_own_inputs
from churn_core.scoring.files.unfinished import REPLACED, unfinished_folder
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from churn_core.models.export.prove import ProvedModel

LIBRARIES: Final = ("numpy", "onnx", "onnxruntime", "pandas", "scikit-learn", "scipy", "skl2onnx")


def metrics_document(proved: ProvedModel) -> dict[str, Any]:
    """Return the content of metrics.json."""
    model = proved.model
    return {
        "model": model.settings.model.type,
        "rows": model.rows,
        "threshold": proved.threshold,
        "decision": model.decision.to_dict(),
        "calibrated": model.calibrated,
        "cv": model.cv,
        "cv_grouped": model.cv_grouped,
        "holdout": model.holdout,
        "choices": {name: choice.to_dict() for name, choice in model.choices.items()},
        "parity": proved.parity.to_dict(),
    }


def check_bundle_folder(folder: Path, reads: Iterable[Path]) -> None:
    """Check that a bundle may be written to a folder.

    Parameters
    ----------
    folder : Path
    reads : iterable of Path
        Everything that the command reads; see `refuse_own_inputs`.

    Raises
    ------
    OutputError
        If `folder` is not a folder, or holds anything other than an older bundle; and if it, or the folder
        of the previous bundle, holds an input.
    """
    advice = "choose another folder with --out"
    for replaced in (folder, previous_of(folder)):
        refuse_own_inputs(replaced, reads, advice)
    if not folder.exists():
        return
    others = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else [folder.name]
    others = [name for name in others if name not in FILES or not (folder / MANIFEST).is_file()]
    if others:
        raise OutputError(
            f"{folder} contains {others[0]!r}, which is not part of a model bundle; move it, or {advice}."
        )


def write_bundle(
    proved: ProvedModel,
    report: str,
    folder: Path,
    *,
    notes: BundleNotes | None = None,
    keep_previous: bool = False,
    reads: Iterable[Path] = (),
) -> Bundle:
    """Write the bundle to a temporary folder, load it to verify it, then rename it to `folder`.

    Parameters
    ----------
    proved : ProvedModel
        The model, whose exported graphs passed the parity gate.
    report : str
        The HTML report.
    folder : Path
        Target folder. An older bundle in it is replaced; any other content is an error.
    notes : BundleNotes, optional
        What the manifest says of the model's origin.
    keep_previous : bool
        Whether a replaced bundle is kept for `churn_core.models.bundle.history.bring_back`.
    reads : iterable of Path
        Everything that the command reads; `folder` may not hold any of it.

    Returns
    -------
    Bundle
        As read back from the files.

    Raises
    ------
    OutputError
        As `check_bundle_folder`; or if `folder` can't be written.
    BundleError
        If the written files do not verify.
    """
    folder = bundle_folder(folder)
    check_bundle_folder(folder, reads)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with unfinished_folder(folder.parent) as work:
            draft = work / "bundle"
            draft.mkdir()
            _write_files(proved, report, draft, notes or BundleNotes())
            # Loading verifies the hashes and scores the golden rows.
            bundle = ChurnPredictor.load(draft).bundle
            # If the run ends between the two renames, the older bundle is moved back.
            replaced = work / REPLACED / folder.name
            replaced.parent.mkdir()
            if folder.exists():
                folder.rename(replaced)
            draft.rename(folder)
            if keep_previous and (replaced / MANIFEST).is_file():
                keep(folder, replaced)
    except OSError as error:
        raise OutputError(
            f"{folder} can't be written ({error.strerror}); choose another folder with --out."
        ) from error
    return bundle


def _write_files(proved: ProvedModel, report: str, draft: Path, notes: BundleNotes) -> None:
    contents = {
        SCORING_GRAPH: proved.scoring.model.SerializeToString(deterministic=True),
        PORTABLE_GRAPH: proved.portable.SerializeToString(deterministic=True),
        METRICS: canonical_json(metrics_document(proved)),
        REPORT: report.encode(),
    }
    for name, content in contents.items():
        (draft / name).write_bytes(content)
    manifest = _manifest(proved, contents) | notes.to_dict()
    manifest["golden_rows"] = _score_golden_rows(proved, manifest, contents[SCORING_GRAPH])
    digest = manifest_digest(manifest)
    version_name = model_version(manifest["name"], digest)
    manifest |= {"model_digest": digest, "model_version": version_name, "created": _now()}
    (draft / MANIFEST).write_bytes(canonical_json(manifest))


def _manifest(proved: ProvedModel, contents: dict[str, bytes]) -> dict[str, Any]:
    model = proved.model
    settings = model.settings
    profile = training_profile(model)
    counter = DriftCounter(model.contract, profile, proved.threshold)
    # Only the columns are counted here; the scores have no part in it.
    counts = counter.count(proved.encoded.T, np.zeros(len(proved.encoded)))
    return {
        "format": FORMAT,
        "name": settings.project.name,
        "family": settings.model.type,
        "settings": settings.model_dump(mode="json", exclude={"api"}),
        "contract": model.contract.to_dict(),
        "encoding": encoding_description(model.contract),
        "decision": model.decision.to_dict() | {"risk_bands": model.risk_bands},
        "output": settings.output.rules.to_dict(),
        "calibrated": model.calibrated,
        "reasons": {"method": proved.scoring.reasons_method, "intercept": proved.scoring.intercept},
        "metrics": {"cv": model.cv, "holdout": model.holdout},
        "parity": proved.parity.to_dict(),
        "profile": profile.to_dict(model.contract.names),
        "training_table": training_table(counts),
        "libraries": {name: version(name) for name in LIBRARIES},
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in contents.items()
        },
        "golden_rows": [],
    }


def _score_golden_rows(proved: ProvedModel, manifest: dict[str, Any], graph: bytes) -> list[dict[str, Any]]:
    model = proved.model
    unnamed = Bundle(
        manifest=manifest,
        contract=model.contract,
        threshold=proved.threshold,
        risk_bands=manifest["decision"]["risk_bands"],
        money=model.decision.money,
        output=model.settings.output.rules,
        model_digest="",
        model_version="",
        graph=graph,
    )
    predictor = ChurnPredictor(unnamed)
    seed = model.settings.data.random_state
    records = golden_records(model.contract, model.training_matrix, seed) + golden_records_at_limits(
        model.contract,
        model.training_matrix,
        lambda matrix: predictor.score_matrix(matrix).probability,
        [proved.threshold, *unnamed.risk_bands.values()],
        seed,
    )
    return [
        {
            "record": record,
            "churn_probability": answer["churn_probability"],
            "will_churn": answer["will_churn"],
            "risk": answer["risk"],
        }
        for record, answer in zip(records, predictor.predict(records), strict=True)
    ]


def _now() -> str:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return moment.isoformat(timespec="seconds")
