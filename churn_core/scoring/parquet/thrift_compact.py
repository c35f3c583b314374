"""Read structs of Thrift's compact protocol, the encoding of Parquet's footer and page headers.

Source: the Apache Thrift compact protocol specification. The bytes are untrusted: every read is checked
against the bytes that are left, and nesting is limited.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
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

Wanted = dict[int, Any]
"""Fields to read, see `CompactReader.struct`."""

Skip = Callable[[bytes, int, int], int]
"""Given data, offset and nesting, return the offset just past a value; may exceed `len(data)`."""


class ThriftError(ValueError):
    """The bytes are not a struct of the compact protocol."""


class CompactReader:
    """Reads values one after the other.

    Parameters
    ----------
    data : bytes
    position : int
        Offset of the first byte to read.

    Attributes
    ----------
    position : int
        Offset of the next byte to read.
    """

    def __init__(self, data: bytes, position: int = 0) -> None:
        self._data = data
        self.position = position

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield id and type of each field of a struct; the caller then reads or skips the field's value."""
        number = 0
        with _within_bytes():
            while True:
                number, kind, self.position = _field(self._data, self.position, number)
                if not kind:
                    return
                yield number, kind

    def skip(self, kind: int) -> None:
        """Skip a value; a field of type true or false has none."""
        with _within_bytes():
            end = _SKIP[kind](self._data, self.position, 0)
        # A value with a length is skipped without reading its last byte, which may not exist.
        if end > len(self._data):
            raise _too_short()
        self.position = end

    def struct(self, wanted: Wanted) -> dict[int, Any]:
        """Read the wanted fields of a struct, and skip the others.

        Parameters
        ----------
        wanted : dict
            By field id: ``int`` or ``bytes``, a dict of the same kind for a struct, or a list of one such
            dict for a list of structs.
        """
        with _within_bytes():
            found, self.position = _struct(self._data, self.position, wanted)
        return found

    def structs(self, kind: int, wanted: Wanted) -> Iterator[dict[int, Any]]:
        """Yield the structs of a list one at a time, because all of them may not fit in memory."""
        if kind != LIST:
            raise _other_type()
        with _within_bytes():
            count, self.position = _struct_list(self._data, self.position)
            for _ in range(count):
                found, self.position = _struct(self._data, self.position, wanted)
                yield found


@contextmanager
def _within_bytes() -> Iterator[None]:
    """Turn an IndexError, which means reading past the last byte, into `ThriftError`."""
    try:
        yield
    except IndexError:
        raise _too_short() from None


def _too_short() -> ThriftError:
    return ThriftError("the bytes end too early")


