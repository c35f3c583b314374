"""Names that all functions give their CloudWatch metrics."""

from __future__ import annotations

import os
from typing import Final

NAMESPACE: Final = "Churn"


def service_name(default: str) -> str:
    """Return the dimension ``service``: ``POWERTOOLS_SERVICE_NAME``, which differs between stacks."""
    return os.environ.get("POWERTOOLS_SERVICE_NAME") or default
