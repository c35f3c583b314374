"""A function behind the HTTP address of a runtime interface emulator, on this machine or in a container."""

from __future__ import annotations

import http.client
import json
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

WITHOUT_PROXY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Opens local addresses; a proxy that the user has set can't reach them."""

_START_SECONDS: Final = 30
"""Time for the function's start, on top of the timeout that the emulator enforces."""


class FunctionError(Exception):
    """The function failed or could not be reached; the message is the whole error answer."""


class RemoteFunction:
    """One execution environment, which takes one call at a time.

    Parameters
    ----------
    address : str
        Where its emulator listens, such as ``http://127.0.0.1:8080``.
    timeout_seconds : int
        The function's own timeout.
    """

    def __init__(self, address: str, timeout_seconds: int) -> None:
        self._url = f"{address}/2015-03-31/functions/function/invocations"
        self._patience_seconds = timeout_seconds + _START_SECONDS
        # The emulator crashes when a second call comes during the first.
        self._call_lock = threading.Lock()

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """Return the handler's answer to one event, whatever JSON it is.

        Raises
        ------
        FunctionError
            If the handler raised, was not found, timed out or died, or nothing answers.
        """
        with self._call_lock:
            try:
                with WITHOUT_PROXY.open(self._url, encoded_event(event), self._patience_seconds) as response:
                    text = response.read().decode()
            except urllib.error.HTTPError as error:
                raise FunctionError(error.read().decode()) from error
            except (OSError, http.client.HTTPException) as error:
                raise FunctionError(f"Nothing answers at {self._url} ({type(error).__name__}).") from error
        try:
            answer = json.loads(text)
        except ValueError as error:  # The emulator reports a timeout as plain text.
            raise FunctionError(text) from error
        if isinstance(answer, dict) and "errorType" in answer:
            raise FunctionError(text)
        return answer


def encoded_event(event: Mapping[str, Any]) -> bytes:
    """Return an event as UTF-8 JSON, whose size in bytes counts against Lambda's limit."""
    try:
        return json.dumps(event, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # Half a surrogate pair can only be written as an escape.
        return json.dumps(event).encode()
