"""The steps of a run: plan, progress, finish."""

from __future__ import annotations

import functools
import json
from dataclasses import asdict
from typing import Any, Final

from churn_core.errors import ChurnError
from churn_core.scoring.bundle import Bundle, load_bundle
from functions.backfill.errors import BadRequestError, ModelChangedError, RetryLaterError, UnknownRunError
from functions.backfill.estimate import estimate
from functions.backfill.manifest import build_manifest, encode_manifest
from functions.backfill.plan import Plan, check_request, make_plan, read_plan, write_plan
from functions.backfill.results import THREADS, NotScoredPart, OpenPart, Results, ScoredPart
from functions.backfill.settings import BackfillSettings
from functions.backfill.storage import BackfillStorage
from functions.shared.objects import JSON
from functions.shared.storage import events_client, s3_client

EVENT_TYPE: Final = "ChurnBackfilled"


class Runs:
    """Plans, watches and finishes runs.

    Parameters
    ----------
    settings : BackfillSettings
    storage : BackfillStorage
    bundle : Bundle
        The model; the batch function has the same one.
    """

    def __init__(self, settings: BackfillSettings, storage: BackfillStorage, bundle: Bundle) -> None:
        self._settings = settings
        self._storage = storage
        self._bundle = bundle

    def plan(self, request: dict[str, Any]) -> dict[str, Any]:
        """Plan a run, or read the plan of an existing run if the request has a ``run_id``.

        Parameters
        ----------
        request : dict
            ``prefix``; optional: ``bucket``, ``run_id``, ``concurrency``,
            ``tolerated_failure_percentage`` and ``dry_run``. A dry run writes nothing.

        Returns
        -------
        dict
            The input of the later steps; for a dry run also ``estimate``.

        Raises
        ------
        BackfillError
        NotScoredError
            If a request to S3 fails.
        """
        place = check_request(request, self._settings.input_bucket)
        concurrency = _number(request, "concurrency", self._settings.concurrency, 1)
        if isinstance(concurrency, float) and not concurrency.is_integer():
            raise BadRequestError("concurrency must be a whole number.")
        tolerated = _number(request, "tolerated_failure_percentage", 0, 0, 100)
        dry_run, digest = bool(request.get("dry_run")), self._bundle.model_digest
        if request.get("run_id") is None:
            plan = make_plan(self._storage, *place, digest)
            if not dry_run:
                write_plan(self._storage, self._settings.output_bucket, plan)
        else:
            plan = read_plan(self._storage, self._settings.output_bucket, request["run_id"], place, digest)
        concurrency = min(int(concurrency), self._settings.concurrency)
        manifest = self._read_manifest(plan)
        answer = self._describe(plan) | {
            "parts": len(plan.parts),
            "bytes": plan.size,
            "concurrency": concurrency,
            "tolerated_failure_percentage": float(tolerated),
            "model_version": self._bundle.model_version,
            "finished": manifest is not None,
            "manifest": None if manifest is None else _summary(manifest),
        }
        if dry_run:
            expected = estimate(self._storage, plan, concurrency, self._settings.batch_memory_mb)
            answer["estimate"] = asdict(expected)
        return answer

    def progress(self, run: dict[str, Any]) -> dict[str, Any]:
        """Count the parts and rows of a run that are done; errors as in `plan`."""
        plan = self._read_plan(run)
        parts = self._results().read_counts(plan.parts)
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
        """Check that every row is accounted for, and write the manifest unless it exists.

        Returns
        -------
        dict
            The manifest's key and counts; errors as in `plan`.
        """
        plan = self._read_plan(run)
        # An existing manifest is never replaced, even if a part was deleted later.
        content = self._read_manifest(plan)
        if content is None:
            content = build_manifest(plan, self._results().read_footers(plan.parts), self._bundle)
            encoded = encode_manifest(content)
            if not self._storage.create(self._settings.output_bucket, plan.manifest_key, encoded, JSON):
                raise RetryLaterError(
                    "Another execution wrote another manifest at the same time; the step is tried again."
                )
        answer = self._describe(plan) | _summary(content)
        self._storage.announce(
            {
                "input": {"bucket": plan.bucket, "prefix": plan.prefix},
                "manifest": {"bucket": self._settings.output_bucket, "key": plan.manifest_key},
                "runId": plan.run_id,
                "parts": content["parts"]["total"],
                "notScoredParts": content["parts"]["not_scored"],
                **{name: content[name] for name in ("rows", "scored", "rejected")},
                "modelVersion": content["model_version"],
                "modelDigest": plan.model_digest,
            },
            EVENT_TYPE,
        )
        return answer

    def _describe(self, plan: Plan) -> dict[str, Any]:
        return {
            "run_id": plan.run_id,
            "bucket": plan.bucket,
            "prefix": plan.prefix,
            "model_digest": plan.model_digest,
            "output_bucket": self._settings.output_bucket,
            "plan_key": plan.key,
            "manifest_key": plan.manifest_key,
        }

    def _read_plan(self, run: dict[str, Any]) -> Plan:
        place = check_request(run, self._settings.input_bucket)
        if run.get("model_digest") != self._bundle.model_digest:
            raise ModelChangedError(
                "The model was replaced after the run was planned; start a new run with 'churn backfill'."
            )
        return read_plan(
            self._storage,
            self._settings.output_bucket,
            run.get("run_id"),
            place,
            self._bundle.model_digest,
        )

    def _results(self) -> Results:
        return Results(self._storage, self._settings.output_bucket, self._bundle.model_digest)

    def _read_manifest(self, plan: Plan) -> dict[str, Any] | None:
        found = self._storage.read(self._settings.output_bucket, plan.manifest_key)
        if found is None:
            return None
        try:
            content: dict[str, Any] = json.loads(found.content)
            _summary(content)
        except (KeyError, RecursionError, TypeError, ValueError) as error:
            raise UnknownRunError(
                f"{plan.manifest_key} is not a manifest; delete it and start the run again."
            ) from error
        return content


@functools.cache
def load_runs() -> Runs:
    """Return the runs of this environment; they are created once, by the first call that succeeds.

    Raises
    ------
    RetryLaterError
        If the model can't be loaded.
    SettingError
        If an environment variable is missing or malformed.
    """
    settings = BackfillSettings.from_environment()
    try:
        bundle = load_bundle(settings.model_dir)
    except ChurnError as error:
        raise RetryLaterError(f"model-unavailable: {error}") from error
    events = events_client() if settings.announces else None
    return Runs(settings, BackfillStorage(s3_client(THREADS), events), bundle)


def _summary(content: dict[str, Any]) -> dict[str, Any]:
    """Return the counts of a manifest, without the single parts."""
    return {name: content[name] for name in ("parts", "rows", "scored", "rejected", "model_version")}


def _number(
    request: dict[str, Any], name: str, default: int, least: int, most: float = float("inf")
) -> int | float:
    value = request.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        limit = f"at least {least}" if most == float("inf") else f"from {least} to {most:g}"
        raise BadRequestError(f"{name} must be a number {limit}.")
    return value
