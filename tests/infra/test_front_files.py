"""The image `front` holds all files of the project that its two services import."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from infra.containers.prepare import copy_front_sources

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM: Final = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
own = ("infra", "functions", "churn_core")
print(json.dumps([m.__file__ for name, m in sys.modules.items() if name.split(".")[0] in own and m.__file__]))
"""


@pytest.mark.parametrize("service", ["infra.containers.front", "infra.containers.cloud"])
def test_a_service_imports_only_files_that_are_copied(service: str, tmp_path: Path) -> None:
    copy_front_sources(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, service], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    files = json.loads(done.stdout)
    assert files
    # This environment's own installation of the project would be found second.
    assert not [file for file in files if not file.startswith(str(tmp_path))]
