"""Tables of other formats as Parquet files, for scoring."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from churn_core.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from churn_core.schema import Contract


@contextmanager
def as_parquet(source: Path, contract: Contract) -> Iterator[Path]:
    """Yield a Parquet file with the cells of a CSV file as text; a Parquet source is yielded itself."""
    if source.suffix.lower() != ".csv":
        yield source
        return
    from churn_core.data import load_csv
    from churn_core.scoring.files.unfinished import unfinished_folder

    table = load_csv(source, contract)
    with unfinished_folder(Path(tempfile.gettempdir())) as folder:
        converted = folder / "in.parquet"
        try:
            table.to_parquet(converted, index=False)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else "no space"
            raise OutputError(
                f"{tempfile.gettempdir()} can't hold the converted table ({reason}); set TMPDIR to a folder"
                " with more space."
            ) from error
        yield converted
