"""What a scored file looks like: its columns, from the codes that scoring hands over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.errors import REJECT_CODES
from churn_core.scoring.encoding_sql import quote_identifier, quote_text

if TYPE_CHECKING:
    from churn_core.scoring.predictor import ChurnPredictor

RISKS: Final = ("low", "medium", "high")


def output_select(predictor: ChurnPredictor, id_type: str | None, *, contributions: bool) -> str:
    """Return the query that turns the scored stream into the output's columns.

    The stream has ``row_number``, ``id`` (if the contract names one), ``reject`` (0 for a scored row,
    else the position in `REJECT_CODES` plus 1), ``probability``, ``will_churn``, ``risk``, ``reason_1``
    to ``reason_3`` (position of the feature plus 1, 0 for none), ``warnings`` and, if asked for, one
    column ``k<i>`` for the contribution of each feature.

    Parameters
    ----------
    predictor : ChurnPredictor
        Gives names and version.
    id_type : str or None
        DuckDB's type of the id column in the input; None if the contract names no id.
    contributions : bool
        Whether the struct of all contributions is added.
    """
    contract = predictor.contract
    features = _text_list(contract.names)
    columns = ["row_number"]
    if contract.id_column is not None:
        columns.append(f"id::{id_type} AS {quote_identifier(contract.id_column)}")
    columns += [
        "CASE WHEN reject = 0 THEN 'scored' ELSE 'rejected' END AS status",
        f"{_text_list(REJECT_CODES)}[reject] AS reject_code",
        "CASE WHEN reject = 0 THEN probability END AS churn_probability",
        "CASE WHEN reject = 0 THEN will_churn END AS will_churn",
        f"CASE WHEN reject = 0 THEN {_text_list(RISKS)}[risk] END AS risk",
    ]
    columns += [f"{features}[reason_{place}] AS reason_{place}" for place in (1, 2, 3)]
    columns += ["warnings", f"{quote_text(predictor.bundle.model_version)} AS model_version"]
    if contributions:
        members = ", ".join(
            f"{quote_identifier(name)} := k{position}::DOUBLE" for position, name in enumerate(contract.names)
        )
        columns.append(f"CASE WHEN reject = 0 THEN struct_pack({members}) END AS contributions")
    return f"SELECT {', '.join(columns)} FROM scored"


def _text_list(values: tuple[str, ...]) -> str:
    return f"[{', '.join(map(quote_text, values))}]"
