"""Lambda handler of backfill runs: plans a run, reports its progress, and finishes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from functions.backfill.errors import BackfillError, BadRequestError, RetryLaterError
from functions.backfill.runs import Runs, load_runs
from functions.shared.environment import NAMESPACE, service_name
from functions.shared.outcomes import NotScoredError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="churn-backfill")
metrics = Metrics(namespace=NAMESPACE, service=service_name("churn-backfill"))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Do one step of a run: ``plan``, ``progress`` or ``finish``.

    Parameters
    ----------
    event : dict
        ``step``; ``run``, which is a request for ``plan`` and its answer for the later steps; ``writes``
        is true if the caller needs the plan to be written.

    Raises
    ------
    BackfillError
        The state machine decides by its type whether to try again.
    """
    steps: dict[str, Callable[[Runs, dict[str, Any]], dict[str, Any]]] = {
        "plan": Runs.plan,
        "progress": Runs.progress,
        "finish": Runs.finish,
    }
    request = event if isinstance(event, dict) else {}
    step, run = request.get("step"), request.get("run")
    if not isinstance(step, str) or step not in steps or not isinstance(run, dict):
        raise BadRequestError("The event is not a step of a run; start runs with 'churn backfill'.")
    if request.get("writes") and run.get("dry_run"):
        raise BadRequestError("A dry run writes no plan, so nothing can be scored; remove dry_run.")
    try:
        answer = steps[step](load_runs(), run)
    except NotScoredError as fault:
        raise RetryLaterError(f"{fault.outcome}: {fault}") from fault
    except BackfillError as error:
        logger.warning(type(error).__name__, extra={"step": step, "detail": str(error)})
        raise
    logger.info(step, extra={name: answer[name] for name in ("run_id", "parts", "rows") if name in answer})
    if step == "finish":
        metrics.add_metric("BackfilledRuns", MetricUnit.Count, 1)
        metrics.add_metric("BackfilledParts", MetricUnit.Count, answer["parts"]["scored"])
        metrics.add_metric("BackfilledRows", MetricUnit.Count, answer["scored"])
        metrics.add_metric("UnscoredParts", MetricUnit.Count, answer["parts"]["not_scored"])
        metrics.flush_metrics()
    return answer
