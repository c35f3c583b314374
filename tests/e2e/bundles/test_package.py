"""What `make package` ships: the same bytes from everywhere, one verified model, every package listed."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from packaging.requirements import Requirement

from churn_core.models.bundle.writer import write_bundle
from churn_core.scoring.bundle import load_bundle
from infra.build import package_functions
from infra.build.package_functions import (
    Package,
    PackageError,
    check_model,
    check_sizes,
    environment_without_make,
    list_materials,
    package,
    tree_digest,
    write_zip,
)
from infra.local.emulator import REPOSITORY, LambdaTools
from tests.proof_figures import cases, record_figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from churn_core.models.export.prove import ProvedModel

LOCK_OF: Final = {"ScoreFunction": "score", "BatchFunction": "batch"}


def inherited() -> dict[str, str]:
    """Return the environment without what a make that runs the tests hands to inner ones."""
    left_out = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MODEL", "ENVIRONMENT", "ARCH")
    return {name: value for name, value in os.environ.items() if name not in left_out}


def make(target: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a target of the functions' makefile as SAM does."""
    return subprocess.run(
        ["make", "-f", "infra/build/Makefile", target],
        cwd=REPOSITORY,
        env=inherited() | {"ARTIFACTS_DIR": "none", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def sample_model(proved_logistic: ProvedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "bundle"
    write_bundle(proved_logistic, "report", folder, sample=True)
    return folder


@pytest.fixture(scope="module")
def laid_out(
    built_function: Callable[[str, str], Path],
    lambda_tools: LambdaTools,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Let SAM's part be taken by functions that are built already.

    They come without the libraries' code, which takes long to compress.
    """
    if lambda_tools.python_version != "3.13":
        pytest.skip("what is shipped is made for Python 3.13: install it, or set LAMBDA_PYTHON")
    if not (REPOSITORY / ".sbom-venv" / "bin" / "python").exists():
        pytest.skip("the tools for bills of materials are not installed; run 'make setup-sbom'")

    def copy(target: Path, variables: dict[str, str]) -> None:
        for function in LOCK_OF:
            built = built_function(function, variables["ARCH"])
            for source in (built / "model", built / "functions", *built.glob("*.dist-info")):
                shutil.copytree(source, target / function / source.name)
        lines = "".join(f"  {name}:\n    Properties:\n      CodeUri: {name}\n" for name in LOCK_OF)
        (target / "template.yaml").write_text(f"Resources:\n{lines}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package_functions, "_sam_build", copy)
        patch.setenv("LAMBDA_PYTHON", str(lambda_tools.python))
        yield


@pytest.fixture(scope="module")
def packages(
    laid_out: None, lambda_tools: LambdaTools, sample_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Package]]:
    """The packages for production, and where they are."""
    target = tmp_path_factory.mktemp("packages") / "prod"
    digest = load_bundle(sample_bundle).model_digest
    return target, package("prod", lambda_tools.architecture, str(sample_bundle), digest, target)


def test_two_builds_are_equal_wherever_whenever_and_by_whomever_they_are_made(
    built_function: Callable[[str, str], Path], lambda_tools: LambdaTools, tmp_path: Path
) -> None:
    first = built_function("ScoreFunction", lambda_tools.architecture)
    elsewhere = tmp_path / "another" / "checkout"
    shutil.copytree(
        REPOSITORY,
        elsewhere,
        ignore=lambda folder, names: {
            name
            for name in names
            if name.startswith(".") or name in ("build", "data", "models", "tests", "benchmarks")
            if Path(folder) == REPOSITORY
        },
        copy_function=shutil.copy,  # With the times of now.
    )
    interpreter = tmp_path / "pythons" / "bin"
    interpreter.mkdir(parents=True)
    (interpreter / "python").symlink_to(lambda_tools.python)
    environment = inherited() | {
        "PATH": f"{lambda_tools.uv.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        # Where packages come from is this machine's business.
        "XDG_CONFIG_HOME": os.environ.get("XDG_CONFIG_HOME", str(Path.home() / ".config")),
        "UV_CACHE_DIR": subprocess.check_output([lambda_tools.uv, "cache", "dir"], text=True).strip(),
        "TZ": "Asia/Tokyo",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "7",
        "ARTIFACTS_DIR": str(tmp_path / "artifacts"),
        "ARCH": lambda_tools.architecture,
        "LAMBDA_PYTHON": str(interpreter / "python"),
        "LAMBDA_PYTHON_VERSION": lambda_tools.python_version,
        # A model tells when it was made; a build that is kept may have that of an earlier run.
        "MODEL": str(first / "model"),
    }

    subprocess.run(
        ["make", "-f", "infra/build/Makefile", "build-ScoreFunction"],
        cwd=elsewhere,
        env=environment,
        umask=0o077,
        check=True,
    )

    assert tree_digest(tmp_path / "artifacts") == tree_digest(first)


def test_the_digest_sees_paths_permissions_and_content(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "one").write_bytes(b"1")
    digests = [tree_digest(folder)]
    (folder / "one").chmod(0o755)
    digests.append(tree_digest(folder))
    (folder / "one").write_bytes(b"2")
    digests.append(tree_digest(folder))
    (folder / "one").rename(folder / "two")
    digests.append(tree_digest(folder))

    assert len(set(digests)) == 4
    (folder / "link").symlink_to("two")
    with pytest.raises(PackageError, match="link is neither a file nor a folder"):
        tree_digest(folder)


def test_a_zip_follows_from_paths_permissions_and_content_alone(tmp_path: Path) -> None:
    zips = []
    for number, names in enumerate((["b", "a/c", "é"], ["é", "a/c", "b"])):
        folder = tmp_path / str(number)
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
            path.chmod(0o755 if name == "b" else 0o644)
            os.utime(path, (number * 10**9, number * 10**9))
        write_zip(folder, tmp_path / f"{number}.zip")
        zips.append((tmp_path / f"{number}.zip").read_bytes())

    assert zips[0] == zips[1]
    with zipfile.ZipFile(tmp_path / "0.zip") as archive:
        entries = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
        assert list(entries) == ["a/c", "b", "é"]
        assert entries == {"a/c": 0o644, "b": 0o755, "é": 0o644}
        assert archive.read("a/c") == b"a/c"


@pytest.mark.parametrize(("environment", "refused"), [("dev", False), ("staging", True), ("prod", True)])
def test_a_sample_model_is_refused_where_customers_are(
    lambda_tools: LambdaTools, sample_model: Path, sample_bundle: Path, environment: str, refused: bool
) -> None:
    python = {"LAMBDA_PYTHON": str(lambda_tools.python), "LAMBDA_PYTHON_VERSION": lambda_tools.python_version}

    done = make("check-inputs", MODEL=str(sample_model), ENVIRONMENT=environment, **python)

    assert (done.returncode != 0) == refused, done.stderr
    if refused:
        assert f"is a sample model, which {environment} refuses" in done.stderr.splitlines()[0]
    assert make("check-inputs", MODEL=str(sample_bundle), ENVIRONMENT=environment, **python).returncode == 0


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"ENVIRONMENT": "qa"}, "set it to dev, staging or prod"),
        ({"ARCH": "riscv"}, "set it to x86_64 or arm64"),
        ({"LAMBDA_PYTHON": "/bin/false"}, "no working Python 3.13"),
        ({"MODEL": "nowhere"}, "no model bundle in 'nowhere'"),
    ],
)
def test_what_can_not_be_built_is_told_in_one_sentence(
    lambda_tools: LambdaTools, sample_bundle: Path, variables: dict[str, str], told: str
) -> None:
    usual = {"LAMBDA_PYTHON": str(lambda_tools.python), "MODEL": str(sample_bundle)}
    usual["LAMBDA_PYTHON_VERSION"] = lambda_tools.python_version
    if "LAMBDA_PYTHON" in variables:
        usual["LAMBDA_PYTHON_VERSION"] = "3.13"

    done = make("check-inputs", **(usual | variables))

    assert done.returncode != 0
    assert told in done.stderr.splitlines()[0]


def test_the_functions_that_a_function_s_hook_and_backfill_ship_are_its_own_and_theirs() -> None:
    assert make("lock-of-PreTrafficFunction").stdout == make("lock-of-ScoreFunction").stdout
    assert make("lock-of-BackfillFunction").stdout == make("lock-of-BatchFunction").stdout
    recipe = make("build-BackfillFunction", MAKEFLAGS="-n", MODEL="build/none").stdout
    assert "cp -R functions/batch functions/backfill " in recipe
    assert "-r requirements/batch.txt" in recipe


def test_packages_are_zips_of_what_was_built_and_the_template_names_them(
    packages: tuple[Path, list[Package]], sample_bundle: Path, tmp_path: Path
) -> None:
    target, listed = packages

    written: dict[str, Any] = json.loads((target / "packages.json").read_text())
    assert written == {"environment": "prod", "packages": [asdict(one) for one in listed]}
    assert [one.function for one in listed] == list(LOCK_OF)
    for one in listed:
        content = (target / one.zip).read_bytes()
        assert one.sha256 == hashlib.sha256(content).hexdigest()
        assert base64.b64decode(one.code_sha256).hex() == one.sha256
        assert (one.zip_bytes, one.model_digest) == (len(content), load_bundle(sample_bundle).model_digest)
        assert f"      CodeUri: {one.function}.zip\n" in (target / "template.yaml").read_text()
        with zipfile.ZipFile(target / one.zip) as archive:
            archive.extractall(tmp_path / one.function)
        assert contents(tmp_path / one.function) == contents(target / one.function)
        assert sum(map(len, contents(target / one.function).values())) == one.unpacked_bytes


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("laid_out")
def test_a_function_with_another_model_is_no_package(
    lambda_tools: LambdaTools, sample_bundle: Path, sample_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(PackageError, match=r"was built with .* instead of"):
        package("dev", lambda_tools.architecture, str(sample_model), None, tmp_path / "package")
    assert not (tmp_path / "package" / "packages.json").exists()
    with pytest.raises(PackageError, match="not the one of digest 00"):
        package("dev", lambda_tools.architecture, str(sample_bundle), "00", tmp_path / "package")
    with pytest.raises(PackageError, match="which prod refuses"):
        package("prod", lambda_tools.architecture, str(sample_model), None, tmp_path / "package")


def test_a_function_that_is_too_large_is_no_package(tmp_path: Path) -> None:
    def size(path: str, size: int) -> None:
        file = tmp_path / "function" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as opened:
            opened.truncate(size)

    size("library.so", 149_999_999)
    size("model/model.onnx", 1)
    assert check_sizes("Function", tmp_path / "function") == 150_000_000
    size("library.so", 150_000_000)
    with pytest.raises(PackageError, match="150,000,000 bytes beside its model, of 150,000,000"):
        check_sizes("Function", tmp_path / "function")
    size("duckdb/__init__.py", 0)
    size("model/model.onnx", 99_999_999)
    assert check_sizes("Function", tmp_path / "function") == 249_999_999
    size("model/model.onnx", 100_000_000)
    with pytest.raises(PackageError, match="250,000,000 bytes, of 250,000,000"):
        check_sizes("Function", tmp_path / "function")
    size("library.so", 230_000_000)
    with pytest.raises(PackageError, match="230,000,000 bytes beside its model"):
        check_sizes("Function", tmp_path / "function")


@pytest.mark.parametrize("function", list(LOCK_OF))
def test_the_bill_lists_exactly_the_lock_s_packages_each_with_a_licence(
    packages: tuple[Path, list[Package]], sample_bundle: Path, function: str
) -> None:
    lock = (REPOSITORY / "requirements" / f"{LOCK_OF[function]}.txt").read_text()
    wanted = {
        (one.name, next(iter(one.specifier)).version)
        for one in map(Requirement, re.findall(r"^([a-z].*) \\$", lock, re.MULTILINE))
        if one.marker is None or one.marker.evaluate({"python_full_version": "3.13.0"})
    }

    # It was held against CycloneDX's own schema before it was written.
    bill = json.loads((packages[0] / f"{function}.cdx.json").read_text())

    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert {(one["name"], one["version"]) for one in bill["components"]} == wanted
    assert {one["purl"] for one in bill["components"]} == {f"pkg:pypi/{n}@{v}" for n, v in wanted}
    for one in bill["components"]:
        (licence,) = one["licenses"]
        assert licence.get("expression") or licence["license"]["id"]
    assert bill["metadata"]["component"]["version"] == load_bundle(sample_bundle).model_version
    licences = (packages[0] / f"{function}.licences.txt").read_text().splitlines()
    assert [line.partition(":")[0] for line in licences] == sorted(f"{n} {v}" for n, v in wanted)
    assert all(line.partition(": ")[2] for line in licences)


LICENCES: Final = {
    "License-Expression: GPL-3.0-only": "not among the licences that may be shipped",
    "License-Expression: MIT AND AGPL-3.0-or-later": "not among the licences that may be shipped",
    "License-Expression: MPL-2.0": "not among the licences that may be shipped",
    "License-Expression: GPL-2.0-only WITH Classpath-exception-2.0": "not among the licences",
    "License-Expression: Sometimes": "no SPDX expression",
    "License: As you like it": "'As you like it' as its licence, which is not known",
    "Classifier: License :: OSI Approved :: GNU General Public License (GPL)": "not known",
    "License: MIT\nClassifier: License :: Other/Proprietary License": "not known",
    "Author: Nobody": "names none as its licence",
    "License-Expression: GPL-3.0-only OR MIT": "",
    "License: MIT\nClassifier: License :: OSI Approved :: MIT License": "",
}
LOCKS: Final = {
    "planted==1.0 \\\n    --hash=sha256:00\n": "",
    "planted==1.1 \\\n": "differ in planted 1.",
    "planted==1.0 \\\nmissing==2.0 \\\n": "differ in missing 2.0",
    "planted==1.0 ; python_version < '3.13' \\\n": "differ in planted 1.0",
}
# In the environment of the tools, and in one process, for they take a second to load.
PLANT: Final = """
import json, pathlib, sys
from infra.build.bill_of_materials import MaterialError, materials
folder = pathlib.Path(sys.argv[1])
(folder / "planted-1.0.dist-info").mkdir()
for licence, lock in json.load(sys.stdin):
    metadata = f"Metadata-Version: 2.4\\nName: planted\\nVersion: 1.0\\n{licence}\\n"
    (folder / "planted-1.0.dist-info" / "METADATA").write_text(metadata)
    (folder / "lock.txt").write_text(lock)
    try:
        assert [one.name for one in materials(folder, folder / "lock.txt")] == ["planted"]
        print()
    except MaterialError as error:
        print(error)
"""


@pytest.mark.usefixtures("laid_out")
def test_what_is_unknown_binds_others_or_is_not_the_lock_s_is_refused(tmp_path: Path) -> None:
    right_lock, right_licence = next(iter(LOCKS)), "License: MIT"
    planted = [(licence, right_lock) for licence in LICENCES] + [(right_licence, lock) for lock in LOCKS]
    wanted = [*LICENCES.values(), *LOCKS.values()]

    done = subprocess.run(
        [REPOSITORY / ".sbom-venv" / "bin" / "python", "-c", PLANT, tmp_path],
        env=inherited() | {"PYTHONPATH": str(REPOSITORY)},
        input=json.dumps(planted),
        capture_output=True,
        text=True,
        check=True,
    )

    told = done.stdout.splitlines()
    assert len(told) == len(wanted)
    for sentence, expected, case in zip(told, wanted, planted, strict=True):
        assert expected in sentence, (case, sentence)
        assert bool(expected) == bool(sentence), (case, sentence)


@pytest.mark.usefixtures("laid_out")
def test_a_package_under_a_licence_that_binds_others_stops_the_packaging(tmp_path: Path) -> None:
    installed = tmp_path / "Function" / "planted-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Name: planted\nVersion: 1.0\nLicense-Expression: GPL-3.0-only\n")
    lock = tmp_path / "lock.txt"
    lock.write_text("planted==1.0 \\\n")

    with pytest.raises(PackageError, match=r"planted is under 'GPL-3\.0-only'"):
        list_materials(tmp_path / "Function", lock, "churn-0123456789ab")
    assert not (tmp_path / "Function.cdx.json").exists()


@pytest.mark.skipif(not cases(0, "CHURN_PACKAGE"), reason="takes a minute; make proof sets CHURN_PACKAGE")
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("laid_out")
def test_make_package_as_people_run_it(lambda_tools: LambdaTools, sample_bundle: Path) -> None:
    command = ["make", "package", f"MODEL={sample_bundle}", "ENVIRONMENT=staging", "ARCH=arm64"]
    told, zips = [], []
    for _ in range(2):
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=environment_without_make(),
            capture_output=True,
            text=True,
            check=True,
        )
        listed = json.loads((REPOSITORY / "build" / "package" / "staging" / "packages.json").read_text())
        told.append(done.stdout.splitlines()[-1])
        zips.append({one["function"]: one["sha256"] for one in listed["packages"]})

    assert zips[0] == zips[1]
    assert told[0].startswith("Next: .sam-venv/bin/sam deploy --config-env staging")
    for one in listed["packages"]:
        folder = REPOSITORY / "build" / "package" / "staging" / one["function"]
        check_model(one["function"], folder, load_bundle(sample_bundle))
        record_figure(f"Bytes of {one['function']}'s zip for arm64", f"{one['zip_bytes']:,}")
