"""Models and tables that several tests share."""

from __future__ import annotations

import functools
import os
import random
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.trained_once import CACHE, TrainedOnce, source_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from churn_core.config import Settings
    from churn_core.models.export.prove import ProvedModel

# On busy cores, OpenMP threads that wait for each other make the suite many times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Some tests import onnxruntime themselves, maybe before churn_core does.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# Without compiled files each process that a test starts compiles scikit-learn again, which takes 3 s.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shell starts background jobs with SIGINT ignored, and the processes of the tests would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
# nohup does the same with SIGHUP.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


# Computed here, before any test imports the sources that it covers.
# Planted faults must not train models of their own: their run names the sound sources' digest.
SOURCE_DIGEST = os.environ.get("CHURN_TEST_DIGEST") or source_digest()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Shuffle the files, and the tests of each, by the seed in CHURN_SHUFFLE; files stay together."""
    seed = os.environ.get("CHURN_SHUFFLE")
    if seed is not None:
        choice = random.Random(seed)
        files = sorted({str(item.path) for item in items})
        place = {file: choice.random() for file in files}
        items.sort(key=lambda item: (place[str(item.path)], choice.random()))


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The default columns with the fastest family and few folds; every step of training still runs."""
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
def trained_once() -> TrainedOnce:
    """Trains models, each in one process only; later runs of the same sources read them."""
    return TrainedOnce(CACHE, SOURCE_DIGEST)


@pytest.fixture(scope="session")
def prove(
    settings: Settings, sample_table: pd.DataFrame, trained_once: TrainedOnce
) -> Callable[[str], ProvedModel]:
    """Train and prove a model of a family on the sample table."""
    from churn_core.config import with_model_type

    return lambda family: trained_once.proved(with_model_type(settings, family), sample_table)


@pytest.fixture(scope="session")
def bundle_of(
    settings: Settings,
    sample_table: pd.DataFrame,
    trained_once: TrainedOnce,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Path]:
    """Write the bundle of a family; do not change it."""
    from churn_core.config import with_model_type

    folder = tmp_path_factory.mktemp("bundles")

    @functools.cache
    def bundle_of_family(family: str) -> Path:
        return trained_once.bundle(with_model_type(settings, family), sample_table, folder / family)

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
    """The real Telco table; tests that use it are skipped unless CHURN_TELCO_CSV names it."""
    path = Path(os.environ.get("CHURN_TELCO_CSV", ""))
    if not path.is_file():
        pytest.skip("set CHURN_TELCO_CSV to the IBM Telco customer churn CSV to run this test")
    return path
