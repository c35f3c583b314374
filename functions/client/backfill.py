"""Start, watch and resume backfill runs of a deployed stack."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from churn_core.errors import ChurnError

if TYPE_CHECKING:
    from collections.abc import Callable

RUNNING: Final = "RUNNING"
SUCCEEDED: Final = "SUCCEEDED"
_LAST_STEP_ERRORS: Final = ("IncompleteRunError", "UnbalancedRunError")
"""A redrive repeats only the failed step, so after these errors it would fail again."""
_MAX_ATTEMPTS: Final = 1_000
_LAG_SECONDS: Final = 15
"""Step Functions is eventually consistent: descriptions may be this old."""


class BackfillError(ChurnError):
    """A run can't be started, or has failed."""


@dataclass(frozen=True, slots=True)
class StackMachine:
    """The resources of a stack that a run needs.

    Attributes
    ----------
    function : str
        Name of the backfill function.
    machine : str
        The state machine's ARN.
    """

    function: str
    machine: str

    @property
    def executions(self) -> str:
        """Prefix of the ARNs of its executions."""
        return self.machine.replace(":stateMachine:", ":execution:") + ":"


def stack_machine(stack: str, sts: Any) -> StackMachine:
    """Return a stack's resources by the names that the template gives them."""
    caller = sts.get_caller_identity()
    partition = caller["Arn"].split(":")[1]
    place = f"{sts.meta.region_name}:{caller['Account']}"
    return StackMachine(f"{stack}-backfill", f"arn:{partition}:states:{place}:stateMachine:{stack}-backfill")


class Backfill:
    """The runs of one stack.

    Parameters
    ----------
    functions, states : client
        boto3's of Lambda and Step Functions.
    machine : StackMachine
    wait : callable
        Waits for a number of seconds.
    """

    def __init__(
        self,
        functions: Any,
        states: Any,
        machine: StackMachine,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._functions = functions
        self._states = states
        self._machine = machine
        self._wait = wait

    def step(self, name: str, run: dict[str, Any]) -> dict[str, Any]:
        """Call the backfill function for one step.

        Raises
        ------
        BackfillError
            If the function does not exist, or the step fails.
        """
        try:
            answer = self._functions.invoke(
                FunctionName=self._machine.function,
                Payload=json.dumps({"step": name, "run": run}).encode(),
            )
        except self._functions.exceptions.ResourceNotFoundException as error:
            raise BackfillError(
                f"There is no function {self._machine.function}; name your stack with --stack."
            ) from error
        result: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise BackfillError(_error_message(result))
        return result

    def launch(self, planned: dict[str, Any]) -> str:
        """Start or resume a planned run; return the ARN of its execution.

        A running execution is joined. A failed one is redriven, which keeps its finished parts. If it can't
        be redriven, a new execution starts, which finds the finished parts' outputs.

        Raises
        ------
        BackfillError
            If there were too many executions.
        """
        last = self._last_execution(planned["run_id"])
        if last is None:
            return self._start(planned, 1)
        if last["status"] == RUNNING:
            return str(last["executionArn"])
        if _is_redrivable(last) and json.loads(last["input"]) == _execution_input(planned):
            try:
                self._states.redrive_execution(executionArn=last["executionArn"])
            except self._states.exceptions.ExecutionNotRedrivable:
                # Another command redrove it first, or it can no longer be redriven.
                if self.describe(last["executionArn"])["status"] == RUNNING:
                    return str(last["executionArn"])
            else:
                return self._wait_until_described(last["executionArn"], last.get("redriveCount", 0) + 1)
        return self._start(planned, int(last["name"].rpartition("-")[2]) + 1)

    def is_over(self, run_id: str) -> bool:
        """Return whether a run's last execution succeeded, or it has none."""
        last = self._last_execution(run_id)
        return last is None or last["status"] == SUCCEEDED

    def _last_execution(self, run_id: str) -> dict[str, Any] | None:
        last = None
        for number in range(1, _MAX_ATTEMPTS):
            try:
                last = self.describe(f"{self._machine.executions}{run_id}-{number}")
            except self._states.exceptions.ExecutionDoesNotExist:
                return last
        raise BackfillError(
            f"Run {run_id} has had {_MAX_ATTEMPTS - 1} executions, which is the limit; find the cause in the"
            " last one (Step Functions console), then copy the parts to another prefix and start a run there."
        )

    def describe(self, execution: str) -> dict[str, Any]:
        """Describe an execution."""
        description: dict[str, Any] = self._states.describe_execution(executionArn=execution)
        return description

    def _start(self, planned: dict[str, Any], number: int) -> str:
        name = f"{planned['run_id']}-{number}"
        try:
            started = self._states.start_execution(
                stateMachineArn=self._machine.machine,
                name=name,
                input=json.dumps(_execution_input(planned)),
            )
        except self._states.exceptions.ExecutionAlreadyExists:
            # Another command started the same run first, perhaps with another concurrency.
            return f"{self._machine.executions}{name}"
        return self._wait_until_described(started["executionArn"])

    def _wait_until_described(self, execution: str, redrives: int = 0) -> str:
        """Wait until the description of an execution shows its latest start; return its ARN."""
        for _ in range(_LAG_SECONDS):
            with suppress(self._states.exceptions.ExecutionDoesNotExist):
                if self.describe(execution).get("redriveCount", 0) >= redrives:
                    break
            self._wait(1)
        return execution


def _execution_input(planned: dict[str, Any]) -> dict[str, Any]:
    names = ("bucket", "prefix", "run_id", "concurrency", "tolerated_failure_percentage")
    return {name: planned[name] for name in names}


def describe_failure(execution: dict[str, Any]) -> str:
    """Return the reason why an execution failed, from its description."""
    cause = execution.get("cause", "")
    try:
        cause = _error_message(json.loads(cause))
    except ValueError:
        cause = cause or "it was stopped"
    return f"{execution.get('error') or execution['status']}: {cause}"


def _is_redrivable(execution: dict[str, Any]) -> bool:
    return execution.get("redriveStatus") == "REDRIVABLE" and execution.get("error") not in _LAST_STEP_ERRORS


def _error_message(error: Any) -> str:
    """Return the message of a Lambda function's error."""
    return str(error.get("errorMessage") or error) if isinstance(error, dict) else str(error)
