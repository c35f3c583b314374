"""Read the structs of Thrift's compact protocol, in which Parquet writes its footer and its page headers.

From the Apache Thrift compact protocol specification. The bytes may be anyone's: every read is checked
against what is left, and nesting is bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

TRUE: Final = 1
FALSE: Final = 2
I8: Final = 3
I16: Final = 4
I32: Final = 5
I64: Final = 6
DOUBLE: Final = 7
BINARY: Final = 8
LIST: Final = 9
SET: Final = 10
MAP: Final = 11
STRUCT: Final = 12
UUID: Final = 13

_MAX_NESTING: Final = 32
_MAX_VARINT_BYTES: Final = 10
# In a struct the type of a field says all of a true or a false.
_FIXED_BYTES: Final = {TRUE: 0, FALSE: 0, I8: 1, DOUBLE: 8, UUID: 16}


Wanted = dict[int, Any]
"""Fields to read, see `CompactReader.struct`."""


class ThriftError(ValueError):
    """The bytes are no struct of the compact protocol."""


class CompactReader:
    """Reads forward through bytes.

    Parameters
    ----------
    data : bytes
    position : int
        Where to begin.

    Attributes
    ----------
    position : int
        Of the byte that is read next.
    """

    def __init__(self, data: bytes, position: int = 0) -> None:
        self._data = data
        self.position = position

    def take(self, length: int) -> bytes:
        """Return so many bytes."""
        end = self.position + length
        if length < 0 or end > len(self._data):
            raise ThriftError("the bytes end too early")
        taken = self._data[self.position : end]
        self.position = end
        return taken

    def byte(self) -> int:
        """Return one byte."""
        return self.take(1)[0]

    def varint(self) -> int:
        """Return an unsigned integer."""
        value = 0
        for place in range(_MAX_VARINT_BYTES):
            byte = self.byte()
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return value
        raise ThriftError("an integer is too long")

    def integer(self) -> int:
        """Return a signed integer."""
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield id and type of each field of a struct; the caller reads or skips its value in between."""
        number = 0
        while True:
            header = self.byte()
            if header == 0:
                return
            delta, kind = header >> 4, header & 0x0F
            number = number + delta if delta else self.integer()
            yield number, kind

    def list_header(self) -> tuple[int, int]:
        """Return type and count of a list's elements."""
        header = self.byte()
        kind, count = header & 0x0F, header >> 4
        if count == 0x0F:
            count = self.varint()
        if count > len(self._data) - self.position:
            # Each element takes a byte at least.
            raise ThriftError("a list is longer than the bytes")
        return kind, count

    def skip(self, kind: int, depth: int = 0) -> None:
        """Pass over a value; a field of type true or false has none."""
        if depth > _MAX_NESTING:
            raise ThriftError("values are nested too deep")
        if kind in _FIXED_BYTES:
            self.take(_FIXED_BYTES[kind])
        elif kind in (I16, I32, I64):
            self.varint()
        elif kind == BINARY:
            self.take(self.varint())
        elif kind in (LIST, SET):
            element, count = self.list_header()
            for _ in range(count):
                self._skip_element(element, depth)
        elif kind == MAP:
            self._skip_map(depth)
        elif kind == STRUCT:
            for _, member in self.fields():
                self.skip(member, depth + 1)
        else:
            raise ThriftError("a value has no known type")

    def _skip_element(self, kind: int, depth: int) -> None:
        # In a list, unlike in a struct, true and false take a byte.
        if kind in (TRUE, FALSE):
            self.byte()
        else:
            self.skip(kind, depth + 1)

    def _skip_map(self, depth: int) -> None:
        count = self.varint()
        if count > len(self._data) - self.position:
            raise ThriftError("a map is longer than the bytes")
        if count:
            kinds = self.byte()
            for _ in range(count):
                self._skip_element(kinds >> 4, depth)
                self._skip_element(kinds & 0x0F, depth)

    def struct(self, wanted: Wanted) -> dict[int, Any]:
        """Read the fields of a struct that are wanted, and pass over the others.

        Parameters
        ----------
        wanted : dict
            By field id: ``int`` or ``bytes``, a dict of the same kind for a struct, or a list of one such
            dict for a list of structs.
        """
        found: dict[int, Any] = {}
        for number, kind in self.fields():
            if number in wanted:
                found[number] = self._value(kind, wanted[number])
            else:
                self.skip(kind)
        return found

    def _value(self, kind: int, wanted: Any) -> Any:
        if wanted is int and kind in (I16, I32, I64):
            return self.integer()
        if wanted is bytes and kind == BINARY:
            return self.take(self.varint())
        if isinstance(wanted, dict) and kind == STRUCT:
            return self.struct(wanted)
        if isinstance(wanted, list) and kind == LIST:
            element, count = self.list_header()
            if element == STRUCT:
                return [self.struct(wanted[0]) for _ in range(count)]
        raise ThriftError("a field has another type")


def varint_bytes(value: int) -> bytes:
    """Return an unsigned integer as the protocol writes it."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
