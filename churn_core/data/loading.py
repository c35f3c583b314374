"""Tables from files, in the format that the file's name says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from churn_core.data.csv_files import load_csv
from churn_core.data.parquet_files import load_parquet
from churn_core.errors import DataError

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from churn_core.schema import Contract


def load_table(path: str | PathLike[str], contract: Contract | None = None) -> pd.DataFrame:
    """Read a table from a ``.csv`` or ``.parquet`` file.

    Parameters
    ----------
    path : path-like
    contract : Contract, optional
        See `load_csv`.

    Raises
    ------
    DataError
        If the file name has another ending, or the file can't be read.
    """
    ending = Path(path).suffix.lower()
    if ending == ".csv":
        return load_csv(path, contract)
    if ending == ".parquet":
        return load_parquet(path)
    raise DataError(f"{path} ends neither in .csv nor in .parquet; convert it to one of the two.")
