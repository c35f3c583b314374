"""The linters of the transformed template find nothing except the findings that are skipped with a reason."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from tests.infra.template_reader import REPOSITORY
from tests.proof_figures import record_figure

LINTERS: Final = REPOSITORY / ".template-venv" / "bin"
SKIPS: Final = tomllib.loads(
    (REPOSITORY / "tests/infra/template/lint_skips.toml").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def transformed_file(template: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (LINTERS / "cfn-lint").exists():
        pytest.skip(
            "The template's linters are not installed in .template-venv; run 'make setup-template-lint'."
        )
    path = tmp_path_factory.mktemp("transformed") / "template.json"
    path.write_text(json.dumps(template), encoding="utf-8")
    return path


def lint(*command: str | Path) -> Any:
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.stdout, result.stderr
    return json.loads(result.stdout)


def test_cfn_lint_with_the_serverless_rules_finds_exactly_the_skipped_findings(
    transformed_file: Path,
) -> None:
    found = lint(
        *(LINTERS / "cfn-lint", "--append-rules", "cfn_lint_serverless.rules", "--regions", "eu-west-1"),
        *("--format", "json", "--template", transformed_file),
    )
    assert {finding["Rule"]["Id"] for finding in found} == set(SKIPS["cfn-lint"])


def test_checkov_finds_exactly_the_skipped_findings(transformed_file: Path) -> None:
    if "CHURN_CHECKOV" not in os.environ:
        pytest.skip("checkov takes a while; 'make proof' runs it, or set CHURN_CHECKOV=1.")
    found = lint(
        *(LINTERS / "checkov", "--framework", "cloudformation", "--skip-download", "--compact", "--quiet"),
        *("--output", "json", "--file", transformed_file),
    )
    failed = {finding["check_id"] for finding in found["results"]["failed_checks"]}
    assert failed == set(SKIPS["checkov"])
    assert found["summary"]["parsing_errors"] == 0
    summary = f"{found['summary']['passed']} checks passed, {len(failed)} kinds skipped with their reasons"
    record_figure("checkov on the transformed template", summary)


@pytest.mark.parametrize("linter", SKIPS)
def test_every_skip_has_a_reason(linter: str) -> None:
    for rule, reason in SKIPS[linter].items():
        assert len(reason.split()) > 6, rule
        assert reason.endswith("."), rule
