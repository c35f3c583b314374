"""Check ``model.params``, and name the parameter that makes an estimator fail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.errors import ConfigError
from churn_core.models.sklearn_internals import check_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy.typing as npt

LARGEST: Final = {"n_estimators": 10_000, "max_iter": 1_000_000, "n_jobs": 1_024}
"""scikit-learn accepts more of these, and then starts so many threads or builds trees for days."""

LARGEST_WHOLE_NUMBER: Final = 10**15
"""Of every other parameter; longer numbers overflow inside scikit-learn."""

_PROBE_ROWS: Final = 100
"""Rows of each label on which parameters are tried after a failure."""

_name_in_message: Final = re.compile(r"'(\w+)' parameter")


def parameter_error(keys: Iterable[str], reason: object) -> ConfigError:
    """Return the error for one parameter, or for several that fail together."""
    names = list(keys)
    where = f"model.params.{names[0]}" if len(names) == 1 else f"model.params ({', '.join(names)})"
    return ConfigError(f"Config key {where}: {str(reason).rstrip('.')}; change or remove the parameter.")


def check_values(estimator: Any, params: Mapping[str, Any]) -> None:
    """Check parameters before they are used.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Built with the parameters.
    params : mapping
        ``model.params``.

    Raises
    ------
    ConfigError
        If a value is too large, or the estimator does not accept it.
    """
    for key, value in params.items():
        limit = LARGEST.get(key, LARGEST_WHOLE_NUMBER)
        if isinstance(value, int) and abs(value) > limit:
            raise parameter_error([key], f"the number is over {limit:,}")
    try:
        check_parameters(estimator)
    except ValueError as error:
        named = _name_in_message.search(str(error))
        raise parameter_error([named[1]] if named else params, error) from error


def parameter_fault(
    params: Mapping[str, Any],
    error: Exception,
    fit: Callable[[dict[str, Any], npt.NDArray[np.intp]], object],
    labels: npt.NDArray[np.int64],
) -> ConfigError | None:
    """Return the error to raise if parameters made an estimator fail; None if they did not.

    scikit-learn and joblib check some values only while they fit, and many of their errors name no parameter.
    So the parameters are tried on a few rows: none of them, each alone, and all without each.

    Parameters
    ----------
    params : mapping
        ``model.params``.
    error : Exception
        What was raised.
    fit : callable
        Fits with the given parameters on the rows at the given positions.
    labels : ndarray of int64, shape (rows,)
    """
    rows = np.concatenate([np.flatnonzero(labels == label)[:_PROBE_ROWS] for label in np.unique(labels)])

    def fails(tried: dict[str, Any]) -> bool:
        try:
            fit(tried, rows)
        except Exception:  # noqa: BLE001 (any error means no; the first one is reported)
            return True
        return False

    if not params or fails({}):
        return None
    alone = [key for key in params if fails({key: params[key]})]
    together = [key for key in params if not fails({k: v for k, v in params.items() if k != key})]
    return parameter_error(alone[:1] or together or params, error or type(error).__name__)
