"""The template's state machine on this machine: moto interprets it, the built functions do its tasks.

Moto would run Lambdas in Docker; what it calls for that is replaced as long as the ``with`` block lasts.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import moto.awslambda.models
import moto.core.config

from infra.local.emulator import REPOSITORY, FunctionError
from infra.local.template_settings import ACCOUNT, REGION, TemplateSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from infra.local.local_cloud import LocalCloud

_NOTHING: Final = b"-"
"""Of the functions' code: moto keeps no zip that it never runs."""


class LocalRuns:
    """Runs over prefixes; in use while the ``with`` block lasts.

    Parameters
    ----------
    cloud : LocalCloud
        Running.
    template : TemplateSettings
    invoke : mapping
        By the function's name in the template, what takes an event and returns the answer, or raises
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
        # What it can't do is known here: docs/backfill.md.
        logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._interpret(stack)
            self._create()
            self._undo = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def _interpret(self, stack: ExitStack) -> None:
        """Have moto interpret state machines, and call functions here."""
        settings = moto.core.config.default_user_config["stepfunctions"]
        before = settings["execute_state_machine"]
        stack.callback(settings.__setitem__, "execute_state_machine", before)
        settings["execute_state_machine"] = True
        # By this its interpreter finds its own server.
        stack.callback(os.environ.pop, "MOTO_PORT", None)
        os.environ["MOTO_PORT"] = str(urlsplit(self._cloud.address).port)
        functions: Any = moto.awslambda.models.LambdaFunction
        stack.callback(setattr, functions, "_invoke_lambda", functions._invoke_lambda)
        functions._invoke_lambda = lambda function, event: self._answer(function.function_name, event)

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
                Code={"ZipFile": _NOTHING},
            )
        declared = self._template.properties("BackfillMachine")
        self._cloud.client("stepfunctions").create_state_machine(
            name=declared["Name"], definition=self._definition(declared), roleArn=arn
        )

    def _function_name(self, resource: str) -> str:
        """Return the name that the template gives a function, or the one that CloudFormation might."""
        return str(self._template.properties(resource).get("FunctionName", resource))

    def _definition(self, declared: dict[str, Any]) -> str:
        text = Path(REPOSITORY, declared["DefinitionUri"]).read_text(encoding="utf-8")
        for name, value in declared["DefinitionSubstitutions"].items():
            written = value
            if name.endswith("Arn"):
                # Of what refers to a function or its alias the function's name is left here.
                function = self._function_name(value.partition(".")[0])
                written = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
            text = text.replace(f"${{{name}}}", written)
        return text

    def _answer(self, function_name: str, event: dict[str, Any]) -> tuple[str, bool, str]:
        """Return a function's answer as moto wants it: body, whether it failed, log."""
        (invoke,) = [
            invoke for name, invoke in self._invoke.items() if self._function_name(name) == function_name
        ]
        try:
            return json.dumps(invoke(event)), False, ""
        except FunctionError as error:
            return json.dumps(_told(error)), True, ""


def _told(error: FunctionError) -> dict[str, Any]:
    """Return type and message of a function's error, as Lambda tells them."""
    first = str(error).partition("\n")[0]
    try:
        told = json.loads(first)
        return {"errorType": told["errorType"], "errorMessage": told["errorMessage"]}
    except (ValueError, KeyError, TypeError):
        # It ran out of time, or its environment has gone.
        return {"errorType": "Lambda.Unknown", "errorMessage": first}
