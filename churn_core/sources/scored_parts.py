"""The outputs of a table's parts: where each is written, what it comes from, and what all of them hold."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Final

from churn_core.errors import WARNING_KINDS, DataError
from churn_core.scoring.drift.counts_text import DriftCountsError, read_drift_counts
from churn_core.scoring.drift.report import compare
from churn_core.scoring.drift.training_table import is_training_table
from churn_core.scoring.files.drift_pass import check_profile
from churn_core.scoring.files.score_file import BatchResult
from churn_core.scoring.parquet.footer import Footer, read_footer, read_footer_bytes
from churn_core.scoring.parquet.thrift_compact import ThriftError
from churn_core.sources.parts import part_stem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from churn_core.scoring.files.scoring_pass import BatchSettings
    from churn_core.scoring.predictor import ChurnPredictor
    from churn_core.sources.parts import Part

_DRIFT_COUNTS: Final = "churn.drift_counts"
_WARNINGS: Final = "churn.warnings"


def output_path(out: Path, part: Part) -> Path:
    """Return the path of a part's output."""
    return out / f"{part_stem(part.name)}.parquet"


def input_entries(part: Part, predictor: ChurnPredictor, settings: BatchSettings) -> dict[str, str]:
    """Return the footer entries that say what an output comes from: bytes, partition and options.

    Raises
    ------
    DataError
        If the part can't be read.
    """
    try:
        with part.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{part.path} can't be read ({error.strerror}); check its permissions.") from error
    options = {
        "contributions": settings.contributions,
        "match_case_insensitive": settings.match_case_insensitive,
        "reader": predictor.contract.reader.to_dict(),
        "partitions": dict(part.partitions),
    }
    return {
        "churn.input.part": part.name,
        "churn.input.sha256": digest,
        "churn.input.options": json.dumps(options, sort_keys=True, ensure_ascii=False),
    }


def scored_footer(path: Path, entries: dict[str, str], predictor: ChurnPredictor) -> Footer | None:
    """Return the footer of an output that this model has made from this input; None if there is none."""
    try:
        with path.open("rb") as file:
            footer = read_footer(read_footer_bytes(file)[1])
    except (OSError, ThriftError):
        # A file that can't be read is no output of ours; it is written again.
        return None
    wanted = {**entries, "churn.model_digest": predictor.bundle.model_digest}
    # An output of an earlier version lacks the warnings, and columns too.
    made = _WARNINGS in footer.entries and all(
        footer.entries.get(name) == text for name, text in wanted.items()
    )
    return footer if made and footer.entries.get("churn.rows") == str(footer.rows) else None


def add_up(footers: Sequence[Footer], predictor: ChurnPredictor) -> BatchResult:
    """Return the counts of all outputs together.

    Raises
    ------
    DataError
        If a footer holds no counts of this model.
    """
    bundle = predictor.bundle
    profile = check_profile(bundle)
    rejects: Counter[str] = Counter()
    warned: dict[str, Counter[str]] = {kind: Counter() for kind in WARNING_KINDS}
    try:
        counts = [read_drift_counts(f.entries[_DRIFT_COUNTS], bundle.contract, profile) for f in footers]
        for footer in footers:
            rejects.update(json.loads(footer.entries["churn.rejects"]))
            of_part = json.loads(footer.entries[_WARNINGS])
            for kind in WARNING_KINDS:
                warned[kind].update(of_part[kind])
    except (KeyError, ValueError, TypeError, DriftCountsError) as error:
        raise DataError(
            "An output has no counts in its footer; delete the outputs and score again."
        ) from error
    whole = counts[0]
    for other in counts[1:]:
        whole.add(other)
    rows, rejected = sum(footer.rows for footer in footers), sum(rejects.values())
    flagged = whole.scores.flagged
    return BatchResult(
        rows=rows,
        scored=rows - rejected,
        rejected=rejected,
        rejects=dict(rejects),
        unknown=dict(warned["unknown"]),
        missing=dict(warned["missing"]),
        unexpected=dict(warned["unexpected"]),
        written=rows,
        will_churn=flagged.customers,
        expected_profit=None if bundle.money is None else flagged.expected_profit(bundle.money),
        drift=compare(bundle, profile, whole, rejected=rejected).summary(),
        training_table=is_training_table(bundle, whole),
    )
