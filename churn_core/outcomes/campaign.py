"""Whom a campaign contacts, and whom it leaves alone so that its effect can be measured."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import duckdb

from churn_core.errors import DataError, OutputError
from churn_core.outcomes.scored_files import (
    CAMPAIGN_COLUMN,
    CONTACT,
    CONTROL,
    GROUP_COLUMN,
    ScoredFiles,
    open_scored_files,
    readable,
)
from churn_core.scoring.files.complete_file import complete_file
from churn_core.scoring.files.output_formats import output_format
from churn_core.scoring.files.score_file import writing_fault
from churn_core.scoring.files.sql.output_columns import safe_text
from churn_core.scoring.files.sql.text import quote_identifier, quote_text
from churn_core.sources.parts import PartedTable

if TYPE_CHECKING:
    from pathlib import Path

_HASHES: Final = 2**32
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign: its name decides, with a customer's id, who is in the control group.

    A customer is in the control group if the first 32 bits of sha256(name, newline, id as text), read as a
    fraction of 1, lie below `control`. So it does not matter who takes the campaign, when, and from which
    file; and two campaigns choose independently of each other.

    Parameters
    ----------
    name : str
        1 to 64 letters, digits, ``.``, ``_`` and ``-``.
    control : float
        Share of the customers who are left alone, between 0 and 1.

    Raises
    ------
    ValueError
        If one of them can't be used.
    """

    name: str
    control: float

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError("the name must be 1 to 64 letters, digits, dots, hyphens and underscores")
        if not 0 < self.control < 1:
            raise ValueError("the share of the control group must lie between 0 and 1, such as 0.1")

    def group_sql(self, id_sql: str) -> str:
        """Return the SQL of a customer's group."""
        limit = math.ceil(self.control * _HASHES)
        return f"CASE WHEN {hash_sql(self.name, id_sql)} < {limit} THEN '{CONTROL}' ELSE '{CONTACT}' END"


def hash_sql(campaign: str, id_sql: str) -> str:
    """Return the SQL of the first 32 bits of a customer's hash, as UBIGINT; see `Campaign`."""
    return f"('0x' || left(sha256({quote_text(campaign)} || chr(10) || {id_sql}), 8))::UBIGINT"


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """How many customers a campaign has.

    Attributes
    ----------
    scored : int
        Customers with a score in the input.
    chosen, contact, control : int
        Customers in the campaign, and in each of its groups.
    expected_profit : float or None
        Of contacting the group `contact`; None if the scores carry no money.
    """

    scored: int
    chosen: int
    contact: int
    control: int
    expected_profit: float | None


def take_campaign(
    found: Path | PartedTable, out: Path, campaign: Campaign, *, top: int | None, name: object
) -> CampaignResult:
    """Write the customers of a campaign, best first, with ``campaign`` and ``campaign_group``.

    Parameters
    ----------
    found : Path or PartedTable
        Scored files of one day.
    out : Path
        ``.parquet``, ``.csv`` or ``.csv.gz``. It has all columns of the scored files.
    campaign : Campaign
    top : int or None
        How many customers: those with the highest expected profit, or the highest score where the scores
        carry no money; equal ones in the order of their ids. None takes everybody who should be contacted.
    name : object
        How messages call the scored files.

    Raises
    ------
    DataError
        If the scores can't be used: see `open_scored_files`; or a customer occurs twice, or has no id.
    OutputError
        If `out` holds another campaign, or this one with other groups; or can't be written.
    """
    written = output_format(out)
    with duckdb.connect() as connection:
        scores = open_scored_files(connection, found, name=name)
        scored = _check_customers(connection, scores)
        _check_earlier(connection, out, campaign)
        query = _select(scores, campaign, top, safe_texts=written.is_csv and not scores.is_csv)
        with readable(name):
            connection.execute(f"CREATE TEMP TABLE chosen AS {query}")
        reads = found.files if isinstance(found, PartedTable) else [found]
        with complete_file(out, reads=reads) as unfinished:
            try:
                connection.execute(f"COPY chosen TO {quote_text(str(unfinished))} ({written.options})")
            except duckdb.IOException as error:
                raise writing_fault(error, out.absolute().parent) from error
        return _count(connection, scores, scored)


