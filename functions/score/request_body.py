"""The body of an API Gateway proxy event, as JSON."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, Final

from functions.score.errors import (
    BadEncodingError,
    MalformedJsonError,
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
)
from functions.score.limits import MAX_BODY_BYTES
from functions.score.strict_json import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_JSON_MEDIA_TYPE: Final = re.compile(
    r'application/json[ \t]*(;[ \t]*charset[ \t]*=[ \t]*"?utf-?8"?[ \t]*)?;?', re.IGNORECASE
)
# A base64 text longer than this can't decode to a body within the limit.
_MAX_BASE64_LENGTH: Final = 4 * (MAX_BODY_BYTES // 3 + 2)


def read_json(event: Mapping[str, Any], *, media_type_optional: bool = False) -> Any:
    """Return the JSON value of an event's body; nothing is ever decompressed.

    Parameters
    ----------
    event : mapping
        API Gateway's REST proxy event.
    media_type_optional : bool
        Whether a missing Content-Type means JSON.

    Raises
    ------
    RequestRefusedError
        ``unsupported-media-type``, ``payload-too-large``, ``bad-encoding``, ``malformed-json``,
        ``too-deep`` or ``duplicate-key``.
    """
    headers = lower_headers(event)
    media_type = headers.get("content-type")
    if media_type is None:
        if not media_type_optional:
            raise UnsupportedMediaTypeError
    elif not _JSON_MEDIA_TYPE.fullmatch(media_type.strip()):
        raise UnsupportedMediaTypeError
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaTypeError
    body = _body_bytes(event)
    if len(body) > MAX_BODY_BYTES:
        raise PayloadTooLargeError
    content = parse_json(body)
    if content is None:
        raise MalformedJsonError
    return content


def lower_headers(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the event's headers by their names in small letters; a repeated one has its last value."""
    headers = event.get("headers") or {}
    return {name.lower(): value for name, value in headers.items() if isinstance(value, str)}


def _body_bytes(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        if len(body) > _MAX_BASE64_LENGTH:
            raise PayloadTooLargeError
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            raise BadEncodingError from None
    try:
        return body.encode("utf-8")
    except UnicodeEncodeError:
        raise BadEncodingError from None
