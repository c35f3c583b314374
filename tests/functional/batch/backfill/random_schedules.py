"""Seeded schedules of runs: executions that fail, stop, start again and overlap, on the S3 in memory.

An execution follows the state machine (`infra/state_machine/backfill.asl.json`): it plans, scores each part
with the retries of its error, and finishes. It pauses after each call, so that others can come between.
"""

from __future__ import annotations

import io
import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from functions.backfill.errors import BackfillError, RetryLaterError
from functions.backfill.runs import Runs
from functions.backfill.settings import BackfillSettings
from functions.backfill.storage import BackfillStorage
from functions.batch.delivery import Deliveries
from functions.batch.map_item import PartRetryError, SuspectPartError, item_answer
from functions.batch.object_job import ObjectJob
from functions.batch.quarantine import Quarantine
from functions.batch.scoring_task import INPUT_FILE, OUTPUT_FILE, ScoredFile
from functions.shared.objects import InputObject
from functions.shared.outcomes import NotScoredError, Outcome
from functions.shared.storage import Storage
from tests.functional.batch.batch_stack import INPUT, OUTPUT, Put, message
from tests.functional.batch.interruptions.model_s3 import FaultyS3, KilledError, ModelS3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from churn_core.scoring.bundle import Bundle
    from functions.batch.settings import BatchFunctionSettings

PREFIX: Final = "backfill/"
FAULTS: Final = ("killed-before", "killed-after", "lost-answer", "throttled", "cut-off")
# Attempts of a state, with the first: after errors of AWS or of the function, and after a suspect part's.
_ATTEMPTS, _SUSPECT_ATTEMPTS = 6, 2


class StoppedError(BaseException):
    """The execution was stopped."""


class FailedError(Exception):
    """The execution failed, and may be started again."""


