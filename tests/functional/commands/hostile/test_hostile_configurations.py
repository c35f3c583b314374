"""Configurations that are not what they seem: each is refused with one sentence, and quickly."""

from __future__ import annotations

import datetime
import time
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from churn_core.cli.output import one_line
from churn_core.config import default_config_path, load_config, parse_config
from churn_core.errors import ConfigError
from tests.functional.customer_files import write_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd

BOMB: Final = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
DEFAULT: Final[dict[str, Any]] = yaml.safe_load(default_config_path().read_text(encoding="utf-8"))

TEXTS: Final = {
    "bomb": BOMB,
    "bomb-in-params": BOMB + "model: {params: {deep: *a11}}\n",
    "cycle-of-lists": "data: &a [*a]\n",
    "cycle-of-dicts": "&a data: &b {x: *b}\n",
    "merge-of-itself": "a: &a\n  <<: *a\n",
    "deep-lists": "[" * 100_000,
    "deep-dicts": "{a: " * 100_000,
    "deep-blocks": "\n".join(" " * n + "a:" for n in range(1_000)),
    "python-tag": "!!python/object/apply:os.system ['touch hacked']\n",
    "unknown-tag": "data: !secret x\n",
    "set": "!!set {a, b}\n",
    "pairs": "!!pairs [a: 1, a: 2]\n",
    "false-bool": "data: !!bool maybe\n",
    "false-int": "data: !!int ''\n",
    "false-float": "data: !!float ''\n",
    "false-time": "data: !!timestamp x\n",
    "false-date": "data: 2024-99-99\n",
    "false-binary": "data: !!binary '*'\n",
    "long-number": "data: " + "9" * 5_000 + "\n",
    "list-as-key": "[a, b]: 1\n",
    "dict-as-key": "{a: 1}: 1\n",
    "two-documents": "a: 1\n---\nb: 2\n",
    "undefined-alias": "data: *nowhere\n",
    "tab": "data:\n\tx: 1\n",
    "nul": "data: \0\n",
    "surrogate": 'data: "\\ud800"\n',
    "empty": "",
    "number": "3",
    "text": "x" * 10_000,
    "huge": "a: 1\n" * 500_000,
}

WRONG_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, -1, 0, 10**400, 1.5, float("nan"), float("inf"), -1e308, "", "x" * 10_000, "\0", "\ud800"),
    *(
        [],
        [[]],
        ["x"] * 1_000,
        {},
        {1: 2},
        {"": None},
        {"x": {"y": []}},
        datetime.date(2024, 1, 1),
        b"\xff",
        {"x"},
    ),
)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_hostile_configuration_is_refused_with_one_sentence(
    text: str,
    customers: pd.DataFrame,
    fails: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(text, encoding="utf-8", newline="")
    started = time.process_time()
    error = fails("validate", write_table(customers, tmp_path / "t.csv"), "--config", config)
    assert time.process_time() - started < 10
    assert "a bug in churn" not in error
    assert len(error) < 2_000
    assert not (tmp_path / "hacked").exists()


def test_a_configuration_in_another_encoding_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    for content in ("data: é\n".encode("latin-1"), "data: x\n".encode("utf-16"), bytes(range(256))):
        config.write_bytes(content)
        with pytest.raises(ConfigError):
            load_config(config)


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(content, dict):
        for key, value in content.items():
            yield from places(value, (*path, key))


def with_value(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    return content | {path[0]: with_value(content[path[0]], path[1:], value)}


def test_a_wrong_value_at_any_key_is_accepted_or_refused_with_one_sentence() -> None:
    refused = []
    for path in places(DEFAULT):
        for value in WRONG_VALUES:
            try:
                assert parse_config(with_value(DEFAULT, path, value)).contract
            except ConfigError as error:
                refused.append(one_line(str(error)))
    assert len(refused) > 1_000
    assert max(map(len, refused)) < 2_500


def test_an_alias_may_name_an_ordinary_value(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    text = default_config_path().read_text(encoding="utf-8")
    config.write_text(
        text.replace("folds: 5", "folds: &five 5").replace("repeats: auto", "repeats: *five"),
        encoding="utf-8",
    )
    assert load_config(config).evaluation.repeats == 5
