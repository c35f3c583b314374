"""Models and tables that several tests share, made once a run."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from churn_core.config import Settings
    from churn_core.models.export.prove import ProvedModel

# Threads that wait for each other make a suite many times slower where other processes want the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell gives background jobs a Ctrl-C that is ignored, and they hand it on to what the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The default columns, with the quickest family and few folds: enough to go through every step."""
    from churn_core.config import load_config, parse_config

    content = load_config().model_dump()
    content["evaluation"] = {"folds": 3, "repeats": 1}
    content["model"] = {"type": "logistic_regression"}
    return parse_config(content)


@pytest.fixture(scope="session")
def sample_table() -> pd.DataFrame:
    """Three thousand labelled sample customers."""
    from churn_core.data import generate_sample_data

    return generate_sample_data(3_000, seed=11)


@pytest.fixture(scope="session")
def prove(settings: Settings, sample_table: pd.DataFrame) -> Callable[[str], ProvedModel]:
    """Train and prove a model of a family on the sample table; each family once."""
    from churn_core.config import with_model_type
    from churn_core.models.export.prove import prove_model
    from churn_core.models.training import train_model

    made: dict[str, ProvedModel] = {}

    def prove_family(family: str) -> ProvedModel:
        if family not in made:
            model = train_model(with_model_type(settings, family), sample_table, jobs=1)
            made[family] = prove_model(model, sample_table)
        return made[family]

    return prove_family


@pytest.fixture(scope="session")
def bundle_of(
    prove: Callable[[str], ProvedModel], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Write the bundle of a family; each once, to be read and never changed."""
    from churn_core.models.bundle.writer import write_bundle
    from churn_core.reports import render_report

    folder = tmp_path_factory.mktemp("bundles")

    def bundle_of_family(family: str) -> Path:
        path = folder / family
        if not path.exists():
            proved = prove(family)
            write_bundle(proved, render_report(proved), path)
        return path

    return bundle_of_family


@pytest.fixture(scope="session")
def proved_logistic(prove: Callable[[str], ProvedModel]) -> ProvedModel:
    """A proved logistic regression."""
    return prove("logistic_regression")


@pytest.fixture(scope="session")
def sample_bundle(bundle_of: Callable[[str], Path]) -> Path:
    """The bundle of a logistic regression."""
    return bundle_of("logistic_regression")


@pytest.fixture(scope="session")
def telco_csv() -> Path:
    """The real Telco table; tests that use it are skipped where it is not at hand."""
    path = Path(os.environ.get("CHURN_TELCO_CSV", ""))
    if not path.is_file():
        pytest.skip("set CHURN_TELCO_CSV to the IBM Telco customer churn CSV to run this test")
    return path
