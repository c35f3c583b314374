"""`make deploy` calls `sam deploy` with all parameters and their digest."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.build import deploy
from infra.build.deploy import DIGEST, ParameterError, configured_parameters, deploy_command, digest_of
from infra.local.tools import SAM


def overrides(command: list[str]) -> dict[str, str]:
    words = command[command.index("--parameter-overrides") + 1 :]
    return {name: value.strip('"') for name, _, value in (word.partition("=") for word in words)}


@pytest.mark.parametrize(
    ("environment", "section"), [("dev", "default"), ("staging", "staging"), ("prod", "prod")]
)
def test_parameters_of_samconfig_are_kept_and_given_ones_replace_them(environment: str, section: str) -> None:
    command = deploy_command(
        environment, ["LogRetentionDays=14", "UseCodeDeploy=false"], ["--no-progressbar"]
    )

    assert command[1:5] == ["deploy", "--config-env", section, "--no-progressbar"]
    found = overrides(command)
    digest = found.pop(DIGEST)
    assert found == configured_parameters(section) | {"LogRetentionDays": "14", "UseCodeDeploy": "false"}
    assert found["Environment"] == environment
    assert digest == digest_of(found)


def test_the_digest_depends_on_each_name_and_value_and_not_on_their_order() -> None:
    one = digest_of({"A": "1", "B": "2"})
    assert one == digest_of({"B": "2", "A": "1"})
    others = [{"A": "1"}, {"A": "1", "B": "3"}, {"A": "2", "B": "1"}, {"A": "1", "C": "2"}, {"A": "1B=2"}]
    assert len({one, *map(digest_of, others)}) == 6
    # Another rule would publish new versions of every stack, without a change.
    assert digest_of({}) == "e3b0c44298fc"


def test_samconfig_may_be_as_sam_s_guide_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "samconfig.toml"
    path.write_text(
        "[prod.deploy.parameters]\n"
        f"""parameter_overrides = 'Environment="prod" ApiScopes="a b" {DIGEST}="none"'\n""",
        encoding="utf-8",
    )
    assert configured_parameters("prod", path) == {"Environment": "prod", "ApiScopes": "a b"}
    assert configured_parameters("staging", path) == {}


@pytest.mark.parametrize("word", ["UseCodeDeploy", "=x", "--force", f"{DIGEST}=000000000000"])
def test_what_is_no_parameter_is_refused(word: str) -> None:
    with pytest.raises(ParameterError):
        deploy_command("dev", [word], [])


@pytest.mark.parametrize(
    "option", ["--parameter-overrides", "--parameter-overrides=A=b", "--config-env", "--config-file"]
)
def test_options_that_bypass_the_digest_are_refused(option: str) -> None:
    with pytest.raises(ParameterError, match="PARAMETERS"):
        deploy_command("dev", [], [option])


def test_sam_reads_the_parameters_as_they_were_given() -> None:
    if not SAM.exists():
        pytest.skip("AWS SAM is not installed in .sam-venv; run 'make setup-sam'.")
    given = {"AlarmEmail": "", "CorsOrigins": "https://a.example,https://b.example", "ApiScopes": "a b,c/d=e"}
    command = deploy_command("dev", [f"{name}={value}" for name, value in given.items()], [])
    words = command[command.index("--parameter-overrides") + 1 :]
    script = (
        "import json, sys; from samcli.cli.types import CfnParameterOverridesType as Type;"
        " print(json.dumps(Type().convert(tuple(sys.argv[1:]), None, None)))"
    )
    done = subprocess.run(
        [SAM.with_name("python"), "-c", script, *words], capture_output=True, text=True, check=True
    )
    assert given.items() <= json.loads(done.stdout).items()


def test_the_command_returns_sam_s_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    sam = tmp_path / "sam"
    sam.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv[1:])\nsys.exit(3)\n", encoding="utf-8")
    sam.chmod(0o755)
    monkeypatch.setattr(deploy, "SAM", sam)
    words = [
        "deploy",
        "--environment",
        "prod",
        "--parameters",
        "UseCodeDeploy=false",
        "--",
        "--no-progressbar",
    ]
    monkeypatch.setattr(sys, "argv", words)
    assert deploy.main() == 3
    printed = capfd.readouterr().out
    assert 'UseCodeDeploy="false"' in printed
    assert "--no-progressbar" in printed

    monkeypatch.setattr(sys, "argv", ["deploy", "--parameters", "false"])
    assert deploy.main() == 2
    assert "NAME=VALUE" in capfd.readouterr().err
