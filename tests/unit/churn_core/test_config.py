"""Reading a configuration file that is damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from churn_core.config import load_config, parse_config
from churn_core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_syntax_error_is_reported_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("project:\n  name: churn\ndata: [1, 2\nmodel:\n")
    with pytest.raises(ConfigError, match=r"broken\.yaml is not valid YAML at line 4, column 6"):
        load_config(path)


def test_a_forbidden_character_is_reported_although_yaml_gives_it_no_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(b"project: \x07\n")
    with pytest.raises(ConfigError, match=r"broken\.yaml is not valid YAML; "):
        load_config(path)


def test_a_file_in_another_encoding_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("project: {name: é}\n".encode("latin-1"))
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(path)


def test_a_derived_feature_of_the_wrong_column_kind_names_the_key_to_change() -> None:
    content = load_config().model_dump()
    content["data"]["derived"] = {"odd": {"kind": "sum", "columns": ["tenure", "Contract"]}}
    with pytest.raises(ConfigError, match=r"set data\.features\.Contract\.kind to number"):
        parse_config(content)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ({}, "auto"),
        ({"params": {"pairs": 3}}, "additive"),
        ({"type": "boosting", "params": {"members": 2}}, "boosting"),
    ],
)
def test_parameters_without_a_type_are_those_of_the_additive_model(
    model: dict[str, object], family: str
) -> None:
    content = load_config().model_dump() | {"model": model}
    assert parse_config(content).model.type == family


def test_parameters_need_a_single_family() -> None:
    content = load_config().model_dump() | {"model": {"type": "auto", "params": {"members": 2}}}
    with pytest.raises(ConfigError, match=r"model\.params needs a single family"):
        parse_config(content)


@pytest.mark.parametrize(
    "text",
    [
        "model:\n  type: auto\nmodel:\n  type: additive\n",
        "data:\n  features:\n    plan: {kind: category}\n    plan: {kind: number}\n",
    ],
)
def test_a_key_that_is_given_twice_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    key, line = ("model", 3) if text.startswith("model") else ("plan", 4)
    with pytest.raises(ConfigError, match=rf"gives the key '{key}' again in line {line}; keep one\.$"):
        load_config(path)
