"""``make package``: every function's zip with one model baked in, measured, listed, ready for `sam deploy`.

What is written to build/package/ENVIRONMENT: the template, which names the zips, so that what was measured
here is what is deployed; a zip, a bill of materials and a list of licences for each function; packages.json.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from churn_core.errors import ChurnError
from churn_core.scoring.bundle import load_bundle
from functions.client.model_store import parse_folder
from functions.client.publish import fetch
from functions.client.storage import aws_client, typed_aws_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from churn_core.scoring.bundle import Bundle

REPOSITORY: Final = Path(__file__).resolve().parents[2]
ENVIRONMENTS: Final = ("dev", "staging", "prod")

LAMBDA_LIMIT: Final = 250_000_000
"""Bytes unpacked, model included; AWS refuses 262,144,000."""

SCORE_LIMIT: Final = 150_000_000
"""Bytes unpacked without the model, of a function that holds no DuckDB."""

BATCH_LIMIT: Final = 230_000_000
"""Bytes unpacked without the model, of a function that holds DuckDB."""

_CODE: Final = re.compile(r"^(\s+CodeUri: )(\w+)$", re.MULTILINE)
_FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest moment that a zip can name."""


class PackageError(ChurnError):
    """A function can't be packaged."""


@dataclass(frozen=True, slots=True)
class Package:
    """A function's zip.

    Attributes
    ----------
    function, architecture, zip : str
    zip_bytes, unpacked_bytes : int
    sha256, code_sha256 : str
        Of the zip: in hexadecimal, and in base64 as AWS Lambda shows it (``CodeSha256``).
    model_version, model_digest : str
    """

    function: str
    architecture: str
    zip: str
    zip_bytes: int
    unpacked_bytes: int
    sha256: str
    code_sha256: str
    model_version: str
    model_digest: str


def files_of(folder: Path) -> list[Path]:
    """List a folder's files by their paths' bytes, whatever order the disk has them in.

    Raises
    ------
    PackageError
        If there is something else than files and folders: a zip for Lambda can't hold it.
    """
    found = sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix().encode())
    for path in found:
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise PackageError(f"{path.relative_to(folder)} is neither a file nor a folder; build again.")
    return [path for path in found if path.is_file()]


def tree_digest(folder: Path) -> str:
    """Return sha256 over each file's path, permissions and content."""
    digest = hashlib.sha256()
    for path in files_of(folder):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        line = f"{path.relative_to(folder).as_posix()}\0{path.stat().st_mode & 0o777:o}\0{content}\n"
        digest.update(line.encode())
    return digest.hexdigest()


