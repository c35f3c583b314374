"""Every outcome has an action, and the outcomes of the library are among them."""

from __future__ import annotations

import pytest

from churn_core.errors import FILE_FAULT_CODES
from functions.shared.outcomes import FATAL_DELIVERY, Action, Outcome

SUSPECT = {Outcome.TIMEOUT, Outcome.READER_CRASH, Outcome.NO_SPACE}
QUARANTINED = {
    Outcome.NOT_PARQUET,
    Outcome.CORRUPT,
    Outcome.ENCRYPTED,
    Outcome.UNSUPPORTED_ENCODING,
    Outcome.NOT_TEXT,
    Outcome.BAD_COMPRESSION,
    Outcome.DIALECT,
    Outcome.SCHEMA,
    Outcome.DUPLICATE_COLUMN,
    Outcome.TOO_LARGE,
    Outcome.TOO_MANY_ROWS,
    Outcome.TOO_MANY_COLUMNS,
    Outcome.TOO_MANY_ROW_GROUPS,
    Outcome.RESOURCE_LIMIT,
    Outcome.GONE,
    Outcome.ARCHIVED,
    Outcome.BAD_MESSAGE,
    Outcome.UNSUPPORTED_EVENT,
}


def test_the_quarantined_outcomes_are_a_closed_set() -> None:
    quarantined = {outcome for outcome in Outcome if outcome.action(FATAL_DELIVERY) is Action.QUARANTINED}
    assert quarantined == QUARANTINED | SUSPECT


def test_each_code_of_an_unfit_file_is_a_quarantined_outcome() -> None:
    assert {Outcome(code) for code in FILE_FAULT_CODES} <= QUARANTINED | SUSPECT


@pytest.mark.parametrize("outcome", Outcome)
def test_only_suspect_outcomes_change_their_action_at_later_deliveries(outcome: Outcome) -> None:
    actions = [outcome.action(delivery) for delivery in range(1, 6)]
    if outcome in SUSPECT:
        assert actions == [Action.RETRIED] * 2 + [Action.QUARANTINED] * 3
    else:
        assert len(set(actions)) == 1


def test_only_one_outcome_is_a_score() -> None:
    assert [outcome for outcome in Outcome if outcome.action(1) is Action.SCORED] == [Outcome.SCORED]


def test_faults_that_the_file_did_not_cause_are_always_retried() -> None:
    faults_of_others = {
        Outcome.ACCESS_DENIED,
        Outcome.STORAGE_UNAVAILABLE,
        Outcome.DAMAGED_TRANSFER,
        Outcome.COMMIT_CONFLICT,
        Outcome.MODEL_UNAVAILABLE,
        Outcome.DEADLINE,
        Outcome.INTERNAL_ERROR,
    }
    for outcome in faults_of_others:
        assert outcome.action(10**6) is Action.RETRIED
