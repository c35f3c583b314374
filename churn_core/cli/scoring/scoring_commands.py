"""``churn predict`` and ``churn score``: score customers from JSON, and files of customers."""

from __future__ import annotations

import glob
import shlex
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.cli.arguments import add_batch, add_json, add_model, positive, readable_path, share
from churn_core.cli.output import json_text, print_result, print_text
from churn_core.cli.progress import Progress
from churn_core.cli.scoring.score_folder import check_folder_options, read_scoring, score_folder
from churn_core.cli.scoring.scored_text import check_rejects, drift_lines, id_lines, result_lines
from churn_core.cli.tables import add_table_options, load_predictor, opened_table, table_source
from churn_core.errors import DataError
from churn_core.scoring.files.output_formats import output_format
from churn_core.scoring.text_files.formats import file_format
from churn_core.sources.addresses import Address, local_output
from churn_core.sources.parts import PartedTable, is_parted

if TYPE_CHECKING:
    import argparse

    from churn_core.schema import Contract
    from churn_core.scoring.bundle import Bundle
    from churn_core.scoring.files.score_file import BatchResult
    from churn_core.sources.addresses import Source


def add_commands(commands: Any) -> None:
    """Add the commands to the parser."""
    predict = commands.add_parser("predict", help="score customers from JSON or a small table")
    predict.add_argument(
        "file",
        nargs="?",
        type=readable_path,
        default=Path("-"),
        metavar="FILE",
        help="a customer or a list of customers as JSON, .csv or .parquet; - is stdin (default -)",
    )
    predict.add_argument(
        "--reasons",
        choices=("top", "all"),
        default="top",
        help="three reasons, or every feature (default top)",
    )
    predict.add_argument(
        "--other-columns",
        choices=("ignore", "refuse"),
        help="columns that the model does not know: ignore or refuse them (default: ignore those of a table,"
        " refuse those of JSON)",
    )
    add_table_options(predict)
    add_model(predict)
    add_json(predict, "print errors as JSON too (results are always JSON)")
    predict.set_defaults(run=_predict)
    score = commands.add_parser("score", help="score a file of customers into a Parquet or CSV file")
    score.add_argument(
        "source",
        type=table_source,
        metavar="CUSTOMERS",
        help="file of customers, .parquet or .csv, or a folder of such files",
    )
    score.add_argument(
        "destination",
        type=table_source,
        metavar="OUT",
        help="file to write, .parquet, .csv or .csv.gz: one row per customer in the same order, unless --top"
        " is given; for a folder of customers, the folder to write",
    )
    add_table_options(score)
    score.add_argument(
        "--replace", action="store_true", help="replace objects in S3 that exist (files are replaced anyway)"
    )
    add_model(score)
    add_batch(score)
    score.add_argument("--contributions", action="store_true", help="add the contribution of every feature")
    score.add_argument(
        "--top", type=positive, metavar="N", help="write only the N customers to contact first, best first"
    )
    score.add_argument(
        "--keep-formulas",
        action="store_true",
        help="write text in a CSV output as it is, also if a spreadsheet would run it as a formula (default:"
        " an apostrophe before text that begins with = + - @ tab or CR)",
    )
    score.add_argument(
        "--fail-on-rejects",
        type=share,
        metavar="SHARE",
        help="exit with 1 if more than this share of the rows is rejected, such as 0.01; OUT is written"
        " nevertheless",
    )
    add_json(score)
    score.set_defaults(run=_score)


def _predict(options: argparse.Namespace) -> None:
    if is_parted(options.file):
        raise DataError(
            f"{options.file} names a folder or several files; name one file, or score all with 'churn score'."
        )
    predictor = load_predictor(options)
    if file_format(options.file) is not None:
        from churn_core.data.loading import table_records

        records: Any = table_records(
            options.file,
            predictor.contract,
            match_case_insensitive=options.match_case_insensitive,
            refuse_others=options.other_columns == "refuse",
        )
    else:
        records = _read_json(str(options.file))
        if options.other_columns == "ignore":
            records = _known_columns(records, predictor.contract)
    answers = predictor.predict(records, all_reasons=options.reasons == "all")
    print_text(json_text(answers))


def _known_columns(records: Any, contract: Contract) -> Any:
    """Return records without the keys that the contract does not name."""
    known = {*contract.columns, contract.id_column}
    if isinstance(records, dict):
        return {name: value for name, value in records.items() if name in known}
    return [_known_columns(record, contract) for record in records]


def _read_json(name: str) -> Any:
    from churn_core.scoring.records.strict_json import JsonRefusedError, parse_json

    try:
        # Python may read bytes that are not UTF-8 from stdin as surrogates; encoding restores the bytes.
        text = sys.stdin.read().encode(errors="surrogateescape") if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise DataError(f"{name} can't be read ({error.strerror}); name an existing file.") from error
    try:
        content = parse_json(text)
    except JsonRefusedError as error:
        raise DataError(f"{'stdin' if name == '-' else name} can't be read. {error}") from error
    if isinstance(content, dict) or (isinstance(content, list) and all(isinstance(c, dict) for c in content)):
        return content
    raise DataError("The input holds no customers; give one customer as a JSON object, or a list of them.")


def _score(options: argparse.Namespace) -> None:
    # Before the heavy imports.
    named = options.source
    if named.is_prefix if isinstance(named, Address) else is_parted(named):
        check_folder_options(options)
    elif isinstance(options.destination, Address) or not options.destination.exists():
        # What exists may be an input, a folder or a device: that is said later.
        output_format(Path(options.destination.name))
    with opened_table(options.source) as found:
        if isinstance(found, PartedTable):
            score_folder(found, options)
        else:
            _score_file(found, options)


def _score_file(found: Path, options: argparse.Namespace) -> None:
    from churn_core.scoring.files.score_file import score_file

    predictor = load_predictor(options)
    settings = replace(read_scoring(options), top=options.top)
    started = time.perf_counter()
    with (
        local_output(options.destination, replace=options.replace, option="--replace") as out,
        Progress("scoring") as progress,
    ):
        result = score_file(found, out, predictor, settings, progress.update, reads=[options.model])
    seconds = time.perf_counter() - started
    content = asdict(result) | {
        "seconds": round(seconds, 3),
        "threshold": predictor.bundle.threshold,
        "top": options.top,
        "model_version": predictor.bundle.model_version,
        "output": str(options.destination),
    }
    text = _score_text(result, seconds, options, predictor.bundle)
    print_result(content, "\n".join([*id_lines(predictor.contract), text]), as_json=options.json)
    check_rejects(result, options.fail_on_rejects)


def _score_text(result: BatchResult, seconds: float, options: argparse.Namespace, bundle: Bundle) -> str:
    what = "" if options.top is None else f" the {result.written:,} to contact first, best first, to"
    lines = result_lines(result, seconds, bundle)
    lines.append(f"Wrote{what} {options.destination} with {bundle.model_version}.")
    lines += drift_lines(result)
    lines.append(f"Next: {_look_command(options.destination)}")
    return "\n".join(lines)


def _look_command(output: Source) -> str:
    """Return a command that shows a scored file."""
    if isinstance(output, Address):
        return shlex.join(["aws", "s3", "cp", output.text, "."])
    # DuckDB would read a name with *, ? or [ as a pattern.
    name = glob.escape(str(output)).replace("'", "''")
    table = f"read_csv('{name}', header=true)" if output_format(output).is_csv else f"'{name}'"
    return shlex.join(["python", "-c", f'import duckdb; duckdb.sql("FROM {table}").show()'])
