"""The page of a report: its style, and HTML elements whose text is escaped."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_STYLE: Final = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--quiet:#57606a;--grid:#c4ccd4;--leavers:#b93c0a;
--stayers:#1d66ad}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--ink:#e6e8ea;--quiet:#a3adb7;--grid:#48515a;
--leavers:#fb923c;--stayers:#6cb2ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:1rem}
h1{overflow-wrap:anywhere}
p,td,th{overflow-wrap:break-word}
h1{line-height:1.2}
h2{margin-top:2.5rem;border-bottom:1px solid var(--grid)}
p{max-width:45rem}
.key{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:1rem;margin:1.5rem 0}
.key div{border:1px solid var(--grid);border-radius:.5rem;padding:.75rem 1rem}
.key dt{color:var(--quiet)}
.key dd{margin:0;font-size:1.75rem;font-weight:600}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1.5rem}
figure{margin:0}
svg{width:100%;height:auto;font-family:system-ui,sans-serif}
svg *{stroke-linejoin:round;stroke-linecap:butt}
figcaption,caption{color:var(--quiet);font-size:.9rem}
.table{overflow-x:auto}
table{border-collapse:collapse;margin:1rem 0;min-width:min(100%,30rem)}
caption{text-align:left;padding-bottom:.25rem}
th,td{padding:.3rem .75rem .3rem 0;border-bottom:1px solid var(--grid);text-align:left;vertical-align:top;
min-width:5rem}
td{font-variant-numeric:tabular-nums}
tbody th{font-weight:500}
summary{cursor:pointer}
.bar{height:.8em;min-width:1px;margin-top:.35em;background:var(--stayers)}
.table:focus-visible,summary:focus-visible{outline:2px solid var(--stayers)}
"""


class Markup(str):
    """Text that is HTML already; any other text is escaped before it enters the page."""

    __slots__ = ()


def join(parts: Iterable[Markup]) -> Markup:
    """Put elements below each other."""
    return Markup("\n".join(parts))


def element(tag: str, text: str, attributes: str = "") -> Markup:
    """Write an element.

    Parameters
    ----------
    tag : str
    text : str
        Escaped, unless it is `Markup`.
    attributes : str
        As they stand in the start tag; never a user's text.
    """
    content = text if isinstance(text, Markup) else html.escape(text)
    return Markup(f"<{tag}{' ' if attributes else ''}{attributes}>{content}</{tag}>")


def paragraph(text: str) -> Markup:
    """Write a paragraph."""
    return element("p", text)


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """Write a table whose first column names its rows.

    It scrolls sideways by itself where the screen is narrower, by keyboard too.
    """
    head = "".join(element("th", column, 'scope="col"') for column in columns)
    body = "\n".join(
        "".join(
            ["<tr>", element("th", name, 'scope="row"'), *(element("td", cell) for cell in cells), "</tr>"]
        )
        for name, *cells in rows
    )
    return Markup(
        f'<div class="table" role="region" tabindex="0" aria-label="{html.escape(caption)}">\n<table>\n'
        f"{element('caption', caption)}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n"
        "</table></div>"
    )


def page(title: str, sections: Iterable[Markup]) -> str:
    """Write the whole page."""
    # Names of columns come from users; should one slip through unescaped, a browser still loads nothing.
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{element('title', title)}\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"{element('h1', title)}\n{join(sections)}\n</main>\n</body>\n</html>\n"
    )
