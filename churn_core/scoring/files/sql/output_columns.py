"""The SQL that turns scored batches into the columns of a scored file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.errors import REJECT_CODES
from churn_core.scoring.bundle import RISKS
from churn_core.scoring.files.output_formats import FORMULA_MARKS
from churn_core.scoring.files.reason_texts import TEXT_COLUMNS
from churn_core.scoring.files.sql.encoding import faulty_columns, kept_name
from churn_core.scoring.files.sql.text import quote_identifier, quote_text
from churn_core.scoring.output_rules import OutputRules
from churn_core.scoring.reasons import TOP_REASONS

if TYPE_CHECKING:
    from churn_core.scoring.predictor import ChurnPredictor

OUTPUT_COLUMNS: Final = (
    *("row_number", "status", "reject_code", "churn_probability", "will_churn", "risk"),
    *("reason_1", "reason_2", "reason_3", "warnings", "model_version", "reject_column"),
    *(*TEXT_COLUMNS, "expected_profit", "contributions"),
)
"""All columns of a scored file except the id and the kept ones."""

RESERVED_NAMES: Final = (*OUTPUT_COLUMNS, "threshold", "reasons", "keeps")
"""Names that the id column can't have: columns of scored files, and members of the API's answers."""

_TEXT_COLUMNS: Final = (
    *("status", "reject_code", "risk", "reason_1", "reason_2", "reason_3", "warnings", "model_version"),
    "reject_column",
)


def output_types(predictor: ChurnPredictor) -> list[str]:
    """Return the SQL statements that create the enum types of `output_select`.

    Parquet stores an enum as text. DuckDB writes an enum several times faster than text, because it does
    not hash the value of each row.
    """
    values = _text_values(predictor)
    return [f"CREATE TYPE {name} AS ENUM ({_quoted(texts)})" for name, texts in values.items()]


def output_select(
    predictor: ChurnPredictor,
    id_type: str | None,
    *,
    contributions: bool,
    top: int | None = None,
    csv: bool = False,
    safe_formulas: bool = True,
) -> str:
    """Return the query that turns the scored stream into the output's columns.

    The stream's columns are

    - ``row_number``, and ``id`` if the contract has an id column
    - ``reject``: the `reject_number`, 0 for a scored row
    - ``reject_column``: 1 + the position in `faulty_columns`, 0 for none
    - ``probability``, ``will_churn``, ``risk`` (1 + the position in `RISKS`)
    - ``reason_1`` to ``reason_3``: 1 + the position of the feature, 0 for none
    - ``warnings``, the texts of reasons if the bundle has them switched on, and ``expected_profit`` if it has
      money values
    - with `contributions`, ``k<i>`` for each feature
    - the kept columns, by `kept_name`

    Parameters
    ----------
    predictor : ChurnPredictor
        Gives the names and the version.
    id_type : str or None
        DuckDB's type of the ids in the output; None if the contract has no id column.
    contributions : bool
        Whether the output gets a struct of all contributions.
    top : int, optional
        Take only this many scored rows: those with the highest probability (and so the highest expected
        profit), highest first, ties in input order.
    csv : bool
        Whether the output is CSV. Then each contribution is a column ``contribution: <feature>`` of its own.
    safe_formulas : bool
        Whether text in a CSV output that begins with one of `FORMULA_MARKS` gets an apostrophe before it.
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
    columns += [
        f"{pick('feature', f'reason_{place}')} AS reason_{place}" for place in range(1, TOP_REASONS + 1)
    ]
    columns += [
        "warnings",
        f"{pick('version', '1')} AS model_version",
        f"{pick('faulty_column', 'reject_column')} AS reject_column",
    ]
    output = predictor.bundle.output or OutputRules()
    if output.reason_texts:
        columns += TEXT_COLUMNS
    if predictor.bundle.money is not None:
        columns.append("CASE WHEN reject = 0 THEN expected_profit END AS expected_profit")
    if contributions and csv:
        columns += [
            f"CASE WHEN reject = 0 THEN k{position}::DOUBLE END"
            f" AS {quote_identifier(f'contribution: {name}')}"
            for position, name in enumerate(contract.names)
        ]
    elif contributions:
        members = ", ".join(
            f"{quote_identifier(name)} := k{position}::DOUBLE" for position, name in enumerate(contract.names)
        )
        columns.append(f"CASE WHEN reject = 0 THEN struct_pack({members}) END AS contributions")
    columns += [f"{kept_name(place)} AS {quote_identifier(name)}" for place, name in enumerate(output.keep)]
    select = f"SELECT {', '.join(columns)} FROM scored"
    if top is not None:
        # Not by expected profit: small amounts may be equal after rounding although the scores differ.
        select += f" WHERE reject = 0 ORDER BY probability DESC, row_number LIMIT {top:d}"
    if csv and safe_formulas:
        texts = [
            *_TEXT_COLUMNS,
            *(TEXT_COLUMNS if output.reason_texts else ()),
            *([contract.id_column] if id_type == "VARCHAR" else []),
            *output.keep,
        ]
        replaced = ", ".join(f"{safe_text(str(name))} AS {quote_identifier(str(name))}" for name in texts)
        select = f"SELECT * REPLACE ({replaced}) FROM ({select})"
    return select


def safe_text(name: str) -> str:
    """Return the expression of a text column whose formulas have an apostrophe before them."""
    column = f"{quote_identifier(name)}::VARCHAR"
    # A list of IN that is long becomes a join, which gives the rows in any order.
    marked = " OR ".join(f"starts_with({column}, chr({ord(mark)}))" for mark in FORMULA_MARKS)
    return f"CASE WHEN {marked} THEN '''' || {column} ELSE {column} END"


def _text_values(predictor: ChurnPredictor) -> dict[str, tuple[str, ...]]:
    return {
        "status": ("scored", "rejected"),
        "reject_code": REJECT_CODES,
        "risk": RISKS,
        "feature": predictor.contract.names,
        "version": (predictor.bundle.model_version,),
        "faulty_column": faulty_columns(predictor.contract),
    }


def _quoted(values: tuple[str, ...]) -> str:
    return ", ".join(map(quote_text, values))
