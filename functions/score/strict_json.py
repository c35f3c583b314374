"""JSON as RFC 8259 has it, and no more: Python's own reader takes a good deal beside it.

Refused are NaN and Infinity, keys that an object names twice (of which Python would silently keep the
last), numbers of absurd length, and nesting that would exhaust the stack. The depth is known before
anything is built.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

import orjson

from functions.score.errors import BadEncodingError, DuplicateKeyError, MalformedJsonError, TooDeepError
from functions.score.limits import MAX_JSON_DEPTH, MAX_NUMBER_LENGTH

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_TEXT: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NOT_STRUCTURE: Final = bytes(byte for byte in range(256) if byte not in b'[]{}"\\')
_OPENING: Final = frozenset(b"[{")
_NUMBER_CHARACTERS: Final = b"0123456789+-.eE"
_NUMBERS_ALIKE: Final = bytes.maketrans(_NUMBER_CHARACTERS, b"0" * len(_NUMBER_CHARACTERS))
# Every integer of fewer digits fits into 64 bits, and a shorter run holds no number over the limit.
_LONG_RUN: Final = b"0" * 19
_DOUBTFUL: Final = object()


def parse_json(body: bytes) -> Any:
    """Parse one JSON value.

    Parameters
    ----------
    body : bytes
        UTF-8 without a byte order mark.

    Raises
    ------
    BadEncodingError
        If the body is in another encoding.
    TooDeepError
        If it nests deeper than `MAX_JSON_DEPTH`.
    DuplicateKeyError
        If an object names a key twice.
    MalformedJsonError
        If it is no JSON, or has a number longer than `MAX_NUMBER_LENGTH`.
    """
    # No JSON text holds a zero byte, and UTF-16 and UTF-32 have one among the first four (RFC 4627, 3).
    if body.startswith(_BYTE_ORDER_MARK) or b"\0" in body[:4]:
        raise BadEncodingError
    content = _quickly(body)
    if content is not _DOUBTFUL:
        return content
    if nesting_depth(body) > MAX_JSON_DEPTH:
        raise TooDeepError
    return _carefully(body)


def _quickly(body: bytes) -> Any:
    """Parse what is plainly harmless, nearly every body, several times faster; else `_DOUBTFUL`.

    orjson keeps the last of two equal keys and reads numbers of any length. Each key has its colon, so a
    body with no more colons than keys were kept has no key twice. Each object and list has its bracket, so
    one with no more of them than lie near the root nests no deeper. Runs of number characters too long for
    a 64-bit number are left to the careful reader.
    """
    if _LONG_RUN in body.translate(_NUMBERS_ALIKE):
        return _DOUBTFUL
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _DOUBTFUL
    keys, containers = _near_the_root(content)
    if body.count(b":") != keys:
        return _DOUBTFUL
    deep = body.count(b"{") + body.count(b"[") != containers
    return _DOUBTFUL if deep and nesting_depth(body) > MAX_JSON_DEPTH else content


def _near_the_root(content: Any) -> tuple[int, int]:
    """Count keys, and objects and lists, of the root and of objects in its lists."""
    if not isinstance(content, dict):
        return 0, 0
    lists = [value for value in content.values() if type(value) is list]
    objects = [item for items in lists for item in items if type(item) is dict]
    return len(content) + sum(map(len, objects)), 1 + len(lists) + len(objects)


def _carefully(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadEncodingError from None
    try:
        return _decoder.decode(text)
    except ValueError:
        raise MalformedJsonError from None


def nesting_depth(body: bytes) -> int:
    """Return how deep brackets are nested outside of texts, whether they match or not."""
    structure = body.translate(None, _NOT_STRUCTURE)
    # Texts without brackets and backslashes, nearly all of them, are now two quotes side by side. Reading
    # from the left, a pair can only be one text's own quotes as long as none before it was left over.
    structure = structure.replace(b'""', b"")
    if b'"' in structure or b"\\" in structure:
        structure = _TEXT.sub(b"", body).translate(None, _NOT_STRUCTURE)
    depth = deepest = 0
    for byte in structure:
        if byte in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise DuplicateKeyError
    return content


def _short_integer(digits: str) -> int:
    if len(digits) > MAX_NUMBER_LENGTH:
        raise MalformedJsonError
    return int(digits)


def _short_float(digits: str) -> float:
    if len(digits) > MAX_NUMBER_LENGTH:
        raise MalformedJsonError
    return float(digits)


def _refuse_constant(_: str) -> NoReturn:
    raise MalformedJsonError


_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_distinct,
    parse_int=_short_integer,
    parse_float=_short_float,
    parse_constant=_refuse_constant,
)
