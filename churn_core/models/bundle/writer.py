"""Write a model bundle, either completely or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from churn_core.errors import OutputError
from churn_core.models.bundle.golden_rows import golden_records
from churn_core.models.bundle.history import keep
from churn_core.models.bundle.training_profile import training_profile
from churn_core.models.export.scoring_graph import encoding_description
from churn_core.scoring.bundle import (
    FORMAT,
    MANIFEST,
    METRICS,
    PORTABLE_GRAPH,
    REPORT,
    SCORING_GRAPH,
    Bundle,
    manifest_digest,
    model_version,
)
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
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
        "holdout": model.holdout,
        "choices": {name: choice.to_dict() for name, choice in model.choices.items()},
        "parity": proved.parity.to_dict(),
    }


def write_bundle(
    proved: ProvedModel, report: str, folder: Path, *, sample: bool = False, keep_previous: bool = False
) -> Bundle:
    """Write the bundle's files, verify them as a reader does, and move them into place.

    Parameters
    ----------
    proved : ProvedModel
    report : str
        The HTML report.
    folder : Path
        Target folder. An older bundle in it is replaced; any other content is an error.
    sample : bool
        Whether it was trained on generated customers; the manifest then has ``"sample": true``.
    keep_previous : bool
        Whether a replaced bundle is kept for `churn_core.models.bundle.history.bring_back`.

    Returns
    -------
    Bundle
        As read back from the files.

    Raises
    ------
    OutputError
        If `folder` holds anything other than a bundle, or can't be written.
    BundleError
        If the written files do not verify.
    """
    folder = folder.absolute()
    if (
        folder.exists()
        and not (folder / MANIFEST).is_file()
        and (not folder.is_dir() or any(folder.iterdir()))
    ):
        raise OutputError(
            f"{folder} contains files that are not a model bundle; choose another folder with --out."
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".churn-bundle-", dir=folder.parent) as name:
            draft = Path(name) / "bundle"
            draft.mkdir()
            _write_files(proved, report, draft, sample=sample)
            # Loading verifies the hashes and scores the golden rows.
            bundle = ChurnPredictor.load(draft).bundle
            replaced = Path(name) / "replaced"
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


def _write_files(proved: ProvedModel, report: str, draft: Path, *, sample: bool) -> None:
    contents = {
        SCORING_GRAPH: proved.scoring.model.SerializeToString(deterministic=True),
        PORTABLE_GRAPH: proved.portable.SerializeToString(deterministic=True),
        METRICS: _json(metrics_document(proved)),
        REPORT: report.encode(),
    }
    for name, content in contents.items():
        (draft / name).write_bytes(content)
    manifest = _manifest(proved, contents)
    if sample:
        # Only sample models have the key, so the digests of all other models do not depend on it.
        manifest["sample"] = True
    manifest["golden_rows"] = _score_golden_rows(proved, manifest, contents[SCORING_GRAPH])
    digest = manifest_digest(manifest)
    version_name = model_version(manifest["name"], digest)
    manifest |= {"model_digest": digest, "model_version": version_name, "created": _now()}
    (draft / MANIFEST).write_bytes(_json(manifest))


def _manifest(proved: ProvedModel, contents: dict[str, bytes]) -> dict[str, Any]:
    model = proved.model
    settings = model.settings
    return {
        "format": FORMAT,
        "name": settings.project.name,
        "family": settings.model.type,
        "settings": settings.model_dump(mode="json", exclude={"api"}),
        "contract": model.contract.to_dict(),
        "encoding": encoding_description(model.contract),
        "decision": model.decision.to_dict() | {"risk_bands": settings.decision.risk_bands.model_dump()},
        "calibrated": model.calibrated,
        "reasons": {"method": proved.scoring.reasons_method, "intercept": proved.scoring.intercept},
        "metrics": {"cv": model.cv, "holdout": model.holdout},
        "parity": proved.parity.to_dict(),
        "profile": training_profile(model).to_dict(model.contract.names),
        "libraries": {name: version(name) for name in LIBRARIES},
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in contents.items()
        },
        "golden_rows": [],
    }


def _score_golden_rows(proved: ProvedModel, manifest: dict[str, Any], graph: bytes) -> list[dict[str, Any]]:
    unnamed = Bundle(
        manifest=manifest,
        contract=proved.model.contract,
        threshold=proved.threshold,
        risk_bands=manifest["decision"]["risk_bands"],
        money=proved.model.decision.money,
        model_digest="",
        model_version="",
        graph=graph,
    )
    predictor = ChurnPredictor(unnamed)
    records = golden_records(proved.model.contract, proved.model.settings.data.random_state)
    return [
        {
            "record": record,
            "churn_probability": answer["churn_probability"],
            "will_churn": answer["will_churn"],
        }
        for record, answer in zip(records, predictor.predict(records), strict=True)
    ]


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _now() -> str:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return moment.isoformat(timespec="seconds")
