"""Read the structs of Thrift's compact protocol, in which Parquet writes its footer and its page headers.

From the Apache Thrift compact protocol specification. The bytes may be anyone's: every read is checked
against what is left, and nesting is bounded.
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

PassOver = Callable[[bytes, int, int], int]
"""Return the place after a value, maybe behind the last byte, given data, place and nesting."""


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

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield id and type of each field of a struct; the caller reads or skips its value in between."""
        number = 0
        with _within_bytes():
            while True:
                number, kind, self.position = _field(self._data, self.position, number)
                if not kind:
                    return
                yield number, kind

    def skip(self, kind: int) -> None:
        """Pass over a value; a field of type true or false has none."""
        with _within_bytes():
            end = _PASS_OVER[kind](self._data, self.position, 0)
        # What has a length is passed over without a look at its last byte.
        if end > len(self._data):
            raise _too_short()
        self.position = end

    def struct(self, wanted: Wanted) -> dict[int, Any]:
        """Read the fields of a struct that are wanted, and pass over the others.

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
        """Read a field of type `kind`, a list of structs, one at a time: all of them may be too many."""
        if kind != LIST:
            raise _other_type()
        with _within_bytes():
            count, self.position = _struct_list(self._data, self.position)
            for _ in range(count):
                found, self.position = _struct(self._data, self.position, wanted)
                yield found


@contextmanager
def _within_bytes() -> Iterator[None]:
    """Turn reading behind the last byte into the one error; no place is ever before the first."""
    try:
        yield
    except IndexError:
        raise _too_short() from None


def _too_short() -> ThriftError:
    return ThriftError("the bytes end too early")


# The functions below take a place and return the next one, by way of tables: a footer may have millions of
# values, and a reader that keeps its place as it goes takes twice the time.


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
    """Return a field's id and type, and where its value is; the type is 0 at the end of the struct."""
    header = data[position]
    position += 1
    if header >= 0x10:
        return before + (header >> 4), header & 0x0F, position
    if header:
        before, position = _integer(data, position)
    return before, header, position


def _list_header(data: bytes, position: int) -> tuple[int, int, int]:
    """Return type and count of a list's elements, and where they are."""
    header = data[position]
    count, position = header >> 4, position + 1
    if count == 0x0F:
        count, position = _varint(data, position)
    return header & 0x0F, _count(count, data, position), position


def _count(count: int, data: bytes, position: int) -> int:
    # Each element takes a byte at least.
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


def _over_bytes(length: int) -> PassOver:
    return lambda _data, position, _depth: position + length


def _over_integer(data: bytes, position: int, _depth: int) -> int:
    return position + 1 if data[position] < 0x80 else _varint(data, position)[1]


def _over_binary(data: bytes, position: int, _depth: int) -> int:
    length, position = _varint(data, position)
    return position + length


def _over_struct(data: bytes, position: int, depth: int) -> int:
    depth = _deeper(depth)
    while True:
        header = data[position]
        position += 1
        if header < 0x10:
            if not header:
                return position
            position = _over_integer(data, position, depth)
        position = _PASS_OVER[header & 0x0F](data, position, depth)


def _over_list(data: bytes, position: int, depth: int) -> int:
    depth = _deeper(depth)
    kind, count, position = _list_header(data, position)
    pass_over = _PASS_OVER_ELEMENT[kind]
    for _ in range(count):
        position = pass_over(data, position, depth)
    return position


def _over_map(data: bytes, position: int, depth: int) -> int:
    depth = _deeper(depth)
    count, position = _varint(data, position)
    if not count:
        return position
    kinds = data[position]
    position += 1
    pass_over_key, pass_over_value = _PASS_OVER_ELEMENT[kinds >> 4], _PASS_OVER_ELEMENT[kinds & 0x0F]
    for _ in range(_count(count, data, position)):
        position = pass_over_value(data, pass_over_key(data, position, depth), depth)
    return position


def _over_unknown(_data: bytes, _position: int, _depth: int) -> int:
    raise ThriftError("a value has no known type")


_OF_KIND: Final[dict[int, PassOver]] = {
    TRUE: _over_bytes(0),
    FALSE: _over_bytes(0),
    I8: _over_bytes(1),
    I16: _over_integer,
    I32: _over_integer,
    I64: _over_integer,
    DOUBLE: _over_bytes(8),
    BINARY: _over_binary,
    LIST: _over_list,
    SET: _over_list,
    MAP: _over_map,
    STRUCT: _over_struct,
    UUID: _over_bytes(16),
}
_PASS_OVER: Final = [_OF_KIND.get(kind, _over_unknown) for kind in range(16)]
# In a struct the type of a field says all of a true or a false; in a list each takes a byte.
_PASS_OVER_ELEMENT: Final = [
    _over_bytes(1) if kind in (TRUE, FALSE) else _PASS_OVER[kind] for kind in range(16)
]


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
            position = _PASS_OVER[kind](data, position, 0)


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
