"""Read a file of JSON lines: one customer as a JSON object per line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import arro3.core as arrow
import numpy as np

from churn_core.scoring.records.strict_json import JsonRefusedError, parse_json
from churn_core.scoring.text_files.records import MAX_RECORD_BYTES
from churn_core.scoring.text_files.table import TextBatch, TextTable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from churn_core.reader_rules import TextRules
    from churn_core.scoring.input_limits import InputLimits
    from churn_core.scoring.text_files.faults import TextFaults

_BATCH_ROWS: Final = 8_192
_BLANKS: Final = b" \t\r\n"


class JsonLinesTable(TextTable):
    """The rows of a file of JSON lines; see `TextTable`.

    A value becomes the text that it would be in a CSV file: null is blank, true is ``true``, and a number has
    the decimal mark of `rules`. A line is malformed if it is no JSON object by the rules of `parse_json`,
    has a value that is a list or an object, or is longer than a record may be. Blank lines are no rows.

    Parameters
    ----------
    chunks : iterator of bytes
        From `text_chunks`.
    rules : TextRules
    faults : TextFaults
    limits : InputLimits
        Rows, and columns of one object.
    wanted : collection of str, optional
        The columns of the batches. By default all rows are held in memory, and there is one batch, with the
        columns in the order in which they come first.
    """

    def __init__(
        self,
        chunks: Iterator[bytes],
        rules: TextRules,
        faults: TextFaults,
        limits: InputLimits,
        wanted: Collection[str] | None = None,
    ) -> None:
        super().__init__(faults, limits)
        self._chunks = chunks
        self._rules = rules
        self._all = wanted is None
        self.names = () if wanted is None else tuple(wanted)
        self._found: dict[str, None] = {}
        # Keys that are not read; only so many are kept, because a file may have any number.
        self._others: dict[str, None] = {}

    @property
    def found(self) -> dict[str, None]:
        """The columns, of those that are read, that any object has had so far; the values mean nothing."""
        return self._found

    @property
    def others(self) -> Iterable[str]:
        """The first keys that are not read, such as those whose names differ from a column's in case."""
        return self._others

    def batches(self) -> Iterator[TextBatch]:
        """Yield all rows; see `TextTable.batches`.

        Raises
        ------
        InputFileError
            ``dialect`` if no line holds an object; ``too-many-rows``, ``too-many-columns`` or those of
            `text_chunks`.
        """
        rows: list[dict[str, Any] | None] = []
        for line in self._lines():
            content = None if line is None else self._object(line)
            self._note(content)
            rows.append(content)
            if len(rows) >= _BATCH_ROWS and not self._all:
                yield self._batch(rows)
                rows = []
        if self.malformed.rows == self.rows:
            raise self.faults.dialect(
                "has no line that is a JSON object; write one customer as a JSON object on each line."
            )
        if self._all:
            self.names = tuple(self._found)
        yield self._batch(rows)

    def _lines(self) -> Iterator[bytes | None]:
        """Yield the lines that are not blank; None for one that is too long."""
        rest = b""
        skipping = False
        for chunk in self._chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if skipping:
                    skipping = False
                elif len(line) > MAX_RECORD_BYTES:
                    yield None
                elif line.strip(_BLANKS):
                    yield line
            if len(rest) > MAX_RECORD_BYTES:
                if not skipping:
                    yield None
                skipping, rest = True, b""
        if rest.strip(_BLANKS) and not skipping:
            yield rest

    def _object(self, line: bytes) -> dict[str, Any] | None:
        try:
            content = parse_json(line)
        except JsonRefusedError:
            return None
        if not isinstance(content, dict) or any(isinstance(v, (dict, list)) for v in content.values()):
            return None
        if not all(map(_is_text, content)) or not all(map(_is_text, content.values())):
            return None
        if len(content) > self.limits.columns:
            raise self.faults.too_many_columns(self.limits.columns)
        return content

    def _note(self, content: dict[str, Any] | None) -> None:
        self.count_rows(1)
        if content is None:
            if not self.malformed.rows:
                self.malformed.first = self.rows
                self.malformed.first_fault = "is no JSON object of plain values"
            self.malformed.rows += 1
            return
        for name in content:
            if name not in self._found and (self._all or name in self.names):
                self._found[name] = None
            elif name not in self._found and len(self._others) < self.limits.columns:
                self._others[name] = None
        if len(self._found) > self.limits.columns:
            raise self.faults.too_many_columns(self.limits.columns)

    def _batch(self, rows: list[dict[str, Any] | None]) -> TextBatch:
        columns = {
            name: arrow.Array(
                ["" if row is None else self._cell(row.get(name)) for row in rows],
                type=arrow.DataType.utf8(),
            )
            for name in self.names
        }
        return TextBatch(columns, np.array([row is None for row in rows], dtype=np.bool_))

    def _cell(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float) and not math.isinf(value):
            return repr(value).replace(".", self._rules.decimal)
        return str(value)


def _is_text(value: Any) -> bool:
    """Return whether a value can stand in a text file: half of a surrogate pair and NUL can't."""
    return not isinstance(value, str) or ("\0" not in value and _is_encodable(value))


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
