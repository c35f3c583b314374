"""Score a folder of files into a folder: one output for each part, and a later run continues.

An output's footer says which model, which bytes and which options it comes from. A part that has such an
output is not scored again.
"""

from __future__ import annotations

import fnmatch
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from churn_core.errors import InputFileError, OutputError
from churn_core.scoring.files.drift_pass import check_profile, count_drift, report_drift
from churn_core.scoring.files.own_inputs import refuse_own_inputs
from churn_core.scoring.files.score_file import BatchResult, score_file
from churn_core.sources.part_columns import check_parts
from churn_core.sources.parts import is_pattern
from churn_core.sources.scored_parts import add_up, input_entries, output_path, scored_footer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from churn_core.scoring.files.drift_pass import MeasuredDrift
    from churn_core.scoring.files.scoring_pass import BatchSettings
    from churn_core.scoring.parquet.footer import Footer
    from churn_core.scoring.predictor import ChurnPredictor
    from churn_core.sources.parts import Part, PartedTable


@dataclass(frozen=True, slots=True)
class PartsResult:
    """What a run over all parts of a table has done.

    Attributes
    ----------
    total : BatchResult
        Counts of all parts, also of those that an earlier run has scored.
    parts : int
        Parts of the table.
    already_scored : int
        Those that an earlier run has scored.
    foreign : tuple of str
        Parquet files in the output folder that are no scores of this table.
    """

    total: BatchResult
    parts: int
    already_scored: int
    foreign: tuple[str, ...]


def score_parts(
    table: PartedTable,
    out: Path,
    predictor: ChurnPredictor,
    settings: BatchSettings,
    *,
    progress: Callable[[int, int], None] | None = None,
    on_output: Callable[[Path], None] = lambda _path: None,
    reads: Iterable[Path] = (),
) -> PartsResult:
    """Score each part of a table into a Parquet file of the same relative name.

    Parameters
    ----------
    table : PartedTable
    out : Path
        The folder to write to; it is made if it does not exist.
    predictor : ChurnPredictor
    settings : BatchSettings
        Without `top`, which has no meaning for single parts.
    progress : callable, optional
        Called with the number of scored rows and of all rows; with parts where the rows are not known.
    on_output : callable
        Called with each output that this run has completed.
    reads : iterable of Path
        Further files that the caller reads, which no output may replace.

    Raises
    ------
    InputFileError, DataError
        If a part can't be scored; its name is in the message. Outputs of earlier parts stay.
    OutputError
        If `out` is or holds an input, lies in the folder that is read, or can't be written.
    BundleError
        If the bundle has no training profile of the current format, so that parts can't be added up.
    """
    check_profile(predictor.bundle)
    _check_output_folder(table, out, [*table.files, *reads])
    rows = check_parts(table, predictor.contract, match_case_insensitive=settings.match_case_insensitive)
    footers: list[Footer] = []
    done = already_scored = 0
    for part in table.parts:
        destination = output_path(out, part)
        entries = input_entries(part, predictor, settings)
        footer = scored_footer(destination, entries, predictor)
        if footer is not None:
            already_scored += 1
        else:
            try:
                _make_folder(destination.parent)
                with _named(part):
                    score_file(
                        part.path,
                        destination,
                        predictor,
                        replace(settings, constants=dict(part.partitions), metadata=entries),
                        _shifted(progress, done, rows),
                    )
            except KeyboardInterrupt:
                raise KeyboardInterrupt(
                    f"Interrupted; {len(footers)} of {len(table.parts)} parts are scored; the same command"
                    " scores the others."
                ) from None
            on_output(destination)
            footer = scored_footer(destination, entries, predictor)
            if footer is None:
                raise OutputError(f"{destination} was changed by another program; score the folder again.")
        footers.append(footer)
        done += footer.rows
        if progress is not None:
            progress(*((len(footers), len(table.parts)) if rows is None else (done, rows)))
    written = {output_path(out, part) for part in table.parts}
    foreign = sorted(
        path.relative_to(out).as_posix() for path in out.rglob("*.parquet") if path not in written
    )
    return PartsResult(add_up(footers, predictor), len(table.parts), already_scored, tuple(foreign))


def measure_parts_drift(
    table: PartedTable,
    predictor: ChurnPredictor,
    settings: BatchSettings,
    progress: Callable[[int, int], None] | None = None,
) -> MeasuredDrift:
    """Compare all parts together with training.

    Parameters and errors are those of `score_parts`.
    """
    check_profile(predictor.bundle)
    rows = check_parts(table, predictor.contract, match_case_insensitive=settings.match_case_insensitive)
    counted = []
    done = 0
    for part in table.parts:
        chosen = replace(settings, constants=dict(part.partitions))
        with _named(part):
            file = count_drift(part.path, predictor, chosen, _shifted(progress, done, rows))
        counted.append(file)
        done += file.counts.rows + file.rejected
    return report_drift(counted, predictor.bundle)


@contextmanager
def _named(part: Part) -> Iterator[None]:
    """Name the part in errors about its content."""
    try:
        yield
    except InputFileError as error:
        raise InputFileError(error.code, f"{part.path}: {error}") from error


def _shifted(
    progress: Callable[[int, int], None] | None, done: int, rows: int | None
) -> Callable[[int, int], None] | None:
    if progress is None or rows is None:
        return None
    return lambda now, _rows: progress(done + now, rows)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder} can't be made ({error.strerror}); name another output folder."
        ) from error


def _check_output_folder(table: PartedTable, out: Path, reads: Iterable[Path]) -> None:
    advice = "name another output folder"
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file, but {table.source} has several parts; {advice}.")
    if _may_be_read(table, out.resolve()):
        raise OutputError(f"{out} lies in {table.folder}, which this command reads; {advice}.")
    refuse_own_inputs(out, reads, advice)


def _may_be_read(table: PartedTable, out: Path) -> bool:
    """Return whether a later run on the same folder or pattern could read what is written to `out`."""
    folder = table.folder.resolve()
    if not out.is_relative_to(folder):
        return False
    below = table.source.relative_to(table.folder).parts
    if is_pattern(table.source) and len(below) == 1 and out != folder:
        # The pattern of `*.parquet` reads no folder beside the files.
        return fnmatch.fnmatchcase(out.relative_to(folder).parts[0], below[0])
    return True
