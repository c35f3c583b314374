"""A function in a container of Lambda's image, called over HTTP."""

from __future__ import annotations

import http.client
import json
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final

from infra.local.emulator import FunctionError, encoded_event

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIRECTLY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_GRACE_SECONDS: Final = 30
"""Beyond the function's own timeout, which the emulator keeps: for the start."""


class RemoteFunction:
    """One execution environment, and so one call at a time.

    Parameters
    ----------
    address : str
        Where its emulator listens.
    timeout_seconds : int
        The function's.
    """

    def __init__(self, address: str, timeout_seconds: int) -> None:
        self._url = f"{address}/2015-03-31/functions/function/invocations"
        self._patience_seconds = timeout_seconds + _GRACE_SECONDS
        # A second invocation at the same time would crash the emulator.
        self._one_at_a_time = threading.Lock()

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """Return the handler's answer to one event.

        Raises
        ------
        FunctionError
            If the handler raised, ran out of time or died, or nothing answers.
        """
        with self._one_at_a_time:
            try:
                with _DIRECTLY.open(self._url, encoded_event(event), self._patience_seconds) as response:
                    text = response.read().decode()
            except urllib.error.HTTPError as error:
                raise FunctionError(error.read().decode()) from error
            except (OSError, http.client.HTTPException) as error:
                raise FunctionError(f"Nothing answers at {self._url} ({type(error).__name__}).") from error
        try:
            answer = json.loads(text)
        except ValueError as error:  # A timeout is told in plain text.
            raise FunctionError(text) from error
        if isinstance(answer, dict) and "errorType" in answer:
            raise FunctionError(text)
        return answer
