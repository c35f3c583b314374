"""The planned role of a column in the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["feature", "date", "id", "group", "target", "left_out"]


@dataclass(frozen=True, slots=True)
class PlannedColumn:
    """A column of the table and its role in the configuration.

    Attributes
    ----------
    name : str
    role : 'feature', 'date', 'id', 'group', 'target' or 'left_out'
        A date is no feature by itself; days are counted from it or up to it.
    spec : dict
        A feature's declaration in config.yaml.
    reason : str or None
        The rule by which the column is left out.
    notes : tuple of str
        Comments for config.yaml.
    """

    name: str
    role: Role
    spec: dict[str, Any]
    reason: str | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the column as plain JSON types."""
        return {
            "name": self.name,
            "role": self.role,
            "spec": self.spec,
            "reason": self.reason,
            "notes": list(self.notes),
        }
