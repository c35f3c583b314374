"""Packages with an unknown or restrictive licence, or outside the lock, must not be shipped."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from infra.build.package_functions import PackageError, list_materials
from infra.local.function_build import environment_without_make
from infra.local.tools import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


LICENCES: Final = {
    "License-Expression: GPL-3.0-only": "may not be shipped",
    "License-Expression: MIT AND AGPL-3.0-or-later": "may not be shipped",
    "License-Expression: MPL-2.0": "may not be shipped",
    "License-Expression: GPL-2.0-only WITH Classpath-exception-2.0": "may not be shipped",
    "License-Expression: Sometimes": "not a valid SPDX expression",
    "License: As you like it": "unknown licence, 'As you like it'",
    "Classifier: License :: OSI Approved :: GNU General Public License (GPL)": "unknown licence",
    "License: MIT\nClassifier: License :: Other/Proprietary License": "unknown licence",
    "Author: Nobody": "names no licence",
    "License-Expression: GPL-3.0-only OR MIT": "",
    "License: MIT\nClassifier: License :: OSI Approved :: MIT License": "",
}
PLANTED_LOCKS: Final = {
    "planted==1.0 \\\n    --hash=sha256:00\n": "",
    "planted==1.1 \\\n": "planted 1.0 is in",
    "planted==1.0 \\\nmissing==2.0 \\\n": "missing 2.0 is in",
    "planted==1.0 ; python_version < '3.13' \\\n": "planted 1.0 is in",
}
# It runs in the environment of the tools, and in one process, because they take a second to load.
PLANT: Final = """
import json, pathlib, sys
from infra.build.bill_of_materials import MaterialError, list_materials
folder = pathlib.Path(sys.argv[1])
(folder / "planted-1.0.dist-info").mkdir()
for licence, lock in json.load(sys.stdin):
    metadata = f"Metadata-Version: 2.4\\nName: planted\\nVersion: 1.0\\n{licence}\\n"
    (folder / "planted-1.0.dist-info" / "METADATA").write_text(metadata)
    (folder / "lock.txt").write_text(lock)
    try:
        assert [material.name for material in list_materials(folder, folder / "lock.txt")] == ["planted"]
        print()
    except MaterialError as error:
        print(error)
"""


@pytest.mark.usefixtures("sbom_tools")
def test_unknown_and_restrictive_licences_and_packages_outside_the_lock_are_refused(tmp_path: Path) -> None:
    right_lock, right_licence = next(iter(PLANTED_LOCKS)), "License: MIT"
    planted = [(licence, right_lock) for licence in LICENCES] + [
        (right_licence, lock) for lock in PLANTED_LOCKS
    ]
    wanted = [*LICENCES.values(), *PLANTED_LOCKS.values()]

    done = subprocess.run(
        [REPOSITORY / ".sbom-venv" / "bin" / "python", "-c", PLANT, tmp_path],
        env=environment_without_make() | {"PYTHONPATH": str(REPOSITORY)},
        input=json.dumps(planted),
        capture_output=True,
        text=True,
        check=True,
    )

    sentences = done.stdout.splitlines()
    assert len(sentences) == len(wanted)
    for sentence, expected, case in zip(sentences, wanted, planted, strict=True):
        assert expected in sentence, (case, sentence)
        assert bool(expected) == bool(sentence), (case, sentence)


@pytest.mark.usefixtures("sbom_tools")
def test_a_package_with_a_restrictive_licence_stops_the_packaging(tmp_path: Path) -> None:
    installed = tmp_path / "Function" / "planted-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Name: planted\nVersion: 1.0\nLicense-Expression: GPL-3.0-only\n")
    lock = tmp_path / "lock.txt"
    lock.write_text("planted==1.0 \\\n")

    with pytest.raises(PackageError, match=r"planted has the licence 'GPL-3\.0-only'"):
        list_materials(tmp_path / "Function", lock, "churn-0123456789ab")
    assert not (tmp_path / "Function.cdx.json").exists()
