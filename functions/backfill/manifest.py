"""The manifest: readers wait for this object, which exists once the run is complete."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from churn_core.scoring.drift.counter import DriftCounter
from churn_core.scoring.drift.counts_text import DriftCountsError, read_drift_counts
from churn_core.scoring.drift.profile import TrainingProfile
from churn_core.scoring.drift.report import compare
from functions.backfill.errors import IncompleteRunError, UnbalancedRunError
from functions.backfill.results import NotScoredPart, OpenPart, Part, ScoredPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churn_core.scoring.bundle import Bundle
    from functions.backfill.plan import Plan
    from functions.shared.objects import InputObject

FORMAT: Final = 1
"""Version of the manifest's format."""


def build_manifest(plan: Plan, parts: Sequence[Part], bundle: Bundle) -> dict[str, Any]:
    """Return a run's manifest; the same results give the same bytes.

    Parameters
    ----------
    plan : Plan
    parts : sequence of Part
        The state of each part, in the plan's order.
    bundle : Bundle
        The model.

    Raises
    ------
    IncompleteRunError
        If a part has neither output nor record.
    UnbalancedRunError
        If an output's footer contradicts its row counts.
    """
    still_open = sum(isinstance(part, OpenPart) for part in parts)
    if still_open:
        raise IncompleteRunError(
            f"{still_open} of {len(parts)} parts have neither scores nor a record; start the run again."
        )
    scored = [part for part in parts if isinstance(part, ScoredPart)]
    not_scored = [part for part in parts if isinstance(part, NotScoredPart)]
    return {
        "format": FORMAT,
        "run_id": plan.run_id,
        "bucket": plan.bucket,
        "prefix": plan.prefix,
        "model_version": bundle.model_version,
        "model_digest": plan.model_digest,
        "parts": {
            "total": len(parts),
            "scored": len(scored),
            "not_scored": len(not_scored),
            "not_scored_by_code": dict(sorted(Counter(part.code for part in not_scored).items())),
        },
        "rows": sum(part.rows for part in scored),
        "scored": sum(part.scored for part in scored),
        "rejected": sum(part.rejected for part in scored),
        "rejects": _rejects(scored),
        "drift": _drift(scored, bundle),
        "outputs": [
            {
                **_version(part.source),
                "output": part.output_key,
                "rows": part.rows,
                "scored": part.scored,
                "rejected": part.rejected,
            }
            for part in scored
        ],
        "not_scored": [
            {**_version(part.source), "code": part.code, "record": part.record_key} for part in not_scored
        ],
    }


def encode_manifest(content: dict[str, Any]) -> bytes:
    """Encode a manifest as JSON."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _version(source: InputObject) -> dict[str, Any]:
    return {"key": source.key, "version_id": source.version_id, "etag": source.etag}


def _rejects(scored: Sequence[ScoredPart]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in scored:
        try:
            rejects = json.loads(part.entries["churn.rejects"])
            balanced = sum(rejects.values()) == part.rejected
        except (KeyError, ValueError, TypeError, AttributeError):
            balanced = False
        if not balanced:
            raise UnbalancedRunError(
                f"The rejects by code in the footer of output {part.output_key} do not add up to its"
                " rejected rows; delete it and start the run again."
            )
        total.update(rejects)
    return dict(sorted(total.items()))


def _drift(scored: Sequence[ScoredPart], bundle: Bundle) -> dict[str, Any] | None:
    """Return the drift of all rows as one table; None if the bundle has no training profile.

    Outputs of older versions have no counts in their footers and are left out; ``of_parts`` and ``rows`` say
    how many parts and rows the figures cover.
    """
    profile = TrainingProfile.from_bundle(bundle)
    if profile is None:
        return None
    total = DriftCounter(bundle.contract, profile, bundle.threshold).empty_counts()
    parts = rejected = 0
    for part in scored:
        text = part.entries.get("churn.drift_counts")
        if text is None:
            continue
        try:
            counts = read_drift_counts(text, bundle.contract, profile)
        except DriftCountsError as error:
            raise UnbalancedRunError(
                f"The drift counts in the footer of output {part.output_key} can't be read ({error});"
                " delete it and start the run again."
            ) from error
        if counts.rows != part.scored:
            raise UnbalancedRunError(
                f"The drift counts in the footer of output {part.output_key} cover {counts.rows} rows, but"
                f" {part.scored} were scored; delete it and start the run again."
            )
        total.add(counts)
        parts, rejected = parts + 1, rejected + part.rejected
    return {"of_parts": parts, **compare(bundle, profile, total, rejected).to_dict()}
