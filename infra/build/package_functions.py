"""``make package``: build every function with one model, check and measure it, write the zips to deploy.

build/package/ENVIRONMENT gets, for each function, a zip, a bill of materials and a list of licences. It also
gets packages.json and a template that names the zips, so that exactly the measured bytes are deployed.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
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
from infra.local.function_build import BuildError, run_make, sam_build
from infra.local.tools import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from churn_core.scoring.bundle import Bundle

ENVIRONMENTS: Final = ("dev", "staging", "prod")

LAMBDA_LIMIT: Final = 250_000_000
"""Bytes unpacked, model included; AWS refuses 262,144,000."""

SCORE_LIMIT: Final = 150_000_000
"""Bytes unpacked without the model, of a function that holds no DuckDB."""

BATCH_LIMIT: Final = 230_000_000
"""Bytes unpacked without the model, of a function that holds DuckDB."""

_CODE: Final = re.compile(r"^(\s+CodeUri: )(\w+)$", re.MULTILINE)
_FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold."""


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
    """List a folder's files, sorted by the bytes of their paths.

    Raises
    ------
    PackageError
        If there is anything but files and folders, such as a link: a zip for Lambda can't hold it.
    """
    found = sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix().encode())
    for path in found:
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise PackageError(f"{path.relative_to(folder)} is neither a file nor a folder; build again.")
    return [path for path in found if path.is_file()]


def write_zip(folder: Path, target: Path) -> None:
    """Write a folder as a zip whose bytes depend only on paths, permissions and contents."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in files_of(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _FIRST_DAY)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # 3 is Unix; otherwise Lambda ignores the permissions.
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
        raise PackageError(
            f"{function} has {code:,} bytes without its model; the limit is {limit:,}."
            " Remove packages from its lock."
        )
    if size >= LAMBDA_LIMIT:
        raise PackageError(
            f"{function} has {size:,} bytes with its model; the limit is {LAMBDA_LIMIT:,}."
            " Train a smaller model."
        )
    return size


def check_model(function: str, folder: Path, bundle: Bundle) -> None:
    """Check that a built function holds the model that was asked for.

    Raises
    ------
    PackageError
        If it holds another model.
    BundleError
        If its model is damaged.
    """
    built = load_bundle(folder / "model")
    if built.model_digest != bundle.model_digest:
        raise PackageError(
            f"{function} was built with {built.model_version} instead of {bundle.model_version},"
            " because another build ran at the same time. Run it again."
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
        A folder, or an address that ``churn publish`` printed. A sample model by default.
    digest : str, optional
        The model digest that the model must have.
    target : Path
        The folder to write to; SAM replaces what is there.

    Raises
    ------
    ChurnError
        If a function can't be packaged; the message says why, in one sentence.
    """
    variables = {
        "ENVIRONMENT": environment,
        "ARCH": architecture,
        "MODEL": _model_folder(model, digest),
        # Empty means the template's Runtime, also where this shell names another version.
        "LAMBDA_PYTHON_VERSION": "",
    }
    try:
        run_make("check-inputs", variables=variables)
    except BuildError as error:
        raise PackageError(str(error).splitlines()[0]) from error
    bundle = load_bundle(Path(variables["MODEL"] or REPOSITORY / "build" / "sample-model"))
    if digest is not None and bundle.model_digest != digest:
        raise PackageError(
            f"The model has the digest {bundle.model_digest}, not {digest}; change MODEL or MODEL_DIGEST."
        )
    try:
        sam_build(target, variables)
    except BuildError as error:
        sys.stderr.write(str(error))
        raise PackageError("SAM could not build; see its output above.") from error
    template = (target / "template.yaml").read_text(encoding="utf-8")
    functions = [name for _, name in _CODE.findall(template)]
    packages = [_package(target, name, architecture, bundle) for name in functions]
    (target / "template.yaml").write_text(_CODE.sub(r"\1\2.zip", template), encoding="utf-8")
    content = {"environment": environment, "packages": [asdict(each) for each in packages]}
    # Written last: if this file exists, the package is complete.
    (target / "packages.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return packages


_SPECIAL: Final = frozenset("'\"`$\\#;&|<>*?!(){}[]~")


def _model_folder(model: str | None, digest: str | None) -> str:
    if model is None:
        return ""
    if not model.startswith("s3://"):
        # The name is a variable of make, and then a word of shell commands.
        if not model.isprintable() or not _SPECIAL.isdisjoint(str(Path(model).absolute())):
            raise PackageError(
                "The path of MODEL has characters that make or the shell interpret; rename the folder."
            )
        return str(Path(model).resolve())
    destination = REPOSITORY / "build" / "models" / parse_folder(model).digest12
    with typed_aws_errors():
        fetch(aws_client("s3"), model, destination, digest)
    return str(destination)


def _package(target: Path, function: str, architecture: str, bundle: Bundle) -> Package:
    folder = target / function
    check_model(function, folder, bundle)
    unpacked = check_sizes(function, folder)
    archive = target / f"{function}.zip"
    write_zip(folder, archive)
    list_materials(folder, REPOSITORY / run_make(f"lock-of-{function}").strip(), bundle.model_version)
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
    """Write FUNCTION.cdx.json and FUNCTION.licences.txt next to a built function.

    Raises
    ------
    PackageError
        If a package is not in the lock, or has a licence under which it may not be shipped.
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


def _lines(packages: list[Package]) -> Iterator[str]:
    yield f"{'function':<20} {'zip, bytes':>12} {'unpacked':>12}  sha256"
    for each in packages:
        yield f"{each.function:<20} {each.zip_bytes:>12,} {each.unpacked_bytes:>12,}  {each.sha256}"


def main() -> int:
    """Run the command; return exit code 0, or 1 if a function can't be packaged."""
    parser = argparse.ArgumentParser(prog="make package", description=__doc__)
    parser.add_argument("--environment", choices=ENVIRONMENTS, default="dev")
    parser.add_argument("--architecture", choices=("arm64", "x86_64"), default="arm64")
    parser.add_argument("--model", help="folder or s3://... address; default: train a sample model")
    parser.add_argument("--digest", help="model digest that the model must have")
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
    print(f'Next: make deploy ENVIRONMENT={options.environment} SAM_OPTIONS="--template-file {template}"')
    return 0


if __name__ == "__main__":
    sys.exit(main())
