"""Waiting in tests ends with a result, or when nothing changes any more."""

from __future__ import annotations

import itertools
import time

import pytest

from tests.waiting import wait_for


def test_a_wait_lasts_as_long_as_there_is_progress() -> None:
    started, steps = time.monotonic(), itertools.count()

    def is_over() -> bool:
        return time.monotonic() - started > 0.6

    assert wait_for(is_over, progress=lambda: next(steps), no_progress_seconds=0.3)


def test_a_wait_without_progress_fails_and_names_the_last_state() -> None:
    with pytest.raises(AssertionError, match=r"nothing has changed.*'three parts'"):
        wait_for(lambda: None, progress=lambda: "three parts", no_progress_seconds=0.1)
