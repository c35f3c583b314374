"""What a scored file looks like: its columns, from the codes that scoring hands over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.errors import REJECT_CODES
from churn_core.scoring.files.encoding_sql import quote_identifier, quote_text

if TYPE_CHECKING:
    from churn_core.scoring.predictor import ChurnPredictor

OUTPUT_COLUMNS: Final = (
    *("row_number", "status", "reject_code", "churn_probability", "will_churn", "risk"),
    *("reason_1", "reason_2", "reason_3", "warnings", "model_version", "expected_profit", "contributions"),
)
"""All columns of a scored file except the id; the id column can't have one of these names."""

RISKS: Final = ("low", "medium", "high")


def output_types(predictor: ChurnPredictor) -> list[str]:
    """Return the statements that make the enum types of `output_select`.

    Parquet stores an enum as text; DuckDB writes it several times faster, since the values need not be
    hashed row by row.
    """
    values = _text_values(predictor)
    return [f"CREATE TYPE {name} AS ENUM ({_quoted(texts)})" for name, texts in values.items()]


def output_select(
    predictor: ChurnPredictor, id_type: str | None, *, contributions: bool, top: int | None = None
) -> str:
    """Return the query that turns the scored stream into the output's columns.

    The stream has ``row_number``, ``id`` (if the contract names one), ``reject`` (0 for a scored row,
    else the position in `REJECT_CODES` plus 1), ``probability``, ``will_churn``, ``risk``, ``reason_1``
    to ``reason_3`` (position of the feature plus 1, 0 for none), ``warnings``, ``expected_profit`` (if the
    bundle has the money values) and, if asked for, one column ``k<i>`` for the contribution of each
    feature.

    Parameters
    ----------
    predictor : ChurnPredictor
        Gives names and version.
    id_type : str or None
        DuckDB's type of the id column in the input; None if the contract names no id.
    contributions : bool
        Whether the struct of all contributions is added.
    top : int, optional
        Take only as many scored rows, those with the highest probabilities (and so the highest expected
        profits), the highest first, of equal ones the first in the input.
    """
    contract = predictor.contract
    values = _text_values(predictor)

    def pick(enum: str, position: str) -> str:
        return f"[{', '.join(f'{quote_text(text)}::{enum}' for text in values[enum])}][{position}]"

    columns = ["row_number"]
    if contract.id_column is not None:
        columns.append(f"id::{id_type} AS {quote_identifier(contract.id_column)}")
    columns += [
        f"{pick('status', '1 + (reject > 0)::UTINYINT')} AS status",
        f"{pick('reject_code', 'reject')} AS reject_code",
        "CASE WHEN reject = 0 THEN probability END AS churn_probability",
        "CASE WHEN reject = 0 THEN will_churn END AS will_churn",
        f"{pick('risk', 'CASE WHEN reject = 0 THEN risk END')} AS risk",
    ]
    columns += [f"{pick('feature', f'reason_{place}')} AS reason_{place}" for place in (1, 2, 3)]
    columns += ["warnings", f"{pick('version', '1')} AS model_version"]
    if predictor.bundle.money is not None:
        columns.append("CASE WHEN reject = 0 THEN expected_profit END AS expected_profit")
    if contributions:
        members = ", ".join(
            f"{quote_identifier(name)} := k{position}::DOUBLE" for position, name in enumerate(contract.names)
        )
        columns.append(f"CASE WHEN reject = 0 THEN struct_pack({members}) END AS contributions")
    select = f"SELECT {', '.join(columns)} FROM scored"
    if top is not None:
        # The probability is the finer of the two orders: amounts may be too small to tell scores apart.
        select += f" WHERE reject = 0 ORDER BY probability DESC, row_number LIMIT {top:d}"
    return select


def _text_values(predictor: ChurnPredictor) -> dict[str, tuple[str, ...]]:
    return {
        "status": ("scored", "rejected"),
        "reject_code": REJECT_CODES,
        "risk": RISKS,
        "feature": predictor.contract.names,
        "version": (predictor.bundle.model_version,),
    }


def _quoted(values: tuple[str, ...]) -> str:
    return ", ".join(map(quote_text, values))
