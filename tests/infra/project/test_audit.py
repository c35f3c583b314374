"""No package of any lock has a known fault; `make proof` asks the database."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from infra.build.audit import NOT_AUDITED
from tests.infra.template_reader import REPOSITORY
from tests.proof_figures import record_figure


def test_no_package_of_any_lock_has_a_known_fault() -> None:
    if "CHURN_AUDIT" not in os.environ:
        pytest.skip("The audit asks a database in the network; 'make proof' runs it, or set CHURN_AUDIT=1.")
    command = [sys.executable, "-m", "infra.build.audit"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode == NOT_AUDITED:
        # The page of the proof lists it as skipped, with this reason.
        pytest.skip(done.stderr.strip().splitlines()[0])
    assert done.returncode == 0, done.stdout + done.stderr
    record_figure("Known faults in the packages of all locks", done.stdout.strip().splitlines()[-1])
