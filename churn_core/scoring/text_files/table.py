"""What a text file gives: its column names and its rows, batch by batch, with malformed rows in place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from churn_core.errors import DataError
from churn_core.scoring.text_files.cells import Cells

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    import arro3.core as arrow
    import numpy as np
    import numpy.typing as npt

    from churn_core.scoring.input_limits import InputLimits
    from churn_core.scoring.text_files.faults import TextFaults


@dataclass(frozen=True, slots=True)
class TextBatch:
    """Some rows of a text file, in its order.

    Attributes
    ----------
    columns : dict
        Cells or Arrow text by column name. A malformed row has blank cells.
    malformed : ndarray of bool, one per row
    """

    columns: Mapping[str, Cells | arrow.Array]
    malformed: npt.NDArray[np.bool_]

    def texts(self, name: str) -> arrow.Array:
        """Return a column as Arrow text."""
        column = self.columns[name]
        return column.texts() if isinstance(column, Cells) else column


@dataclass(slots=True)
class MalformedRows:
    """The rows that are not rows of the table, as far as the file has been read.

    Attributes
    ----------
    rows : int
        How many.
    first : int
        The first one's place below the header, from 1; 0 if there is none.
    first_fault : str
        What is wrong with it; holds no cell's value.
    one_more : int
        How many have one cell more than the header.
    """

    rows: int = 0
    first: int = 0
    first_fault: str = ""
    one_more: int = 0


class TextTable(ABC):
    """A text file that is being read.

    Parameters
    ----------
    faults : TextFaults
    limits : InputLimits

    Attributes
    ----------
    names : tuple of str
        The columns of the batches, in the file's order.
    rows : int
        Rows read so far, malformed ones included.
    malformed : MalformedRows
    share_read : callable
        Returns the share of the file's bytes that have been read.
    """

    def __init__(self, faults: TextFaults, limits: InputLimits) -> None:
        self.faults = faults
        self.limits = limits
        self.names: tuple[str, ...] = ()
        self.rows = 0
        self.malformed = MalformedRows()
        self.share_read: Callable[[], float] = lambda: 1.0

    @property
    @abstractmethod
    def found(self) -> Collection[str]:
        """The columns that the file has, as far as it has been read."""

    @abstractmethod
    def batches(self) -> Iterator[TextBatch]:
        """Yield all rows; may be called once.

        Raises
        ------
        InputFileError
            If the file as a whole can't be read.
        """

    def count_rows(self, rows: int) -> None:
        """Add to the rows read so far.

        Raises
        ------
        InputFileError
            ``too-many-rows``.
        """
        self.rows += rows
        if self.rows > self.limits.rows:
            raise self.faults.too_many_rows(self.limits.rows)

    def refuse_malformed(self) -> None:
        """Refuse the file for its malformed rows, after all batches have been taken.

        Raises
        ------
        DataError
            If there are any; says how many, where the first one is and what it has.
        """
        found = self.malformed
        if not found.rows:
            return
        advice = "correct them"
        if found.one_more == found.rows == self.rows:
            advice = (
                "the first cell seems to be a row name: give the first column a name in the header, or write"
                " the file without row names"
            )
        raise DataError(
            f"{self.faults.name} has malformed rows (count {found.rows:,}; the first is row {found.first:,}"
            f" below the header: it {found.first_fault}); {advice}."
        )
