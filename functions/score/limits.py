"""What a request may hold at most; no other module of the API has a number of its own."""

from __future__ import annotations

from typing import Final

MAX_BODY_BYTES: Final = 1024**2
"""Size of a request's body, after base64 and before JSON."""

MAX_CUSTOMERS: Final = 1_000
"""Customers in one request."""

MAX_JSON_DEPTH: Final = 8
"""Objects and arrays inside each other; ``{}`` is one."""

MAX_NUMBER_LENGTH: Final = 32
"""Characters of a JSON number. The longest text is `churn_core.schema.MAX_TEXT_LENGTH`."""

MAX_HEADER_BYTES: Final = 10_240
"""Names and values of all headers together, as API Gateway has it."""

MAX_ERRORS: Final = 100
"""Faults that one answer lists; the rest is only counted."""

DEADLINE_RESERVE_MILLISECONDS: Final = 500
"""What must be left of the function's time for the model to be asked at all."""
