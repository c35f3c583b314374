"""The simulation of many parts: right where a formula knows the answer, sane where none does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.capacity.simulation import (
    Limits,
    Parts,
    closed_form,
    drawn_losses,
    drawn_rows,
    simulate,
)

DURATIONS = st.lists(st.floats(0.1, 100), min_size=1, max_size=40)
COLD = st.floats(0, 10)


def parts(seconds: list[float], lost: list[list[float]] | None = None, backoff: float = 0.0) -> Parts:
    return Parts(
        rows=np.ones(len(seconds)),
        seconds=np.array(seconds),
        lost=lost or [[] for _ in seconds],
        backoff_seconds=backoff,
    )


@given(count=st.integers(1, 300), concurrency=st.integers(1, 300), cold=COLD)
def test_equal_parts_without_faults_or_limits_take_what_the_closed_form_says(
    count: int, concurrency: int, cold: float
) -> None:
    found = simulate(parts([7.0] * count), Limits(concurrency), cold)
    assert found.makespan == pytest.approx(closed_form(count, 7.0, concurrency, cold))
    assert found.environments == min(count, concurrency)
    assert found.busy_seconds == pytest.approx(7.0 * count + cold * found.environments)


@given(seconds=DURATIONS, concurrency=st.integers(1, 20), cold=COLD, data=st.data())
def test_every_part_is_scored_once_and_never_more_than_allowed_at_a_time(
    seconds: list[float], concurrency: int, cold: float, data: st.DataObject
) -> None:
    lost = [data.draw(st.lists(st.floats(0, 5), max_size=3)) for _ in seconds]
    limits = Limits(concurrency, start_burst=3, starts_per_second=1.5, environments_at_once=2,
                    environments_per_second=0.5)  # fmt: skip
    found = simulate(parts(seconds, lost, backoff=1.0), limits, cold)

    assert len(found.starts) == len(found.ends) == len(seconds)
    assert found.attempts == len(seconds) + sum(map(len, lost))
    assert found.busy_seconds == pytest.approx(sum(seconds) + sum(map(sum, lost)) + cold * found.environments)
    for number, (start, end) in enumerate(zip(found.starts, found.ends, strict=True)):
        waits = 2 ** len(lost[number]) - 1
        least = seconds[number] + sum(lost[number]) + waits
        assert least - 1e-9 <= end - start <= least + cold + 1e-9
        running = sum(
            other_start <= start < other_end
            for other_start, other_end in zip(found.starts, found.ends, strict=True)
        )
        assert running <= concurrency
    assert found.makespan == max(found.ends)
    assert found.makespan >= found.busy_seconds / concurrency - 1e-6


@given(seconds=DURATIONS, concurrency=st.integers(1, 40), more=st.integers(1, 40), cold=COLD, data=st.data())
def test_more_at_a_time_is_never_slower(
    seconds: list[float], concurrency: int, more: int, cold: float, data: st.DataObject
) -> None:
    lost = [data.draw(st.lists(st.floats(0, 5), max_size=2)) for _ in seconds]
    work = parts(seconds, lost, backoff=1.0)
    few = simulate(work, Limits(concurrency), cold)
    many = simulate(work, Limits(concurrency + more), cold)
    assert many.makespan <= few.makespan + 1e-9


@given(seconds=DURATIONS, concurrency=st.integers(1, 20), more=st.integers(1, 20))
def test_more_at_a_time_is_never_slower_where_starts_are_limited(
    seconds: list[float], concurrency: int, more: int
) -> None:
    def makespan(at_a_time: int) -> float:
        limits = Limits(at_a_time, start_burst=2, starts_per_second=0.7, environments_at_once=3,
                        environments_per_second=0.2)  # fmt: skip
        return simulate(parts(seconds), limits).makespan

    assert makespan(concurrency + more) <= makespan(concurrency) + 1e-9


def test_starts_come_in_a_burst_and_then_at_their_rate() -> None:
    found = simulate(parts([1_000.0] * 6), Limits(100, start_burst=3, starts_per_second=2))
    assert found.starts == pytest.approx([0, 0, 0, 0.5, 1.0, 1.5])


def test_environments_come_at_once_and_then_at_their_rate_and_a_warm_one_comes_first() -> None:
    limits = Limits(100, environments_at_once=2, environments_per_second=0.1)
    # Two start at once; the next one could have an environment after ten seconds, and a warm one after four.
    found = simulate(parts([4.0, 30.0, 3.0, 50.0, 1.0]), limits, cold_start_seconds=0.0)
    assert found.starts == pytest.approx([0, 0, 4, 7, 10])
    assert found.environments == 3


def test_a_retry_waits_in_its_place_and_is_billed_without_the_wait() -> None:
    found = simulate(parts([10.0, 10.0], [[4.0, 6.0], []], backoff=2.0), Limits(1), cold_start_seconds=1.0)
    # Start 1, lost 4, wait 2, lost 6, wait 4, scored 10; then the other part.
    assert found.ends == pytest.approx([27, 37])
    assert found.busy_seconds == pytest.approx(31)
    assert found.attempts == 4


def test_nothing_at_a_time_is_refused() -> None:
    with pytest.raises(ValueError, match="At least one part"):
        simulate(parts([1.0]), Limits(0))


@given(rows=st.integers(1, 10**10), count=st.integers(1, 500), seed=st.integers(0, 99))
def test_drawn_parts_hold_all_rows(rows: int, count: int, seed: int) -> None:
    drawn = drawn_rows(rows, count, 0.5, np.random.default_rng(seed))
    assert len(drawn) == count
    assert (drawn > 0).all()
    assert math.fsum(drawn) == pytest.approx(rows)


def test_drawn_parts_spread_as_asked_for() -> None:
    drawn = drawn_rows(10**9, 20_000, 0.5, np.random.default_rng(1))
    assert drawn.std() / drawn.mean() == pytest.approx(0.5, rel=0.05)


def test_losses_come_at_their_rate_and_end_within_the_part() -> None:
    seconds = np.full(20_000, 10.0)
    lost = drawn_losses(seconds, 0.1, 5, np.random.default_rng(1))
    counts = np.array([len(one) for one in lost])
    assert counts.max() <= 4
    # Of those that failed once, a tenth failed again.
    assert (counts >= 1).mean() == pytest.approx(0.1, rel=0.1)
    assert (counts >= 2).mean() == pytest.approx(0.01, rel=0.3)
    assert all(0 <= loss <= 10 for one in lost for loss in one)
    assert drawn_losses(seconds, 0.0, 5, np.random.default_rng(1)) == [[]] * 20_000


def test_the_same_seed_gives_the_same_parts() -> None:
    first, second = (drawn_rows(10**6, 50, 0.5, np.random.default_rng(3)) for _ in range(2))
    assert (first == second).all()
