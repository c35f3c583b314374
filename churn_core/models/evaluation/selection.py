"""Choose between models by cross-validation: the best, or one that explains and loses hardly anything."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import expit
from sklearn.model_selection import train_test_split

from churn_core.config import with_model, with_model_type
from churn_core.features.engineer import source_columns
from churn_core.model_settings import MONOTONIC_FAMILIES
from churn_core.models.evaluation.cross_validation import judge, predict_out_of_fold
from churn_core.models.evaluation.metrics import DECIMALS, corrected_error
from churn_core.models.evaluation.price import gain, price_sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from churn_core.config import Settings
    from churn_core.models.evaluation.cross_validation import CrossValidation, OutOfFold
    from churn_core.models.rows import LabelledRows

PAIR_COUNTS: Final = (0, 5, 10, 20)
"""The numbers of column pairs that are compared for an additive model."""

ROWS_PER_PAIR: Final = 100
"""Fewer rows than this for each pair are too few to learn the pairs, so such a number is not compared."""

ADDITIVE: Final = "additive"
"""The family whose number of pairs is chosen, and which `model.type: auto` prefers."""

AUTO_FAMILIES: Final = ("logistic_regression", ADDITIVE, "boosting")
"""The families that `model.type: auto` compares; the others are there for those who name them."""

EXACT_FAMILIES: Final = frozenset({"logistic_regression", ADDITIVE})
"""The families whose reasons are exact."""

GIVEN_AWAY: Final = 0.001
"""Log loss in nats that a simpler model may lose to the best."""

CHOICE_ROWS: Final = 50_000
"""Most rows on which numbers of pairs are compared, and families: the chosen one is then judged on all."""

CHOICE_MEMBERS: Final = 2
"""Members of the models that are compared: two are enough to rank numbers of pairs, in half the time."""


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
    price : str
        What the choice costs, as a sentence; empty if there is nothing to say.
    """

    taken: str
    compared: dict[str, dict[str, float]]
    price: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the choice in the form of metrics.json."""
        return asdict(self)


def preferred_near_best(
    losses: dict[str, npt.NDArray[np.float64]], preferred: Iterable[str], test_share: float
) -> Choice:
    """Take the first preferred candidate that loses at most `GIVEN_AWAY` to the lowest, else the lowest.

    Parameters
    ----------
    losses : dict
        By candidate: its loss in each fold, ndarray of float64.
    preferred : iterable of str
        Candidates, the most preferred first.
    test_share : float
        n_test / n_train of one fold.
    """
    best = min(losses, key=lambda name: float(losses[name].mean()))
    behind = {name: values - losses[best] for name, values in losses.items()}
    compared = {
        name: {
            "log_loss": round(float(losses[name].mean()), DECIMALS),
            "behind": round(float(difference.mean()), DECIMALS),
            # All candidates share the folds, so the difference varies less than the losses.
            "error": round(corrected_error(difference, test_share), DECIMALS),
        }
        for name, difference in behind.items()
    }
    return Choice(next((name for name in preferred if behind[name].mean() <= GIVEN_AWAY), best), compared)


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
    rows = _choice_rows(settings, rows)
    losses = {}
    for pairs in _pair_counts(settings, len(rows)):
        candidate = with_model(settings, ADDITIVE, {"members": CHOICE_MEMBERS} | params | {"pairs": pairs})
        out_of_fold = predict_out_of_fold(candidate, rows, repeats=1, jobs=jobs, on_fold=on_fold)
        losses[str(pairs)] = out_of_fold.fold_log_losses(expit(out_of_fold.raw))
    choice = preferred_near_best(losses, losses, 1 / (settings.evaluation.folds - 1))
    return with_model(settings, ADDITIVE, params | {"pairs": int(choice.taken)}), choice


def _choice_rows(settings: Settings, rows: LabelledRows) -> LabelledRows:
    """Return the rows, or a stratified draw of `CHOICE_ROWS` if there are more."""
    if len(rows) <= CHOICE_ROWS:
        return rows
    positions, _ = train_test_split(
        np.arange(len(rows)),
        train_size=CHOICE_ROWS,
        stratify=rows.labels,
        random_state=settings.data.random_state,
    )
    return rows.take(positions)


def _pair_counts(settings: Settings, rows: int) -> list[int]:
    possible = sum(1 for _ in combinations(source_columns(settings.contract), 2))
    supported = [count for count in PAIR_COUNTS if count * ROWS_PER_PAIR <= rows]
    return sorted({min(count, possible) for count in supported})


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
    candidates : dict
        The settings of each family that was compared.
    """

    settings: Settings
    judged: CrossValidation
    choices: dict[str, Choice]
    candidates: dict[str, Settings]


