"""The entry point of the command ``churn``, which can be stopped while it still imports its commands."""

from __future__ import annotations

import os
import signal
import sys

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _end_at_once(*_: object) -> None:
    """End the process without a traceback; nothing has to be cleaned up before a command runs."""
    os.write(2, b"churn: Interrupted; nothing was written.\n")
    os._exit(130)


def run() -> int:
    """Run one command and return its exit code, as `churn_core.cli.main` does."""
    handled = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in handled:
        signal.signal(number, _end_at_once)
    from churn_core.cli import main

    exit_code = main()
    for number in handled:
        # The command is done; a signal ends the rest of the process without a message.
        signal.signal(number, signal.SIG_DFL)
    return exit_code


if __name__ == "__main__":
    sys.exit(run())
