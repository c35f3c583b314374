"""Models that tests train: the first process trains one, all others read it, and later runs read it too.

Training takes a large part of the suite's processor time, and each pytest-xdist worker would repeat it.
A trained model is kept in ``build/test-cache/DIGEST``. The digest covers everything that a model is made
from, so a kept model is never older than the code: `churn_core`, `config`, the lock of the packages, the
installed packages, the interpreter and this module. The digest of the configuration and the table is in the
name of the model's folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from churn_core.config import Settings
    from churn_core.models.churn_model import ChurnModel
    from churn_core.models.export.prove import ProvedModel

ROOT: Final = Path(__file__).resolve().parents[1]
CACHE: Final = Path(os.environ.get("CHURN_TEST_CACHE") or ROOT / "build" / "test-cache")
SOURCES: Final = ("churn_core", "config", "requirements/train.txt", "tests/trained_once.py")

KEPT_STATES: Final = 3
"""States of the sources whose models are kept: two branches and one change, for example."""

T = TypeVar("T")


def _source_files() -> Iterator[Path]:
    for source in SOURCES:
        path = ROOT / source
        found = [path] if path.is_file() else path.rglob("*")
        yield from sorted(file for file in found if file.is_file() and "__pycache__" not in file.parts)


def source_digest() -> str:
    """Compute the digest of everything that models are made from, configuration and table excepted."""
    digest = hashlib.sha256(f"{sys.version} {platform.machine()}".encode())
    for package in sorted(Path(sysconfig.get_path("purelib")).glob("*.dist-info")):
        digest.update(f"\0{package.name}".encode())
    for file in _source_files():
        digest.update(f"\0{file.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


class TrainedOnce:
    """Trains models and writes bundles that no process has made yet, and reads the others.

    Parameters
    ----------
    cache : Path
        Folder for what is made.
    digest : str
        From `source_digest`, computed before any of the sources was imported.
    """

    def __init__(self, cache: Path, digest: str) -> None:
        self._cache = cache
        self._digest = digest
        self._in_memory: dict[str, Any] = {}

    def model(self, config: Settings, table: pd.DataFrame) -> ChurnModel:
        """Train a model, as `train_model` does with one job. Do not change what is returned."""

        def make() -> ChurnModel:
            from churn_core.models.training import train_model

            return train_model(config, table, jobs=1)

        trained: ChurnModel = self._pickled(f"model-{_key(config, table)}", make)
        return trained

    def proved(self, config: Settings, table: pd.DataFrame) -> ProvedModel:
        """Train a model and prove its export, as `prove_model` does. Do not change what is returned."""

        def make() -> ProvedModel:
            from churn_core.models.export.prove import prove_model

            return prove_model(self.model(config, table), table)

        proved: ProvedModel = self._pickled(f"proved-{_key(config, table)}", make)
        return proved

    def bundle(self, config: Settings, table: pd.DataFrame, target: Path) -> Path:
        """Write the bundle of a proved model into `target`, a folder that does not exist yet."""

        def make(folder: Path) -> None:
            # Imported here, because a process that only reads a bundle does not need scikit-learn.
            from churn_core.models.bundle.writer import write_bundle
            from churn_core.reports import render_report

            proved = self.proved(config, table)
            write_bundle(proved, render_report(proved), folder / "bundle")

        # A copy, because a test that changes a bundle must not change it for later runs.
        return self.once(
            f"bundle-{_key(config, table)}", make, lambda kept: Path(shutil.copytree(kept / "bundle", target))
        )

    def once(self, name: str, make: Callable[[Path], None], read: Callable[[Path], T]) -> T:
        """Return what `read` finds in a folder that `make` filled, in this process or an earlier one.

        Processes that ask for the same name wait until the folder is complete.
        """
        folder = self._cache / self._digest / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                os.utime(folder.parent)
                return read(folder)
            self._remove_old_states()
            with tempfile.TemporaryDirectory(prefix=f"{name}.", dir=folder.parent) as name_of_unfinished:
                unfinished = Path(name_of_unfinished, "made")
                unfinished.mkdir()
                make(unfinished)
                # If the sources were edited meanwhile, other processes must not find this folder.
                if source_digest() == self._digest:
                    unfinished.rename(folder)
                    return read(folder)
                return read(unfinished)

    def _pickled(self, name: str, make: Callable[[], Any]) -> Any:
        import joblib

        if name not in self._in_memory:
            self._in_memory[name] = self.once(
                name,
                lambda folder: joblib.dump(make(), folder / "model.joblib"),
                lambda folder: joblib.load(folder / "model.joblib"),
            )
        return self._in_memory[name]

    def _remove_old_states(self) -> None:
        states = sorted(self._cache.iterdir(), key=lambda state: state.stat().st_mtime)
        for old in states[:-KEPT_STATES]:
            shutil.rmtree(old, ignore_errors=True)


def _key(config: Settings, table: pd.DataFrame) -> str:
    """Compute the digest of a configuration and a table; types and names of columns count too."""
    import pandas as pd

    digest = hashlib.sha256(config.model_dump_json().encode())
    digest.update(repr(list(table.dtypes.items())).encode())
    digest.update(pd.util.hash_pandas_object(table).to_numpy().tobytes())
    return digest.hexdigest()[:16]
