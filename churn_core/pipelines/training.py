"""Train, prove and write a bundle in one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from churn_core.data.inspection import replica_findings
from churn_core.models.bundle.notes import BundleNotes
from churn_core.models.bundle.writer import check_bundle_folder, write_bundle
from churn_core.models.evaluation.doubts import doubt_training
from churn_core.models.evaluation.selection import compared_families
from churn_core.models.export.prove import ProvedModel, prove_model
from churn_core.models.training import train_model
from churn_core.pipelines.other_project import refuse_other_project
from churn_core.pipelines.promotion import Promotion, compare, require_no_worse
from churn_core.reports import render_report
from churn_core.scoring.bundle import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pandas as pd

    from churn_core.config import Settings
    from churn_core.data.findings import Finding
    from churn_core.models.evaluation.doubts import Doubt
    from churn_core.scoring.bundle import Bundle

QUICK_FOLDS: Final = 3


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """The results of a run.

    Attributes
    ----------
    proved : ProvedModel
        The model, its graphs and the result of the parity gate.
    bundle : Bundle
        Read back from the written files.
    promotion : Promotion or None
        The comparison with the replaced bundle; None without ``promote`` or without a previous bundle.
    doubts : tuple of Doubt
        Reasons not to trust the model.
    findings : tuple of Finding
        What makes the measured quality wrong.
    """

    proved: ProvedModel
    bundle: Bundle
    promotion: Promotion | None = None
    doubts: tuple[Doubt, ...] = ()
    findings: tuple[Finding, ...] = ()


def run_training(
    settings: Settings,
    table: pd.DataFrame,
    folder: Path,
    *,
    jobs: int | None = None,
    sample: bool = False,
    promote: bool = False,
    replace: bool = True,
    quick: bool = False,
    table_name: str | None = None,
    reads: Sequence[Path] = (),
    on_step: Callable[[str], None] = lambda _step: None,
    on_fold: Callable[[int, int], None] | None = None,
) -> TrainingRun:
    """Train, evaluate, export, prove and write a bundle.

    Parameters
    ----------
    settings, table, jobs, on_fold
        As in `churn_core.models.train_model`.
    folder : Path
        Target of the bundle.
    sample : bool
        Whether the rows are generated; the bundle is then marked as a sample.
    promote : bool
        Whether a bundle in `folder` is replaced only if the new model is not worse, and then kept as the
        previous one.
    replace : bool
        Whether the bundle of another project in `folder` may be replaced; see `refuse_other_project`.
    quick : bool
        Train for a first look, with `quick_settings`; the bundle is marked.
    table_name : str, optional
        The table's name, for the report.
    reads : sequence of Path
        The files that `settings` and `table` come from; `folder` may not hold them.
    on_step : callable
        Called before each step with its description.

    Raises
    ------
    ChurnError
        If the table or the configuration is invalid, the parity gate fails, or the existing bundle is
        better. Nothing is written in these cases.
    """
    # Before the training, which may take minutes.
    check_bundle_folder(folder, reads)
    if not replace:
        refuse_other_project(folder, settings)
    if quick:
        settings = quick_settings(settings)
    findings = tuple(replica_findings(table, settings.contract.columns, settings.data.group))
    families = compared_families(settings)
    doing = "comparing" if len(families) > 1 else "training"
    on_step(f"{doing} {', '.join(families)}: {settings.evaluation.folds} folds")
    model = train_model(
        settings,
        table,
        jobs=jobs,
        on_fold=on_fold,
        on_step=on_step,
        also_grouped=any(finding.rule == "replicated_rows" for finding in findings),
    )
    doubts = tuple(doubt_training(model.cv["roc_auc"], model.labels))
    promotion = None
    if promote and (folder / MANIFEST).exists():
        on_step(f"comparing with the bundle in {folder}")
        promotion = compare(folder, model, table)
        require_no_worse(promotion)
    on_step("comparing the exported graphs with scikit-learn")
    proved = prove_model(model, table)
    on_step(f"writing {folder}")
    notes = BundleNotes(
        sample=sample,
        quick=quick,
        table=table_name,
        warnings=(*map(str, doubts), *map(str, findings)),
    )
    report = render_report(proved, notes)
    bundle = write_bundle(proved, report, folder, notes=notes, keep_previous=promote, reads=reads)
    return TrainingRun(proved, bundle, promotion, doubts, findings)


def quick_settings(settings: Settings) -> Settings:
    """Return the settings of a first look: three folds, not repeated."""
    evaluation = settings.evaluation.model_copy(update={"folds": QUICK_FOLDS, "repeats": 1})
    return settings.model_copy(update={"evaluation": evaluation})
