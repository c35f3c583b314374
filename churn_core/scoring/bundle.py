"""Read and verify a model bundle."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.errors import BundleError
from churn_core.schema import Contract
from churn_core.scoring.manifest_checks import MemberError, check_manifest
from churn_core.scoring.money import Money
from churn_core.scoring.onnx_inspection import refuse_unsafe_model
from churn_core.scoring.output_rules import OutputRules

if TYPE_CHECKING:
    import numpy.typing as npt

FORMAT: Final = 2
"""Version of the bundle's layout."""

READABLE_FORMATS: Final = (1, FORMAT)
"""Bundles of format 1 lack ``contract.id_type``, and score as before."""

SCORING_GRAPH: Final = "model.onnx"
PORTABLE_GRAPH: Final = "portable.onnx"
MANIFEST: Final = "manifest.json"
METRICS: Final = "metrics.json"
REPORT: Final = "report.html"
FILES: Final = (SCORING_GRAPH, PORTABLE_GRAPH, MANIFEST, METRICS, REPORT)
"""All files of a bundle."""

_REPLACING_SECONDS: Final = 0.02
"""Between the renames of a replacement there is no bundle for less than this time."""

RISKS: Final = ("low", "medium", "high")
"""The risk bands, lowest first."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified model bundle.

    Attributes
    ----------
    manifest : dict
        All of manifest.json.
    contract : Contract
        The data contract with its vocabularies.
    threshold : float
        A customer is predicted to leave if the probability, rounded to six decimals, is at least this.
    risk_bands : dict
        The lowest probability of ``medium`` and of ``high`` risk.
    model_digest : str
        sha256 of the canonical manifest.
    model_version : str
        The model's name and the first 12 digits of the digest.
    graph : bytes
        The scoring graph, model.onnx.
    money : Money or None
        Value and cost of contacting a customer, if the configuration has them.
    output : OutputRules or None
        What shapes answers and scored files; None in bundles of earlier versions, whose answers have plain
        reasons.
    """

    manifest: dict[str, Any] = field(repr=False)
    contract: Contract
    threshold: float
    risk_bands: dict[str, float]
    model_digest: str
    model_version: str
    graph: bytes = field(repr=False)
    money: Money | None = None
    output: OutputRules | None = None

    @property
    def sample(self) -> bool:
        """Whether the manifest marks it as the model that a build trains if it is given none."""
        return self.manifest.get("sample") is True

    def risk_levels(self, probability: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
        """Return the position in `RISKS` of each rounded probability."""
        medium, high = (probability >= self.risk_bands[name] for name in ("medium", "high"))
        return medium.astype(np.uint8) + high


def manifest_digest(manifest: dict[str, Any]) -> str:
    """Return the model digest: sha256 of the manifest in canonical JSON.

    ``created`` is left out because it differs between equal models; the digest's own two keys are too.
    """
    content = {k: v for k, v in manifest.items() if k not in ("created", "model_digest", "model_version")}
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def canonical_json(content: dict[str, Any]) -> bytes:
    """Encode a file of a bundle as JSON; the same content always gives the same bytes."""
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def model_version(name: str, digest: str) -> str:
    """Return the model version that answers and outputs name."""
    return f"{name}-{digest[:12]}"


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle and verify its hashes before anything of it is used.

    A bundle that another command replaces meanwhile is read again.

    Parameters
    ----------
    folder : Path
        Holds manifest.json and model.onnx. The other files are verified if they are present; a Lambda's
        zip does not hold them.

    Raises
    ------
    BundleError
        If a file is missing or altered, the format is unknown, a member of the manifest is invalid (the
        message names it), or the graph is not self-contained.
    """
    folder = Path(folder)
    while True:
        before = _identity(folder)
        try:
            return _load(folder)
        except BundleError:
            time.sleep(_REPLACING_SECONDS)
            if _identity(folder) == before:
                raise


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return what tells a folder from another one that takes its place; None without a folder."""
    try:
        found = folder.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _load(folder: Path) -> Bundle:
    manifest = _read_manifest(folder)
    try:
        digest = manifest["model_digest"]
        if manifest_digest(manifest) != digest or manifest["model_version"] != model_version(
            manifest["name"], digest
        ):
            raise BundleError(f"{MANIFEST} in {folder} was altered; train or fetch the bundle again.")
        check_manifest(manifest)
        graph = _verify_files(folder, manifest["files"])
        refuse_unsafe_model(graph)
        return Bundle(
            manifest=manifest,
            contract=Contract.from_dict(manifest["contract"]),
            threshold=float(manifest["decision"]["threshold"]),
            risk_bands={name: float(value) for name, value in manifest["decision"]["risk_bands"].items()},
            model_digest=digest,
            model_version=manifest["model_version"],
            graph=graph,
            # Bundles of earlier versions have no money values.
            money=Money.from_dict(money) if (money := manifest["decision"].get("money")) else None,
            output=OutputRules.from_dict(manifest["output"]) if "output" in manifest else None,
        )
    except OSError as error:
        raise BundleError(
            f"A file of the bundle in {folder} can't be read ({error.strerror}); check its permissions."
        ) from error
    except MemberError as error:
        raise BundleError(f"{MANIFEST} in {folder}: {error}; train or fetch the bundle again.") from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BundleError(f"{MANIFEST} in {folder} lacks required content; train the model again.") from error


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BundleError(f"There is no model in {folder}; train one with 'churn train DATA'.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(
            f"{MANIFEST} in {folder} can't be read; train or fetch the bundle again."
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") not in READABLE_FORMATS:
        raise BundleError(f"The bundle in {folder} does not have format {FORMAT}; train the model again.")
    return manifest


def _verify_files(folder: Path, files: dict[str, dict[str, Any]]) -> bytes:
    """Compare each present file with its hash; return the bytes of the graph that were hashed."""
    graph = b""
    if SCORING_GRAPH not in files:
        raise KeyError(SCORING_GRAPH)
    for name, expected in files.items():
        path = folder / name
        if Path(name).name != name or name in ("", ".."):
            raise BundleError(f"{MANIFEST} in {folder} names a file outside the bundle; it is not read.")
        if not path.exists():
            if name == SCORING_GRAPH:
                raise BundleError(f"{name} is missing from {folder}; train or fetch the bundle again.")
            continue
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != expected["sha256"]:
            raise BundleError(f"{name} in {folder} was altered; train or fetch the bundle again.")
        if name == SCORING_GRAPH:
            graph = content
    return graph
