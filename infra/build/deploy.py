"""``make deploy``: call ``sam deploy`` with the parameters of samconfig.toml, given ones, and their digest.

A Lambda version is published only if something of its function has changed. The digest is part of both
descriptions, the function's and the version's, so each changed parameter publishes a version.
"""

from __future__ import annotations

import argparse
import hashlib
import shlex
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any, Final

from infra.build.package_functions import ENVIRONMENTS
from infra.local.tools import REPOSITORY, SAM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

DIGEST: Final = "ConfigurationDigest"
CONFIGURATION: Final = REPOSITORY / "samconfig.toml"
_DIGITS: Final = 12
_OURS: Final = ("--parameter-overrides", "--config-env", "--config-file")
"""Options of ``sam deploy`` that would bring parameters which the digest does not know."""


class ParameterError(ValueError):
    """A parameter or an option can't be used; the message says which, and what to write instead."""


def parse_parameters(words: Sequence[str]) -> dict[str, str]:
    """Return the parameters in words such as ``Environment=prod``.

    Raises
    ------
    ParameterError
        If a word has another form, or is the digest.
    """
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name.isalnum() and equals):
            raise ParameterError(f"{word!r} is no parameter; write NAME=VALUE.")
        if name == DIGEST:
            raise ParameterError(f"{DIGEST} is computed; leave it out.")
        found[name] = value
    return found


def configured_parameters(section: str, path: Path = CONFIGURATION) -> dict[str, str]:
    """Return the parameters of a section of samconfig.toml."""
    found: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    for key in (section, "deploy", "parameters", "parameter_overrides"):
        found = found.get(key, {})
    words = shlex.split(found) if isinstance(found, str) else found
    # `sam deploy --guided` writes every parameter into the file, the digest too.
    return parse_parameters([word for word in words if not word.startswith(f"{DIGEST}=")])


def digest_of(parameters: Mapping[str, str]) -> str:
    """Return 12 hexadecimal digits that change with each name and value."""
    lines = "".join(f"{name}={value}\n" for name, value in sorted(parameters.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:_DIGITS]


def deploy_command(environment: str, parameters: Sequence[str], options: Sequence[str]) -> list[str]:
    """Return the command that deploys.

    Parameters
    ----------
    environment : str
        ``dev``, ``staging`` or ``prod``.
    parameters : list of str
        Words such as ``UseCodeDeploy=false``; they replace those of samconfig.toml one by one.
    options : list of str
        Further options for ``sam deploy``.

    Raises
    ------
    ParameterError
        If a parameter or an option can't be used.
    """
    if refused := [option for option in options if option.partition("=")[0] in _OURS]:
        raise ParameterError(f"{refused[0]} would bypass the digest; give parameters in PARAMETERS.")
    section = "default" if environment == "dev" else environment
    chosen = configured_parameters(section) | parse_parameters(parameters)
    overrides = [f'{name}="{value}"' for name, value in (chosen | {DIGEST: digest_of(chosen)}).items()]
    return [
        *(str(SAM), "deploy", "--config-env", section),
        *options,
        "--parameter-overrides",
        *overrides,
    ]


def main() -> int:
    """Run the command; return the exit code of SAM, or 2 for a parameter that can't be used."""
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__)
    parser.add_argument("--environment", choices=ENVIRONMENTS, default="dev")
    parser.add_argument("--parameters", default="", help="NAME=VALUE ..., as in a shell")
    parser.add_argument("options", nargs="*", help="further options of sam deploy")
    arguments = parser.parse_args()
    try:
        command = deploy_command(arguments.environment, shlex.split(arguments.parameters), arguments.options)
    except ParameterError as error:
        print(f"make deploy: {error}", file=sys.stderr)
        return 2
    return subprocess.run(command, cwd=REPOSITORY, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
