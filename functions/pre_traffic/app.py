"""Lambda handler of the hook that CodeDeploy calls before it sends requests to a new version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from churn_core.errors import ChurnError
from churn_core.scoring.bundle import load_bundle
from functions.pre_traffic.aws import codedeploy_client, invoke_version, lambda_client, report
from functions.pre_traffic.golden_rows import check_version
from functions.pre_traffic.settings import PreTrafficSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from functions.pre_traffic.aws import Verdict

logger = Logger(service="churn-pre-traffic")


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Check the new version, and report the result to CodeDeploy in any case: it waits up to an hour.

    Raises
    ------
    KeyError
        If the event does not come from CodeDeploy.
    """
    verdict = _verdict()
    report(codedeploy_client(), event, verdict)
    return {"status": verdict}


def _verdict() -> Verdict:
    try:
        settings = PreTrafficSettings.from_environment()
        client = lambda_client()
        rows = check_version(
            load_bundle(settings.model_dir),
            lambda event: invoke_version(client, settings.new_version, event),
            refuses_samples=settings.refuses_samples,
        )
    except ChurnError as refusal:
        logger.error("refused", extra={"reason": str(refusal)})  # noqa: TRY400
        return "Failed"
    except Exception:
        # An unexpected error must also keep requests away from the version.
        logger.exception("failed")
        return "Failed"
    logger.info("passed", extra={"golden_rows": rows, "version": settings.new_version})
    return "Succeeded"
