"""The rows of scored files that are measured: their day, whether it has matured, and their segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.errors import DataError
from churn_core.outcomes.campaign import hash_sql
from churn_core.outcomes.scored_files import (
    CAMPAIGN_COLUMN,
    CONTACT,
    CONTROL,
    DAY_PARTITION,
    GROUP_COLUMN,
    MODEL_COLUMN,
    ScoredFiles,
    readable,
    whole_numbers,
)
from churn_core.scoring.files.sql.text import quote_identifier, quote_text

if TYPE_CHECKING:
    import duckdb

    from churn_core.outcomes.join_settings import JoinSettings

WITHOUT_VALUE: Final = "(missing)"
"""The level of a segment without a value."""


def read_score_rows(
    connection: duckdb.DuckDBPyConnection, scores: ScoredFiles, settings: JoinSettings
) -> None:
    """Create the tables ``all_scores``, and ``scores`` of the rows that are measured.

    Raises
    ------
    DataError
        If a column or the day is missing, a customer has two scores of one model on one day, or the groups of
        a campaign contradict each other.
    """
    wanted = list(settings.segments)
    if settings.campaign is not None:
        wanted += [CAMPAIGN_COLUMN, GROUP_COLUMN]
    for column in wanted:
        if column not in scores.columns:
            raise DataError(_missing(scores, column))
    if not scores.dated and settings.day is None and settings.maturity is not None:
        raise DataError(
            f"{scores.name} lies in no folder {DAY_PARTITION}=YYYY-MM-DD, so its day is not known; give it by"
            " --day."
        )
    day = DAY_PARTITION if scores.dated else "NULL::DATE"
    if not scores.dated and settings.day is not None:
        day = f"DATE '{settings.day.isoformat()}'"
    mature = "true"
    if settings.maturity is not None:
        until = settings.maturity.until.isoformat()
        mature = f"{day} + {settings.maturity.horizon_days:d} <= DATE '{until}'"
    segments = [
        f"coalesce({quote_identifier(column)}::VARCHAR, '{WITHOUT_VALUE}') AS segment{place}"
        for place, column in enumerate(settings.segments)
    ]
    group = f"{GROUP_COLUMN}::VARCHAR" if settings.campaign is not None else "NULL::VARCHAR"
    columns = [
        f"{scores.id_sql} AS id",
        f"{day} AS day",
        f"coalesce(strftime({day}, '%Y-%m'), 'all') AS month",
        f"{MODEL_COLUMN}::VARCHAR AS model_version",
        "status = 'scored' AS scored",
        f"{mature} AS mature",
        "churn_probability AS score",
        "will_churn AS flagged",
        f"{group} AS campaign_group",
        *segments,
    ]
    where = "" if settings.campaign is None else f" WHERE {CAMPAIGN_COLUMN} = {quote_text(settings.campaign)}"
    with readable(scores.name):
        connection.execute(
            f"CREATE TEMP TABLE all_scores AS SELECT {', '.join(columns)} FROM {scores.source}{where}"
        )
    _check_scores(connection, scores, settings)
    connection.execute(
        "CREATE TEMP TABLE scores AS SELECT * EXCLUDE (scored, mature) FROM all_scores"
        " WHERE scored AND mature"
    )


def _check_scores(connection: duckdb.DuckDBPyConnection, scores: ScoredFiles, settings: JoinSettings) -> None:
    rows, unusable = whole_numbers(
        connection,
        "SELECT count(*), count(*) FILTER (scored AND (score IS NULL OR flagged IS NULL OR NOT"
        " (score BETWEEN 0 AND 1))) FROM all_scores",
    )
    if settings.campaign is not None:
        if not rows:
            raise DataError(
                f"{scores.name} has no customer of campaign {settings.campaign!r}; correct the name."
            )
        _check_groups(connection, scores, settings.campaign)
    if unusable:
        raise DataError(f"{scores.name}: {unusable:,} rows have no probability; score them again.")
    (repeated,) = whole_numbers(
        connection,
        "SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM all_scores WHERE scored"
        " GROUP BY id, day, model_version HAVING n > 1)",
    )
    if repeated:
        raise DataError(
            f"{scores.name} holds {repeated:,} further scores of the same customer, day and model; keep one"
            " of each, or put scored files into folders dt=YYYY-MM-DD."
        )


def _check_groups(connection: duckdb.DuckDBPyConnection, scores: ScoredFiles, campaign: str) -> None:
    """Refuse groups that no single share of control can have made."""
    (others,) = whole_numbers(
        connection,
        f"SELECT count(*) FROM all_scores WHERE campaign_group IS NULL OR NOT"
        f" (campaign_group = '{CONTACT}' OR campaign_group = '{CONTROL}')",
    )
    if others:
        raise DataError(
            f"{scores.name}: {others:,} rows have a {GROUP_COLUMN} other than {CONTACT} and {CONTROL};"
            " correct them."
        )
    hashed = hash_sql(campaign, "id")
    (mixed,) = whole_numbers(
        connection,
        f"WITH hashed AS (SELECT campaign_group, {hashed} AS hash FROM all_scores)"
        f" SELECT count(*) FROM hashed WHERE campaign_group = '{CONTACT}' AND hash <="
        f" (SELECT max(hash) FROM hashed WHERE campaign_group = '{CONTROL}')",
    )
    if mixed:
        raise DataError(
            f"Campaign {campaign!r} was taken with different shares of control, or its groups were changed:"
            f" {mixed:,} contacted customers belong to the control group of the other share; name the"
            " files of one of them."
        )


def _missing(scores: ScoredFiles, column: str) -> str:
    if column in (CAMPAIGN_COLUMN, GROUP_COLUMN):
        return f"{scores.name} has no column {column!r}; name what 'churn campaign' wrote."
    return (
        f"{scores.name} has no column {column!r} to measure by; keep it in scored files by output.keep, and"
        " score again."
    )
