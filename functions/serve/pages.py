"""The pages of the local server: a form to try the model, and Swagger UI. No Lambda ships them."""

from __future__ import annotations

import functools
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aws_lambda_powertools.event_handler import openapi as powertools_openapi

from churn_core.scoring.bundle import REPORT

_SITE: Final = Path(__file__).parent / "site"
# Powertools contains Swagger UI, so the page works without a network.
_SWAGGER: Final = Path(powertools_openapi.__path__[0]) / "swagger_ui"

_HTML, _JS, _CSS, _SVG = (
    "text/html; charset=utf-8",
    "text/javascript; charset=utf-8",
    "text/css; charset=utf-8",
    "image/svg+xml",
)
_FILES: Final[dict[str, tuple[Path, str]]] = {
    "/": (_SITE / "index.html", _HTML),
    "/docs": (_SITE / "docs.html", _HTML),
    "/docs.js": (_SITE / "docs.js", _JS),
    "/swagger-ui.js": (_SWAGGER / "swagger-ui-bundle.min.js", _JS),
    "/swagger-ui.css": (_SWAGGER / "swagger-ui.min.css", _CSS),
    "/style.css": (_SITE / "style.css", _CSS),
    "/icon.svg": (_SITE / "icon.svg", _SVG),
} | {f"/{name}.js": (_SITE / f"{name}.js", _JS) for name in ("main", "client", "fields", "gauge", "reasons")}

_POLICY: Final = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# Swagger UI sets inline styles and has icons with data: addresses.
_DOCS_POLICY: Final = f"{_POLICY}; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
# The report is one file: its styles and pictures are inside, and it needs nothing else.
_REPORT_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Page:
    """A file and the headers that it is sent with.

    Attributes
    ----------
    headers : dict of str
    body : bytes
        Compressed by gzip where the browser accepts it.
    """

    headers: dict[str, str]
    body: bytes


def is_page(path: str) -> bool:
    """Return whether a path is a file of the pages."""
    return path in _FILES


def report_page(folder: Path, *, compressed: bool) -> Page | None:
    """Return the report of the bundle in a folder; None if the folder has none.

    Parameters
    ----------
    folder : Path
    compressed : bool
        As for `page`.
    """
    try:
        content = (folder / REPORT).read_bytes()
    except OSError:
        return None
    return _page(content, _HTML, _REPORT_POLICY, compressed=compressed)


@functools.cache
def page(path: str, *, compressed: bool) -> Page:
    """Return the file of a path.

    Parameters
    ----------
    path : str
        A path for which `is_page` is true.
    compressed : bool
        Whether the browser accepts gzip.
    """
    file, media_type = _FILES[path]
    policy = _DOCS_POLICY if path == "/docs" else _POLICY
    return _page(file.read_bytes(), media_type, policy, compressed=compressed)


def _page(content: bytes, media_type: str, policy: str, *, compressed: bool) -> Page:
    headers = {
        "Content-Type": media_type,
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        # The browser asks at each visit, and gets the file only if its ETag has changed.
        "Cache-Control": "no-cache",
        "ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}{"-gzip" if compressed else ""}"',
        "Vary": "Accept-Encoding",
    }
    if compressed:
        headers["Content-Encoding"] = "gzip"
        content = zlib.compress(content, 6, wbits=31)
    return Page(headers, content)
