"""Scores that scikit-learn computes, by its own functions, and what they are where it leaves them undefined.

Everything here is pure: a score of some rows is a function of true values and answers alone, and no call warns or
raises. Where a score has no meaning it is NaN; `undefined_on` says of which rows that holds whatever is answered to
them. docs/statistics.md lists all such cases.

Letters: N rows, K targets or classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results._scores import counted_rows
from shoal.scores import Form, ScoreKind, score_kind

Floats = NDArray[np.float64]
Passed = tuple[NDArray[Any], NDArray[Any], dict[str, Any]]


def peer_score(
    name: str, y: NDArray[Any], answers_NK: Floats, weight_N: Floats | None = None, positive: int = 1
) -> float:
    """Give a score that scikit-learn computes; NaN where it is undefined on these rows or answers.

    `y` are numbers (N, K), bools (N, K) of labels, or classes (N,), `answers_NK` numbers or probabilities; `weight_N`
    is scikit-learn's `sample_weight`. Rows that weigh nothing are left out. Of two classes, that of number `positive`
    is the positive one; scikit-learn takes the second where nobody says so.
    """
    from sklearn import metrics

    kind = score_kind(name)
    weight_N, (y, answers_NK) = counted_rows(weight_N, y, answers_NK)
    if undefined_on(name, y) or not np.isfinite(answers_NK).all():
        return math.nan
    if y.ndim == 2:  # the predictions stand before what else is said of a target
        answers_NK = answers_NK[:, : y.shape[1]]
    if kind.above is not None and not (answers_NK > kind.above).all():
        return math.nan
    true, answers, extra = _FORMS[kind.form](y, answers_NK, positive if kind.of_positive else 1)
    if weight_N is not None and kind.weighted:
        extra["sample_weight"] = weight_N
    with np.errstate(all="ignore"):  # squares of huge numbers are inf, and so said
        value = float(getattr(metrics, kind.peer)(true, answers, **dict(kind.options), **extra))
    return 0.0 - value if kind.negated else value


def undefined_on(name: str, y: NDArray[Any], weight_N: Floats | None = None) -> str:
    """Say why a score is undefined on rows of these true values, whatever is answered to them; else nothing."""
    kind = score_kind(name)
    _, (y,) = counted_rows(weight_N, y)
    if not len(y):
        return "there are no rows"
    if kind.needs == "two classes" and y.ndim == 1 and (y == y[0]).all():
        return "all rows are of one class"
    if kind.needs == "two classes" and y.ndim == 2 and (y == y[0]).all(axis=0).any():
        return "a label is the same in all rows"
    if kind.needs == "varied targets" and (y == y[0]).all(axis=0).any():
        return "a target is the same in all rows"
    if kind.above is not None and not _within(kind, y):
        return f"a target is {'below' if kind.from_there else 'not above'} {kind.above:g}"
    return ""


def refusal_of(name: str, y: NDArray[Any], outputs: int, *, weighted: bool = False) -> str:
    """Say why a score is none of such data, as a clause about what was expected; nothing where it is one.

    `outputs` are the targets or classes of the data, `y` all true values; rows may have weights.
    """
    kind = score_kind(name)
    if weighted and not kind.weighted:
        return "expected a score of weighted rows (data.weights), got one for which scikit-learn takes no weights"
    fewest, most = kind.classes
    if y.ndim == 1 and not fewest <= outputs <= most:
        asked = "two classes" if most == 2 else f"{fewest} classes or more"
        return f"expected a score of {outputs} classes, got one of {asked}"
    if y.ndim == 2 and kind.one_target and outputs > 1:
        return f"expected a score of {outputs} targets, got one of a single target"
    if kind.above is not None and not _within(kind, y):
        bound = f"of {kind.above:g} or more" if kind.from_there else f"above {kind.above:g}"
        return f"expected a score of targets down to {float(y.min()):g}, got one of targets {bound}"
    return ""


def _within(kind: ScoreKind, y: NDArray[Any]) -> bool:
    return bool(((y >= kind.above) if kind.from_there else (y > kind.above)).all())


def _values(y: NDArray[Any], answers_NK: Floats, _: int) -> Passed:
    return y, answers_NK, {}


def _classes(y: NDArray[Any], answers_NK: Floats, _: int) -> Passed:
    """The most probable class, of equal ones the first; of labels those that are more probable than not."""
    if y.dtype == np.bool_:
        again = (
            2 if y.shape[1] == 1 else 1
        )  # one column is two classes to scikit-learn; two equal ones score as one
        return np.tile(y, again), np.tile(answers_NK > 0.5, again), {}
    return y, answers_NK.argmax(axis=1), {}


def _decided(y: NDArray[Any], answers_NK: Floats, positive: int) -> Passed:
    """The same, for the score of one of two classes."""
    return y, answers_NK.argmax(axis=1), {"pos_label": positive}


def _occurring(y: NDArray[Any], answers_NK: Floats, _: int) -> Passed:
    """The same, and of a mean over classes those that occur among the rows."""
    return y, answers_NK.argmax(axis=1), {"labels": np.unique(y)}


def _positive(y: NDArray[Any], answers_NK: Floats, positive: int) -> Passed:
    """The probability of the positive one of two classes, and which rows are of it; of labels that of each."""
    if y.dtype == np.bool_:
        return y, answers_NK, {"average": "macro"}
    return (y == positive).astype(np.int64), answers_NK[:, positive], {}


def _each(y: NDArray[Any], answers_NK: Floats, positive: int) -> Passed:
    """The probability of each class that occurs, against all others; of two classes that of the positive one."""
    if y.dtype == np.bool_ or answers_NK.shape[1] == 2:
        return _positive(y, answers_NK, positive)
    occurring = np.unique(y)
    return (y[:, None] == occurring).astype(np.int64), answers_NK[:, occurring], {"average": "macro"}


def _pairs(y: NDArray[Any], answers_NK: Floats, positive: int) -> Passed:
    """All probabilities, for pairs of the classes that occur; of two classes that of the positive one."""
    if answers_NK.shape[1] == 2:
        return _positive(y, answers_NK, positive)
    return y, answers_NK, {**_labels(answers_NK), "multi_class": "ovo"}


def _probabilities(y: NDArray[Any], answers_NK: Floats, _: int) -> Passed:
    return y, answers_NK, _labels(answers_NK)


def _second_or_all(y: NDArray[Any], answers_NK: Floats, positive: int) -> Passed:
    if answers_NK.shape[1] == 2:
        return y, answers_NK[:, 1], {"pos_label": 1}
    return _probabilities(y, answers_NK, positive)


def _labels(answers_NK: Floats) -> dict[str, Any]:
    return {"labels": np.arange(answers_NK.shape[1])}


_FORMS: Final[Mapping[Form, Callable[[NDArray[Any], Floats, int], Passed]]] = {
    "values": _values,
    "classes": _classes,
    "decided": _decided,
    "occurring": _occurring,
    "positive": _positive,
    "each": _each,
    "pairs": _pairs,
    "probabilities": _probabilities,
    "second or all": _second_or_all,
}
