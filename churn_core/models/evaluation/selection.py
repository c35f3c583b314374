"""Choose between models by cross-validation: the simplest that is not clearly worse than the best."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import expit
from sklearn.model_selection import train_test_split

from churn_core.config import with_model
from churn_core.features.engineer import source_columns
from churn_core.models.evaluation.cross_validation import judge, log_loss, predict_out_of_fold
from churn_core.models.evaluation.metrics import DECIMALS, corrected_error
from churn_core.models.families import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import pandas as pd

    from churn_core.config import Settings
    from churn_core.models.evaluation.cross_validation import CrossValidation

PAIR_COUNTS: Final = (0, 5, 10, 20)
"""How many pairs of columns an additive model may try to combine."""

ADDITIVE: Final = "additive"
"""The family whose number of pairs is chosen."""

CHOICE_ROWS: Final = 50_000
"""Most rows by which the number of pairs is chosen."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was compared, and what was taken.

    Attributes
    ----------
    taken : str
    compared : dict
        By candidate, simplest first: ``log_loss``, and ``behind``: how much more than the best's, with
        ``error``, that difference's standard error.
    """

    taken: str
    compared: dict[str, dict[str, float]]

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as it stands in metrics.json."""
        return {"taken": self.taken, "compared": self.compared}


def simplest_near_best(losses: dict[str, npt.NDArray[np.float64]], test_share: float) -> Choice:
    """Take the first candidate whose loss is within one standard error of the lowest.

    The rule of Breiman et al. (1984, "Classification and Regression Trees"), with the error of the
    difference to the best, which all folds share, and corrected for overlapping training sets: the plain
    error of a loss is mostly the difficulty of a fold's rows, which is the same for all candidates.

    Parameters
    ----------
    losses : dict
        By candidate, the simplest first: its loss in each fold, ndarray of float64.
    test_share : float
        n_test / n_train of one fold.
    """
    best = min(losses, key=lambda name: float(losses[name].mean()))
    compared = {}
    taken = None
    for name, values in losses.items():
        behind = values - losses[best]
        error = corrected_error(behind, test_share)
        compared[name] = {
            "log_loss": round(float(values.mean()), DECIMALS),
            "behind": round(float(behind.mean()), DECIMALS),
            "error": round(error, DECIMALS),
        }
        if taken is None and behind.mean() <= error:
            taken = name
    # The best is behind itself by nothing, so that something was taken.
    return Choice(taken or best, compared)


def choose_pairs(
    settings: Settings,
    parsed: pd.DataFrame,
    labels: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64] | None = None,
    *,
    jobs: int,
    on_fold: Callable[[int, int], None] | None = None,
) -> tuple[Settings, Choice | None]:
    """Fix how many pairs the additive model may combine, unless the configuration says so.

    Parameters
    ----------
    settings : Settings
        Of the additive family.
    parsed : DataFrame
        Training rows, as `churn_core.features.parse_table` gives them.
    labels : ndarray of int64, shape (rows,)
    groups : ndarray of int64, shape (rows,), optional
        Rows of one group stay on one side of every split.
    jobs : int
        Folds fitted at the same time.
    on_fold : callable, optional
        Called after each fold.

    Returns
    -------
    Settings
        With ``model.params.pairs``.
    Choice or None
        None if the configuration had it.
    """
    if "pairs" in settings.model.params:
        return settings, None
    if len(labels) > CHOICE_ROWS:
        rows, _ = train_test_split(
            np.arange(len(labels)),
            train_size=CHOICE_ROWS,
            stratify=labels,
            random_state=settings.data.random_state,
        )
        parsed, labels = parsed.iloc[rows], labels[rows]
        groups = None if groups is None else groups[rows]
    once = settings.model_copy(update={"evaluation": settings.evaluation.model_copy(update={"repeats": 1})})
    losses = {}
    for pairs in _pair_counts(settings):
        candidate = with_model(once, once.model.type, once.model.params | {"pairs": pairs})
        out_of_fold = predict_out_of_fold(
            candidate, parsed, labels, groups=groups, jobs=jobs, on_fold=on_fold
        )
        losses[str(pairs)] = np.array(
            [
                log_loss(labels[mask], expit(out_of_fold.raw[repeat, mask]))
                for repeat, mask in out_of_fold.each_fold()
            ]
        )
    choice = simplest_near_best(losses, 1 / (settings.evaluation.folds - 1))
    params = settings.model.params | {"pairs": int(choice.taken)}
    return with_model(settings, settings.model.type, params), choice


def _pair_counts(settings: Settings) -> list[int]:
    possible = sum(1 for _ in combinations(source_columns(settings.contract), 2))
    return sorted({min(count, possible) for count in PAIR_COUNTS})


@dataclass(frozen=True, slots=True)
class Selection:
    """The model that was chosen, and why.

    Attributes
    ----------
    settings : Settings
        With a family and its number of pairs.
    judged : CrossValidation
        How that model did.
    choices : dict
        ``families`` and ``pairs``: what was compared for them, where something was.
    """

    settings: Settings
    judged: CrossValidation
    choices: dict[str, Choice]


def select_model(
    settings: Settings,
    parsed: pd.DataFrame,
    labels: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64] | None = None,
    *,
    jobs: int,
    on_fold: Callable[[int, int], None] | None = None,
) -> Selection:
    """Cross-validate the configured family, or all of them for ``model.type: auto``.

    Parameters
    ----------
    settings : Settings
    parsed : DataFrame
        Training rows, as `churn_core.features.parse_table` gives them.
    labels : ndarray of int64, shape (rows,)
    groups : ndarray of int64, shape (rows,), optional
        Rows of one group stay on one side of every split.
    jobs : int
        Folds fitted at the same time.
    on_fold : callable, optional
        Told how many folds are done, and of how many.
    """
    families: list[str] = list(FAMILIES) if settings.model.type == "auto" else [settings.model.type]
    one_more = _fold_counter(settings, families, len(labels), on_fold)
    choices: dict[str, Choice] = {}
    judged: dict[str, CrossValidation] = {}
    candidates: dict[str, Settings] = {}
    for family in families:
        candidate = settings if family == settings.model.type else with_model(settings, family, {})
        if family == ADDITIVE:
            candidate, pairs = choose_pairs(candidate, parsed, labels, groups, jobs=jobs, on_fold=one_more)
            if pairs is not None:
                choices["pairs"] = pairs
        candidates[family] = candidate
        judged[family] = judge(
            candidate,
            predict_out_of_fold(candidate, parsed, labels, groups=groups, jobs=jobs, on_fold=one_more),
        )
    taken = families[0]
    if len(families) > 1:
        test_share = 1 / (settings.evaluation.folds - 1)
        losses = {family: found.fold_log_loss for family, found in judged.items()}
        choices["families"] = simplest_near_best(losses, test_share)
        taken = choices["families"].taken
        if taken != ADDITIVE:
            choices.pop("pairs", None)
    return Selection(candidates[taken], judged[taken], choices)


def _fold_counter(
    settings: Settings, families: list[str], rows: int, on_fold: Callable[[int, int], None] | None
) -> Callable[[int, int], None]:
    """Return a callback that counts the folds of everything that is compared."""
    folds = settings.evaluation.folds
    total = len(families) * folds * settings.evaluation.repeat_count(rows)
    if ADDITIVE in families and "pairs" not in settings.model.params:
        total += folds * len(_pair_counts(settings))
    done = 0

    def one_more(_done: int, _total: int) -> None:
        nonlocal done
        done += 1
        if on_fold is not None:
            on_fold(done, total)

    return one_more
