"""Publish a model bundle to a bucket, and fetch it again; both verify it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from churn_core.scoring.bundle import MANIFEST, SCORING_GRAPH, canonical_json, load_bundle, manifest_digest
from churn_core.scoring.files.unfinished import unfinished_folder
from churn_core.scoring.predictor import ChurnPredictor
from functions.client.model_store import (
    ModelFolder,
    ModelStore,
    ModelStoreError,
    model_folder,
    parse_folder,
)

if TYPE_CHECKING:
    from churn_core.scoring.bundle import Bundle

POINTER_FORMAT: Final = 1

_CONTENT_TYPES: Final = {".json": "application/json", ".html": "text/html; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Publication:
    """Result of `publish`.

    Attributes
    ----------
    bundle : Bundle
    folder : ModelFolder
    written : list of str
        Keys that were written; empty if the model was current already.
    previous : str or None
        Version of the model that was current before.
    """

    bundle: Bundle
    folder: ModelFolder
    written: list[str]
    previous: str | None


def publish(s3: Any, model_dir: Path, address: str, *, allow_sample: bool = False) -> Publication:
    """Upload a bundle and make it the current model.

    If the upload is interrupted, the pointer still names a complete bundle. Publishing again uploads only
    what is missing.

    Parameters
    ----------
    s3 : client
        boto3's.
    model_dir : Path
        The bundle; it is verified and its golden rows are scored before anything is written.
    address : str
        ``s3://bucket/prefix/``.
    allow_sample : bool
        Whether a bundle may be published whose manifest has ``"sample": true``: the model that the build
        trains if it is given none.

    Raises
    ------
    BundleError
        If the bundle is incomplete or was altered.
    ModelStoreError
        If the bucket keeps no versions, the model is a sample, a key holds other content, or another model
        was published at the same time.
    """
    bundle = ChurnPredictor.load(model_dir).bundle
    if bundle.sample and not allow_sample:
        raise ModelStoreError(
            f"{bundle.model_version} is a sample model, trained by 'make build' or 'make package'; publish a"
            " model that you trained with 'churn train', or add --allow-sample."
        )
    contents = _contents(model_dir, bundle)
    folder = model_folder(address, bundle.manifest["name"], bundle.model_digest)
    store = ModelStore(s3, folder.bucket)
    store.require_versions()
    # Read before the files are written, so that a publication in between is detected at the end.
    pointer = store.read(folder.pointer)
    current = _pointer_content(folder, pointer.content) if pointer is not None else {}
    written: list[str] = []
    files = {}
    for name, content in contents.items():
        key = f"{folder.prefix}{name}"
        content_type = _CONTENT_TYPES.get(Path(name).suffix, "application/octet-stream")
        version = store.create(key, content, content_type)
        if version is None:
            content, version = _already_there(store, key, name, content)
        else:
            written.append(key)
        files[name] = {"key": key, "sha256": hashlib.sha256(content).hexdigest(), "version_id": version}
    new = {
        "format": POINTER_FORMAT,
        "model_version": bundle.model_version,
        "model_digest": bundle.model_digest,
        "prefix": folder.prefix,
        "files": files,
    }
    if new != current:
        etag = None if pointer is None else pointer.etag
        content = canonical_json(new)
        if not store.replace(folder.pointer, content, "application/json", etag) and not (
            # It may be our own: boto3 repeats a request whose answer was lost.
            (found := store.read(folder.pointer)) and found.content == content
        ):
            raise ModelStoreError(
                f"Another model was published to {folder.bucket}/{folder.name} at the same time;"
                " check which one is current, then publish again."
            )
        written.append(folder.pointer)
    return Publication(bundle, folder, written, current.get("model_version"))


def fetch(s3: Any, address: str, destination: Path, digest: str | None = None) -> Bundle:
    """Download the files of a published bundle that a Lambda needs.

    Parameters
    ----------
    s3 : client
        boto3's.
    address : str
        ``s3://bucket/.../models/NAME/DIGEST12/``, as `publish` returns it.
    destination : Path
        The folder; left unchanged if it already holds this model.
    digest : str, optional
        The complete model digest; by default only the 12 digits in the address are compared.

    Raises
    ------
    BundleError
        If the fetched files fail verification.
    ModelStoreError
        If the address is malformed, or holds another model or none.
    """
    folder = parse_folder(address)
    if not destination.exists():
        store = ModelStore(s3, folder.bucket)
        destination.parent.mkdir(parents=True, exist_ok=True)
        with unfinished_folder(destination.parent) as work:
            draft = work / "bundle"
            draft.mkdir()
            for name in (MANIFEST, SCORING_GRAPH):
                stored = store.read(f"{folder.prefix}{name}")
                if stored is None:
                    raise ModelStoreError(f"There is no {name} in {folder.address}; publish the model again.")
                (draft / name).write_bytes(stored.content)
            _require_digest(load_bundle(draft), folder, digest)
            draft.rename(destination)
    return _require_digest(load_bundle(destination), folder, digest)


def fetch_current(s3: Any, address: str, name: str, destination: Path) -> Bundle | None:
    """Fetch the current model; None if no model was published.

    Parameters
    ----------
    s3 : client
        boto3's.
    address : str
        ``s3://bucket/prefix/``, the same as for `publish`.
    name : str
        The model's name in its configuration.
    destination : Path
        The folder to create.

    Raises
    ------
    BundleError
        If the fetched files fail verification.
    ModelStoreError
        If the pointer is malformed, or the model that it names is missing.
    """
    folder = model_folder(address, name, "")
    pointer = ModelStore(s3, folder.bucket).read(folder.pointer)
    if pointer is None:
        return None
    digest = str(_pointer_content(folder, pointer.content).get("model_digest"))
    return fetch(s3, model_folder(address, name, digest).address, destination, digest)


def _require_digest(bundle: Bundle, folder: ModelFolder, digest: str | None) -> Bundle:
    expected = digest or folder.digest12
    if bundle.model_digest[:12] != folder.digest12 or not bundle.model_digest.startswith(expected):
        raise ModelStoreError(
            f"{folder.address} holds {bundle.model_version}, not the model with digest {expected}; give the"
            " address and the digest that 'churn publish' printed for the same model."
        )
    return bundle


def _contents(model_dir: Path, bundle: Bundle) -> dict[str, bytes]:
    """Read each file once, so that the verified bytes are the uploaded bytes. The manifest comes last."""
    contents = {}
    for name, expected in sorted(bundle.manifest["files"].items()):
        try:
            contents[name] = (model_dir / name).read_bytes()
        except OSError as error:
            raise ModelStoreError(
                f"{name} in {model_dir} can't be read ({error.strerror}); train or fetch the bundle again."
            ) from error
        if hashlib.sha256(contents[name]).hexdigest() != expected["sha256"]:
            raise ModelStoreError(
                f"{name} in {model_dir} changed while it was read; wait until no other command, such as"
                " 'churn train', writes to this folder, then publish again."
            )
    return contents | {MANIFEST: canonical_json(bundle.manifest)}


def _already_there(store: ModelStore, key: str, name: str, content: bytes) -> tuple[bytes, str]:
    found = store.read(key)
    if found is None:
        raise ModelStoreError(f"Another upload to {key} is in progress; publish again.")
    if not (found.content == content or (name == MANIFEST and _is_same_model(found.content, content))):
        raise ModelStoreError(
            f"{key} holds other content than this model's {name}; delete the object, then publish again."
        )
    return found.content, found.version


def _is_same_model(first: bytes, second: bytes) -> bool:
    """Return whether two manifests describe one model; their ``created`` may differ."""
    try:
        return manifest_digest(json.loads(first)) == manifest_digest(json.loads(second))
    except (ValueError, AttributeError, RecursionError):
        return False


def _pointer_content(folder: ModelFolder, content: bytes) -> dict[str, Any]:
    try:
        pointer = json.loads(content)
    except (ValueError, RecursionError):
        pointer = None
    if not isinstance(pointer, dict) or pointer.get("format") != POINTER_FORMAT:
        raise ModelStoreError(
            f"{folder.pointer} does not name a model, so 'churn publish' did not write it; delete the"
            " object, then publish the model again."
        )
    return pointer