def write_zip(folder: Path, target: Path) -> None:
    """Write a folder as a zip that follows from paths, permissions and content alone."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in files_of(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _FIRST_DAY)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Unix, or else the permissions would not be read.
            entry.create_system = 3
            entry.external_attr = (0o100000 | path.stat().st_mode & 0o777) << 16
            archive.writestr(entry, path.read_bytes())


def check_sizes(function: str, folder: Path) -> int:
    """Return a built function's unpacked size in bytes.

    Raises
    ------
    PackageError
        If it is too large.
    """
    size = sum(path.stat().st_size for path in files_of(folder))
    code = size - sum(path.stat().st_size for path in files_of(folder / "model"))
    limit = BATCH_LIMIT if (folder / "duckdb").is_dir() else SCORE_LIMIT
    if code >= limit:
        raise PackageError(f"{function} has {code:,} bytes beside its model, of {limit:,}; trim its lock.")
    if size >= LAMBDA_LIMIT:
        raise PackageError(f"{function} has {size:,} bytes, of {LAMBDA_LIMIT:,}; train a smaller model.")
    return size


def check_model(function: str, folder: Path, bundle: Bundle) -> None:
    """Hold the model in a built function against the one that was meant.

    Raises
    ------
    PackageError
        If it is another one.
    BundleError
        If it does not verify.
    """
    built = load_bundle(folder / "model")
    if built.model_digest != bundle.model_digest:
        raise PackageError(
            f"{function} was built with {built.model_version} instead of {bundle.model_version};"
            " another build was running: build again."
        )


def package(
    environment: str, architecture: str, model: str | None, digest: str | None, target: Path
) -> list[Package]:
    """Build, check, zip and list every function of the template.

    Parameters
    ----------
    environment : str
        ``dev``, ``staging`` or ``prod``.
    architecture : str
        ``arm64`` or ``x86_64``.
    model : str, optional
        A folder, or an address that ``churn publish`` printed; a sample model where it is left out.
    digest : str, optional
        The model digest that it must have.
    target : Path
        The folder to write to; made anew.

    Raises
    ------
    ChurnError
        If a function can't be packaged; the message says why, in one sentence.
    """
    variables = {
        "ENVIRONMENT": environment,
        "ARCH": architecture,
        "MODEL": _model_folder(model, digest),
        # What is shipped is made for the template's Runtime, whatever else was built in this shell.
        "LAMBDA_PYTHON_VERSION": "",
        "SAM_CLI_TELEMETRY": "0",
    }
    _make("check-inputs", variables)
    bundle = load_bundle(Path(variables["MODEL"] or REPOSITORY / "build" / "sample-model"))
    if digest is not None and bundle.model_digest != digest:
        raise PackageError(f"The model is {bundle.model_version}, not the one of digest {digest}; name that.")
    _sam_build(target, variables)
    template = (target / "template.yaml").read_text(encoding="utf-8")
    functions = [name for _, name in _CODE.findall(template)]
    packages = [_package(target, name, architecture, bundle, variables) for name in functions]
    (target / "template.yaml").write_text(_CODE.sub(r"\1\2.zip", template), encoding="utf-8")
    content = {"environment": environment, "packages": [asdict(one) for one in packages]}
    # Last: where this file is, all of it is there.
    (target / "packages.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return packages


def _model_folder(model: str | None, digest: str | None) -> str:
    if model is None:
        return ""
    if not model.startswith("s3://"):
        return str(Path(model).resolve())
    destination = REPOSITORY / "build" / "models" / parse_folder(model).digest12
    with typed_aws_errors():
        fetch(aws_client("s3"), model, destination, digest)
    return str(destination)


def _package(
    target: Path, function: str, architecture: str, bundle: Bundle, variables: dict[str, str]
) -> Package:
    folder = target / function
    check_model(function, folder, bundle)
    unpacked = check_sizes(function, folder)
    archive = target / f"{function}.zip"
    write_zip(folder, archive)
    list_materials(folder, REPOSITORY / _make(f"lock-of-{function}", variables), bundle.model_version)
    digest = hashlib.sha256(archive.read_bytes())
    return Package(
        function=function,
        architecture=architecture,
        zip=archive.name,
        zip_bytes=archive.stat().st_size,
        unpacked_bytes=unpacked,
        sha256=digest.hexdigest(),
        code_sha256=base64.b64encode(digest.digest()).decode(),
        model_version=bundle.model_version,
        model_digest=bundle.model_digest,
    )


def list_materials(folder: Path, lock: Path, model_version: str) -> None:
    """Write FUNCTION.cdx.json and FUNCTION.licences.txt beside a built function.

    Raises
    ------
    PackageError
        If a package is not the lock's, or its licence is not one that may be shipped.
    """
    script = Path(__file__).with_name("bill_of_materials.py")
    python = REPOSITORY / ".sbom-venv" / "bin" / "python"
    if not python.exists():
        raise PackageError("The tools for bills of materials are missing; run 'make setup-sbom'.")
    done = subprocess.run(
        [python, script, folder, "--lock", lock, "--model-version", model_version],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PackageError(done.stderr.strip().splitlines()[-1])


def _make(target: str, variables: dict[str, str]) -> str:
    done = subprocess.run(
        ["make", "--silent", "-f", "infra/build/Makefile", target],
        cwd=REPOSITORY,
        env=environment_without_make() | variables | {"ARTIFACTS_DIR": "none"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PackageError(done.stderr.strip().splitlines()[0])
    return done.stdout.strip()


def _sam_build(target: Path, variables: dict[str, str]) -> None:
    sam = REPOSITORY / ".sam-venv" / "bin" / "sam"
    done = subprocess.run(
        [sam, "build", "--build-dir", target],
        cwd=REPOSITORY,
        env=environment_without_make() | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout + done.stderr)
        raise PackageError("SAM could not build; its own words are above.")


def environment_without_make() -> dict[str, str]:
    """Return this process's variables without those by which a make tells inner ones that they are inner."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
    }


def _lines(packages: list[Package]) -> Iterator[str]:
    yield f"{'function':<20} {'zip, bytes':>12} {'unpacked':>12}  sha256"
    for one in packages:
        yield f"{one.function:<20} {one.zip_bytes:>12,} {one.unpacked_bytes:>12,}  {one.sha256}"


def main() -> int:
    """Package; return an exit code as the commands of ``churn`` do."""
    parser = argparse.ArgumentParser(prog="make package", description=__doc__)
    parser.add_argument("--environment", choices=ENVIRONMENTS, default="dev")
    parser.add_argument("--architecture", choices=("arm64", "x86_64"), default="arm64")
    parser.add_argument("--model", help="a folder or s3://...; without it a sample model is trained")
    parser.add_argument("--digest", help="the model digest that it must have")
    options = parser.parse_args()
    try:
        target = REPOSITORY / "build" / "package" / options.environment
        packages = package(options.environment, options.architecture, options.model, options.digest, target)
    except ChurnError as error:
        print(f"make package: {error}", file=sys.stderr)
        return 1
    print("\n".join(_lines(packages)))
    print(f"{packages[0].model_version} for {options.architecture} in build/package/{options.environment}.")
    template = f"build/package/{options.environment}/template.yaml"
    named = "" if options.environment == "dev" else f" --config-env {options.environment}"
    print(f"Next: .sam-venv/bin/sam deploy{named} --template-file {template}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
