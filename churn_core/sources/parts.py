"""A folder or a pattern of files as one table: its parts, in a stable order."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from churn_core.errors import DataError
from churn_core.sources.partitions import PartitionValues, is_partition, partition_values

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDINGS: Final = {
    ".parquet": "Parquet",
    **dict.fromkeys((".csv", ".csv.gz", ".tsv", ".tsv.gz"), "CSV"),
    **dict.fromkeys((".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz"), "JSON lines"),
}
"""Without .txt, because a folder's notes end so."""
_FOREIGN_FORMATS: Final = {"_delta_log": "Delta Lake", ".hoodie": "Hudi"}
_ICEBERG: Final = "metadata"


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a table.

    Attributes
    ----------
    path : Path
    name : str
        The path below the table's folder, with slashes.
    partitions : tuple of (str, str or None)
        The partition columns that its path gives.
    """

    path: Path
    name: str
    partitions: PartitionValues


@dataclass(frozen=True, slots=True)
class PartedTable:
    """A table in several files.

    Attributes
    ----------
    source : Path
        The folder or the pattern, as the user named it.
    folder : Path
        The folder that all parts are in.
    kind : str
        The format of all parts: ``Parquet``, ``CSV`` or ``JSON lines``.
    parts : tuple of Part
        At least one, in the order of the bytes of their names.
    skipped : tuple of str
        Names of files that are no part although they are not hidden.
    """

    source: Path
    folder: Path
    kind: str
    parts: tuple[Part, ...]
    skipped: tuple[str, ...] = ()

    @property
    def files(self) -> list[Path]:
        """The parts' paths."""
        return [part.path for part in self.parts]


def is_parted(source: Path) -> bool:
    """Return whether a path names several files: a folder, or a pattern with ``*``, ``?`` or ``[``."""
    # Unlike `Path.is_dir`, this is false for every name that no file can have.
    return os.path.isdir(source) or is_pattern(source)  # noqa: PTH112


def is_pattern(source: Path) -> bool:
    """Return whether a path is a pattern; a file whose own name has such characters is none."""
    return glob.has_magic(str(source)) and not os.path.lexists(source)


def list_parts(source: Path) -> PartedTable:
    """List the parts of a folder or a pattern.

    Files and folders whose names begin with ``.`` or ``_`` are no parts, such as ``_SUCCESS``. Those that end
    like a table are listed in `PartedTable.skipped`.

    Raises
    ------
    DataError
        If there is no part, if the parts are of several formats, if their partition columns differ, if
        a folder can't be read, or if it is a table of Delta Lake, Iceberg or Hudi.
    """
    try:
        return _list_parts(source)
    except OSError as error:
        raise DataError(
            f"{error.filename or source} can't be read ({error.strerror}); check its permissions, or name"
            " another folder."
        ) from error


def _list_parts(source: Path) -> PartedTable:
    folder = _fixed_folder(source) if is_pattern(source) else source
    found: dict[str, Path] = {}
    for path in _matches(source):
        if path.is_dir():
            found |= {str(file): file for file in _walk(path, set())}
        else:
            found[str(path)] = path
    parts: list[Part] = []
    skipped: list[str] = []
    above = partitions_above(folder)
    for path in sorted(found.values(), key=os.fsencode):
        name = path.relative_to(folder).as_posix()
        _check_name(name, folder)
        if _is_hidden(path.name) or _format_of(path) is None or not path.is_file():
            skipped.append(name)
        else:
            parts.append(Part(path, name, partition_values([*above, *Path(name).parts[:-1]])))
    if not parts:
        raise DataError(f"{source} holds no table; its files must end in one of {', '.join(_ENDINGS)}.")
    _check_alike(parts, source)
    return PartedTable(source, folder, str(_format_of(parts[0].path)), tuple(parts), tuple(skipped))


def part_stem(name: str) -> str:
    """Return the name of a part without its ending."""
    ending = max((e for e in _ENDINGS if name.lower().endswith(e)), key=len, default="")
    return name[: len(name) - len(ending)]


def _format_of(path: Path) -> str | None:
    name = path.name.lower()
    return next((kind for ending, kind in _ENDINGS.items() if name.endswith(ending)), None)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def _seems_a_part(name: str) -> bool:
    # Unlike `_SUCCESS` or `_metadata`; who leaves it out must say so.
    return name.startswith("_") and _format_of(Path(name)) is not None


def _fixed_folder(pattern: Path) -> Path:
    """Return the deepest folder that all matches of a pattern lie in."""
    parts = pattern.parts
    first = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:first])


def _matches(source: Path) -> list[Path]:
    if not is_pattern(source):
        return [source]
    matches = [Path(name) for name in glob.glob(str(source), recursive=True)]  # noqa: PTH207
    if not matches:
        raise DataError(f"{source} matches no file; correct the pattern.")
    return matches


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """Yield the files below a folder that are not hidden; a link back to a folder is not followed again."""
    status = folder.stat()
    entries = sorted(folder.iterdir())
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    _check_plain(folder, entries)
    for entry in entries:
        if entry.is_dir():
            if is_partition(entry.name) or not _is_hidden(entry.name):
                yield from _walk(entry, seen)
        elif not _is_hidden(entry.name) or _seems_a_part(entry.name):
            yield entry


def _check_plain(folder: Path, entries: list[Path]) -> None:
    """Refuse the folders of formats that keep deleted and replaced rows in further files."""
    for entry in entries:
        foreign = _FOREIGN_FORMATS.get(entry.name)
        if entry.name == _ICEBERG and entry.is_dir() and any(entry.glob("*.metadata.json")):
            foreign = "Iceberg"
        if foreign is not None:
            raise DataError(
                f"{folder} is a table of {foreign}, whose files also hold deleted rows; export it as Parquet."
            )


def partitions_above(folder: PurePath) -> list[str]:
    """Return the partition folders at the end of a path: ``data/year=2026`` is a part of a table itself."""
    above: list[str] = []
    for name in reversed(folder.parts):
        if not is_partition(name):
            break
        above.insert(0, name)
    return above


def _check_name(name: str, folder: Path) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(f"A file in {folder} has a name that is not UTF-8; rename it.") from None


def _check_alike(parts: list[Part], source: Path) -> None:
    first = parts[0]
    columns = [column for column, _ in first.partitions]
    stems: dict[str, Part] = {}
    for part in parts:
        kinds = _format_of(first.path), _format_of(part.path)
        if kinds[0] != kinds[1]:
            raise DataError(
                f"{source} holds files of several formats: {first.name} is {kinds[0]}, but {part.name} is"
                f" {kinds[1]}; name a pattern such as '*.parquet', or move one of them."
            )
        if [column for column, _ in part.partitions] != columns:
            raise DataError(
                f"{part.name} has other partition columns in its path than {first.name}; move it, so that"
                " all parts lie in folders column=value of the same columns."
            )
        twin = stems.setdefault(part_stem(part.name), part)
        if twin is not part:
            raise DataError(
                f"{source} holds {twin.name} and {part.name}, which seem to be the same part; remove one."
            )
