"""``churn predict`` and ``churn score``: score customers from JSON, and files of customers."""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from churn_core.cli.arguments import add_batch, add_json, add_model, path, positive, read_batch, readable_path
from churn_core.cli.output import Progress, print_result
from churn_core.errors import DataError, OutputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from churn_core.schema import Contract
    from churn_core.scoring.files.score_file import BatchResult

_NAMED_COLUMNS: Final = 4


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
    add_model(predict)
    add_json(predict, "print errors as JSON too (results are always JSON)")
    predict.set_defaults(run=_predict)
    score = commands.add_parser("score", help="score a file of customers into a Parquet file")
    score.add_argument("source", type=path, metavar="CUSTOMERS", help="file of customers, .parquet or .csv")
    score.add_argument(
        "destination",
        type=path,
        metavar="OUT.parquet",
        help="file to write: one row per customer in the same order, unless --top is given",
    )
    add_model(score)
    add_batch(score)
    score.add_argument("--contributions", action="store_true", help="add the contribution of every feature")
    score.add_argument(
        "--top", type=positive, metavar="N", help="write only the N customers to contact first, best first"
    )
    add_json(score)
    score.set_defaults(run=_score)


def _predict(options: argparse.Namespace) -> None:
    from churn_core.scoring.predictor import ChurnPredictor

    predictor = ChurnPredictor.load(options.model)
    if options.file.suffix.lower() in (".csv", ".parquet"):
        from churn_core.data.loading import table_records

        records: Any = table_records(options.file, predictor.contract)
    else:
        records = _read_json(str(options.file))
    answers = predictor.predict(records, all_reasons=options.reasons == "all")
    print(json.dumps(answers, indent=1, ensure_ascii=False))


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
    from churn_core.scoring.files.score_file import score_file
    from churn_core.scoring.predictor import ChurnPredictor

    settings = replace(read_batch(options), contributions=options.contributions, top=options.top)
    predictor = ChurnPredictor.load(options.model)
    started = time.perf_counter()
    with Progress("scoring") as progress, as_parquet(options.source, predictor.contract) as source:
        settings = replace(settings, text_cells=source != options.source)
        # `source` may be a converted copy of the file that the user named.
        reads = [options.source, options.model]
        result = score_file(source, options.destination, predictor, settings, progress.update, reads=reads)
    seconds = time.perf_counter() - started
    content = asdict(result) | {
        "seconds": round(seconds, 3),
        "threshold": predictor.bundle.threshold,
        "top": options.top,
        "model_version": predictor.bundle.model_version,
        "output": str(options.destination),
    }
    print_result(content, _score_text(result, seconds, content), as_json=options.json)


@contextmanager
def as_parquet(source: Path, contract: Contract) -> Iterator[Path]:
    """Yield a Parquet file with the cells of a CSV file as text; a Parquet source is yielded itself."""
    if source.suffix.lower() != ".csv":
        yield source
        return
    from churn_core.data import load_csv
    from churn_core.scoring.files.unfinished import unfinished_folder

    table = load_csv(source, contract)
    with unfinished_folder(Path(tempfile.gettempdir())) as folder:
        converted = folder / "in.parquet"
        try:
            table.to_parquet(converted, index=False)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else "no space"
            raise OutputError(
                f"{tempfile.gettempdir()} can't hold the converted table ({reason}); set TMPDIR to a folder"
                " with more space."
            ) from error
        yield converted


def _score_text(result: BatchResult, seconds: float, content: dict[str, Any]) -> str:
    from churn_core.cli.decision_text import contact_text

    lines = [
        f"Scored {result.scored:,} of {result.rows:,} rows in {seconds:.1f} s"
        f" ({result.rows / seconds:,.0f} rows/s); {result.rejected:,} rejected."
    ]
    lines += [f"  {count:,} rows rejected as {code}" for code, count in result.rejects.items()]
    lines += [
        f"  {count:,} rows with an unknown category in {name}" for name, count in result.unknown.items()
    ]
    lines.append(contact_text(result, content["threshold"]))
    what = "" if content["top"] is None else f" the {result.written:,} to contact first, best first, to"
    lines.append(f"Wrote{what} {content['output']} with {content['model_version']}.")
    if result.drift is not None:
        lines.append(_drift_line(result.drift))
    look = f"import duckdb; duckdb.sql(\"FROM '{content['output']}'\").show()"
    lines.append(f"Next: {shlex.join(['python', '-c', look])}")
    return "\n".join(lines)


def _drift_line(drift: dict[str, Any]) -> str:
    moved = [*drift["moved"], *(["the scores"] if drift["scores"]["level"] != "stable" else [])]
    if not moved:
        return "Drift: none; columns and scores are distributed as in training."
    named = ", ".join(moved[:_NAMED_COLUMNS]) + (", ..." if len(moved) > _NAMED_COLUMNS else "")
    return f"Drift: {drift['verdict']}, in {named}; run 'churn drift' on the same file for details."