def select_model(
    settings: Settings, rows: LabelledRows, *, jobs: int, on_fold: Callable[[int, int], None] | None = None
) -> Selection:
    """Cross-validate the configured family, or those of `AUTO_FAMILIES` for ``model.type: auto``.

    Of these the one with the lowest log loss is taken, or the additive one if it loses at most `GIVEN_AWAY`.
    They are compared without repeats, on at most `CHOICE_ROWS`; the one that is taken is judged with all.

    The arguments are those of `churn_core.models.training.train_model`, with the training rows only.
    """
    families = compared_families(settings)
    repeats = settings.evaluation.repeat_count(len(rows))
    several = len(families) > 1
    compared = _choice_rows(settings, rows) if several else rows
    judged_again = several and (repeats > 1 or compared is not rows)
    parts = len(families) * (1 if several else repeats) + judged_again * repeats
    count_fold = _fold_counter(_fold_count(settings, families, parts, len(compared)), on_fold)
    choices: dict[str, Choice] = {}
    judged: dict[str, CrossValidation] = {}
    outputs: dict[str, OutOfFold] = {}
    candidates: dict[str, Settings] = {}
    for family in families:
        candidate = with_model_type(settings, family)
        if family == ADDITIVE:
            candidate, pairs = choose_pairs(candidate, rows, jobs=jobs, on_fold=count_fold)
            if pairs is not None:
                choices["pairs"] = pairs
        candidates[family] = candidate
        out_of_fold = predict_out_of_fold(
            candidate, compared, repeats=1 if several else repeats, jobs=jobs, on_fold=count_fold
        )
        judged[family], outputs[family] = judge(candidate, out_of_fold), out_of_fold
    taken = families[0]
    if several:
        choices["families"] = _choose_family(judged, outputs, 1 / (settings.evaluation.folds - 1))
        taken = choices["families"].taken
        if taken != ADDITIVE:
            choices.pop("pairs", None)
    if judged_again:
        out_of_fold = predict_out_of_fold(
            candidates[taken], rows, repeats=repeats, jobs=jobs, on_fold=count_fold
        )
        judged[taken] = judge(candidates[taken], out_of_fold)
    return Selection(candidates[taken], judged[taken], choices, candidates)


def compared_families(settings: Settings) -> list[str]:
    """Return the configured family, or those that ``model.type: auto`` compares."""
    if settings.model.type != "auto":
        return [settings.model.type]
    return [name for name in AUTO_FAMILIES if not settings.directed or name in MONOTONIC_FAMILIES]


def _choose_family(
    judged: dict[str, CrossValidation], outputs: dict[str, OutOfFold], test_share: float
) -> Choice:
    losses = {family: found.fold_log_loss for family, found in judged.items()}
    choice = preferred_near_best(losses, [ADDITIVE], test_share)
    taken = choice.taken
    # Beside the additive model, or beside the best of the others if that is the one taken.
    others = {name: float(losses[name].mean()) for name in losses if name != taken}
    other = min(others, key=others.__getitem__) if taken == ADDITIVE else ADDITIVE
    behind = losses[taken] - losses[other]
    contacted = judged[taken].decision.expected["contacted_per_1000"]["mean"] / 1_000
    price = price_sentence(
        taken,
        other,
        behind=float(behind.mean()),
        error=corrected_error(behind, test_share),
        gained=gain(outputs[taken], outputs[other], contacted, test_share),
        exact=EXACT_FAMILIES,
    )
    return replace(choice, price=price)


def _fold_count(settings: Settings, families: list[str], parts: int, rows: int) -> int:
    """Return the folds of `parts` cross-validations, and those that choose the number of pairs."""
    counts = 0
    if ADDITIVE in families and "pairs" not in settings.model.params:
        counts = len(_pair_counts(settings, min(rows, CHOICE_ROWS)))
    return settings.evaluation.folds * (parts + counts)


def _fold_counter(total: int, on_fold: Callable[[int, int], None] | None) -> Callable[[], None]:
    """Return a callback that counts the folds of all comparisons and reports to `on_fold`."""
    done = 0

    def count_fold() -> None:
        nonlocal done
        done += 1
        if on_fold is not None:
            on_fold(done, total)

    return count_fold
