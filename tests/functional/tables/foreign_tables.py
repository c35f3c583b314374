"""Five tables as companies of other countries export them: their languages, marks, encodings and dates.

The author of these tables did not write the reader. Each table has the same customers behind it: some
leave because of few months, many calls and a basic plan. So each must give a model that ranks leavers well.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

ROWS: Final = 600


@dataclass(frozen=True, slots=True)
class ForeignTable:
    """A file, and what ``churn init`` must find in it.

    Attributes
    ----------
    file : str
        The file's name.
    write : callable
        Writes the labelled file.
    target, positive, id_column : str
    numbers, days : frozenset of str
        The columns that must be numbers, and the date columns from which days must be computed.
    """

    file: str
    write: Callable[[Path], None]
    target: str
    positive: str
    id_column: str
    numbers: frozenset[str]
    days: frozenset[str]


@dataclass(frozen=True, slots=True)
class _People:
    months: npt.NDArray[np.int64]
    fee: npt.NDArray[np.float64]
    calls: npt.NDArray[np.int64]
    plan: npt.NDArray[np.int64]
    left: npt.NDArray[np.bool_]
    start: pd.Series[pd.Timestamp]
    number: npt.NDArray[np.int64]
    gap: npt.NDArray[np.bool_]


SNAPSHOT: Final = pd.Timestamp("2024-12-31")


def _people(seed: int) -> _People:
    draw = np.random.default_rng(seed)
    months = draw.integers(1, 72, ROWS)
    fee = np.round(draw.gamma(6, 180, ROWS), 2)
    calls = draw.poisson(2, ROWS)
    plan = draw.choice(3, ROWS, p=[0.5, 0.3, 0.2])
    odds = -0.6 - 0.06 * (months - 36) + 0.7 * (calls - 2) + 1.2 * (plan == 0)
    days = pd.Series(months * 30 + draw.integers(0, 30, ROWS))
    return _People(
        months,
        fee,
        calls,
        plan,
        draw.random(ROWS) < 1 / (1 + np.exp(-odds)),
        SNAPSHOT - pd.to_timedelta(days, unit="D"),
        draw.permutation(np.arange(1_204, 1_204 + 17 * ROWS, 17)),
        draw.random(ROWS) < 0.06,
    )


def _amount(value: float, thousands: str, decimal: str) -> str:
    return f"{value:,.2f}".replace(",", "\0").replace(".", decimal).replace("\0", thousands)


def _lines(frame: pd.DataFrame, delimiter: str) -> str:
    rows = [tuple(frame.columns), *frame.itertuples(index=False)]
    return "".join(delimiter.join(map(str, row)) + "\n" for row in rows)


def _german(path: Path) -> None:
    """A telephone company: cp1252, semicolons, 1.234,56 EUR, DD.MM.YYYY, CRLF."""
    people = _people(1)
    usage = [f"{_amount(fee, '.', ',')} €" for fee in people.fee]
    frame = pd.DataFrame(
        {
            "Vertragsnr": [f"DE-{number:07d}" for number in people.number],
            "Anrede": np.where(people.number % 2, "Frau", "Herr"),
            "Tarif": np.array(["Einsteiger", "Größe L", "Profi"])[people.plan],
            "Vertragsbeginn": people.start.dt.strftime("%d.%m.%Y"),
            "Stichtag": SNAPSHOT.strftime("%d.%m.%Y"),
            "Jahresumsatz": np.where(people.gap, "k. A.", usage),
            "Anrufe Hotline": people.calls,
            "gekündigt": np.where(people.left, "ja", "nein"),
        }
    )
    path.write_bytes(_lines(frame, ";").replace("\n", "\r\n").encode("cp1252"))


def _french(path: Path) -> None:
    """An insurer: UTF-8 with a byte order mark, a title above the header, narrow blanks as thousands."""
    people = _people(2)
    frame = pd.DataFrame(
        {
            "n° client": people.number,
            "Formule": np.array(["éco", "confort", "prestige"])[people.plan],
            "date d'adhésion": people.start.dt.strftime("%d/%m/%Y"),
            "date d'extraction": SNAPSHOT.strftime("%d/%m/%Y"),
            "prime annuelle": np.where(people.gap, "", [_amount(fee, "\u202f", ",") for fee in people.fee]),
            "réclamations": people.calls,
            "a résilié": np.where(people.left, "oui", "non"),
        }
    )
    path.write_bytes(("Export des sociétaires;;;;;;\n" + _lines(frame, ";")).encode("utf-8-sig"))


def _turkish(path: Path) -> None:
    """A software company: commas, a target that is 1 for customers who stay, percentages."""
    people = _people(3)
    frame = pd.DataFrame(
        {
            "müşteri_no": [f"M{number}" for number in people.number],
            "paket": np.array(["başlangıç", "işletme", "kurumsal"])[people.plan],
            "üyelik ayı": people.months,
            "kullanım oranı": np.where(people.gap, "-", [f"%{min(fee / 40, 100):.1f}" for fee in people.fee]),
            "destek çağrısı": people.calls,
            "aktif": np.where(people.left, 0, 1),
        }
    )
    path.write_bytes(_lines(frame, ",").encode())


def _spanish(path: Path) -> None:
    """A gym: UTF-16 with tabs, as spreadsheets save "Unicode text", N/D for unknown, zeros before ids."""
    people = _people(4)
    frame = pd.DataFrame(
        {
            "nro_socio": [f"{number:08d}" for number in people.number],
            "cuota": np.array(["básica", "media", "total"])[people.plan],
            "antigüedad (meses)": people.months,
            "gasto": np.where(people.gap, "N/D", [_amount(fee, ".", ",") for fee in people.fee]),
            "quejas": people.calls,
            "Renovó": np.where(people.left, "No", "Sí"),
        }
    )
    path.write_bytes(_lines(frame, "\t").encode("utf-16"))


def _italian(path: Path) -> None:
    """An energy supplier: bars, a carriage return as line end, money with a sign before it, gzip."""
    people = _people(5)
    frame = pd.DataFrame(
        {
            "codice_cliente": [f"IT{number}X" for number in people.number],
            "offerta": np.array(["Luce base", "Luce e gas", "Verde"])[people.plan],
            "attivazione": people.start.dt.strftime("%Y-%m-%d"),
            "data_estrazione": SNAPSHOT.strftime("%Y-%m-%d"),
            "spesa annua": np.where(people.gap, "n/d", [f"€ {_amount(fee, '.', ',')}" for fee in people.fee]),
            "reclami": people.calls,
            "Stato": np.where(people.left, "Cessato", "Attivo"),
        }
    )
    path.write_bytes(gzip.compress(_lines(frame, "|").replace("\n", "\r").encode(), mtime=0))


FOREIGN_TABLES: Final = {
    "German": ForeignTable(
        "kunden.csv",
        _german,
        "gekündigt",
        "ja",
        "Vertragsnr",
        frozenset({"Jahresumsatz", "Anrufe Hotline"}),
        frozenset({"Vertragsbeginn"}),
    ),
    "French": ForeignTable(
        "societaires.csv",
        _french,
        "a résilié",
        "oui",
        "n° client",
        frozenset({"prime annuelle", "réclamations"}),
        frozenset({"date d'adhésion"}),
    ),
    "Turkish": ForeignTable(
        "musteriler.csv",
        _turkish,
        "aktif",
        "0",
        "müşteri_no",
        frozenset({"üyelik ayı", "kullanım oranı", "destek çağrısı"}),
        frozenset(),
    ),
    "Spanish": ForeignTable(
        "socios.txt",
        _spanish,
        "Renovó",
        "No",
        "nro_socio",
        frozenset({"antigüedad (meses)", "gasto", "quejas"}),
        frozenset(),
    ),
    "Italian": ForeignTable(
        "clienti.csv.gz",
        _italian,
        "Stato",
        "Cessato",
        "codice_cliente",
        frozenset({"spesa annua", "reclami"}),
        frozenset({"attivazione"}),
    ),
}
