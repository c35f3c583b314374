"""``churn score FOLDER OUT_FOLDER``: one output for each part of a table."""

from __future__ import annotations

import glob
import shlex
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from churn_core.cli.arguments import read_batch
from churn_core.cli.output import print_result
from churn_core.cli.progress import Progress
from churn_core.cli.scoring.scored_text import (
    check_rejects,
    count_lines,
    drift_lines,
    id_lines,
    loud_rejects,
    training_notes,
)
from churn_core.cli.tables import load_predictor
from churn_core.errors import OutputError
from churn_core.scoring.files.unfinished import unfinished_folder
from churn_core.sources.addresses import Address, already_exists, open_store

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from churn_core.scoring.bundle import Bundle
    from churn_core.scoring.files.scoring_pass import BatchSettings
    from churn_core.sources.parts import PartedTable
    from churn_core.sources.score_parts import PartsResult

_NAMED = 3


def check_folder_options(options: argparse.Namespace) -> None:
    """Check what can be checked before a folder is read.

    Raises
    ------
    OutputError
        If the output names a file, or ``--top`` is given.
    """
    out = options.destination
    if options.top is not None:
        raise OutputError(
            "--top needs all customers in one file; write the folder as one file, or score it without --top."
        )
    if isinstance(out, Address):
        if not out.is_prefix:
            raise OutputError(
                f"{out} names one object, but {options.source} has several parts; write {out}/."
            )
    elif out.suffix.lower() in (".parquet", ".csv", ".gz") and not out.exists():
        raise OutputError(
            f"{out} names a file, but {options.source} has several parts; name a folder to write."
        )


def read_scoring(options: argparse.Namespace) -> BatchSettings:
    """Return the settings that the options of ``churn score`` give."""
    return replace(
        read_batch(options),
        contributions=options.contributions,
        safe_formulas=not options.keep_formulas,
        match_case_insensitive=options.match_case_insensitive,
    )


def score_folder(table: PartedTable, options: argparse.Namespace) -> None:
    """Score the parts of a table, and print the counts of all of them."""
    from churn_core.sources.score_parts import score_parts

    predictor = load_predictor(options)
    started = time.perf_counter()
    with (
        Progress("scoring", unit="rows" if table.kind == "Parquet" else "parts") as progress,
        _local_folder(table, options) as (out, upload),
    ):
        result = score_parts(
            table,
            out,
            predictor,
            read_scoring(options),
            progress=progress.update,
            on_output=upload,
            reads=[options.model],
        )
    content = asdict(result.total) | {
        "parts": result.parts,
        "parts_already_scored": result.already_scored,
        "foreign_files": list(result.foreign),
        "seconds": round(time.perf_counter() - started, 3),
        "threshold": predictor.bundle.threshold,
        "model_version": predictor.bundle.model_version,
        "output": str(options.destination),
    }
    lines = [*id_lines(predictor.contract)]
    lines += _lines(result, content["seconds"], predictor.bundle)
    lines.append(f"Wrote {options.destination} with {predictor.bundle.model_version}.")
    lines += drift_lines(result.total)
    if result.foreign:
        named = ", ".join(result.foreign[:_NAMED]) + (", ..." if len(result.foreign) > _NAMED else "")
        lines.append(
            f"{options.destination} also holds {len(result.foreign)} files that are no scores of this"
            f" table: {named}; remove them, or leave them out when you read the folder."
        )
    lines.append(f"Next: {_look_command(options.destination)}")
    print_result(content, "\n".join(lines), as_json=options.json)
    check_rejects(result.total, options.fail_on_rejects)


def _lines(result: PartsResult, seconds: float, bundle: Bundle) -> list[str]:
    from churn_core.cli.decision_text import contact_text

    new, total = result.parts - result.already_scored, result.total
    lines = [*loud_rejects(total), *training_notes(total)]
    lines += [f"Scored {new:,} of {result.parts:,} parts in {seconds:.1f} s."]
    if result.already_scored:
        lines.append(
            f"  {result.already_scored:,} parts were already scored by this model from the same files."
        )
    lines.append(f"All parts: {total.rows:,} rows, {total.scored:,} scored, {total.rejected:,} rejected.")
    return [*lines, *count_lines(total), contact_text(total, bundle.threshold, bundle.money)]


def _look_command(out: Path | Address) -> str:
    if isinstance(out, Address):
        return shlex.join(["aws", "s3", "ls", "--recursive", out.text])
    pattern = f"{glob.escape(str(out))}/**/*.parquet".replace("'", "''")
    return shlex.join(["python", "-c", f"import duckdb; duckdb.sql(\"FROM '{pattern}'\").show()"])


@contextmanager
def _local_folder(
    table: PartedTable, options: argparse.Namespace
) -> Iterator[tuple[Path, Callable[[Path], None]]]:
    """Yield a folder for the outputs, and a function that is called with each complete output.

    The folder for an address has copies of the outputs that are there already, so that they are not scored
    again.
    """
    destination = options.destination
    if isinstance(destination, Path):
        yield destination, lambda _path: None
        return
    from churn_core.sources.scored_parts import output_path

    store = open_store(destination)
    with unfinished_folder(Path(tempfile.gettempdir())) as work:
        out = work / "out"
        there = set(store.list(destination.text))
        for path in (output_path(out, part) for part in table.parts):
            name = path.relative_to(out).as_posix()
            if name in there:
                path.parent.mkdir(parents=True, exist_ok=True)
                store.download(f"{destination}{name}", path)

        def upload(path: Path) -> None:
            address = f"{destination}{path.relative_to(out).as_posix()}"
            if not store.upload(path, address, replace=options.replace):
                raise already_exists(address, "--replace")

        yield out, upload
