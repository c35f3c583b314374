"""Errors as problem details (RFC 9457), mapped from typed exceptions in this one place.

No answer and no log line holds a value of the request: values are customers' data.
"""

from __future__ import annotations

import json
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.metrics import MetricUnit

from churn_core.errors import BundleError, InvalidRecordsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools import Logger, Metrics
    from aws_lambda_powertools.event_handler import ApiGatewayResolver

CONTENT_TYPE = "application/problem+json"


class InvalidBodyError(Exception):
    """The request's body is no JSON."""


class NotAnObjectError(Exception):
    """The request's body is JSON, but no object."""


class ProblemAnswers:
    """Answers a resolver's errors as problem details.

    Parameters
    ----------
    app : ApiGatewayResolver
        The resolver whose routes may raise.
    logger : Logger
        Told of errors that are ours, not the caller's.
    metrics : Metrics
        Counts them, since an answered error is none in Lambda's own metrics.
    """

    def __init__(self, app: ApiGatewayResolver, logger: Logger, metrics: Metrics) -> None:
        self._app = app
        self._logger = logger
        self._metrics = metrics

    def register(self) -> None:
        """Make the resolver answer through this object; the most derived type of an error decides."""
        handlers: list[tuple[type[Exception], Callable[[Any], Response[str]]]] = [
            (InvalidBodyError, self._invalid_body),
            (NotAnObjectError, self._not_an_object),
            (InvalidRecordsError, self._invalid_records),
            (BundleError, self._model_unavailable),
            (NotFoundError, self._not_found),
            (Exception, self._internal_error),
        ]
        for kind, handler in handlers:
            self._app.exception_handler(kind)(handler)

    def _invalid_body(self, _: InvalidBodyError) -> Response[str]:
        return self._problem(
            HTTPStatus.BAD_REQUEST, "invalid-json", "The body must be one JSON object in UTF-8."
        )

    def _not_an_object(self, _: NotAnObjectError) -> Response[str]:
        return self._problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "validation",
            "The body must be a JSON object: column names and their values.",
            [{"loc": [], "code": "wrong_type"}],
        )

    def _invalid_records(self, error: InvalidRecordsError) -> Response[str]:
        return self._problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "validation",
            "The customer does not fit the model's data contract; mend the places named in errors.",
            [{"loc": [fault.column], "code": fault.code} for fault in error.faults],
        )

    def _model_unavailable(self, error: BundleError) -> Response[str]:
        self._logger.error("The model can't be used", extra={"reason": str(error)})
        self._metrics.add_metric("ModelUnavailable", MetricUnit.Count, 1)
        return self._problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "model-unavailable", "No model can be used at present; try later."
        )

    def _not_found(self, _: NotFoundError) -> Response[str]:
        return self._problem(
            HTTPStatus.NOT_FOUND, "not-found", "There is POST /predict and GET /health, nothing else."
        )

    def _internal_error(self, error: Exception) -> Response[str]:
        # The last resort: a defect of ours must not become an opaque 502. Its message is left out, because
        # messages of other libraries may quote the value that they stumbled over.
        self._logger.error(
            "Unexpected error",
            extra={"error": type(error).__name__, "frames": traceback.format_tb(error.__traceback__)},
        )
        self._metrics.add_metric("InternalErrors", MetricUnit.Count, 1)
        return self._problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "The request failed on our side; it was logged."
        )

    def _problem(
        self, status: HTTPStatus, kind: str, detail: str, errors: list[dict[str, Any]] | None = None
    ) -> Response[str]:
        content: dict[str, Any] = {
            "type": f"urn:churn:problem:{kind}",
            "title": status.phrase,
            "status": status.value,
            "detail": detail,
            "instance": self._app.lambda_context.aws_request_id,
        }
        if errors is not None:
            content["errors"] = errors
        return Response(status_code=status.value, content_type=CONTENT_TYPE, body=json.dumps(content))
