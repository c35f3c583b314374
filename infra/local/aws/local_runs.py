"""The template's state machine on this machine: moto interprets it, the built functions do its tasks."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.local.aws.moto_server import interpreted_state_machines
from infra.local.aws.remote_function import FunctionError
from infra.local.child_process import Service
from infra.local.template_settings import ACCOUNT, REGION, TemplateSettings
from infra.local.tools import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import ExitStack

    from infra.local.aws.local_cloud import LocalCloud

_NO_CODE: Final = b"-"
"""moto never runs the functions, so it needs no zip."""


class LocalRuns(Service):
    """The state machine for backfills; it can be started while the ``with`` block lasts.

    Parameters
    ----------
    cloud : LocalCloud
        Already entered.
    template : TemplateSettings
    invoke : mapping
        For each function's logical id, a callable that takes an event and returns the answer, or raises
        `FunctionError`.
    """

    def __init__(
        self,
        cloud: LocalCloud,
        template: TemplateSettings,
        invoke: Mapping[str, Callable[[dict[str, Any]], Any]],
    ) -> None:
        self._cloud = cloud
        self._template = template
        self._invoke = invoke
        # It warns of what it can't interpret; docs/backfill.md names the differences from AWS.
        logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)

    def start(self, stack: ExitStack) -> None:
        stack.enter_context(interpreted_state_machines(self._cloud.address, self._answer))
        self._create()

    def _create(self) -> None:
        role = self._cloud.client("iam").create_role(RoleName="local", AssumeRolePolicyDocument="{}")
        arn = role["Role"]["Arn"]
        functions = self._cloud.client("lambda")
        for name in self._invoke:
            functions.create_function(
                FunctionName=self._function_name(name),
                Role=arn,
                Runtime="python3.13",
                Handler=self._template.function(name).handler,
                Code={"ZipFile": _NO_CODE},
            )
        declared = self._template.properties("BackfillMachine")
        self._cloud.client("stepfunctions").create_state_machine(
            name=declared["Name"], definition=self._definition(declared), roleArn=arn
        )

    def _function_name(self, resource: str) -> str:
        """Return a function's name in the template, or else its logical id."""
        return str(self._template.properties(resource).get("FunctionName", resource))

    def _definition(self, declared: dict[str, Any]) -> str:
        text = Path(REPOSITORY, declared["DefinitionUri"]).read_text(encoding="utf-8")
        for name, value in declared["DefinitionSubstitutions"].items():
            written = value
            if name.endswith("Arn"):
                # The value is a function's logical id, or that of its alias with a suffix.
                function = self._function_name(value.partition(".")[0])
                written = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
            text = text.replace(f"${{{name}}}", written)
        return text

    def _answer(self, function_name: str, event: dict[str, Any]) -> tuple[str, bool]:
        """Return a function's answer as JSON text, and whether it is an error."""
        (invoke,) = [
            invoke for name, invoke in self._invoke.items() if self._function_name(name) == function_name
        ]
        try:
            return json.dumps(invoke(event)), False
        except FunctionError as error:
            return json.dumps(_error_answer(error)), True


def _error_answer(error: FunctionError) -> dict[str, Any]:
    """Return type and message of a function's error in Lambda's form."""
    # The log follows the first line.
    first = str(error).partition("\n")[0]
    try:
        answer = json.loads(first)
        return {"errorType": answer["errorType"], "errorMessage": answer["errorMessage"]}
    except (ValueError, KeyError, TypeError):
        # The function timed out, or its environment has ended.
        return {"errorType": "Lambda.Unknown", "errorMessage": first}
