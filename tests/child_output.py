"""Wait for what a child process prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.local.child_process import ChildProcess


def wait_for_output(child: ChildProcess, pattern: str) -> re.Match[str]:
    """Wait until the output matches a pattern; return the first match. Raises as `wait_until`."""
    child.wait_until(lambda: re.search(pattern, child.output) is not None)
    found = re.search(pattern, child.output)
    assert found is not None
    return found
