"""The pages whose tables are computed: what lies between a block's marks is written anew, the rest stays."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from benchmarks.capacity.tables import TABLES
from infra.local.cgroup import MEGABYTES_A_PROCESSOR
from infra.local.tools import REPOSITORY

if TYPE_CHECKING:
    from benchmarks.capacity.measured import Measured

COST: Final = REPOSITORY / "docs" / "cost.md"
RESULTS: Final = REPOSITORY / "benchmarks" / "capacity" / "results.md"
README: Final = REPOSITORY / "README.md"
PAGES: Final = (COST, RESULTS, README)

_BLOCK: Final = re.compile(r"<!-- begin: ([a-z-]+) -->\n.*?<!-- end -->", re.DOTALL)


class UnknownBlockError(Exception):
    """A page has a block for which there is no table; the message names it."""


def with_tables(text: str, measured: Measured) -> str:
    """Return a page with its tables computed.

    Parameters
    ----------
    text : str
        The page; a block is ``<!-- begin: NAME -->`` and ``<!-- end -->``, each on a line of its own.
    measured : Measured

    Raises
    ------
    UnknownBlockError
        If a block's name is none of `tables.TABLES`.
    """

    def block(found: re.Match[str]) -> str:
        name = found.group(1)
        content = _run(measured) if name == "run" else TABLES[name](measured) if name in TABLES else None
        if content is None:
            raise UnknownBlockError(f"There is no table '{name}'; take one of {', '.join(['run', *TABLES])}.")
        return f"<!-- begin: {name} -->\n\n{content}\n\n<!-- end -->"

    return _BLOCK.sub(block, text)


def _run(measured: Measured) -> str:
    batch, online, peer = measured.batch, measured.online, measured.peer
    return (
        f"`{measured.command}` on {measured.date}: {measured.machine}, {measured.architecture}, Python"
        f" {measured.python}, model `{measured.family}`; the machine's load before was"
        f" {measured.load_at_start}.\n\n"
        f"- The batch function had {batch.memory_mb:,} MB and {_share(batch.memory_mb)} of a processor, and"
        f" started in {batch.init_milliseconds} ms. From its drops follow {batch.rows_per_second:,.0f} rows a"
        f" second, {batch.seconds_an_object:.2f} s for each object however small, and"
        f" {batch.bytes_a_row:.1f} bytes a row to move.\n"
        f"- The score function had {online.memory_mb:,} MB and {_share(online.memory_mb)} of a processor, and"
        f" started in {online.init_milliseconds} ms (median of {online.starts}).\n"
        f"- pandas and a plain scikit-learn pipeline (`{peer.family}`) scored {peer.rows_per_second:,} rows a"
        f" second on {peer.cores} cores."
    )


def _share(memory_mb: int) -> str:
    return f"{memory_mb / MEGABYTES_A_PROCESSOR:.2f}"


def write_pages(measured: Measured) -> None:
    """Write all pages anew."""
    for page in PAGES:
        page.write_text(with_tables(page.read_text(encoding="utf-8"), measured), encoding="utf-8")
