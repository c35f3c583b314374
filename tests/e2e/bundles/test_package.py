"""`make package` ships reproducible bytes with one verified model, within the size limits."""

from __future__ import annotations

import ast
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
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement

from churn_core.models.bundle.notes import BundleNotes
from churn_core.models.bundle.writer import write_bundle
from churn_core.scoring.bundle import load_bundle
from infra.build.package_functions import (
    Package,
    PackageError,
    check_model,
    check_sizes,
    files_of,
    package,
    write_zip,
)
from infra.local.function_build import BuildError, build_variables, environment_without_make, run_make
from infra.local.template_settings import TemplateSettings
from infra.local.tools import REPOSITORY, LambdaTools
from tests.e2e.bundles.conftest import LOCKS
from tests.proof_figures import cases, record_figure

if TYPE_CHECKING:
    from collections.abc import Callable

    from churn_core.models.export.prove import ProvedModel


def tree_digest(folder: Path) -> str:
    """Return the sha256 of all files' paths, permissions and contents."""
    digest = hashlib.sha256()
    for path in files_of(folder):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        line = f"{path.relative_to(folder).as_posix()}\0{path.stat().st_mode & 0o777:o}\0{content}\n"
        digest.update(line.encode())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def sample_model(proved_logistic: ProvedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "bundle"
    write_bundle(proved_logistic, "report", folder, notes=BundleNotes(sample=True))
    return folder


def test_builds_in_another_folder_with_other_settings_are_equal(
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
        copy_function=shutil.copy,  # It gives the files new times.
    )
    interpreter = tmp_path / "pythons" / "bin"
    interpreter.mkdir(parents=True)
    (interpreter / "python").symlink_to(lambda_tools.python)
    environment = environment_without_make() | {
        "PATH": f"{lambda_tools.uv.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        # The package index and the cache of this machine.
        "XDG_CONFIG_HOME": os.environ.get("XDG_CONFIG_HOME", str(Path.home() / ".config")),
        "UV_CACHE_DIR": subprocess.check_output([lambda_tools.uv, "cache", "dir"], text=True).strip(),
        "TZ": "Asia/Tokyo",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "7",
        "ARTIFACTS_DIR": str(tmp_path / "artifacts"),
        "ARCH": lambda_tools.architecture,
        "LAMBDA_PYTHON": str(interpreter / "python"),
        "LAMBDA_PYTHON_VERSION": lambda_tools.python_version,
        # A manifest holds its time of training; a reused build has the manifest of an earlier run.
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


def test_the_digest_covers_paths_permissions_and_contents(tmp_path: Path) -> None:
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


def test_the_bytes_of_a_zip_depend_only_on_paths_permissions_and_contents(tmp_path: Path) -> None:
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
def test_staging_and_prod_refuse_a_sample_model(
    lambda_tools: LambdaTools, sample_model: Path, sample_bundle: Path, environment: str, refused: bool
) -> None:
    in_environment = {"ENVIRONMENT": environment}
    sample = build_variables(lambda_tools, sample_model) | in_environment

    if refused:
        with pytest.raises(BuildError, match=f"sample model, which {environment} refuses"):
            run_make("check-inputs", variables=sample)
    else:
        run_make("check-inputs", variables=sample)
    run_make("check-inputs", variables=build_variables(lambda_tools, sample_bundle) | in_environment)


@pytest.mark.parametrize(
    ("variables", "advice"),
    [
        ({"ENVIRONMENT": "qa"}, "set it to dev, staging or prod"),
        ({"ARCH": "riscv"}, "set it to x86_64 or arm64"),
        ({"LAMBDA_PYTHON": "/bin/false"}, "set LAMBDA_PYTHON"),
        ({"MODEL": "nowhere"}, "'nowhere'"),
    ],
)
def test_a_wrong_setting_stops_the_build_with_advice(
    lambda_tools: LambdaTools, sample_bundle: Path, variables: dict[str, str], advice: str
) -> None:
    with pytest.raises(BuildError) as raised:
        run_make("check-inputs", variables=build_variables(lambda_tools, sample_bundle) | variables)
    assert advice in str(raised.value).splitlines()[0]


def imported_folders(folder: Path) -> set[str]:
    """Return the folders of `functions` that the modules of one of them import, itself included."""
    found = {folder.name}
    for module in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {name.split(".")[1] for name in names if name.startswith("functions.")}
    return found


@pytest.mark.parametrize("function", sorted(TemplateSettings().functions))
def test_a_function_ships_the_folders_that_it_imports_and_no_other(function: str) -> None:
    shipped = run_make(f"ships-{function}").split()
    folders = {Path(path).name for path in shipped if re.fullmatch(r"functions/\w+", path)}
    handler = TemplateSettings().function(function).handler.split(".")[1]
    assert folders == imported_folders(REPOSITORY / "functions" / handler)
    assert imported_folders(REPOSITORY / "functions" / "shared") == {"shared"}


@pytest.mark.parametrize(
    ("function", "other"), [("PreTrafficFunction", "ScoreFunction"), ("BackfillFunction", "BatchFunction")]
)
def test_a_function_that_scores_like_another_ships_its_packages(function: str, other: str) -> None:
    assert run_make(f"lock-of-{function}") == run_make(f"lock-of-{other}")


def test_packages_are_zips_of_the_built_functions_and_the_template_names_them(
    packages: tuple[Path, list[Package]], sample_bundle: Path, tmp_path: Path
) -> None:
    target, listed = packages

    written: dict[str, Any] = json.loads((target / "packages.json").read_text())
    assert written == {"environment": "prod", "packages": [asdict(each) for each in listed]}
    assert [each.function for each in listed] == list(LOCKS)
    for each in listed:
        content = (target / each.zip).read_bytes()
        assert each.sha256 == hashlib.sha256(content).hexdigest()
        assert base64.b64decode(each.code_sha256).hex() == each.sha256
        assert (each.zip_bytes, each.model_digest) == (len(content), load_bundle(sample_bundle).model_digest)
        assert f"      CodeUri: {each.function}.zip\n" in (target / "template.yaml").read_text()
        with zipfile.ZipFile(target / each.zip) as archive:
            archive.extractall(tmp_path / each.function)
        assert contents(tmp_path / each.function) == contents(target / each.function)
        assert sum(map(len, contents(target / each.function).values())) == each.unpacked_bytes


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("built_beforehand")
def test_a_function_with_another_model_is_not_packaged(
    lambda_tools: LambdaTools, sample_bundle: Path, sample_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(PackageError, match=r"was built with .* instead of"):
        package("dev", lambda_tools.architecture, str(sample_model), None, tmp_path / "package")
    assert not (tmp_path / "package" / "packages.json").exists()
    with pytest.raises(PackageError, match="not 00"):
        package("dev", lambda_tools.architecture, str(sample_bundle), "00", tmp_path / "package")
    with pytest.raises(PackageError, match="which prod refuses"):
        package("prod", lambda_tools.architecture, str(sample_model), None, tmp_path / "package")


def test_a_function_that_is_too_large_is_not_packaged(tmp_path: Path) -> None:
    def size(path: str, size: int) -> None:
        file = tmp_path / "function" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as opened:
            opened.truncate(size)

    size("library.so", 149_999_999)
    size("model/model.onnx", 1)
    assert check_sizes("Function", tmp_path / "function") == 150_000_000
    size("library.so", 150_000_000)
    with pytest.raises(PackageError, match="150,000,000 bytes without its model; the limit is 150,000,000"):
        check_sizes("Function", tmp_path / "function")
    size("duckdb/__init__.py", 0)
    size("model/model.onnx", 99_999_999)
    assert check_sizes("Function", tmp_path / "function") == 249_999_999
    size("model/model.onnx", 100_000_000)
    with pytest.raises(PackageError, match="250,000,000 bytes with its model; the limit is 250,000,000"):
        check_sizes("Function", tmp_path / "function")
    size("library.so", 230_000_000)
    with pytest.raises(PackageError, match="230,000,000 bytes without its model"):
        check_sizes("Function", tmp_path / "function")


@pytest.mark.parametrize("function", list(LOCKS))
def test_the_bill_lists_all_packages_of_the_lock_with_their_licences(
    packages: tuple[Path, list[Package]], sample_bundle: Path, function: str
) -> None:
    lock = (REPOSITORY / "requirements" / f"{LOCKS[function]}.txt").read_text()
    wanted = {
        (requirement.name, next(iter(requirement.specifier)).version)
        for requirement in map(Requirement, re.findall(r"^([a-z].*) \\$", lock, re.MULTILINE))
        if requirement.marker is None or requirement.marker.evaluate({"python_full_version": "3.13.0"})
    }

    # The command has checked it against CycloneDX's schema.
    bill = json.loads((packages[0] / f"{function}.cdx.json").read_text())

    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert {(component["name"], component["version"]) for component in bill["components"]} == wanted
    assert {component["purl"] for component in bill["components"]} == {f"pkg:pypi/{n}@{v}" for n, v in wanted}
    for component in bill["components"]:
        (licence,) = component["licenses"]
        assert licence.get("expression") or licence["license"]["id"]
    assert bill["metadata"]["component"]["version"] == load_bundle(sample_bundle).model_version
    licences = (packages[0] / f"{function}.licences.txt").read_text().splitlines()
    assert [line.partition(":")[0] for line in licences] == sorted(f"{n} {v}" for n, v in wanted)
    assert all(line.partition(": ")[2] for line in licences)


@pytest.mark.skipif(not cases(0, "CHURN_PACKAGE"), reason="takes a minute; make proof sets CHURN_PACKAGE")
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("built_beforehand")
def test_make_package_twice_gives_equal_zips(lambda_tools: LambdaTools, sample_bundle: Path) -> None:
    command = ["make", "package", f"MODEL={sample_bundle}", "ENVIRONMENT=staging", "ARCH=arm64"]
    last_lines, zips = [], []
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
        last_lines.append(done.stdout.splitlines()[-1])
        zips.append({each["function"]: each["sha256"] for each in listed["packages"]})

    assert zips[0] == zips[1]
    assert last_lines[0].startswith("Next: make deploy ENVIRONMENT=staging")
    for each in listed["packages"]:
        folder = REPOSITORY / "build" / "package" / "staging" / each["function"]
        check_model(each["function"], folder, load_bundle(sample_bundle))
        record_figure(f"Bytes of {each['function']}'s zip for arm64", f"{each['zip_bytes']:,}")
