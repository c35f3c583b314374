"""A table of customers in a file, and the same table in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from churn_core.data import generate_sample_data
from tests.functional.customer_files import write_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

ROWS, PARTS = 300, 3


@pytest.fixture(scope="session")
def labelled() -> pd.DataFrame:
    return generate_sample_data(ROWS, seed=8)


@pytest.fixture
def in_parts(labelled: pd.DataFrame, tmp_path: Path) -> Callable[..., Path]:
    """Write the table as the parts of a folder, 100 rows each."""

    def write(name: str = "table", ending: str = ".parquet", folder: str = "") -> Path:
        for number in range(PARTS):
            part = tmp_path / name / folder.format(number) / f"part-{number}{ending}"
            part.parent.mkdir(parents=True, exist_ok=True)
            write_table(labelled.iloc[number * 100 : (number + 1) * 100], part)
        return tmp_path / name

    return write
