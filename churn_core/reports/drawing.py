"""What all plots of a report share: style, axes, and the SVG element inside the page.

Plots hold numbers and fixed words only, no text of a user's table. Descriptions are escaped.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, Formatter, ScalarFormatter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.axes import Axes

_LARGE: Final = 1_000

# matplotlib writes fixed colours, but a page that can be light or dark needs CSS variables. Each of these
# near-blacks is replaced by a variable in the finished SVG. matplotlib does not write pure black at all.
INK, GRID, LEAVERS, STAYERS = "#010101", "#020202", "#030303", "#040404"
_VARIABLES: Final = {
    INK: "var(--ink)",
    GRID: "var(--grid)",
    LEAVERS: "var(--leavers)",
    STAYERS: "var(--stayers)",
}

STYLE: Final = {
    "svg.hashsalt": "churn report",
    "svg.fonttype": "none",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
}


def canvas(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes in percent."""
    # Small figure, large type: on a phone the drawing is about 340 pixels wide.
    figure = Figure(figsize=(5.0, 3.6))
    axes = figure.add_axes((0.14, 0.14, 0.80, 0.83))
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.xaxis.set_major_formatter(percent)
    axes.yaxis.set_major_formatter(percent)
    return figure, axes


def plain_or_thousands(values: Sequence[float] | npt.NDArray[np.float64]) -> Formatter:
    """Return a formatter with k, M, ... for large numbers, and without unit letters for small ones."""
    return EngFormatter(sep="") if np.abs(values).max() >= _LARGE else ScalarFormatter()


def percent(share: float, _position: float) -> str:
    """Return the label of a tick."""
    # Three digits keep ticks distinct at very small shares.
    return f"{100 * share:.3g}%"


def inline_svg(figure: Figure, name: str, description: str) -> Markup:
    """Write a figure as an SVG element for a page with several plots.

    Parameters
    ----------
    figure : Figure
    name : str
        Prefix of the ids inside this plot; unique on the page.
    description : str
        Text for readers who can't see the plot.
    """
    buffer = io.StringIO()
    no_metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(buffer, format="svg", transparent=True, metadata=no_metadata)
    # The first definition is a style sheet that would apply to the whole page; the page has its own rule.
    _, _, body = buffer.getvalue().partition("</defs>")
    body, _, _ = body.rpartition("</svg>")
    # matplotlib numbers its groups from 1 in every figure. Only markers and clip paths are referenced.
    body = re.sub(r' id="(?![mp][0-9a-f]{10}")[^"]*"', "", body)
    body = body.replace(' id="', f' id="{name}-').replace("url(#", f"url(#{name}-")
    body = body.replace('xlink:href="#', f'href="#{name}-')
    body = re.sub(r"font-family: [^;\"]+;? ?", "", body)
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, variable)
    # An inline SVG takes its width from the page; only the proportions come from the figure.
    width, height = (72 * inches for inches in figure.get_size_inches())
    start = Markup('<svg viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">')
    return start.format(width, height, description) + Markup(body) + Markup("</svg>")  # noqa: S704
