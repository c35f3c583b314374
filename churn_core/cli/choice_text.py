"""The comparison from which a model was chosen, as text."""

from __future__ import annotations

from typing import Any


def choices_text(choices: dict[str, Any]) -> list[str]:
    """Describe which families and how many pairs of columns were compared, and what was chosen.

    Parameters
    ----------
    choices : dict
        From metrics.json; empty if the configuration left no choice.
    """
    lines = []
    if "families" in choices:
        compared, taken = choices["families"]["compared"], choices["families"]["taken"]
        lines += ["", f"{'model':<22}{'log loss':<10}behind the best"]
        for name, found in compared.items():
            behind = f"{found['behind']:.4f} +- {found['error']:.4f}{'   chosen' if name == taken else ''}"
            lines.append(f"{name:<22}{found['log_loss']:<10.4f}{behind}")
    if "pairs" in choices:
        compared, taken = choices["pairs"]["compared"], choices["pairs"]["taken"]
        others = ", ".join(f"{name}: {found['log_loss']:.4f}" for name, found in compared.items())
        lines += ["", f"Pairs of columns that it combines: {taken} (log loss by number of pairs: {others})."]
    return lines
