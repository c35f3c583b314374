"""Runs over whole prefixes, from outside: started, watched, taken up again."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from churn_core.errors import ChurnError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNNING: Final = "RUNNING"
SUCCEEDED: Final = "SUCCEEDED"
_NOT_AGAIN: Final = ("IncompleteRunError", "UnbalancedRunError")
"""Errors of the last step alone, which a redrive would only repeat."""
_MOST_ATTEMPTS: Final = 1_000
_LAG_SECONDS: Final = 15
"""For which Step Functions may still describe executions as they were before."""


class BackfillError(ChurnError):
    """A run can't be started, or has failed."""


@dataclass(frozen=True, slots=True)
class StackMachine:
    """A stack's parts that a run needs.

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
        """How the ARNs of its executions begin."""
        return self.machine.replace(":stateMachine:", ":execution:") + ":"


def machine_of(stack: str, sts: Any) -> StackMachine:
    """Return the parts of a stack, by the names that the template gives them."""
    caller = sts.get_caller_identity()
    partition = caller["Arn"].split(":")[1]
    place = f"{sts.meta.region_name}:{caller['Account']}"
    return StackMachine(f"{stack}-backfill", f"arn:{partition}:states:{place}:stateMachine:{stack}-backfill")


class Backfill:
    """One stack's runs.

    Parameters
    ----------
    functions, states : client
        boto3's of Lambda and Step Functions.
    machine : StackMachine
    wait : callable
        Waits for that many seconds.
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
        """Have the backfill function do a step.

        Raises
        ------
        BackfillError
            If there is no such function, or the step fails.
        """
        try:
            answer = self._functions.invoke(
                FunctionName=self._machine.function,
                Payload=json.dumps({"step": name, "run": run}).encode(),
            )
        except self._functions.exceptions.ResourceNotFoundException as error:
            raise BackfillError(
                f"There is no function {self._machine.function}; name another stack with --stack."
            ) from error
        told = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise BackfillError(_sentence(told))
        result: dict[str, Any] = told
        return result

    def launch(self, planned: dict[str, Any]) -> str:
        """Have a planned run going; return the ARN of its execution.

        One that runs is taken as it is; one that has failed is redriven, so that what it had done is not
        done again; where that can't be, another attempt is started, which finds what was done.

        Raises
        ------
        BackfillError
            If there were too many attempts.
        """
        last = self._last(planned["run_id"])
        if last is None:
            return self._start(planned, 1)
        if last["status"] == RUNNING:
            return str(last["executionArn"])
        if _can_be_redriven(last) and json.loads(last["input"]) == _input_of(planned):
            try:
                self._states.redrive_execution(executionArn=last["executionArn"])
            except self._states.exceptions.ExecutionNotRedrivable:
                # Somebody else was quicker, or its time was over just now.
                if self.describe(last["executionArn"])["status"] == RUNNING:
                    return str(last["executionArn"])
            else:
                return self._seen(last["executionArn"], last.get("redriveCount", 0) + 1)
        return self._start(planned, int(last["name"].rpartition("-")[2]) + 1)

    def is_over(self, run_id: str) -> bool:
        """Whether a run's last execution, if it had one, has come to its good end."""
        last = self._last(run_id)
        return last is None or last["status"] == SUCCEEDED

    def _last(self, run_id: str) -> dict[str, Any] | None:
        last = None
        for attempt in self._attempts(run_id):
            last = attempt
        return last

    def describe(self, execution: str) -> dict[str, Any]:
        """Describe an execution."""
        told: dict[str, Any] = self._states.describe_execution(executionArn=execution)
        return told

    def _attempts(self, run_id: str) -> Iterator[dict[str, Any]]:
        """Describe the executions of a run, the first one first."""
        for number in range(1, _MOST_ATTEMPTS):
            try:
                yield self.describe(f"{self._machine.executions}{run_id}-{number}")
            except self._states.exceptions.ExecutionDoesNotExist:
                return
        raise BackfillError(f"Run {run_id} was tried {_MOST_ATTEMPTS - 1} times; see why it fails.")

    def _start(self, planned: dict[str, Any], number: int) -> str:
        name = f"{planned['run_id']}-{number}"
        try:
            started = self._states.start_execution(
                stateMachineArn=self._machine.machine,
                name=name,
                input=json.dumps(_input_of(planned)),
            )
        except self._states.exceptions.ExecutionAlreadyExists:
            # Somebody else was quicker, with another concurrency maybe; it is the same run.
            return f"{self._machine.executions}{name}"
        return self._seen(started["executionArn"])

    def _seen(self, execution: str, redrives: int = 0) -> str:
        """Wait until an execution is described as it was begun just now; descriptions may lag."""
        for _ in range(_LAG_SECONDS):
            try:
                told = self.describe(execution)
            except self._states.exceptions.ExecutionDoesNotExist:
                told = None
            if told is not None and told.get("redriveCount", 0) >= redrives:
                break
            self._wait(1)
        return execution


def _input_of(planned: dict[str, Any]) -> dict[str, Any]:
    names = ("bucket", "prefix", "run_id", "concurrency", "tolerated_failure_percentage")
    return {one: planned[one] for one in names}


def failure(told: dict[str, Any]) -> str:
    """Say in a sentence why an execution ended without success."""
    cause = told.get("cause", "")
    try:
        cause = _sentence(json.loads(cause))
    except ValueError:
        cause = cause or "it was stopped"
    return f"{told.get('error') or told['status']}: {cause}"


def _can_be_redriven(told: dict[str, Any]) -> bool:
    return told.get("redriveStatus") == "REDRIVABLE" and told.get("error") not in _NOT_AGAIN


def _sentence(told: Any) -> str:
    return str(told.get("errorMessage") or told) if isinstance(told, dict) else str(told)