@dataclass
class RandomFaults(FaultyS3):
    """Has a fault at some calls, and stops the execution at one.

    Attributes
    ----------
    rng : Random
    rate : float
        Share of the calls with a fault.
    stop_in : int or None
        Calls until the execution is stopped.
    """

    rng: random.Random = field(default_factory=random.Random)
    rate: float = 0.0
    stop_in: int | None = None

    def _call(self, call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        if self.stop_in is not None:
            self.stop_in -= 1
            if self.stop_in < 0:
                self.stop_in = None
                raise StoppedError
        if self.rng.random() < self.rate:
            self.plan(self.rng.choice(FAULTS), 1)
        return super()._call(call, arguments)


@dataclass
class RowsScorer:
    """Writes one row for each row that an input names, and rejects the last of three or more."""

    rng: random.Random

    def score(self, folder: Path, metadata: Mapping[str, str], seconds: float) -> ScoredFile:
        kind, name, rows = (folder / INPUT_FILE).read_text().split()
        if kind == "garbage":
            raise NotScoredError(Outcome.NOT_PARQUET, "It is not Parquet.")
        if kind == "crash" or (kind == "flaky" and self.rng.random() < 0.5):
            raise NotScoredError(Outcome.READER_CRASH, "It died.")
        number = int(rows)
        rejects = {"missing": 1} if number > 2 else {}
        table = pa.table({"id": [f"{name}-{row}" for row in range(number)]})
        pq.write_table(
            table.replace_schema_metadata({"churn.rejects": json.dumps(rejects)}), folder / OUTPUT_FILE
        )
        rejected = sum(rejects.values())
        return ScoredFile(number, number - rejected, rejected, 0, rejects, {}, None)


class RandomSchedule:
    """One prefix and its executions.

    Parameters
    ----------
    seed : int
    bundle : Bundle
    settings : BatchFunctionSettings
    """

    def __init__(self, seed: int, bundle: Bundle, settings: BatchFunctionSettings) -> None:
        self.rng = random.Random(seed)
        self.model = ModelS3()
        self.s3 = RandomFaults(self.model, rng=self.rng)
        self.calls = 0
        run_settings = BackfillSettings(
            settings.model_dir, INPUT, OUTPUT, announces=False, concurrency=5, batch_memory_mb=1769
        )
        self._runs = Runs(run_settings, BackfillStorage(self.s3), bundle)
        storage = Storage(self.s3)
        job = ObjectJob(settings, storage, RowsScorer(self.rng), bundle.model_digest, bundle.model_version)
        quarantine = Quarantine(storage, OUTPUT, bundle.model_digest)
        self._deliveries = Deliveries(job, quarantine, INPUT)
        self.parts: dict[str, str] = {}
        self._puts: list[Put] = []
        for number in range(self.rng.randint(1, 7)):
            kind = self.rng.choice(["good", "good", "good", "flaky", "garbage", "crash"])
            key, body = f"{PREFIX}p{number}.parquet", f"{kind} p{number} {self.rng.randint(1, 5)}"
            answer = self.model.put_object(Bucket=INPUT, Key=key, Body=body.encode())
            self.parts[key] = body
            self._puts.append(Put(key, len(body), answer["ETag"].strip('"'), answer["VersionId"]))

    def disturb(self) -> None:
        """Run executions with faults, some at once; stop some, and let the queue deliver parts too."""
        for _ in range(self.rng.randint(1, 5)):
            running = [self.execution() for _ in range(self.rng.choice([1, 1, 2]))]
            self.s3.stop_in = self.rng.choice([None, None, self.rng.randint(0, 40)])
            while running:
                chosen = self.rng.choice(running)
                if self.rng.random() < 0.2:
                    self.s3.rate = self.rng.choice([0.0, 0.05, 0.3, 0.9])
                try:
                    next(chosen)
                except (StopIteration, StoppedError, FailedError):
                    running.remove(chosen)
                if self.rng.random() < 0.05:
                    self._deliver(self.rng.choice(self._puts))

    def finish(self) -> dict[str, Any]:
        """Run once more without faults; return the answer of the last step."""
        self.s3.rate, self.s3.stop_in = 0.0, None
        *_, answer = self.execution()
        assert answer is not None
        return answer

    def execution(self) -> Iterator[dict[str, Any] | None]:
        """Execute the state machine; yield None after each call, and at last the answer of ``finish``."""
        planned: list[dict[str, Any]] = []
        yield from self._step(lambda: planned.append(self._runs.plan({"prefix": PREFIX})))
        if not planned[0]["finished"]:
            parts = json.loads(
                self.model.get_object(Bucket=OUTPUT, Key=planned[0]["plan_key"])["Body"].read()
            )
            self.rng.shuffle(parts)
            tolerates_failures = self.rng.random() < 0.5
            for part in parts:
                try:
                    yield from self._part(InputObject.from_part(part))
                except FailedError:
                    if not tolerates_failures:
                        raise
        finished: list[dict[str, Any]] = []
        yield from self._step(lambda: finished.append(self._runs.finish(planned[0])))
        yield finished[0]

    def _step(self, call: Callable[[], Any]) -> Iterator[None]:
        for _ in range(_ATTEMPTS):
            self.calls += 1
            try:
                call()
            except (KilledError, NotScoredError, RetryLaterError):
                yield
                continue
            except BackfillError as error:
                raise FailedError from error
            yield
            return
        raise FailedError

    def _part(self, source: InputObject) -> Iterator[None]:
        suspect = 0
        for _ in range(_ATTEMPTS):
            self.calls += 1
            try:
                item_answer(self._deliveries.handle_part(source, 1, lambda: 300.0))
            except SuspectPartError:
                suspect += 1
                if suspect == _SUSPECT_ATTEMPTS:
                    break
            except (KilledError, PartRetryError):
                pass
            else:
                yield
                return
            yield
        if suspect < _SUSPECT_ATTEMPTS:
            raise FailedError
        for _ in range(_ATTEMPTS):
            self.calls += 1
            try:
                item_answer(self._deliveries.handle_part(source, 3, lambda: 300.0))
            except (KilledError, PartRetryError, SuspectPartError):
                yield
            else:
                yield
                return
        raise FailedError

    def _deliver(self, put: Put) -> None:
        """The queue has a message about a part too, in whatever delivery."""
        try:
            self._deliveries.handle(message(put.event(), self.rng.randint(1, 4)), lambda: 300.0)
        except (KilledError, StoppedError):
            return

    def check(self, answer: dict[str, Any]) -> None:
        """Check the output bucket: each good part's rows once, one plan, one manifest that says the same."""
        found = self.model.bodies(OUTPUT)
        assert all(len(versions) == 1 for versions in found.values()), found.keys()
        places = [key.split("/")[0] for key in found if not key.startswith(PREFIX)]
        assert set(places) <= {"scored", "quarantine"}
        (plan_key,) = [key for key in found if key.endswith("plan.json")]
        (manifest_key,) = [key for key in found if key.endswith("manifest.json")]
        assert (plan_key, manifest_key) == (answer["plan_key"], answer["manifest_key"])
        manifest = json.loads(found[manifest_key][0])
        outputs = {part["key"]: part["output"] for part in manifest["outputs"]}
        unscored = {part["key"]: part["code"] for part in manifest["not_scored"]}
        assert not outputs.keys() & unscored.keys()
        assert outputs.keys() | unscored.keys() == self.parts.keys()
        later = {key for key in found if key.startswith("scored/")} - set(outputs.values())
        # The queue may score a part later that died three times in the run; a manifest is never replaced.
        died = {put.input_id for put in self._puts if unscored.get(put.key) == "reader-crash"}
        assert {key.split("/")[-1].removesuffix(".parquet") for key in later} <= died
        total = 0
        for key, body in self.parts.items():
            kind, name, rows = body.split()
            if kind == "good" or key in outputs:
                table = pq.read_table(io.BytesIO(found[outputs[key]][0]))
                assert table["id"].to_pylist() == [f"{name}-{row}" for row in range(int(rows))]
                total += int(rows)
            else:
                assert unscored[key] == ("not-parquet" if kind == "garbage" else "reader-crash")
        assert (manifest["rows"], manifest["scored"] + manifest["rejected"]) == (total, total)
        assert answer["rows"] == total
