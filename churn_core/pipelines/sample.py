"""Train a sample model for trying things out: ``python -m churn_core.pipelines.sample FOLDER``.

It is trained on generated customers with the fastest settings. Its manifest has ``"sample": true``, which the
model digest covers, so environments with real customers can refuse it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from churn_core.errors import BundleError, ChurnError
from churn_core.scoring.bundle import MANIFEST, load_bundle

if TYPE_CHECKING:
    from churn_core.scoring.bundle import Bundle

ROWS: Final = 3_000
SEED: Final = 1


def sample_model(folder: Path) -> Bundle:
    """Return the sample model in a folder; train it first if the folder has none.

    Raises
    ------
    BundleError
        If the folder holds a model that is not a sample.
    ChurnError
        If the folder can't be written, or the configuration can't be read.
    """
    if (folder / MANIFEST).exists():
        bundle = load_bundle(folder)
        if not bundle.sample:
            raise BundleError(
                f"{folder} holds a model that is not a sample; pass it as MODEL={folder}, or delete it."
            )
        return bundle
    from churn_core.config import load_config, parse_config, sample_config_path
    from churn_core.data import generate_sample_data
    from churn_core.pipelines.training import run_training

    content = load_config(sample_config_path()).model_dump()
    content["evaluation"] = {"folds": 3, "repeats": 1}
    content["model"] = {"type": "logistic_regression"}
    table = generate_sample_data(ROWS, seed=SEED)
    return run_training(parse_config(content), table, folder, jobs=1, sample=True).bundle


if __name__ == "__main__":
    try:
        print(sample_model(Path(sys.argv[1])).model_version)
    except ChurnError as error:
        sys.exit(str(error))