# The functions below take an offset and return the next one. A footer may have millions of values, and
# methods that update an attribute take twice the time.


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for place in range(_MAX_VARINT_BYTES):
        byte = data[position + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, position + place + 1
    raise ThriftError("an integer is too long")


def _integer(data: bytes, position: int) -> tuple[int, int]:
    value, position = _varint(data, position)
    return (value >> 1) ^ -(value & 1), position


def _field(data: bytes, position: int, before: int) -> tuple[int, int, int]:
    """Return a field's id, type (0 at the end of the struct) and the offset of its value."""
    header = data[position]
    position += 1
    if header >= 0x10:
        return before + (header >> 4), header & 0x0F, position
    if header:
        before, position = _integer(data, position)
    return before, header, position


def _list_header(data: bytes, position: int) -> tuple[int, int, int]:
    """Return type and count of a list's elements, and their offset."""
    header = data[position]
    count, position = header >> 4, position + 1
    if count == 0x0F:
        count, position = _varint(data, position)
    return header & 0x0F, _count(count, data, position), position


def _count(count: int, data: bytes, position: int) -> int:
    # Each element takes at least one byte.
    if count > len(data) - position:
        raise ThriftError("a list is longer than the bytes")
    return count


def _struct_list(data: bytes, position: int) -> tuple[int, int]:
    kind, count, position = _list_header(data, position)
    if kind != STRUCT and count:
        raise _other_type()
    return count, position


def _deeper(depth: int) -> int:
    if depth >= _MAX_NESTING:
        raise ThriftError("values are nested too deep")
    return depth + 1


def _skip_bytes(length: int) -> Skip:
    return lambda _data, position, _depth: position + length


def _skip_integer(data: bytes, position: int, _depth: int) -> int:
    return position + 1 if data[position] < 0x80 else _varint(data, position)[1]


def _skip_binary(data: bytes, position: int, _depth: int) -> int:
    length, position = _varint(data, position)
    return position + length


def _skip_struct(data: bytes, position: int, depth: int) -> int:
    depth = _deeper(depth)
    while True:
        header = data[position]
        position += 1
        if header < 0x10:
            if not header:
                return position
            position = _skip_integer(data, position, depth)
        position = _SKIP[header & 0x0F](data, position, depth)


def _skip_list(data: bytes, position: int, depth: int) -> int:
    depth = _deeper(depth)
    kind, count, position = _list_header(data, position)
    skip = _SKIP_ELEMENT[kind]
    for _ in range(count):
        position = skip(data, position, depth)
    return position


def _skip_map(data: bytes, position: int, depth: int) -> int:
    depth = _deeper(depth)
    count, position = _varint(data, position)
    if not count:
        return position
    kinds = data[position]
    position += 1
    skip_key, skip_value = _SKIP_ELEMENT[kinds >> 4], _SKIP_ELEMENT[kinds & 0x0F]
    for _ in range(_count(count, data, position)):
        position = skip_value(data, skip_key(data, position, depth), depth)
    return position


def _skip_unknown(_data: bytes, _position: int, _depth: int) -> int:
    raise ThriftError("a value has an unknown type")


_SKIP_BY_KIND: Final[dict[int, Skip]] = {
    TRUE: _skip_bytes(0),
    FALSE: _skip_bytes(0),
    I8: _skip_bytes(1),
    I16: _skip_integer,
    I32: _skip_integer,
    I64: _skip_integer,
    DOUBLE: _skip_bytes(8),
    BINARY: _skip_binary,
    LIST: _skip_list,
    SET: _skip_list,
    MAP: _skip_map,
    STRUCT: _skip_struct,
    UUID: _skip_bytes(16),
}
_SKIP: Final = [_SKIP_BY_KIND.get(kind, _skip_unknown) for kind in range(16)]
# A struct stores a bool in the type of its field; in a list each bool takes a byte.
_SKIP_ELEMENT: Final = [_skip_bytes(1) if kind in (TRUE, FALSE) else _SKIP[kind] for kind in range(16)]


def _struct(data: bytes, position: int, wanted: Wanted) -> tuple[dict[int, Any], int]:
    found: dict[int, Any] = {}
    number = 0
    while True:
        number, kind, position = _field(data, position, number)
        if not kind:
            return found, position
        if number in wanted:
            found[number], position = _value(data, position, kind, wanted[number])
        else:
            position = _SKIP[kind](data, position, 0)


def _value(data: bytes, position: int, kind: int, wanted: Any) -> tuple[Any, int]:
    if wanted is int and kind in (I32, I64, I16):
        return _integer(data, position)
    if wanted is bytes and kind == BINARY:
        length, position = _varint(data, position)
        return data[position : position + length], position + length
    if isinstance(wanted, dict) and kind == STRUCT:
        return _struct(data, position, wanted)
    if isinstance(wanted, list) and kind == LIST:
        count, position = _struct_list(data, position)
        structs = []
        for _ in range(count):
            struct, position = _struct(data, position, wanted[0])
            structs.append(struct)
        return structs, position
    raise _other_type()


def _other_type() -> ThriftError:
    return ThriftError("a field has another type")


def varint_bytes(value: int) -> bytes:
    """Return an unsigned integer as the protocol writes it."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
