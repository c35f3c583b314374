"""The signals that stop a command."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from churn_core.cli import stopping
from churn_core.cli.stopping import STOP_SIGNALS, stop_signals

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = [signal.getsignal(number) for number in STOP_SIGNALS]
    yield
    for number, handler in zip(STOP_SIGNALS, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_each_signal_interrupts_the_command(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_signals() as stop, pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    assert stop.requested
    assert signal.getsignal(number) == before


def test_a_signal_that_the_shell_ignores_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stop_signals() as stop:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not stop.requested


def test_a_repeated_signal_does_not_cut_the_cleaning_short(monkeypatch: pytest.MonkeyPatch) -> None:
    with stop_signals():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        monkeypatch.setattr(stopping, "_REPEATED_SECONDS", 0.0)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
