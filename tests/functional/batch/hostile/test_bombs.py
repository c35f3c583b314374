"""Guarantee G7: files that claim sizes, or that become large when they are read."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from functions.batch.scoring_process import MEMORY_SHARE, ScoringProcess
from functions.batch.scoring_task import INPUT_FILE, OUTPUT_FILE
from functions.shared.outcomes import NotScoredError, Outcome
from tests.functional.batch.corpus import claiming_codec, claiming_rows, lying_footers, page_claiming, parquet
from tests.functional.batch.scored_here import CUSTOMERS, MEMORY_MB, scored_here
from tests.proof_figures import cases, record_figure

if TYPE_CHECKING:
    from collections.abc import Callable


def many_rows_from_little(_: pa.Table) -> bytes:
    """A footer that claims 200,000,001 equal rows."""
    table = pa.table({"tenure": pa.array(np.zeros(1_000_000, dtype=np.int8))})
    return claiming_rows(parquet(table, compression="zstd"), 1_000_000, 200_000_001)


def long_texts_from_little(table: pa.Table) -> bytes:
    texts = pa.array(["x" * 1_000_000]).take(pa.array(np.zeros(400, dtype=np.int64)))
    return parquet(pa.table({"Contract": texts}), compression="zstd", use_dictionary=False)


def one_long_text_with_a_false_footer(table: pa.Table) -> bytes:
    texts = pa.array(["x" * 300_000_000, *["Two year"] * (table.num_rows - 1)])
    table = table.set_column(table.schema.get_field_index("Contract"), "Contract", texts)
    content = parquet(table, compression="zstd", use_dictionary=False, write_statistics=False)
    group = pq.read_metadata(pa.BufferReader(content)).row_group(0)
    largest = max(group.column(place).total_uncompressed_size for place in range(group.num_columns))
    return claiming_rows(claiming_rows(content, largest, 100), group.total_byte_size, 1_000)


def many_long_texts_with_a_false_footer(table: pa.Table) -> bytes:
    texts = pa.array(["x" * 200_000_000] * 4)
    table = table.slice(0, 4)
    table = table.set_column(table.schema.get_field_index("Contract"), "Contract", texts)
    content = parquet(table, compression="zstd", use_dictionary=False, write_statistics=False)
    group = pq.read_metadata(pa.BufferReader(content)).row_group(0)
    largest = max(group.column(place).total_uncompressed_size for place in range(group.num_columns))
    return claiming_rows(claiming_rows(content, largest, 100), group.total_byte_size, 1_000)


def page_of_one_text(codec: str, claim: int | None = None) -> Callable[[pa.Table], bytes]:
    """Return a maker of a page of 250 MB, small in the file, of which the footer says that it is small.

    With a claim, the page's own header says it too.
    """

    def make(table: pa.Table) -> bytes:
        texts = pa.array(["x" * 250_000_000, *["Two year"] * (table.num_rows - 1)])
        table = table.drop_columns(["Contract"]).append_column("Contract", texts)
        written = "lz4" if codec == "lz4 of Hadoop" else codec
        content = parquet(table, compression=written, use_dictionary=False, write_statistics=False)
        if claim is not None:
            content = page_claiming(content, claim)
        group = pq.read_metadata(pa.BufferReader(content)).row_group(0)
        largest = max(group.column(place).total_uncompressed_size for place in range(group.num_columns))
        content = claiming_rows(claiming_rows(content, largest, 100), group.total_byte_size, 1_000)
        # The field `codec` of each column: 7 is LZ4_RAW, 5 the older LZ4 in Hadoop's frames.
        return claiming_codec(content, 7, 5) if codec == "lz4 of Hadoop" else content

    return make


CODECS = ("snappy", "gzip", "brotli", "zstd", "lz4", "lz4 of Hadoop")


BOMBS = {
    "c27-rows": (many_rows_from_little, {"too-many-rows"}),
    "c27-texts": (long_texts_from_little, {"too-large"}),
    "c28-one-text": (one_long_text_with_a_false_footer, {"too-large", "resource-limit"}),
    "c28-many-texts": (many_long_texts_with_a_false_footer, {"too-large", "resource-limit"}),
    # A damaged stream may be noticed before its size is.
    **{
        f"c28-{codec}": (page_of_one_text(codec), {"too-large", "resource-limit", "corrupt"})
        for codec in CODECS
        if codec in ("gzip", "lz4") or cases(0, "CHURN_PAIRS")
    },
    **{
        f"c28-{codec}-with-a-false-header": (page_of_one_text(codec, claim=1_000), {"corrupt"})
        for codec in CODECS
        if codec in ("snappy", "brotli") or cases(0, "CHURN_PAIRS")
    },
}


# A function with more memory may well read one text of 250 MB.
BOMBS_AND_MEMORY = [(name, 512) for name in BOMBS] + [
    (name, MEMORY_MB) for name in BOMBS if cases(0, "CHURN_PAIRS") and name[4:] not in CODECS
]


@pytest.mark.parametrize(("name", "memory_mb"), BOMBS_AND_MEMORY)
def test_g7_a_decompression_bomb_stays_within_the_limits(
    sample_bundle: Path, tmp_path: Path, name: str, memory_mb: int
) -> None:
    make, codes = BOMBS[name]
    content = make(pa.Table.from_pandas(CUSTOMERS, preserve_index=False))
    (tmp_path / INPUT_FILE).write_bytes(content)
    process = ScoringProcess(sample_bundle, 200_000_000, memory_mb)

    started = time.monotonic()
    with pytest.raises(NotScoredError) as refused:
        process.score(tmp_path, {}, seconds=60)
    seconds = time.monotonic() - started

    assert refused.value.outcome in codes
    # The watchdog checks fifty times a second, so the process may exceed its limit a little in between.
    assert process.peak_kilobytes < memory_mb * 1_024 * (MEMORY_SHARE + 0.1)
    left = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) - len(content)
    assert left < 10**6
    record_figure(
        f"Bomb {name} of {len(content):,} bytes in {memory_mb} MB: {refused.value.outcome}",
        f"{process.peak_kilobytes // 1_024} MB at most, {seconds:.1f} s, {left:,} bytes left on disk",
    )


TYPED = {"corrupt", "too-large", "too-many-rows", "resource-limit"}


def outcome_and_scores(folder: Path, model: Path, content: bytes) -> tuple[str, pa.Table | None]:
    """Score a file in this process; a file that is not scored leaves no output."""
    (folder / OUTPUT_FILE).unlink(missing_ok=True)
    try:
        return "scored", scored_here(folder, model, content)
    except NotScoredError as fault:
        assert not (folder / OUTPUT_FILE).exists()
        return fault.outcome, None


def same_scores_or_a_typed_fault(
    folder: Path, model: Path, sound: pa.Table, files: dict[str, bytes]
) -> Counter[str]:
    """Score damaged copies of a file; return the outcomes."""
    outcomes: Counter[str] = Counter()
    for name, content in files.items():
        outcome, found = outcome_and_scores(folder, model, content)
        assert outcome == "scored" or outcome in TYPED, name
        assert found is None or found.equals(sound), name
        outcomes[outcome] += 1
    return outcomes


def test_c25_c26_one_wrong_number_in_the_footer_never_changes_a_score(
    sample_bundle: Path, tmp_path: Path
) -> None:
    table = pa.Table.from_pandas(CUSTOMERS, preserve_index=False)
    sound = scored_here(tmp_path, sample_bundle, parquet(table))
    few = [0, -1, 2**62]

    def claims(true: int) -> list[int]:
        return [
            *few,
            true + 1,
            *([1, true - 1, 10 * true, 2**31, -(2**62)] if cases(0, "CHURN_PAIRS") else []),
        ]

    outcomes = same_scores_or_a_typed_fault(tmp_path, sample_bundle, sound, lying_footers(table, claims))

    assert outcomes["corrupt"] > outcomes["scored"]
    assert outcomes.keys() == {"scored", *TYPED}
    record_figure(
        "Footers with one wrong count, size or place: the same scores, or a typed fault",
        f"{outcomes.total()}: {outcomes['scored']} scored, {outcomes.total() - outcomes['scored']} refused",
    )


def test_c27_a_negative_size_hides_no_other_size(sample_bundle: Path, tmp_path: Path) -> None:
    """The limit applies to a sum."""
    table = pa.Table.from_pandas(CUSTOMERS, preserve_index=False)
    content = parquet(table)
    sizes = [
        pq.read_metadata(pa.BufferReader(content)).row_group(0).column(place).total_uncompressed_size
        for place in (5, 18)
    ]
    hidden = claiming_rows(claiming_rows(content, sizes[0], 2**62), sizes[1], -(2**62))

    assert outcome_and_scores(tmp_path, sample_bundle, hidden)[0] == "corrupt"


@pytest.mark.parametrize("codec", CODECS)
def test_c28_a_page_that_claims_another_size_is_read_right_or_refused(
    sample_bundle: Path, tmp_path: Path, codec: str
) -> None:
    """The claims: the stream yields less, or more, or no memory could hold it."""
    table = pa.Table.from_pandas(CUSTOMERS, preserve_index=False)
    table = table.drop_columns(["Contract"]).append_column("Contract", table["Contract"])
    content = parquet(table, compression=codec.split()[0], use_dictionary=False, write_statistics=False)
    sound = scored_here(tmp_path, sample_bundle, content)
    more = (0, 1_000, 2**20, -(2**31)) if cases(0, "CHURN_PAIRS") else ()
    files = {str(claim): page_claiming(content, claim) for claim in (1, 2**31 - 1, -1, *more)}
    if codec == "lz4 of Hadoop":
        files = {name: claiming_codec(file, 7, 5) for name, file in files.items()}

    outcomes = same_scores_or_a_typed_fault(tmp_path, sample_bundle, sound, files)

    assert outcomes["resource-limit"] == 1
    assert outcomes["corrupt"] >= 2


def test_c28_a_file_that_takes_all_memory_is_stopped_by_the_watchdog(
    sample_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that fills its memory, without DuckDB and its own limit."""
    monkeypatch.setattr(
        "functions.batch.scoring_process._BOOTSTRAP",
        # Pages are written, so they count as resident; slowly enough for the watchdog.
        "import time\nx = []\nwhile True: x.append(b'x' * 10**6 + bytes(1)); time.sleep(0.002)",
    )
    process = ScoringProcess(sample_bundle, 10**9, 256)
    with pytest.raises(NotScoredError) as stopped:
        process.score(tmp_path, {}, seconds=60)
    assert stopped.value.outcome is Outcome.RESOURCE_LIMIT
    # The limit of the address space would have killed it later.
    assert process.peak_kilobytes < 256 * 1024
