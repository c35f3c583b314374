"""The one way to start something, and to stop it again even if the start fails half way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from typing import Self


class Service(ABC):
    """Something that runs while the ``with`` block lasts."""

    @abstractmethod
    def start(self, stack: ExitStack) -> None:
        """Start it; what is put on the stack is undone in reverse order at the end, or if the start fails."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.start(stack)
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._cleanup.close()
