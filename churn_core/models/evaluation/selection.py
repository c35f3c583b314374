"""Choose between models by cross-validation: the simplest that is not clearly worse than the best."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import expit
from sklearn.model_selection import train_test_split

from churn_core.config import with_model, with_model_type
from churn_core.features.engineer import source_columns
from churn_core.models.evaluation.cross_validation import judge, predict_out_of_fold
from churn_core.models.evaluation.metrics import DECIMALS, corrected_error
from churn_core.models.families import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from churn_core.config import Settings
    from churn_core.models.evaluation.cross_validation import CrossValidation
    from churn_core.models.rows import LabelledRows

PAIR_COUNTS: Final = (0, 5, 10, 20)
"""The numbers of column pairs that are compared for an additive model."""

ADDITIVE: Final = "additive"
"""The family whose number of pairs is chosen."""

CHOICE_ROWS: Final = 50_000
"""Most rows on which numbers of pairs are compared."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A comparison of candidates and its result.

    Attributes
    ----------
    taken : str
        The chosen candidate.
    compared : dict
        By candidate, simplest first: ``log_loss``; ``behind``, its difference from the lowest; and
        ``error``, that difference's standard error.
    """

    taken: str
    compared: dict[str, dict[str, float]]

    def to_dict(self) -> dict[str, Any]:
        """Return the choice in the form of metrics.json."""
        return asdict(self)


def simplest_near_best(losses: dict[str, npt.NDArray[np.float64]], test_share: float) -> Choice:
    """Take the first candidate whose loss is within one standard error of the lowest.

    This is the rule of Breiman et al. (1984, "Classification and Regression Trees"), with the standard error
    of the difference from the best, corrected for overlapping training sets. The plain error of a loss would
    mostly show how difficult a fold's rows are, and all candidates share these rows.

    Parameters
    ----------
    losses : dict
        By candidate, the simplest first: its loss in each fold, ndarray of float64.
    test_share : float
        n_test / n_train of one fold.
    """
    best = min(losses, key=lambda name: float(losses[name].mean()))
    compared = {}
    near = []
    for name, values in losses.items():
        behind = values - losses[best]
        error = corrected_error(behind, test_share)
        compared[name] = {
            "log_loss": round(float(values.mean()), DECIMALS),
            "behind": round(float(behind.mean()), DECIMALS),
            "error": round(error, DECIMALS),
        }
        # Always true for the best itself, whose difference and error are 0.
        if behind.mean() <= error:
            near.append(name)
    return Choice(near[0], compared)


def choose_pairs(
    settings: Settings, rows: LabelledRows, *, jobs: int, on_fold: Callable[[], None] | None = None
) -> tuple[Settings, Choice | None]:
    """Choose how many pairs the additive model may combine, unless the configuration sets it.

    Returns
    -------
    Settings
        With ``model.params.pairs``.
    Choice or None
        None if the configuration sets the number.
    """
    params = settings.model.params
    if "pairs" in params:
        return settings, None
    if len(rows) > CHOICE_ROWS:
        positions, _ = train_test_split(
            np.arange(len(rows)),
            train_size=CHOICE_ROWS,
            stratify=rows.labels,
            random_state=settings.data.random_state,
        )
        rows = rows.take(positions)
    losses = {}
    for pairs in _pair_counts(settings):
        candidate = with_model(settings, ADDITIVE, params | {"pairs": pairs})
        out_of_fold = predict_out_of_fold(candidate, rows, repeats=1, jobs=jobs, on_fold=on_fold)
        losses[str(pairs)] = out_of_fold.fold_log_losses(expit(out_of_fold.raw))
    choice = simplest_near_best(losses, 1 / (settings.evaluation.folds - 1))
    return with_model(settings, ADDITIVE, params | {"pairs": int(choice.taken)}), choice


def _pair_counts(settings: Settings) -> list[int]:
    possible = sum(1 for _ in combinations(source_columns(settings.contract), 2))
    return sorted({min(count, possible) for count in PAIR_COUNTS})


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen model and the comparisons behind it.

    Attributes
    ----------
    settings : Settings
        With the chosen family and its number of pairs.
    judged : CrossValidation
        Of that model.
    choices : dict
        ``families`` and ``pairs``, each only if candidates were compared.
    """

    settings: Settings
    judged: CrossValidation
    choices: dict[str, Choice]


def select_model(
    settings: Settings, rows: LabelledRows, *, jobs: int, on_fold: Callable[[int, int], None] | None = None
) -> Selection:
    """Cross-validate the configured family, or all of them for ``model.type: auto``.

    The arguments are those of `churn_core.models.training.train_model`, with the training rows only.
    """
    families: list[str] = list(FAMILIES) if settings.model.type == "auto" else [settings.model.type]
    repeats = settings.evaluation.repeat_count(len(rows))
    count_fold = _fold_counter(settings, families, repeats, on_fold)
    choices: dict[str, Choice] = {}
    judged: dict[str, CrossValidation] = {}
    candidates: dict[str, Settings] = {}
    for family in families:
        candidate = with_model_type(settings, family)
        if family == ADDITIVE:
            candidate, pairs = choose_pairs(candidate, rows, jobs=jobs, on_fold=count_fold)
            if pairs is not None:
                choices["pairs"] = pairs
        candidates[family] = candidate
        out_of_fold = predict_out_of_fold(candidate, rows, repeats=repeats, jobs=jobs, on_fold=count_fold)
        judged[family] = judge(candidate, out_of_fold)
    taken = families[0]
    if len(families) > 1:
        losses = {family: found.fold_log_loss for family, found in judged.items()}
        choices["families"] = simplest_near_best(losses, 1 / (settings.evaluation.folds - 1))
        taken = choices["families"].taken
        if taken != ADDITIVE:
            choices.pop("pairs", None)
    return Selection(candidates[taken], judged[taken], choices)


def _fold_counter(
    settings: Settings, families: list[str], repeats: int, on_fold: Callable[[int, int], None] | None
) -> Callable[[], None]:
    """Return a callback that counts the folds of all comparisons and reports to `on_fold`."""
    folds = settings.evaluation.folds
    total = len(families) * folds * repeats
    if ADDITIVE in families and "pairs" not in settings.model.params:
        total += folds * len(_pair_counts(settings))
    done = 0

    def count_fold() -> None:
        nonlocal done
        done += 1
        if on_fold is not None:
            on_fold(done, total)

    return count_fold
