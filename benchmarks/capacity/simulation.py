"""Many parts through one function: a simulation of who works when, event by event.

The next environment that comes free, or may be started, takes the next part in order (list scheduling). An
environment's first part waits for its start. An attempt that fails is tried again in the same place after a
wait, as a child execution of a Distributed Map keeps its place while it retries.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds the work back; without arguments beyond the first, nothing does.

    Attributes
    ----------
    concurrency : int
        Parts at a time.
    start_burst, starts_per_second : float
        Bucket of tokens and its refill; each part's first attempt takes one.
    environments_at_once, environments_per_second : float
        The same for new environments.
    """

    concurrency: int
    start_burst: float = math.inf
    starts_per_second: float = math.inf
    environments_at_once: float = math.inf
    environments_per_second: float = math.inf


@dataclass(frozen=True, slots=True)
class Parts:
    """The work, with all chance in it: drawn by part, so that it is the same at every concurrency.

    Attributes
    ----------
    rows : array of float, shape (parts,)
    seconds : array of float, shape (parts,)
        Of an attempt that succeeds.
    lost : list of list of float
        Seconds of each part's attempts that fail, in order.
    backoff_seconds : float
        Before the first retry; doubled with each.
    """

    rows: Floats
    seconds: Floats
    lost: list[list[float]]
    backoff_seconds: float = 0.0


@dataclass(slots=True)
class Schedule:
    """What came of it.

    Attributes
    ----------
    makespan : float
        Seconds from the start to the end of the last part.
    busy_seconds : float
        Of all environments, their starts and failed attempts included: what is billed.
    attempts, environments : int
    starts, ends : list of float
        By part.
    """

    makespan: float = 0.0
    busy_seconds: float = 0.0
    attempts: int = 0
    environments: int = 0
    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)


class _Bucket:
    """Tokens that are taken one at a time, in order of time."""

    def __init__(self, size: float, per_second: float) -> None:
        self._size = size
        self._per_second = per_second
        self._tokens = size
        self._at = 0.0

    def next_time(self, wanted: float) -> float:
        """Return when a token can be had, not before the time that is wanted."""
        if math.isinf(self._size):
            return wanted
        tokens = min(self._size, self._tokens + max(0.0, wanted - self._at) * self._per_second)
        if tokens >= 1:
            return max(wanted, self._at)
        return max(wanted, self._at) + (1 - tokens) / self._per_second

    def take(self, at: float) -> None:
        """Take the token that `next_time` has promised."""
        if not math.isinf(self._size):
            self._tokens = min(self._size, self._tokens + (at - self._at) * self._per_second) - 1
            self._at = at


def simulate(parts: Parts, limits: Limits, cold_start_seconds: float = 0.0) -> Schedule:
    """Work through all parts.

    Parameters
    ----------
    parts : Parts
    limits : Limits
    cold_start_seconds : float
        What an environment takes before its first part.

    Raises
    ------
    ValueError
        If nothing may run at a time.
    """
    if limits.concurrency < 1:
        raise ValueError("At least one part must be allowed at a time.")
    schedule = Schedule()
    free: list[float] = []
    starts = _Bucket(limits.start_burst, limits.starts_per_second)
    environments = _Bucket(limits.environments_at_once, limits.environments_per_second)
    for seconds, lost in zip(parts.seconds.tolist(), parts.lost, strict=True):
        may_start = starts.next_time(schedule.starts[-1] if schedule.starts else 0.0)
        at, is_new = _place(free, environments, may_start, limits.concurrency)
        starts.take(at)
        cold = 0.0
        if is_new:
            environments.take(at)
            schedule.environments += 1
            cold = cold_start_seconds
        else:
            heapq.heappop(free)
        waited = sum(parts.backoff_seconds * 2**number for number in range(len(lost)))
        worked = cold + math.fsum(lost) + seconds
        heapq.heappush(free, at + worked + waited)
        schedule.starts.append(at)
        schedule.ends.append(at + worked + waited)
        schedule.busy_seconds += worked
        schedule.attempts += 1 + len(lost)
    schedule.makespan = max(schedule.ends, default=0.0)
    return schedule


def _place(
    free: list[float], environments: _Bucket, may_start: float, concurrency: int
) -> tuple[float, bool]:
    """Return when the next part starts, and whether in a new environment; a warm one comes first."""
    warm = max(free[0], may_start) if free else math.inf
    if warm == may_start or len(free) == concurrency:
        return warm, False
    new = environments.next_time(may_start)
    return (warm, False) if warm <= new else (new, True)


def closed_form(parts: int, seconds: float, concurrency: int, cold_start_seconds: float = 0.0) -> float:
    """Return the makespan of equal parts where nothing fails and nothing limits starts."""
    return cold_start_seconds + math.ceil(parts / concurrency) * seconds


def drawn_rows(rows: int, parts: int, spread: float, random: np.random.Generator) -> Floats:
    """Return the rows of each part, log-normal about their mean, all rows together as asked for.

    Parameters
    ----------
    rows, parts : int
    spread : float
        Standard deviation by mean.
    random : numpy.random.Generator

    Returns
    -------
    array of float, shape (parts,)
    """
    sigma = math.sqrt(math.log1p(spread**2))
    weights = random.lognormal(0.0, sigma, parts)
    return np.asarray(rows * weights / weights.sum(), dtype=np.float64)


def drawn_losses(
    seconds: Floats, failure_rate: float, attempts: int, random: np.random.Generator
) -> list[list[float]]:
    """Return the seconds of each part's failed attempts; each ends at a random moment of its way.

    Parameters
    ----------
    seconds : array of float, shape (parts,)
        Of an attempt that succeeds.
    failure_rate : float
        By attempt; the last one that is allowed succeeds.
    attempts : int
        At most.
    random : numpy.random.Generator
    """
    fails = random.random((len(seconds), attempts - 1)) < failure_rate
    reached = random.random(fails.shape)
    # Only those before the first success count.
    counts = np.cumprod(fails, axis=1).sum(axis=1).astype(int)
    return [
        (whole * row[:count]).tolist() for whole, row, count in zip(seconds, reached, counts, strict=True)
    ]
