"""What import-linter can't check: allowed packages, lazy imports, the course's names."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "sklearn",
    "pandas",
    "pyarrow",
    "skl2onnx",
    "onnx",
    "matplotlib",
    "scipy",
    "joblib",
    "pydantic",
    "yaml",
}
HEAVY_ALLOWED_BELOW = ("data", "features", "models", "reports", "pipelines")
LIGHT = ["churn_core/__init__.py", "churn_core/errors.py", "churn_core/schema.py"]


def _modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def _imports(path: Path, *, top_level_only: bool) -> set[str]:
    """Return what a module imports when it runs; imports for type checkers do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()

    def visit(nodes: list[ast.stmt]) -> None:
        for node in nodes:
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
            elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
                visit(node.orelse)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if not top_level_only:
                    visit(node.body)
            else:
                for field in ("body", "orelse", "finalbody", "handlers"):
                    visit(getattr(node, field, []))

    visit(tree.body)
    return found


def _roots(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(
    "path",
    [p for p in _modules("churn_core") if p.relative_to(ROOT).parts[1] not in HEAVY_ALLOWED_BELOW],
    ids=lambda p: p.relative_to(ROOT).as_posix(),
)
def test_heavy_packages_stay_below_training(path: Path) -> None:
    if path.name in {
        *("column_specs.py", "config.py", "config_keys.py"),
        *(
            "config_yaml.py",
            "decision_settings.py",
            "model_settings.py",
            "output_settings.py",
            "reader_settings.py",
        ),
    }:
        return  # settings are read for training only; checked below by what the light half loads
    assert not _roots(_imports(path, top_level_only=True)) & HEAVY


@pytest.mark.parametrize(
    "path",
    [ROOT / name for name in LIGHT] + _modules("churn_core/scoring"),
    ids=lambda p: p.relative_to(ROOT).as_posix(),
)
def test_the_light_half_imports_only_itself_and_what_fits_a_lambda(path: Path) -> None:
    allowed = set(sys.stdlib_module_names) | {"numpy", "onnxruntime", "duckdb", "arro3", "churn_core"}
    assert _roots(_imports(path, top_level_only=False)) <= allowed


def test_onnxruntime_is_imported_only_where_its_telemetry_is_switched_off() -> None:
    # The services of the peers run in environments without churn_core; benchmarks set their variables.
    importers = {
        path.relative_to(ROOT).as_posix()
        for folder in ("churn_core", "functions", "infra", "benchmarks", "notebooks")
        for path in _modules(folder)
        if path.parent.name != "services" and "onnxruntime" in _roots(_imports(path, top_level_only=False))
    }
    assert importers == {"churn_core/scoring/onnx_session.py"}


def test_boto3_is_imported_in_one_module_a_folder_and_the_command_line_alone() -> None:
    users = {
        path.relative_to(ROOT)
        for path in _modules("functions")
        if _roots(_imports(path, top_level_only=False)) & {"boto3", "botocore"}
    }
    named = {path for path in users if path.as_posix() != "functions/cli.py"}
    # `storage` where it is objects that AWS is asked for, `aws` where it is something else.
    assert {path.name for path in named} <= {"storage.py", "aws.py"}
    assert len({path.parent for path in named}) == len(named)


def _loaded_by(statement: str) -> set[str]:
    script = f"import sys\nbefore = set(sys.modules)\n{statement}\nprint(sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(ast.literal_eval(done.stdout.splitlines()[-1]))


def test_importing_the_package_loads_itself_and_the_standard_library_alone() -> None:
    loaded = _loaded_by("import churn_core")
    assert {name for name in loaded if _roots({name}) - set(sys.stdlib_module_names)} == {"churn_core"}


def test_each_name_of_the_face_loads_on_first_use() -> None:
    import churn_core

    for name in churn_core.__all__:
        assert callable(getattr(churn_core, name))
        assert name in dir(churn_core)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = churn_core.no_such_name


def test_the_face_names_what_it_gives_for_type_checkers_too() -> None:
    import churn_core

    tree = ast.parse((ROOT / "churn_core" / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.name: node.module
        for branch in tree.body
        if isinstance(branch, ast.If)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == churn_core._MODULES
    assert sorted(typed) == sorted(churn_core.__all__)


@pytest.mark.parametrize(
    "statement",
    [
        "import churn_core, churn_core.schema, churn_core.errors",
        "import churn_core.scoring.predictor, churn_core.scoring.files.score_file",
        "import churn_core.cli; churn_core.cli.main(['--help'])",
    ],
)
def test_importing_the_light_half_loads_nothing_heavy(statement: str) -> None:
    loaded = _roots(_loaded_by(statement))
    assert not loaded & (HEAVY | {"boto3", "aws_lambda_powertools"})


def test_the_names_of_the_course_are_importable() -> None:
    from churn_core.config import Settings, get_project_root, load_config
    from churn_core.data import generate_sample_data, load_csv, validate_data
    from churn_core.features import FeatureEngineer, create_derived_features, handle_missing_values
    from churn_core.models import ChurnModel, train_model
    from churn_core.models.inference import ChurnPredictor

    for name in (
        *(load_csv, validate_data, generate_sample_data),
        *(FeatureEngineer, create_derived_features, handle_missing_values),
        *(ChurnModel, train_model, ChurnPredictor, load_config),
    ):
        assert callable(name)
    assert callable(get_project_root)
    settings = load_config()
    assert isinstance(settings, Settings)
    assert settings.model.type == "auto"
    assert settings.model.params == {}
    assert settings.data.test_size == 0.2
    assert settings.data.random_state == 42
    assert (settings.api.host, settings.api.port) == ("127.0.0.1", 8000)


def test_the_training_entry_point_of_the_course_is_churn_train() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "churn_core.models.train", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert "usage: churn train" in done.stdout
