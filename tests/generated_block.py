"""Parts of pages that a command writes, between two comments; a test checks that they are current."""

from __future__ import annotations


def replace_block(page: str, command: str, content: str) -> str:
    """Return a page with the block that a command writes replaced.

    Raises
    ------
    ValueError
        If the page has no such block.
    """
    begin, end = f"<!-- written by `{command}` -->\n", "<!-- end of what is written -->"
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"The page needs '{begin.strip()}' and '{end}'.")
    return f"{before}{begin}\n{content.strip()}\n\n{end}{after}"
