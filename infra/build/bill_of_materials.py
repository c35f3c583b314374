"""List the packages of a built function in a CycloneDX bill of materials, and their licences.

It runs in the environment of requirements/sbom.txt:
`.sbom-venv/bin/python infra/build/bill_of_materials.py FOLDER --lock LOCK --model-version VERSION`.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import ExpressionError, LicenseWithExceptionSymbol, get_spdx_licensing
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ALLOWED: Final = frozenset(
    (
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "PSF-2.0",
        "Zlib",
    )
)
"""Licences under which a package may be shipped; they require only their text and the author's name."""

ALLOWED_FOR: Final = {
    # MPL-2.0 only restricts changes to the package's own files, which are shipped unchanged.
    "orjson": frozenset(("MPL-2.0",)),
}
"""Licences that are allowed for one package only."""

# Licence texts of the locked packages that have no SPDX expression.
_SPDX_BY_TEXT: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: MIT No Attribution License (MIT-0)": "MIT-0",
    "MIT": "MIT",
    "MIT License": "MIT",
}

_NAMESPACE: Final = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
"""RFC 9562's name space for URLs; the bill's serial number is derived from its content in it."""

_LAMBDA: Final = {"python_version": "3.13", "python_full_version": "3.13.0", "sys_platform": "linux"}


class MaterialError(Exception):
    """A bundle must not be shipped; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Material:
    """One package of a bundle.

    Attributes
    ----------
    name, version : str
    licence : str
        An SPDX expression.
    """

    name: str
    version: str
    licence: str


def read_licence(package: Distribution) -> str:
    """Return a package's licence as an SPDX expression, from its own metadata.

    Raises
    ------
    MaterialError
        If it names no licence, or one that is not listed here.
    """
    metadata = package.metadata
    for expression in metadata.get_all("License-Expression", []):
        return str(expression)
    named = [text.strip() for text in metadata.get_all("License", []) if text.strip()]
    named += [text for text in metadata.get_all("Classifier", []) if text.startswith("License :: ")]
    known = dict.fromkeys(_SPDX_BY_TEXT[text] for text in named if text in _SPDX_BY_TEXT)
    unknown = [text for text in named if text not in _SPDX_BY_TEXT]
    if unknown or not known:
        name = f"{metadata['Name']} {package.version}"
        if not unknown:
            raise MaterialError(
                f"{name} names no licence in its metadata; remove the package from pyproject.toml and run"
                " 'make lock'."
            )
        raise MaterialError(
            f"{name} names an unknown licence, '{unknown[0].splitlines()[0][:60]}'; read the licence. Add"
            " this text and its SPDX name to _SPDX_BY_TEXT in infra/build/bill_of_materials.py, or remove"
            " the package from pyproject.toml and run 'make lock'."
        )
    return " AND ".join(known)


def require_allowed(name: str, expression: str) -> None:
    """Check that a package may be shipped under its licence.

    With ``OR`` one of the licences must be allowed, with ``AND`` all of them.

    Raises
    ------
    MaterialError
        If the licence is not allowed.
    """
    licensing = get_spdx_licensing()
    try:
        parsed = licensing.parse(expression, validate=True, strict=True)
    except ExpressionError as error:
        raise MaterialError(
            f"{name} has the licence '{expression}', which is not a valid SPDX expression; use another"
            " version of the package or remove it from pyproject.toml, and run 'make lock'."
        ) from error
    allowed = ALLOWED | ALLOWED_FOR.get(name, frozenset())
    if not _is_allowed(parsed, allowed):
        raise MaterialError(
            f"{name} has the licence '{expression}', under which it may not be shipped"
            f" (allowed: {', '.join(sorted(ALLOWED))}); remove the package from pyproject.toml and run"
            " 'make lock'."
        )


def _is_allowed(expression: object, allowed: frozenset[str]) -> bool:
    # An exception (WITH) changes a licence; somebody must read it first.
    if isinstance(expression, LicenseWithExceptionSymbol):
        return False
    operands = getattr(expression, "args", ())
    if not operands:
        return getattr(expression, "key", None) in allowed
    matches = (_is_allowed(operand, allowed) for operand in operands)
    return any(matches) if getattr(expression, "operator", "").strip() == "OR" else all(matches)


def read_lock(lock: Path) -> dict[str, str]:
    """Return the versions that a lock requires for the Lambda's Python, by package name."""
    found: dict[str, str] = {}
    for line in re.findall(r"^[A-Za-z0-9].*$", lock.read_text(encoding="utf-8"), re.MULTILINE):
        requirement = Requirement(line.rstrip("\\").strip())
        if requirement.marker is None or requirement.marker.evaluate(_LAMBDA):
            found[canonicalize_name(requirement.name)] = next(iter(requirement.specifier)).version
    return found


