"""Read a configuration file: YAML within limits, without a key that is given twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from churn_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

_MAX_BYTES: Final = 2**20
_MAX_VALUES: Final = 200_000
_MAX_DEPTH: Final = 20


class _RepeatedKeyError(Exception):
    """A mapping has a key twice."""

    def __init__(self, key: yaml.ScalarNode) -> None:
        super().__init__(f"gives the key {key.value!r} again in line {key.start_mark.line + 1}; keep one")


class _Loader(yaml.SafeLoader):
    """PyYAML's own loader takes the last value of a repeated key without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise _RepeatedKeyError(key)
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a mapping from a YAML file.

    Raises
    ------
    ConfigError
        If the file is missing, too large, not valid YAML, repeats a key, or holds no mapping.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"{path} can't be read ({error.strerror}); name a config file with --config."
        ) from error
    if len(text) > _MAX_BYTES:
        raise ConfigError(f"{path} is larger than {_MAX_BYTES:,} bytes; name a config file with --config.")
    content = _parse_yaml(path, text)
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds no settings; start from config/config.yaml.")
    return content


def _parse_yaml(path: Path, text: bytes) -> Any:
    try:
        # The loader is a safe one.
        content = yaml.load(text.decode("utf-8"), Loader=_Loader)  # noqa: S506
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text; save it with the encoding UTF-8.") from error
    except _RepeatedKeyError as error:
        raise ConfigError(f"{path} {error}.") from error
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
        # PyYAML lets Python's own errors through, such as KeyError for '!!bool maybe'.
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path} is not valid YAML{place}; correct its syntax.") from error
    except RecursionError:
        raise ConfigError(f"{path} nests too deeply; start from config/config.yaml.") from None
    # An alias costs a few bytes each time, but names a structure of any size, even itself.
    open_values, seen = [(content, 0)], 0
    while open_values:
        value, depth = open_values.pop()
        seen += 1
        if seen > _MAX_VALUES or depth > _MAX_DEPTH:
            raise ConfigError(f"{path} nests too deeply, or its aliases expand to too much; write it out.")
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        open_values += [(item, depth + 1) for item in inner]
    return content
