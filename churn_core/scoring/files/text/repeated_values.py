"""Encode each distinct value of a text column once, and repeat the answer where the value comes again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import arro3.core as arrow
import numpy as np

from churn_core.scoring.text_files.distinct_values import DistinctValues

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.scoring.files.text.planned_query import PlannedQuery
    from churn_core.scoring.text_files.cells import Cells


class RepeatedValues:
    """The encoded values of a column so far.

    Parameters
    ----------
    column : str
    query : PlannedQuery
        Encodes texts of the column, one row for each text in order. It is the only definition of the
        encoding; this class looks its answers up.
    """

    def __init__(self, column: str, query: PlannedQuery) -> None:
        self._column = column
        self._query = query
        self._values = DistinctValues()
        # By encoded column, the answer for each number of a value. Number 0 is no value.
        self._answers: dict[str, npt.NDArray[Any]] = {}

    def encode(self, cells: Cells) -> dict[str, arrow.Array] | None:
        """Return the encoded columns of some cells, by name.

        Returns
        -------
        dict or None
            None if the column has too many values to look them up. Then this must not be called again.
        """
        found = self._values.number(cells)
        if found is None:
            self._query.close()
            return None
        if len(found.new_rows):
            self._add(cells.take(found.new_rows))
        return {
            name: arrow.Array.from_numpy(answers.take(found.numbers))
            for name, answers in self._answers.items()
        }

    def _add(self, cells: Cells) -> None:
        for name, answers in self._query.arrays({self._column: cells.texts()}).items():
            if len(answers) != len(cells):
                raise RuntimeError("DuckDB encoded another number of values than it was given.")
            before = self._answers.get(name, np.zeros(1, dtype=answers.dtype))
            self._answers[name] = np.concatenate([before, answers])
