"""Put a model bundle into its bucket, and fetch it from there; verified both ways."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from churn_core.scoring.bundle import MANIFEST, SCORING_GRAPH, load_bundle, manifest_digest
from churn_core.scoring.predictor import ChurnPredictor
from functions.client.model_store import (
    ModelFolder,
    ModelStore,
    ModelStoreError,
    canonical_json,
    folder_of,
    parse_folder,
)

if TYPE_CHECKING:
    from churn_core.scoring.bundle import Bundle

POINTER_FORMAT: Final = 1

_CONTENT_TYPES: Final = {".json": "application/json", ".html": "text/html; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Publication:
    """What became of a bundle.

    Attributes
    ----------
    bundle : Bundle
    folder : ModelFolder
    written : list of str
        Keys that were not there before; empty where the model is current already.
    previous : str or None
        Version of the model that was current before.
    """

    bundle: Bundle
    folder: ModelFolder
    written: list[str]
    previous: str | None


def publish(s3: Any, model_dir: Path, address: str, *, allow_sample: bool = False) -> Publication:
    """Put a bundle into a bucket and make it the current one.

    Whatever is cut short, the pointer names a whole bundle; publishing again completes it, and writes nothing
    where all is there.

    Parameters
    ----------
    s3 : client
        boto3's.
    model_dir : Path
        The bundle; verified, its golden rows scored, before anything is written.
    address : str
        ``s3://bucket/prefix/``.
    allow_sample : bool
        Whether a model of made-up customers may go there.

    Raises
    ------
    BundleError
        If the bundle is not whole, or was altered.
    ModelStoreError
        If the bucket keeps no versions, the model is a sample, something else lies where it belongs, or
        another one was published at the same time.
    """
    bundle = ChurnPredictor.load(model_dir).bundle
    if bundle.sample and not allow_sample:
        raise ModelStoreError(
            f"{bundle.model_version} is a sample model; train one on customers, or say --allow-sample."
        )
    contents = _contents(model_dir, bundle)
    folder = folder_of(address, bundle.manifest["name"], bundle.model_digest)
    store = ModelStore(s3, folder.bucket)
    store.require_versions()
    # Read before the files are written: whoever publishes in between is noticed at the end.
    pointer = store.read(folder.pointer)
    current = _pointer_content(folder, pointer.content) if pointer is not None else {}
    written: list[str] = []
    files = {}
    for name, content in contents.items():
        key = f"{folder.prefix}{name}"
        version = store.create(key, content, _content_type(name))
        if version is None:
            content, version = _already_there(store, key, name, content)
        else:
            written.append(key)
        files[name] = {"key": key, "sha256": hashlib.sha256(content).hexdigest(), "version_id": version}
    named = {
        "format": POINTER_FORMAT,
        "model_version": bundle.model_version,
        "model_digest": bundle.model_digest,
        "prefix": folder.prefix,
        "files": files,
    }
    if named != current:
        etag = None if pointer is None else pointer.etag
        content = canonical_json(named)
        if not store.replace(folder.pointer, content, "application/json", etag) and not (
            # Ours too, maybe: a lost answer makes the SDK send the same object again.
            (found := store.read(folder.pointer)) and found.content == content
        ):
            raise ModelStoreError(
                f"Another model was published to {folder.bucket}/{folder.name} at the same time;"
                " look which one is current, then publish again."
            )
        written.append(folder.pointer)
    return Publication(bundle, folder, written, current.get("model_version"))


def fetch(s3: Any, address: str, destination: Path, digest: str | None = None) -> Bundle:
    """Bring what a Lambda needs of a published bundle into a folder.

    Parameters
    ----------
    s3 : client
        boto3's.
    address : str
        ``s3://bucket/.../models/NAME/DIGEST12/``, as `publish` returns it.
    destination : Path
        The folder; left alone where it holds this very model.
    digest : str, optional
        The whole model digest; without it the 12 digits in the address must do.

    Raises
    ------
    BundleError
        If what was fetched does not verify.
    ModelStoreError
        If the address names no model, or another one than what lies there.
    """
    folder = parse_folder(address)
    if not destination.exists():
        store = ModelStore(s3, folder.bucket)
        destination.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=destination.parent) as unfinished:
            draft = Path(unfinished) / "bundle"
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
    """Fetch the model that the pointer names; None where nothing was published.

    Parameters
    ----------
    s3 : client
        boto3's.
    address : str
        ``s3://bucket/prefix/``, as it was given to `publish`.
    name : str
        Of the model.
    destination : Path
        The folder.

    Raises
    ------
    BundleError
        If what was fetched does not verify.
    ModelStoreError
        If the pointer is none, or what it names is not there.
    """
    folder = folder_of(address, name, "")
    pointer = ModelStore(s3, folder.bucket).read(folder.pointer)
    if pointer is None:
        return None
    digest = str(_pointer_content(folder, pointer.content).get("model_digest"))
    return fetch(s3, folder_of(address, name, digest).address, destination, digest)


def _require_digest(bundle: Bundle, folder: ModelFolder, digest: str | None) -> Bundle:
    expected = digest or folder.digest12
    if bundle.model_digest[:12] != folder.digest12 or not bundle.model_digest.startswith(expected):
        raise ModelStoreError(
            f"{folder.address} holds {bundle.model_version}, not the model of digest {expected};"
            " look who put it there."
        )
    return bundle


def _contents(model_dir: Path, bundle: Bundle) -> dict[str, bytes]:
    """Read the files once; these bytes are verified, and these are sent. The manifest comes last."""
    contents = {}
    for name, expected in sorted(bundle.manifest["files"].items()):
        try:
            contents[name] = (model_dir / name).read_bytes()
        except OSError as error:
            raise ModelStoreError(
                f"{name} in {model_dir} can't be read ({error.strerror}); train or fetch the bundle again."
            ) from error
        if hashlib.sha256(contents[name]).hexdigest() != expected["sha256"]:
            raise ModelStoreError(f"{name} in {model_dir} changes meanwhile; publish it when it is done.")
    manifest = canonical_json(bundle.manifest)
    return contents | {MANIFEST: manifest}


def _already_there(store: ModelStore, key: str, name: str, content: bytes) -> tuple[bytes, str]:
    found = store.read(key)
    if found is None:
        raise ModelStoreError(f"{key} is being written by somebody else; publish again.")
    if not (found.content == content or (name == MANIFEST and _same(found.content, content))):
        raise ModelStoreError(f"{key} holds something else than this model's {name}; look who put it there.")
    return found.content, found.version


def _same(one: bytes, other: bytes) -> bool:
    """Tell whether two manifests are of one model: `created` may differ."""
    try:
        return manifest_digest(json.loads(one)) == manifest_digest(json.loads(other))
    except (ValueError, AttributeError, RecursionError):
        return False


def _pointer_content(folder: ModelFolder, content: bytes) -> dict[str, Any]:
    try:
        pointer = json.loads(content)
    except (ValueError, RecursionError):
        pointer = None
    if not isinstance(pointer, dict) or pointer.get("format") != POINTER_FORMAT:
        raise ModelStoreError(f"{folder.pointer} is no pointer to a model; look who put it there.")
    return pointer


def _content_type(name: str) -> str:
    return _CONTENT_TYPES.get(Path(name).suffix, "application/octet-stream")
