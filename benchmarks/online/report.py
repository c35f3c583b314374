"""The tables of a run, as Markdown."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.online.cold_start import WANTED_RATIO
from benchmarks.online.handler_time import PARTS, WANTED_MORE_MILLISECONDS, WANTED_TIMES_JSON
from benchmarks.online.http_load import CONNECTIONS, MANY_CLIENTS, TOLERANCE
from benchmarks.online.peers import OURS
from benchmarks.online.rounds import Figure
from benchmarks.online.strictness import CASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.online.cold_start import ColdStart
    from benchmarks.online.handler_time import HandlerTime
    from benchmarks.online.http_load import PeerResult
    from benchmarks.online.load_generator import Load

_PARTS_SHOWN: Final = (1, 1_000)


def heading(family: str) -> str:
    """Say when, where and with which model was measured."""
    return (
        f"# The online API beside its peers, as measured\n\n"
        f"Written by `make bench-online` on {datetime.datetime.now(datetime.UTC):%Y-%m-%d}: {_processor()},"
        f" {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()},"
        f" model `{family}`. A figure is the median of the rounds, with the smallest and the largest behind"
        f" it; a ratio is taken round by round. `README.md` says what each means."
    )


def _processor() -> str:
    """Return the processor's kind in general terms."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip().split(" @")[0]
    return platform.machine()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _verdict(met: bool, wanted: str) -> str:
    return f"Wanted: {wanted}: {'met' if met else 'missed'}."


def cold_start_section(cold: ColdStart) -> str:
    """Tell how long the first answer takes."""
    table = _table(
        [f"Python {cold.python}, the built function's own packages", "ms", "times the floor"],
        [
            ["first answer, under the runtime emulator", cold.first_answer.text(0), cold.ratio.text(2)],
            ["of that, the start as the emulator reports it", cold.init_report.text(0), ""],
            ["the floor: import onnxruntime, load the session", cold.floor.text(0), "1"],
            ["of that, import numpy", cold.numpy.text(0), ""],
        ],
    )
    met = cold.ratio.median <= WANTED_RATIO
    return f"## Cold start\n\n{table}\n\n{_verdict(met, f'at most {WANTED_RATIO} times the floor')}"


def handler_section(times: Sequence[HandlerTime]) -> str:
    """Tell what a warm request takes, and where that goes."""
    table = _table(
        [
            *("customers", "handler, ms", "`session.run`, ms", "`json.loads`, ms"),
            *("beyond `session.run`, ms", "that by `json.loads`"),
        ],
        [
            [
                f"{time.customers:,}",
                *(figure.text(3) for figure in (time.handler, time.session_run, time.json_loads)),
                time.beyond.text(3),
                time.times_json.text(1),
            ]
            for time in times
        ],
    )
    parts = _table(
        ["customers", *(f"{part.lower()}, ms" for part in PARTS)],
        [
            [f"{time.customers:,}", *(f"{time.parts[part].median:.3f}" for part in PARTS)]
            for time in times
            if time.customers in _PARTS_SHOWN
        ],
    )
    one = next(time for time in times if time.customers == _PARTS_SHOWN[0])
    many = next(time for time in times if time.customers == _PARTS_SHOWN[-1])
    verdicts = [
        _verdict(
            one.beyond.median <= WANTED_MORE_MILLISECONDS,
            f"one customer at most {WANTED_MORE_MILLISECONDS} ms beyond `session.run`",
        ),
        _verdict(
            many.times_json.median <= WANTED_TIMES_JSON,
            f"1,000 customers at most {WANTED_TIMES_JSON:.0f} times `json.loads` beyond `session.run`",
        ),
    ]
    return (
        f"## Warm handler\n\n{table}\n\n{' '.join(verdicts)}\n\nWhere it goes (`score` has"
        f" `session.run` in it; `rest` is resolver, metrics and logger):\n\n{parts}"
    )


def peers_section(results: Sequence[PeerResult]) -> str:
    """Tell requests a second and latencies, and what each contender takes and returns."""
    ours = next(result for result in results if result.peer is OURS)
    sections = ["## Over HTTP"]
    for connections in CONNECTIONS:
        rows = [_load_row(result, ours, connections) for result in results]
        head = ["server", "requests/s", "`churn serve` by it", "p50, ms", "it by `churn serve`", "p99, ms"]
        title = f"{connections} connection{'s' if connections > 1 else ''}, kept alive:"
        sections.append(f"{title}\n\n{_table(head, rows)}")
    others = [result for result in results if result is not ours and not result.failure]
    ahead = all(_is_ahead(ours, other, connections) for other in others for connections in CONNECTIONS)
    sections.append(_verdict(ahead, "ahead of every peer in requests/s and p50"))
    sections.append(_strictness_table(results))
    return "\n\n".join(sections)


def _failed(result: PeerResult, connections: int) -> int:
    return sum(load.failed for load in result.loads.get(connections, []))


def _load_row(result: PeerResult, ours: PeerResult, connections: int) -> list[str]:
    name = result.peer.name
    if result.failure:
        return [name, f"not measured: {result.failure.splitlines()[0]}", "", "", "", ""]
    if failed := _failed(result, connections):
        return [name, f"void: {failed:,} requests failed", "", "", "", ""]
    loads = result.loads[connections]
    pairs = list(zip(ours.loads[connections], loads, strict=True))
    return [
        name,
        Figure.of(load.requests_per_second for load in loads).text(0),
        Figure.of(own.requests_per_second / load.requests_per_second for own, load in pairs).text(2),
        Figure.of(load.p50 for load in loads).text(2),
        Figure.of(load.p50 / own.p50 for own, load in pairs).text(2),
        Figure.of(load.p99 for load in loads).text(1),
    ]


def _is_ahead(ours: PeerResult, other: PeerResult, connections: int) -> bool:
    if _failed(ours, connections):
        return False
    if _failed(other, connections):
        return True
    pairs = list(zip(ours.loads[connections], other.loads[connections], strict=True))
    return (
        Figure.of(own.requests_per_second / load.requests_per_second for own, load in pairs).median > 1
        and Figure.of(load.p50 / own.p50 for own, load in pairs).median > 1
    )


def _strictness_table(results: Sequence[PeerResult]) -> str:
    rows = [
        [
            result.peer.name,
            result.versions,
            f"`POST {result.peer.shape.path}`",
            result.peer.returns,
            f"{result.largest_difference:.1e}",
            f"{len(result.accepted)} of {len(CASES)}",
            ", ".join(result.accepted) + (f"; 5xx for {', '.join(result.failed)}" if result.failed else ""),
        ]
        for result in results
        if not result.failure
    ]
    head = ["server", "versions", "route", "returns", "largest difference of a score"]
    return (
        f"Scores agreed within {TOLERANCE:.0e} before anything was measured. Ten wrong customers were sent to"
        f" each:\n\n{_table([*head, 'scores the wrong', 'which'], rows)}"
    )


def many_clients_section(load: Load) -> str:
    """Tell how the product alone fares with many clients."""
    return (
        f"## {MANY_CLIENTS} clients at once\n\n`churn serve`: {load.requests:,} requests,"
        f" {load.failed:,} failed, {load.requests_per_second:,.0f} a second, p50 {load.p50:.1f} ms,"
        f" p99 {load.p99:.1f} ms, longest {load.longest:.1f} ms.\n\n"
        f"{_verdict(load.failed == 0, 'no request fails')}"
    )
