"""The additive model: boosted terms of one or two columns, averaged over several fits."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
from sklearn.model_selection import train_test_split

from churn_core.models.additive.pair_ranking import rank_pairs
from churn_core.models.boosting.averaged import AVERAGED_CONSTRAINTS, AveragedBoostingClassifier
from churn_core.models.sklearn_internals import Interval

if TYPE_CHECKING:
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float32]
    Labels = npt.NDArray[np.int64]

RANKING_ROWS: Final = 100_000
"""Most rows on which pairs are ranked; more would not change the order of the strong pairs."""


class AdditiveBoostingClassifier(AveragedBoostingClassifier):
    """Log-odds as a sum of terms, each a function of one column or of a pair.

    Histogram gradient boosting whose trees may combine only the columns of a chosen pair. This is a
    generalised additive model with pairwise interactions (Lou et al. 2013, "Accurate Intelligible Models with
    Pairwise Interactions", KDD). Several fits are averaged, each stopped early by rows that it did not train
    on. An average of such sums is such a sum again, so averaging does not slow down scoring.

    Parameters
    ----------
    pairs : int
        Number of pairs that may interact; `churn_core.models.additive.pair_ranking` finds the strongest.
    members : int or 'auto'
        Number of fits that are averaged, at most 8; 'auto' takes 4, and fewer from 100,000 rows on.
    learning_rate, max_leaf_nodes, min_samples_leaf, max_bins, max_features
        As in scikit-learn's HistGradientBoostingClassifier.
    l2_regularization : float or 'auto'
        As in `AveragedBoostingClassifier`.
    max_iter : int
        Maximum number of trees of a member.
    monotonic : sequence of int or None
        For each column 1 (churn may only rise with it), -1 (only fall) or 0 (both).
    random_state : int
        Seeds the folds and the choice of columns.

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
    pairs_ : list of (int, int)
        Columns that may interact.
    members_ : list of HistGradientBoostingClassifier
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **AVERAGED_CONSTRAINTS,
        "pairs": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        pairs: int = 10,
        members: int | Literal["auto"] = "auto",
        learning_rate: float = 0.2,
        max_iter: int = 1_000,
        max_leaf_nodes: int = 4,
        min_samples_leaf: int = 20,
        max_bins: int = 64,
        l2_regularization: float | Literal["auto"] = "auto",
        max_features: float = 0.3,
        monotonic: list[int] | None = None,
        random_state: int = 0,
    ) -> None:
        self.pairs = pairs
        super().__init__(
            members=members,
            learning_rate=learning_rate,
            max_iter=max_iter,
            max_leaf_nodes=max_leaf_nodes,
            min_samples_leaf=min_samples_leaf,
            max_bins=max_bins,
            l2_regularization=l2_regularization,
            max_features=max_features,
            monotonic=monotonic,
            random_state=random_state,
        )

    def automatic_members(self, rows: int) -> int:
        # However many, they collapse into one table per term; more than four gained nothing.
        return min(super().automatic_members(rows), 4)

    def _allowed(self, X: Matrix, labels: Labels, groups: Labels | None) -> list[set[int]]:
        alone = [{column} for column in range(X.shape[1])]
        self.pairs_: list[tuple[int, int]] = []
        if self.pairs and X.shape[1] > 1:
            found = self._strongest_pairs(X, labels, groups, alone)
            self.pairs_ = [(int(self.columns_[one]), int(self.columns_[other])) for one, other in found]
            alone += [{one, other} for one, other in found]
        return alone

    def _strongest_pairs(
        self, X: Matrix, labels: Labels, groups: Labels | None, alone: list[set[int]]
    ) -> list[tuple[int, int]]:
        """Rank pairs by the residuals of a model that has no pairs."""
        if len(X) > RANKING_ROWS:
            chosen, _ = train_test_split(
                np.arange(len(X)), train_size=RANKING_ROWS, stratify=labels, random_state=self.random_state
            )
            X, labels = X[chosen], labels[chosen]
            groups = None if groups is None else groups[chosen]
        mains = self._fit_member(X, labels, self._splits(labels, groups)[0], alone)
        return rank_pairs(X, labels, mains.decision_function(X))[: self.pairs]
