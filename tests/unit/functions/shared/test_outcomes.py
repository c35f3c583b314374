"""The error taxonomy, walked from end to end."""

from __future__ import annotations

import pytest

from churn_core.errors import FILE_FAULT_CODES
from functions.shared.outcomes import DISPOSITIONS, FATAL_DELIVERY, Action, Outcome

SOMETIMES_FATAL = {Outcome.TIMEOUT, Outcome.READER_CRASH, Outcome.NO_SPACE}


def test_everything_that_can_happen_has_its_disposition() -> None:
    assert list(DISPOSITIONS) == list(Outcome)


def test_the_quarantine_codes_are_a_closed_list() -> None:
    quarantined = {
        outcome for outcome in Outcome if DISPOSITIONS[outcome].action(FATAL_DELIVERY) is Action.QUARANTINED
    }
    of_messages = {"gone", "archived", "bad-message", "unsupported-event"}
    of_machines = {"timeout", "reader-crash", "no-space"}
    assert quarantined == {*FILE_FAULT_CODES, *of_messages, *of_machines}


@pytest.mark.parametrize("outcome", Outcome)
def test_only_what_may_pass_by_itself_is_dealt_with_otherwise_later(outcome: Outcome) -> None:
    actions = [DISPOSITIONS[outcome].action(delivery) for delivery in range(1, 6)]
    if outcome in SOMETIMES_FATAL:
        assert actions == [Action.RETRIED] * 2 + [Action.QUARANTINED] * 3
    else:
        assert len(set(actions)) == 1


def test_one_outcome_alone_is_a_score() -> None:
    assert [outcome for outcome in Outcome if DISPOSITIONS[outcome].at_first is Action.SCORED] == [
        Outcome.SCORED
    ]


def test_what_is_not_the_files_fault_is_never_held_against_it() -> None:
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
        assert DISPOSITIONS[outcome].action(10**6) is Action.RETRIED
