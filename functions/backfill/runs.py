"""The steps of a run."""

from __future__ import annotations

import functools
import json
from typing import Any, Final

from churn_core.errors import ChurnError
from churn_core.scoring.bundle import Bundle, load_bundle
from functions.backfill.errors import BadRequestError, ModelChangedError, RetryLaterError
from functions.backfill.estimate import estimate
from functions.backfill.manifest import manifest, manifest_bytes
from functions.backfill.plan import Plan, check_request, make_plan, read_plan, write_plan
from functions.backfill.results import THREADS, NotScoredPart, OpenPart, Results, ScoredPart
from functions.backfill.settings import BackfillSettings
from functions.backfill.storage import BackfillStorage, events_client, s3_client
from functions.shared.records import JSON

EVENT_TYPE: Final = "ChurnBackfilled"


class Runs:
    """Plans, watches and finishes runs.

    Parameters
    ----------
    settings : BackfillSettings
    storage : BackfillStorage
    bundle : Bundle
        The model that the batch function has, too.
    """

    def __init__(self, settings: BackfillSettings, storage: BackfillStorage, bundle: Bundle) -> None:
        self._settings = settings
        self._storage = storage
        self._bundle = bundle

    @staticmethod
    @functools.cache
    def ready() -> Runs:
        """Return this environment's, made at the first call that succeeds.

        Raises
        ------
        RetryLaterError
            If the model can't be used.
        """
        settings = BackfillSettings.from_environment()
        try:
            bundle = load_bundle(settings.model_dir)
        except ChurnError as error:
            raise RetryLaterError(f"model-unavailable: {error}") from error
        events = events_client() if settings.announces else None
        return Runs(settings, BackfillStorage(s3_client(THREADS), events), bundle)

    def plan(self, request: dict[str, Any]) -> dict[str, Any]:
        """Plan a run, or take the plan of the one that `request` names by ``run_id``.

        Parameters
        ----------
        request : dict
            ``prefix``; ``bucket``, ``run_id``, ``concurrency``, ``tolerated_failure_percentage`` and
            ``dry_run`` if wanted.

        Returns
        -------
        dict
            What the later steps need; of a dry run, which writes nothing, an estimate too.

        Raises
        ------
        BackfillError
        NotScoredError
            If S3 can't be asked.
        """
        place = check_request(request, self._settings.input_bucket)
        concurrency = _number(request, "concurrency", self._settings.concurrency, 1)
        if concurrency != int(concurrency):
            raise BadRequestError("concurrency is no whole number; see docs/backfill.md.")
        tolerated = _number(request, "tolerated_failure_percentage", 0, 0, 100)
        dry_run, digest = bool(request.get("dry_run")), self._bundle.model_digest
        if request.get("run_id") is None:
            plan = make_plan(self._storage, *place, digest)
            if not dry_run:
                write_plan(self._storage, self._settings.output_bucket, plan)
        else:
            plan = read_plan(self._storage, self._settings.output_bucket, request["run_id"], place, digest)
        concurrency = min(int(concurrency), self._settings.concurrency)
        written = self._manifest(plan)
        told = self._run(plan) | {
            "parts": len(plan.parts),
            "bytes": plan.size,
            "concurrency": concurrency,
            "tolerated_failure_percentage": float(tolerated),
            "model_version": self._bundle.model_version,
            "finished": written is not None,
            "manifest": None if written is None else _summary(json.loads(written)),
        }
        if dry_run:
            told["estimate"] = estimate(
                self._storage, plan, concurrency, self._settings.batch_memory_mb
            ).to_dict()
        return told

    def progress(self, run: dict[str, Any]) -> dict[str, Any]:
        """Tell how far a run is, by what is in the output bucket; errors as in `plan`."""
        plan = self._planned(run)
        parts = self._results().glance(plan.parts)
        scored = [part for part in parts if isinstance(part, ScoredPart)]
        return {
            "run_id": plan.run_id,
            "parts": len(parts),
            "open": sum(isinstance(part, OpenPart) for part in parts),
            "not_scored": sum(isinstance(part, NotScoredPart) for part in parts),
            "rows": sum(part.rows for part in scored),
            "scored": sum(part.scored for part in scored),
            "rejected": sum(part.rejected for part in scored),
            "done_bytes": sum(part.source.size for part in parts if not isinstance(part, OpenPart)),
            "bytes": plan.size,
        }

    def finish(self, run: dict[str, Any]) -> dict[str, Any]:
        """Check that every row is accounted for, and write the manifest, unless it is there.

        Returns
        -------
        dict
            The manifest's key and counts.

        Raises
        ------
        BackfillError
        NotScoredError
            If S3 can't be asked.
        """
        plan, bucket = self._planned(run), self._settings.output_bucket
        # A manifest that is there stays, whatever becomes of single parts later.
        written = self._manifest(plan)
        if written is None:
            content = manifest(plan, self._results().read(plan.parts), self._bundle)
            written = manifest_bytes(content)
            if not self._storage.create(bucket, plan.manifest_key, written, JSON):
                raise RetryLaterError("Another execution wrote the manifest at the same time; it is the one.")
        content = json.loads(written)
        told = self._run(plan) | _summary(content)
        self._storage.announce(
            {
                "input": {"bucket": plan.bucket, "prefix": plan.prefix},
                "manifest": {"bucket": told["output_bucket"], "key": plan.manifest_key},
                "runId": plan.run_id,
                "parts": content["parts"]["total"],
                "notScoredParts": content["parts"]["not_scored"],
                **{name: content[name] for name in ("rows", "scored", "rejected")},
                "modelVersion": content["model_version"],
                "modelDigest": plan.model_digest,
            },
            EVENT_TYPE,
        )
        return told

    def _run(self, plan: Plan) -> dict[str, Any]:
        return {
            "run_id": plan.run_id,
            "bucket": plan.bucket,
            "prefix": plan.prefix,
            "model_digest": plan.model_digest,
            "output_bucket": self._settings.output_bucket,
            "plan_key": plan.key,
            "manifest_key": plan.manifest_key,
        }

    def _planned(self, run: dict[str, Any]) -> Plan:
        place = check_request(run, self._settings.input_bucket)
        if run.get("model_digest") != self._bundle.model_digest:
            raise ModelChangedError(
                "The run was planned with another model than the function has; start it anew."
            )
        return read_plan(
            self._storage,
            self._settings.output_bucket,
            str(run.get("run_id")),
            place,
            self._bundle.model_digest,
        )

    def _results(self) -> Results:
        return Results(self._storage, self._settings.output_bucket, self._bundle.model_digest)

    def _manifest(self, plan: Plan) -> bytes | None:
        return self._storage.read(self._settings.output_bucket, plan.manifest_key)


def _summary(content: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of a manifest: all but the parts one by one."""
    return {name: content[name] for name in ("parts", "rows", "scored", "rejected", "model_version")}


def _number(
    request: dict[str, Any], name: str, default: int, least: int, most: float = float("inf")
) -> int | float:
    value = request.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadRequestError(f"{name} is out of range; see docs/backfill.md.")
    return value
