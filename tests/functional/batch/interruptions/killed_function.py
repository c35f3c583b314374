"""Run the batch function until a marker, then kill the process; usage: MARKER, the event on stdin."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from botocore.response import StreamingBody

from functions.batch import app, scoring_process
from functions.batch.delivery import Deliveries
from functions.batch.object_job import ObjectJob
from functions.batch.quarantine import Quarantine
from functions.batch.scoring_process import ScoringProcess
from functions.shared.storage import Storage
from tests.functional.batch.batch_stack import Context

AROUND = {
    "received": (Deliveries, "handle"),
    "output looked for": (Storage, "describe_output"),
    "described": (Storage, "describe_input"),
    "downloaded": (Storage, "download"),
    "scored": (ScoringProcess, "score"),
    "created": (Storage, "create"),
    "announced": (Storage, "announce"),
    "quarantined": (Quarantine, "write"),
    "object done": (ObjectJob, "run"),
}
MARKERS = [
    "before received",
    "after output looked for",
    "after described",
    "in the middle of the download",
    "after downloaded",
    "while the file is read",
    "after scored",
    "before created",
    "after created",
    "before announced",
    "after announced",
    "after object done",
    "after returned",
]
QUARANTINE_MARKERS = ["before quarantined", "after quarantined"]


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def set_marker(marker: str) -> None:
    if marker == "in the middle of the download":
        whole = StreamingBody.iter_chunks

        def first_then_die(self: Any, size: int) -> Any:
            yield next(whole(self, 1_000))
            die()

        StreamingBody.iter_chunks = first_then_die
        return
    if marker == "while the file is read":
        vars(scoring_process)["peak_kilobytes"] = die
        return
    when, _, what = marker.partition(" ")
    if what == "returned":
        return
    owner, name = AROUND[what]
    original = getattr(owner, name)

    def marked(*arguments: Any, **named: Any) -> Any:
        if when == "before":
            die()
        original(*arguments, **named)
        die()

    setattr(owner, name, marked)


def main() -> None:
    set_marker(sys.argv[1])
    app.lambda_handler(json.load(sys.stdin), Context())
    die()


if __name__ == "__main__":
    main()
