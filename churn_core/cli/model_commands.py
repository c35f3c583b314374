"""``churn train``, ``churn evaluate`` and ``churn rollback``: make, measure and restore bundles."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from churn_core.cli.arguments import DEFAULT_MODEL, add_config, add_json, add_model
from churn_core.cli.arguments import path as local_path
from churn_core.cli.output import print_result
from churn_core.cli.progress import Progress
from churn_core.cli.tables import (
    SAME_TABLE,
    add_table_options,
    chosen_settings,
    config_name,
    load_predictor,
    opened_table,
    table_files,
    table_source,
)

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from churn_core.pipelines.promotion import Promotion

QUICK_NOTE = (
    "A first look (--quick): three folds, not repeated; train without --quick before you act on the figures."
)
_DATA_HELP = "labelled table, .csv or .parquet, or a folder of such files"


def add_commands(commands: Any) -> None:
    """Add the commands to the parser."""
    train = commands.add_parser("train", help="train a model, check its export, write the bundle")
    train.add_argument("data", type=table_source, metavar="DATA", help=_DATA_HELP)
    add_config(train)
    train.add_argument(
        "--out",
        type=local_path,
        default=DEFAULT_MODEL,
        help=f"folder to write the bundle to (default {DEFAULT_MODEL})",
    )
    train.add_argument(
        "--model-type", help="model family to train; overrides model.type of the configuration"
    )
    train.add_argument(
        "--promote",
        action="store_true",
        help="replace an existing bundle in --out only if the new one is not worse",
    )
    train.add_argument(
        "--quick",
        action="store_true",
        help="take a first look with three folds, not repeated; the bundle and its report are marked",
    )
    train.add_argument(
        "--replace", action="store_true", help="replace the bundle of another project in --out too"
    )
    train.set_defaults(run=_train)
    evaluate = commands.add_parser("evaluate", help="measure a bundle on labelled customers")
    evaluate.add_argument("data", type=table_source, metavar="DATA", help=_DATA_HELP)
    add_model(evaluate)
    evaluate.set_defaults(run=_evaluate)
    for command in (train, evaluate):
        add_table_options(command)
    rollback = commands.add_parser("rollback", help="restore the bundle that 'train --promote' replaced")
    add_model(rollback)
    rollback.set_defaults(run=_rollback)
    for command in (train, evaluate, rollback):
        add_json(command)


def _train(options: argparse.Namespace) -> None:
    from churn_core.config import default_config_path, load_config, with_model_type
    from churn_core.data import load_table

    path = options.config or default_config_path()
    config = chosen_settings(load_config(path), options)
    if options.model_type is not None:
        config = with_model_type(config, options.model_type)
    with (
        Progress("cross-validation", unit="folds") as progress,
        opened_table(options.data) as found,
    ):
        progress.step(f"reading {options.data}")
        table = load_table(found, config.contract, match_case_insensitive=options.match_case_insensitive)
        # Imported here: scikit-learn takes seconds, and the table may not even exist.
        from churn_core.models.bundle.writer import metrics_document
        from churn_core.models.evaluation.doubts import is_chance
        from churn_core.pipelines import run_training

        run = run_training(
            config,
            table,
            options.out,
            promote=options.promote,
            replace=options.replace,
            quick=options.quick,
            table_name=options.data.name,
            reads=[*table_files(found), path],
            on_step=progress.step,
            on_fold=progress.update,
        )
    document = metrics_document(run.proved)
    version = run.bundle.model_version
    print_result(
        document
        | {"folder": str(options.out), "model_version": version, "config": str(path), "quick": options.quick}
        | {"promotion": run.promotion.to_dict() if run.promotion else None}
        | {"warnings": [warning.to_dict() for warning in run.findings]}
        | {"doubts": [doubt.to_dict() for doubt in run.doubts]},
        "\n".join(
            [
                *map(str, run.doubts),
                *map(str, run.findings),
                f"Configuration: {config_name(path)}.",
                *([QUICK_NOTE] if options.quick else []),
                _training_text(document, version, options.out, advise=not is_chance(run.doubts)),
                *_promotion_text(run.promotion),
            ]
        ),
        as_json=options.json,
    )


def _promotion_text(promotion: Promotion | None) -> list[str]:
    if promotion is None:
        return []
    return [
        f"It replaced {promotion.previous}: log loss {promotion.log_loss:.6f} instead of"
        f" {promotion.previous_log_loss:.6f} on {promotion.rows:,} held-out rows."
    ]


def _training_text(document: dict[str, Any], version: str, folder: Path, *, advise: bool) -> str:
    from churn_core.cli.decision_text import chosen_text

    cv, parity, rows = document["cv"], document["parity"], document["rows"]
    lines = [f"Trained {document['model']} on {rows['training']:,} rows; {rows['holdout']:,} were held out."]
    if rows["excluded"]:
        lines.append(f"{rows['excluded']:,} rows were set aside (data.target.exclude).")
    lines += [
        "",
        f"{'metric':<16}{'cross-validated (95 %)':<28}{'held out'}",
    ]
    for name, interval in cv.items():
        spread = f"{interval['mean']:.4f} [{interval['low']:.4f}, {interval['high']:.4f}]"
        lines.append(f"{name:<16}{spread:<28}{document['holdout'][name]:.4f}")
    lines += _grouped_text(document["cv"], document["cv_grouped"])
    lines += _choices_text(document["choices"])
    lines += [
        "",
        *chosen_text(document["decision"], advise=advise),
        f"Calibration: {'sigmoid' if document['calibrated'] else 'none'}.",
        f"Parity: {parity['rows_compared']:,} rows compared, largest difference"
        f" {parity['max_abs_difference']:.1e}, {parity['decisions_changed']} decisions changed.",
        f"Wrote {version} to {folder}.",
        f"Next: churn score CUSTOMERS.parquet scores.parquet --model {shlex.quote(str(folder))}",
    ]
    return "\n".join(lines)


def _grouped_text(plain: dict[str, Any], grouped: dict[str, Any] | None) -> list[str]:
    """Compare the metrics with those of folds that keep equal rows together."""
    if grouped is None:
        return []
    lines = ["", "With equal rows kept together (data.group: auto) instead of split at random:"]
    for name in ("roc_auc", "log_loss"):
        found = grouped[name]
        interval = f"{found['mean']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"
        lines.append(f"{name:<16}{interval} instead of {plain[name]['mean']:.4f}")
    return lines


def _choices_text(choices: dict[str, Any]) -> list[str]:
    """Describe which families and how many pairs of columns were compared, and what was chosen."""
    lines = []
    if "families" in choices:
        compared, taken = choices["families"]["compared"], choices["families"]["taken"]
        lines += ["", f"{'model':<22}{'log loss':<10}behind the best"]
        for name, found in compared.items():
            behind = f"{found['behind']:.4f} +- {found['error']:.4f}{'   chosen' if name == taken else ''}"
            lines.append(f"{name:<22}{found['log_loss']:<10.4f}{behind}")
        lines += ["", f"Choice: {choices['families']['price']}"]
    if "pairs" in choices:
        compared, taken = choices["pairs"]["compared"], choices["pairs"]["taken"]
        losses = ", ".join(f"{found['log_loss']:.4f}" for found in compared.values())
        lines += ["", f"Column pairs in the model: {taken} (tried {', '.join(compared)}; log loss {losses})."]
    return lines


def _evaluate(options: argparse.Namespace) -> None:
    from churn_core.cli.decision_text import reviewed_text
    from churn_core.data import load_table
    from churn_core.models.evaluation.bundle_evaluation import evaluate_bundle
    from churn_core.models.evaluation.doubts import Doubt, is_chance

    predictor = load_predictor(options)
    with opened_table(options.data) as found:
        table = load_table(found, predictor.contract, match_case_insensitive=options.match_case_insensitive)
    measured = evaluate_bundle(predictor, table)
    doubts = [Doubt(**doubt) for doubt in measured["doubts"]]
    width = max(map(len, measured["metrics"]))
    lines = [
        *map(str, doubts),
        *([SAME_TABLE] if measured["training_table"] else []),
        f"{measured['model_version']} on {measured['rows']:,} rows, threshold {measured['threshold']:.6f}",
    ]
    if measured["excluded"]:
        lines.append(f"{measured['excluded']:,} rows were set aside (data.target.exclude of the model).")
    lines += [f"{name:<{width}}  {value:.4f}" for name, value in measured["metrics"].items()]
    if not is_chance(doubts):
        lines += ["", *reviewed_text(measured["decision"], measured["threshold"], measured["currency"])]
    lines.append(
        f"Next: churn score CUSTOMERS.parquet scores.parquet --model {shlex.quote(str(options.model))}"
    )
    print_result(measured, "\n".join(lines), as_json=options.json)


def _rollback(options: argparse.Namespace) -> None:
    from churn_core.models.bundle.history import bring_back

    version = bring_back(options.model).model_version
    print_result(
        {"folder": str(options.model), "model_version": version},
        f"{options.model} holds {version} again; run 'churn rollback' once more to undo this.",
        as_json=options.json,
    )
