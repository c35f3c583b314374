"""Limits of a request; the API has no other, except those of texts and of JSON in `churn_core`.

The longest text is `churn_core.schema.MAX_TEXT_LENGTH`. Depth and numbers of JSON are limited in
`churn_core.scoring.records.strict_json`, for the command line too.
"""

from __future__ import annotations

from typing import Final

MAX_BODY_BYTES: Final = 1024**2
"""Size of a request's body, after base64 is decoded."""

MAX_CUSTOMERS: Final = 1_000
"""Customers in one request."""

MAX_HEADER_BYTES: Final = 10_240
"""Names and values of all headers together, as in API Gateway."""

MAX_ERRORS: Final = 100
"""Faults that one answer lists; further faults are only counted."""

DEADLINE_RESERVE_MILLISECONDS: Final = 500
"""The model only runs if at least as much of the function's time is left."""
