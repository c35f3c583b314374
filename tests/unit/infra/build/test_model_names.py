"""Names of models that make or the shell would interpret are refused before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.build.package_functions import PackageError, package

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "name", ["a\nb", "a\0b", "$(touch hacked)", "'; touch hacked; '", "`touch hacked`", "\udcff", "a#b"]
)
def test_a_model_name_that_the_shell_would_interpret_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="rename the folder"):
        package("dev", "x86_64", f"{tmp_path}/{name}", None, tmp_path / "target")
    assert not (tmp_path / "target").exists()
