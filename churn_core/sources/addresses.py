"""Tables in other storage, such as ``s3://bucket/key``.

Installed packages add a kind of storage with the entry-point group ``churn.sources``. An entry's name is the
scheme; its value is a function without arguments that returns an `ObjectStore`.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, Protocol

from churn_core.errors import ChurnError, ConfigError, DataError, OutputError
from churn_core.scoring.files.unfinished import unfinished_folder
from churn_core.sources.parts import list_parts, partitions_above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_scheme = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")

_FOREIGN: Final = {
    **dict.fromkeys(("http", "https", "ftp"), "a web address; download the file and name the copy"),
    **dict.fromkeys(("gs", "gcs"), "an address of Google Cloud Storage; copy the file and name the copy"),
    **dict.fromkeys(
        ("abfs", "abfss", "wasb", "wasbs", "az", "adl"),
        "an address of Azure storage; copy the file and name the copy",
    ),
    **dict.fromkeys(("hdfs", "dbfs"), "an address of a cluster's storage; copy the file and name the copy"),
    **dict.fromkeys(("s3a", "s3n"), "Hadoop's form of an S3 address; write s3://"),
    "file": "a URL of a local file; write its path without file://",
}


class ObjectStore(Protocol):
    """Objects by address. Faults are raised as `churn_core.errors.ChurnError`."""

    def list(self, address: str) -> list[str]:
        """Return the names of the objects below an address that ends with a slash."""

    def exists(self, address: str) -> bool:
        """Return whether there is an object of this address."""

    def download(self, address: str, path: Path) -> None:
        """Write an object to a file."""

    def upload(self, path: Path, address: str, *, replace: bool) -> bool:
        """Create an object, complete or not at all; return False if there is one and `replace` is false."""


@dataclass(frozen=True, slots=True)
class Address:
    """The address of an object, or of all objects below a prefix if it ends with a slash."""

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def name(self) -> str:
        """The last component, without slashes."""
        return PurePosixPath(self.text).name

    @property
    def is_prefix(self) -> bool:
        """Whether it stands for all objects below it."""
        return self.text.endswith("/")


Source = Path | Address


def address_scheme(text: str) -> str | None:
    """Return the scheme of an address in lower case; None for a path."""
    found = _scheme.match(text)
    return found[1].lower() if found else None


def unfit_address(text: str) -> str | None:
    """Say why an address can't be read or written; None for a path or an address of an installed storage."""
    scheme = address_scheme(text)
    if scheme is None:
        return None
    if scheme in _FOREIGN:
        return f"{text} is {_FOREIGN[scheme]}"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return f"{text} holds bytes that are not UTF-8; name an object whose key is UTF-8"
    if scheme == "s3" or entry_points(group="churn.sources", name=scheme):
        return None
    return f"{text} is an address of an unknown kind; name a local file or s3://BUCKET/KEY"


def open_store(address: Address) -> ObjectStore:
    """Return the storage of an address.

    Raises
    ------
    ChurnError
        If what it needs is not installed; the message says what to install.
    """
    for entry_point in entry_points(group="churn.sources", name=str(address_scheme(address.text))):
        opened: Callable[[], ObjectStore] = entry_point.load()
        return opened()
    raise ConfigError(f"{address} needs more: pip install 'churn-stack[aws]'.")


@contextmanager
def local_source(source: Source) -> Iterator[Path]:
    """Yield a local file or folder with what `source` names: itself, or a copy in a temporary folder.

    Of a prefix, only the parts of its table are copied.

    Raises
    ------
    ChurnError
        If it can't be read.
    """
    if isinstance(source, Path):
        yield source
        return
    store = open_store(source)
    with unfinished_folder(Path(tempfile.gettempdir())) as work:
        copy = _copy_place(source, work)
        with _named(copy, source):
            if source.is_prefix:
                _copy_prefix(store, source, copy)
            else:
                store.download(source.text, copy)
            yield copy


@contextmanager
def local_output(output: Source, *, replace: bool, option: str) -> Iterator[Path]:
    """Yield a local path to write to; if it is the copy of an address, upload it at the end.

    Parameters
    ----------
    output : Path or Address
        Of a single file.
    replace : bool
        Whether an object that exists is replaced.
    option : str
        The command's option that sets `replace`.

    Raises
    ------
    OutputError
        If the object exists and `replace` is false. This is checked before the block and by the upload.
    """
    if isinstance(output, Path):
        yield output
        return
    if output.is_prefix:
        raise OutputError(f"{output} is a prefix; name an object in it.")
    store = open_store(output)
    if not replace and store.exists(output.text):
        raise already_exists(output.text, option)
    with unfinished_folder(Path(tempfile.gettempdir())) as work:
        written = _copy_place(output, work)
        with _named(written, output):
            yield written
        if not store.upload(written, output.text, replace=replace):
            raise already_exists(output.text, option)


def already_exists(address: str, option: str) -> OutputError:
    """Return the error about an object that would be replaced."""
    return OutputError(f"{address} already exists; replace it with {option}, or name another object.")


def _copy_place(address: Address, work: Path) -> Path:
    """Return the path of an address's local copy."""
    if address.is_prefix:
        # One partition of a table has the columns of the whole.
        return work.joinpath("table", *partitions_above(PurePosixPath(address.text)))
    if not _is_file_name(address.name):
        raise DataError(f"{address} ends with a name that no file can have; name another object.")
    return work / address.name


@contextmanager
def _named(copy: Path, address: Address) -> Iterator[None]:
    """Name the address, not its copy, in the errors of the block."""
    try:
        yield
    except ChurnError as error:
        plain = str(address).rstrip("/")
        error.args = tuple(str(text).replace(str(copy), plain) for text in error.args)
        raise


def _copy_prefix(store: ObjectStore, source: Address, folder: Path) -> None:
    folder.mkdir(parents=True)
    # Some tools write an empty object for a folder.
    for name in (name for name in store.list(source.text) if not name.endswith("/")):
        unfit = not all(map(_is_file_name, name.split("/")))
        try:
            if not unfit:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).touch()
        except OSError:
            unfit = True
        if unfit:
            raise DataError(f"{source} holds a key that no file can have; name a prefix without it.")
    # The empty files show which objects are parts, so that no others are downloaded.
    for part in list_parts(folder).parts:
        store.download(f"{source}{part.name}", part.path)


def _is_file_name(name: str) -> bool:
    return 0 < len(name.encode()) < 256 and name not in (".", "..") and "\0" not in name