def _check_customers(connection: duckdb.DuckDBPyConnection, scores: ScoredFiles) -> int:
    """Return how many customers have a score."""
    taken = {CAMPAIGN_COLUMN, GROUP_COLUMN}.intersection(scores.columns)
    if taken:
        raise DataError(
            f"{scores.name} has a column {min(taken)!r}: its rows are already part of a campaign; name the"
            " scores that 'churn score' wrote."
        )
    identity = quote_identifier(scores.id_column)
    with readable(scores.name):
        (rows, ids, distinct) = connection.sql(
            f"SELECT count(*), count({identity}), count(DISTINCT {identity}) FROM {scores.source}"
            " WHERE status = 'scored'"
        ).fetchall()[0]
    if ids < rows:
        raise DataError(f"{rows - ids:,} scored rows have no {scores.id_column!r}; give each customer an id.")
    if distinct < ids:
        raise DataError(
            f"{ids - distinct:,} of {ids:,} scored rows repeat a customer; name the scores of one day, with"
            " one row for each customer."
        )
    return int(rows)


def _check_earlier(connection: duckdb.DuckDBPyConnection, out: Path, campaign: Campaign) -> None:
    """Refuse to replace the only record of who was left alone."""
    if not out.is_file():
        return
    try:
        earlier = open_scored_files(connection, out, name=out)
    except DataError:
        # Any other file is replaced, as by the other commands.
        return
    if GROUP_COLUMN not in earlier.columns:
        return
    moved = f"{GROUP_COLUMN} <> {campaign.group_sql(earlier.id_sql)}"
    with readable(out):
        (others, groups) = connection.sql(
            f"SELECT count(*) FILTER ({CAMPAIGN_COLUMN} <> {quote_text(campaign.name)}),"
            f" count(*) FILTER ({moved}) FROM {earlier.source}"
        ).fetchall()[0]
    if others:
        raise OutputError(f"{out} holds another campaign; name another output file.")
    if groups:
        raise OutputError(
            f"{out} holds campaign {campaign.name!r} with another share of control: {groups:,} customers"
            " would change their group; use the same --control, or another --name and file."
        )


def _select(scores: ScoredFiles, campaign: Campaign, top: int | None, *, safe_texts: bool) -> str:
    order = ["expected_profit DESC NULLS LAST"] if scores.has_money else []
    order += ["churn_probability DESC", scores.id_sql]
    wanted = "will_churn" if top is None else "true"
    texts = [f"{safe_text(text)} AS {quote_identifier(text)}" for text in scores.texts] if safe_texts else []
    replaced = f" REPLACE ({', '.join(texts)})" if texts else ""
    limit = "" if top is None else f" LIMIT {top:d}"
    dates = " EXCLUDE (dt)" if scores.dated else ""
    return (
        f"SELECT *{dates}{replaced}, {quote_text(campaign.name)} AS {CAMPAIGN_COLUMN},"
        f" {campaign.group_sql(scores.id_sql)} AS {GROUP_COLUMN} FROM {scores.source}"
        f" WHERE status = 'scored' AND {wanted} ORDER BY {', '.join(order)}{limit}"
    )


def _count(connection: duckdb.DuckDBPyConnection, scores: ScoredFiles, scored: int) -> CampaignResult:
    contacted = f"FILTER ({GROUP_COLUMN} = '{CONTACT}')"
    profit = f"sum(expected_profit) {contacted}" if scores.has_money else "NULL"
    (chosen, contact, expected) = connection.sql(
        f"SELECT count(*), count(*) {contacted}, {profit} FROM chosen"
    ).fetchall()[0]
    return CampaignResult(
        scored, chosen, contact, chosen - contact, None if expected is None else round(float(expected), 6)
    )
