"""Keys and fields of quarantine records."""

from __future__ import annotations

import hashlib
from typing import Final

from functions.shared.objects import QUARANTINE_PREFIX, InputObject

JSON: Final = "application/json"
REQUEUED: Final = "requeued"
"""Field of a record whose input was queued again: how many times."""


def object_record_key(source: InputObject) -> str:
    """Return the key of an object's record."""
    return f"{QUARANTINE_PREFIX}{source.input_id}.json"


def message_record_key(message_id: str) -> str:
    """Return the key of the record of a message that names no valid object."""
    return f"{QUARANTINE_PREFIX}{hashlib.sha256(message_id.encode()).hexdigest()}.json"
