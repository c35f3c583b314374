"""What the functions share of their environment."""

from __future__ import annotations

from typing import Final

NAMESPACE: Final = "Churn"
