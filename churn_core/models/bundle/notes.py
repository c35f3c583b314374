"""What a bundle says of itself beyond the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class BundleNotes:
    """How a model came about, for its manifest and its report.

    Attributes
    ----------
    sample : bool
        Whether it is the model that the build trains if it is given none. `churn train` never sets it,
        whatever table it reads.
    quick : bool
        Whether it was trained for a first look.
    table : str or None
        The name of the table.
    warnings : tuple of str
        What speaks against the model or its table, as sentences.
    """

    sample: bool = False
    quick: bool = False
    table: str | None = None
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the members of the manifest; those without a message are left out.

        So the digests of other models do not depend on them.
        """
        members = {
            "sample": self.sample,
            "quick": self.quick,
            "table": self.table,
            "warnings": list(self.warnings),
        }
        return {name: value for name, value in members.items() if value}
