"""The tables of a run, as Markdown."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import Figure, markdown_table
from benchmarks.online.cold_start import WANTED_RATIO
from benchmarks.online.handler_time import PARTS, WANTED_MORE_MILLISECONDS, WANTED_TIMES_JSON
from benchmarks.online.http_load import CONNECTIONS, MANY_CLIENTS, TOLERANCE
from benchmarks.online.peers import OURS
from benchmarks.online.strictness import CASES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.online.http_load import PeerResult
    from benchmarks.online.load_generator import Load

    Rounds = list[dict[str, float]]


def heading(family: str) -> str:
    """Return the title, the date, the machine and the model."""
    return (
        f"# The online API compared with other servers\n\n"
        f"Written by `make bench-online` on {datetime.datetime.now(datetime.UTC):%Y-%m-%d}: {_processor()},"
        f" {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()},"
        f" model `{family}`. A figure is the median of the rounds, followed by the smallest and the largest;"
        f" a ratio is computed for each round. `README.md` explains each figure."
    )


def _processor() -> str:
    """Return the processor's kind in general terms."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip().split(" @")[0]
    return platform.machine()


def _verdict(met: bool, target: str) -> str:
    return f"Target: {target}: {'met' if met else 'missed'}."


def cold_start_section(python: str, rounds: Rounds) -> str:
    """Report the time to the first answer."""
    found = {name: Figure.from_rounds(rounds, name) for name in rounds[0]}
    answer = found["first_answer"].text(0)
    table = markdown_table(
        [f"Python {python}, the built function's own packages", "ms", "times the floor"],
        [
            ["first answer, under the runtime emulator", answer, found["ratio"].text(2)],
            ["of that, the start as the emulator reports it", found["init_report"].text(0), ""],
            ["the floor: import onnxruntime, load the session", found["floor"].text(0), "1"],
            ["of that, import numpy", found["numpy"].text(0), ""],
        ],
    )
    met = found["ratio"].median <= WANTED_RATIO
    return f"## Cold start\n\n{table}\n\n{_verdict(met, f'at most {WANTED_RATIO} times the floor')}"


def handler_section(rounds: Mapping[int, Rounds]) -> str:
    """Report the time of a warm request and of its parts."""
    found = {
        size: {name: Figure.from_rounds(runs, name) for name in runs[0]} for size, runs in rounds.items()
    }
    times = ("handler", "session_run", "json_loads", "beyond")
    table = markdown_table(
        [
            *("customers", "handler, ms", "`session.run`, ms", "`json.loads`, ms"),
            *("handler - `session.run`, ms", "that / `json.loads`"),
        ],
        [
            [f"{size:,}", *(figures[name].text(3) for name in times), figures["times_json"].text(1)]
            for size, figures in found.items()
        ],
    )
    few, many = min(found), max(found)
    parts = markdown_table(
        ["customers", *(f"{part.lower()}, ms" for part in PARTS)],
        [[f"{size:,}", *(f"{found[size][part].median:.3f}" for part in PARTS)] for size in (few, many)],
    )
    verdicts = [
        _verdict(
            found[few]["beyond"].median <= WANTED_MORE_MILLISECONDS,
            f"{few} customer at most {WANTED_MORE_MILLISECONDS} ms more than `session.run`",
        ),
        _verdict(
            found[many]["times_json"].median <= WANTED_TIMES_JSON,
            f"{many:,} customers, without `session.run`, at most {WANTED_TIMES_JSON:.0f} times `json.loads`",
        ),
    ]
    return (
        f"## Warm handler\n\n{table}\n\n{' '.join(verdicts)}\n\nParts of the handler's time (`score` includes"
        f" `session.run`; `rest` is resolver, metrics and logger):\n\n{parts}"
    )


def peers_section(results: Sequence[PeerResult]) -> str:
    """Report requests per second, latencies, answers, and which wrong customers each contender scores."""
    ours = next(result for result in results if result.peer is OURS)
    sections = ["## Over HTTP"]
    head = ["server", "requests/s", "`churn serve` / it", "p50, ms", "it / `churn serve`", "p99, ms"]
    for connections in CONNECTIONS:
        rows = [_load_row(result, ours, connections) for result in results]
        title = f"{connections} connection{'s' if connections > 1 else ''}, kept alive:"
        sections.append(f"{title}\n\n{markdown_table(head, rows)}")
    others = [result for result in results if result is not ours and not result.failure]
    ahead = all(_is_ahead(ours, other, connections) for other in others for connections in CONNECTIONS)
    sections.append(_verdict(ahead, "ahead of every peer in requests/s and p50"))
    sections.append(_answers_table(results))
    return "\n\n".join(sections)


def _ratios(ours: PeerResult, other: PeerResult, connections: int) -> tuple[Figure, Figure]:
    """Return our requests per second divided by the other's, and the other's p50 divided by ours."""
    pairs = list(zip(ours.loads[connections], other.loads[connections], strict=True))
    return (
        Figure.from_values(own.requests_per_second / load.requests_per_second for own, load in pairs),
        Figure.from_values(load.p50 / own.p50 for own, load in pairs),
    )


def _load_row(result: PeerResult, ours: PeerResult, connections: int) -> list[str]:
    name = result.peer.name
    if result.failure:
        return [name, f"not measured: {result.failure.splitlines()[0]}", "", "", "", ""]
    if failed := result.failed_requests(connections):
        return [name, f"void: {failed:,} requests failed", "", "", "", ""]
    loads = result.loads[connections]
    throughput, latency = _ratios(ours, result, connections)
    return [
        name,
        Figure.from_values(load.requests_per_second for load in loads).text(0),
        throughput.text(2),
        Figure.from_values(load.p50 for load in loads).text(2),
        latency.text(2),
        Figure.from_values(load.p99 for load in loads).text(1),
    ]


def _is_ahead(ours: PeerResult, other: PeerResult, connections: int) -> bool:
    if ours.failed_requests(connections):
        return False
    if other.failed_requests(connections):
        return True
    return all(ratio.median > 1 for ratio in _ratios(ours, other, connections))


def _answers_table(results: Sequence[PeerResult]) -> str:
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
    head = ["server", "versions", "route", "returns", "largest score difference", "wrong customers scored"]
    return (
        f"Before the load, all scores agreed to {TOLERANCE:.0e}. Each server got the same {len(CASES)} wrong"
        f" customers:\n\n{markdown_table([*head, 'which'], rows)}"
    )


def many_clients_section(load: Load) -> str:
    """Report the product alone with many clients at once."""
    return (
        f"## {MANY_CLIENTS} clients at once\n\n`churn serve`: {load.requests:,} requests,"
        f" {load.failed:,} failed, {load.requests_per_second:,.0f} requests/s, p50 {load.p50:.1f} ms,"
        f" p99 {load.p99:.1f} ms, longest {load.longest:.1f} ms.\n\n"
        f"{_verdict(load.failed == 0, 'no request fails')}"
    )
