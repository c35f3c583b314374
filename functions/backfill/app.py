"""Lambda handler of runs over whole prefixes: plans one, tells how far it is, and finishes it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from functions.backfill.errors import BackfillError, BadRequestError, RetryLaterError
from functions.backfill.runs import Runs
from functions.shared.environment import NAMESPACE
from functions.shared.outcomes import NotScoredError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="churn-backfill")
# The metrics' dimension tells stacks of one account apart.
metrics = Metrics(namespace=NAMESPACE, service=os.environ.get("POWERTOOLS_SERVICE_NAME") or "churn-backfill")


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Do one step of a run: ``plan``, ``progress`` or ``finish``.

    Parameters
    ----------
    event : dict
        ``step``, and ``run``: what the run is about, for the later steps as ``plan`` has answered; ``writes``
        where a plan must be there afterwards.

    Raises
    ------
    BackfillError
        By whose type the state machine knows whether to try again.
    """
    steps: dict[Any, Callable[[Runs, dict[str, Any]], dict[str, Any]]] = {
        "plan": Runs.plan,
        "progress": Runs.progress,
        "finish": Runs.finish,
    }
    step, run = event.get("step"), event.get("run")
    if step not in steps or not isinstance(run, dict):
        raise BadRequestError("The event is no step of a run; start runs with 'churn backfill'.")
    if event.get("writes") and run.get("dry_run"):
        raise BadRequestError("A dry run writes no plan that could be scored; leave dry_run out.")
    try:
        done = steps[step](Runs.ready(), run)
    except NotScoredError as fault:
        # What S3 refuses here is never a part's fault.
        raise RetryLaterError(f"{fault.outcome}: {fault}") from fault
    except BackfillError as error:
        logger.warning(type(error).__name__, extra={"step": step, "detail": str(error)})
        raise
    logger.info(step, extra={name: done[name] for name in ("run_id", "parts", "rows") if name in done})
    if step == "finish":
        metrics.add_metric("BackfilledRuns", MetricUnit.Count, 1)
        metrics.add_metric("BackfilledParts", MetricUnit.Count, done["parts"]["scored"])
        metrics.add_metric("BackfilledRows", MetricUnit.Count, done["scored"])
        metrics.add_metric("UnscoredParts", MetricUnit.Count, done["parts"]["not_scored"])
        metrics.flush_metrics()
    return done
