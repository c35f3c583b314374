"""Keys and members of quarantine records."""

from __future__ import annotations

import hashlib
from typing import Final

from functions.shared.objects import QUARANTINE_PREFIX, InputObject

JSON: Final = "application/json"


REQUEUED: Final = "requeued"
"""Member of a record whose input was put back into the queue: how many times."""


def object_record_key(source: InputObject) -> str:
    """Return where the record of an object belongs."""
    return f"{QUARANTINE_PREFIX}{source.input_id}.json"


def message_record_key(message_id: str) -> str:
    """Return where the record of a message that names no object belongs."""
    return f"{QUARANTINE_PREFIX}{hashlib.sha256(message_id.encode()).hexdigest()}.json"
