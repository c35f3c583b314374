"""What the benchmarks share: figures of repeated runs, Markdown tables, and calls in a fresh process."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figure:
    """The median, the smallest and the largest value of one quantity over all rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def from_values(cls, values: Iterable[float]) -> Self:
        """Summarise the values of the rounds."""
        known = list(values)
        return cls(median(known), min(known), max(known))

    @classmethod
    def from_rounds(cls, rounds: Iterable[Mapping[str, float]], name: str) -> Self:
        """Summarise the quantity `name` of the rounds."""
        return cls.from_values(found[name] for found in rounds)

    def text(self, decimals: int) -> str:
        """Return the median, followed by the range in parentheses."""
        return f"{self.median:,.{decimals}f} ({self.low:,.{decimals}f} to {self.high:,.{decimals}f})"


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table without a final newline."""
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *rows])


def seconds_of(call: Callable[[], object]) -> float:
    """Call once; return the seconds that the call took."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def call_in_fresh_process(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a new interpreter, which shares neither memory nor settings with this one."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()
