"""Random schedules of events and faults, and the guarantees that must hold after each step.

A state machine for Hypothesis; it runs on the S3 in memory or on moto.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from functions.batch.delivery import Deliveries
from functions.batch.object_job import ObjectJob
from functions.batch.quarantine import Quarantine
from functions.client.redrive import build_event
from functions.shared.objects import REQUEUED, InputObject, object_record_key
from functions.shared.outcomes import Action
from functions.shared.storage import Storage
from tests.functional.batch.batch_stack import INPUT, OUTPUT, Put, message
from tests.functional.batch.interruptions.model_s3 import FaultyS3, KilledError

if TYPE_CHECKING:
    from collections.abc import Callable

    from functions.batch.object_job import Scorer
    from functions.batch.settings import BatchFunctionSettings

GIVEN_UP = 5
KEYS = ("incoming/a.parquet", "incoming/b.parquet")


@dataclass
class Model:
    """A model that may be deployed.

    Attributes
    ----------
    digest : str
    scorer : Scorer
    expected : callable
        Takes an input's and an output's bytes; returns whether the output is right.
    """

    digest: str
    scorer: Scorer
    expected: Callable[[bytes, Any], bool]


@dataclass
class Pending:
    """A message in the queue."""

    put: Put | None
    body: str
    deliveries: int = 0


@dataclass
class History:
    """The steps of a schedule so far, for the invariants.

    Attributes
    ----------
    content : dict
        Bytes of each input version by its id.
    puts : dict
        Each input version by its id.
    settled : set
        Ids of the inputs with a message that is done.
    """

    content: dict[str, bytes] = field(default_factory=dict)
    puts: dict[str, Put] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)


class Schedule(RuleBasedStateMachine):
    """Puts, overwrites, deletions and deliveries in any order and number, with faults in between."""

    contents: ClassVar[dict[str, bytes]]
    models: ClassVar[list[Model]]
    settings: ClassVar[BatchFunctionSettings]
    ran: ClassVar[dict[str, int]]

    def s3_client(self) -> Any:
        """Return the client of an S3 with both buckets empty and versioned."""
        raise NotImplementedError

    def output_bodies(self) -> dict[str, list[bytes]]:
        """Return the content of each version in the output bucket by its key."""
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        self.s3 = FaultyS3(self.s3_client())
        self.history = History()
        self.pending: list[Pending] = []
        self.dead: list[Pending] = []
        self.model = self.models[0]
        self.ran["schedules"] = self.ran.get("schedules", 0) + 1

    # ---------------------------------------------------------------- steps

    @rule(key=st.sampled_from(KEYS), kind=st.sampled_from(["good", "good", "other", "garbage", "crash"]))
    def put(self, key: str, kind: str) -> None:
        """Put or overwrite a file; some files can't be scored."""
        body = self.contents[kind]
        answer = self.s3.client.put_object(Bucket=INPUT, Key=key, Body=body)
        put = Put(key, len(body), answer["ETag"].strip('"'), answer["VersionId"])
        self.history.content[put.input_id] = body
        self.history.puts[put.input_id] = put
        self.pending.append(Pending(put, json.dumps(put.event())))

    @precondition(lambda self: self.history.puts)
    @rule(data=st.data(), all_versions=st.booleans())
    def delete(self, data: st.DataObject, all_versions: bool) -> None:
        put = data.draw(st.sampled_from(list(self.history.puts.values())))
        which = {"VersionId": put.version} if all_versions else {}
        self.s3.client.delete_object(Bucket=INPUT, Key=put.key, **which)

    @precondition(lambda self: self.history.puts)
    @rule(data=st.data(), shape=st.sampled_from(["event", "notification"]))
    def send_again(self, data: st.DataObject, shape: str) -> None:
        """S3 sends an event again, perhaps much later."""
        put = data.draw(st.sampled_from(list(self.history.puts.values())))
        body = put.event() if shape == "event" else {"Records": [put.notification()]}
        self.pending.append(Pending(put, json.dumps(body)))

    @rule()
    def send_test_event(self) -> None:
        self.pending.append(Pending(None, json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"})))

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), times=st.integers(1, 3))
    def deliver(self, data: st.DataObject, times: int) -> None:
        """Deliver any message, up to three times."""
        pending = data.draw(st.sampled_from(self.pending))
        done = [self._deliver(pending) for _ in range(times)]
        if any(done):
            self.pending.remove(pending)
        elif pending.deliveries >= GIVEN_UP:
            self.pending.remove(pending)
            self.dead.append(pending)

    @precondition(lambda self: self.pending)
    @rule(
        data=st.data(),
        fault=st.sampled_from(["killed-before", "killed-after", "lost-answer", "throttled", "cut-off"]),
        at=st.integers(1, 6),
    )
    def deliver_with_a_fault(self, data: st.DataObject, fault: Any, at: int) -> None:
        """Deliver any message; the nth call to S3 fails."""
        self.s3.plan(fault, at)
        self.deliver(data, 1)
        self.s3.fault = None

    @rule(number=st.integers(0, 1))
    def swap_model(self, number: int) -> None:
        self.model = self.models[number]

    @precondition(lambda self: self.dead)
    @rule()
    def redrive_dead_letters(self) -> None:
        self.pending += [Pending(letter.put, letter.body) for letter in self.dead]
        self.dead.clear()

    @precondition(lambda self: self.history.puts)
    @rule(data=st.data())
    def redrive_quarantine(self, data: st.DataObject) -> None:
        put = data.draw(st.sampled_from(list(self.history.puts.values())))
        record = self._record(put)
        if record is None:
            return
        marked = json.dumps(record | {REQUEUED: 1}).encode()
        self.s3.client.put_object(Bucket=OUTPUT, Key=object_record_key(_source(put)), Body=marked)
        self.pending.append(Pending(put, build_event(_source(put))))

    # ---------------------------------------------------------------- guarantees

    @invariant()
    def g1_g4_each_output_is_there_once_and_complete(self) -> None:
        for key, bodies in self.output_bodies().items():
            if not key.startswith("scored/"):
                continue
            assert len(bodies) == 1, key
            _, model_part, name = key.split("/")
            model = next(m for m in self.models if model_part == f"model={m.digest[:12]}")
            content = self.history.content[name.removesuffix(".parquet")]
            # G3 too: the output accounts for each row of the input.
            assert model.expected(content, bodies[0]), key

    @invariant()
    def g2_each_settled_input_has_an_outcome(self) -> None:
        for input_id in self.history.settled:
            assert self._ends(self.history.puts[input_id]), input_id

    def teardown(self) -> None:
        """Without further faults every message is done, and no input has two outcomes by one model."""
        if not hasattr(self, "pending"):
            return
        self.pending += self.dead
        for pending in self.pending:
            pending.deliveries = 2
            assert self._deliver(pending)
        for put in self.history.puts.values():
            ends = self._ends(put)
            # An event was sent for each input, and each message is done by now.
            assert ends, put
            outputs = [end for end in ends if end.startswith("scored")]
            record = self._record(put)
            if outputs and record is not None and REQUEUED not in record:
                # The record must be of another model than the output.
                assert f"scored:{record['model_digest']}" not in outputs
        self.ran["deliveries"] = self.ran.get("deliveries", 0) + self.s3.calls

    # ---------------------------------------------------------------- helpers

    def _deliver(self, pending: Pending) -> bool:
        """Deliver a message; return whether the queue may delete it."""
        pending.deliveries += 1
        storage = Storage(self.s3, events=None)
        job = ObjectJob(self.settings, storage, self.model.scorer, self.model.digest, "version")
        deliveries = Deliveries(job, Quarantine(storage, OUTPUT, self.model.digest), INPUT)
        try:
            handled = deliveries.handle(message(pending.body, pending.deliveries), lambda: 300.0)
        except KilledError:
            return False
        done = all(h.action is not Action.RETRIED for h in handled)
        if done and pending.put is not None:
            self.history.settled.add(pending.put.input_id)
        return done

    def _record(self, put: Put) -> dict[str, Any] | None:
        bodies = self.output_bodies().get(object_record_key(_source(put)))
        return json.loads(bodies[-1]) if bodies else None

    def _ends(self, put: Put) -> list[str]:
        found = self.output_bodies()
        ends = [
            f"scored:{model.digest}"
            for model in self.models
            if f"scored/model={model.digest[:12]}/{put.input_id}.parquet" in found
        ]
        return ends + (["quarantined"] if object_record_key(_source(put)) in found else [])


def _source(put: Put) -> InputObject:
    return InputObject(put.bucket, put.key, put.version, put.etag, put.size)