def list_materials(folder: Path, lock: Path) -> list[Material]:
    """List a bundle's packages, sorted by name.

    Raises
    ------
    MaterialError
        If they differ from the lock, or one may not be shipped.
    """
    found = []
    for package in distributions(path=[str(folder)]):
        name: str = canonicalize_name(package.metadata["Name"])
        found.append(Material(name, package.version, read_licence(package)))
        require_allowed(name, found[-1].licence)
    found.sort(key=lambda material: material.name)
    built = {(material.name, material.version) for material in found}
    locked = set(read_lock(lock).items())
    if differing := built ^ locked:
        package_version = min(differing)
        holder, other = (folder.name, lock.name) if package_version in built else (lock.name, folder.name)
        raise MaterialError(
            f"{' '.join(package_version)} is in {holder} but not in {other}; run 'make package' again."
        )
    return found


def bill_of_materials(function: str, model_version: str, listed: list[Material]) -> str:
    """Return a CycloneDX 1.6 document; equal materials give equal text, except for the time.

    The time is ``SOURCE_DATE_EPOCH`` if that is set, else now.
    """
    factory = LicenseFactory()
    components = [
        Component(
            type=ComponentType.LIBRARY,
            name=material.name,
            version=material.version,
            purl=PackageURL("pypi", name=material.name, version=material.version),
            bom_ref=f"pkg:pypi/{material.name}@{material.version}",
            licenses=[factory.make_from_string(material.licence)],
        )
        for material in listed
    ]
    identity = "\n".join([function, model_version, *map(str, listed)])
    whole = Component(
        type=ComponentType.APPLICATION,
        name=function,
        version=model_version,
        bom_ref=function,
        licenses=[factory.make_from_string("Apache-2.0")],
        properties=[Property(name="churn:model_version", value=model_version)],
    )
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    bom = Bom(
        components=components,
        serial_number=uuid.uuid5(_NAMESPACE, identity),
        metadata=BomMetaData(
            component=whole,
            timestamp=datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC),
        ),
    )
    bom.register_dependency(whole, components)
    text: str = JsonV1Dot6(bom).output_as_string(indent=1)
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise MaterialError(
            f"The bill of materials of {function} is not valid CycloneDX 1.6; correct bill_of_materials() in"
            f" infra/build/bill_of_materials.py. The validator reports: {fault}"
        )
    return text + "\n"


def main() -> int:
    """Write a bundle's bill of materials and its licences next to its folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lock", type=Path, required=True)
    parser.add_argument("--model-version", required=True)
    options = parser.parse_args()
    folder: Path = options.folder
    try:
        listed = list_materials(folder, options.lock)
        bill = bill_of_materials(folder.name, options.model_version, listed)
    except MaterialError as error:
        print(error, file=sys.stderr)
        return 1
    folder.with_name(f"{folder.name}.cdx.json").write_text(bill, encoding="utf-8")
    lines = "".join(f"{material.name} {material.version}: {material.licence}\n" for material in listed)
    folder.with_name(f"{folder.name}.licences.txt").write_text(lines, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
