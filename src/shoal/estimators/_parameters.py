"""Constructor parameters, in scikit-learn's names: what each may be, and the Network and Training they ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, Final, get_args

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, InvalidParameterError, Options, StrOptions

from shoal.distributions import MOST_LEVELS
from shoal.kinds import LOSSES, NORMS, Task, losses_of
from shoal.nets import OwnNetwork
from shoal.study import TASK_LOSS, Activation, Augment, Conv, Network, Optimizer, Schedule, Training
from shoal.wording import did_you_mean, first_few

SEEDS: Final = 2**31 - 1
_LOGISTIC: Final = {"logistic": "sigmoid"}
_ERRORS: Final = {"squared_error": "mse", "absolute_error": "mae"}
"""scikit-learn's words for activations and losses."""
_NOTHING: Final = ("none", "null", "no", "off", "")
"""Words for None, which studies call "none"."""
COUNT: Final = Interval(Integral, 1, 2**31 - 1, closed="both")
SHARE: Final = Interval(Real, 0, 1, closed="left")


def choices(*names: str) -> StrOptions:
    """Give a choice among names that is told in their own order, the same in every process; a set has none."""
    return StrOptions(dict.fromkeys(names).keys())


class _Length(Interval):  # type: ignore[misc]
    """A range of whole numbers of which a bool is none: true is no length, as in a study."""

    def is_satisfied_by(self, val: Any) -> bool:
        """Whether it is one of them."""
        return not isinstance(val, bool | np.bool_) and bool(super().is_satisfied_by(val))


CONSTRAINTS: Final[dict[str, list[Any]]] = {
    "hidden_layer_sizes": ["array-like", COUNT],
    "activation": [choices(*get_args(Activation), *_LOGISTIC)],
    "optimizer": [choices(*get_args(Optimizer))],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "schedule": [choices(*get_args(Schedule))],
    "batch_size": [choices("auto"), COUNT],
    "max_iter": [COUNT],
    "momentum": [SHARE],
    "nesterovs_momentum": ["boolean"],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "dropout": [SHARE],
    "norm": [choices(*NORMS), None],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [COUNT, Options(Real, {np.inf})],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "n_jobs": [
        Interval(Integral, None, -1, closed="right"),
        Interval(Integral, 1, None, closed="left"),
        None,
    ],
    "device": [choices("auto", "cpu", "cuda", "mps")],
    "dtype": [choices("float32", "float64")],
    "calibration_folds": [Interval(Integral, 2, None, closed="left")],
}
"""What scikit-learn's own check of parameters holds the estimators' against."""

OF_TABLES: Final[dict[str, list[Any]]] = {
    "categorical_features": ["array-like", choices("from_dtype"), None],
    "embedding": [choices("auto"), _Length(Integral, 1, 4096, closed="both"), None],
    "embedding_from": [Interval(Integral, 2, 2**24, closed="both")],
}


def loss_words(task: Task) -> list[str]:
    """Name the losses of a task: in scikit-learn's words, and as studies do."""
    losses = losses_of(task)
    return [*(word for word, loss in _ERRORS.items() if loss in losses), *losses]


def loss_named(word: str) -> str:
    """Give a loss as studies name it."""
    return _ERRORS.get(word, word)


OF_NUMBERS: Final[dict[str, list[Any]]] = {
    "loss": [choices(*loss_words("regression"))],
    "huber_delta": [Interval(Real, 0, None, closed="neither")],
    "quantiles": ["array-like"],
    "calibration": [choices("cv+"), None],
}
OF_CLASSES: Final[dict[str, list[Any]]] = {
    "label_smoothing": [SHARE],
    "calibration": [choices("temperature"), None],
    "class_weight": [dict, list, choices("balanced"), None],
}
"""The same for columns, and for what belongs to numbers, or to classes, alone."""


@contextmanager
def with_suggestion(estimator: Any) -> Iterator[None]:
    """End scikit-learn's refusal of a word with the choice that may be meant."""
    try:
        yield
    except InvalidParameterError as error:
        for name, constraints in estimator._parameter_constraints.items():
            value = getattr(estimator, name, None)
            options = [constraint for constraint in constraints if isinstance(constraint, StrOptions)]
            known = [word for choices in options for word in choices.options]
            if isinstance(value, str) and f"'{name}' parameter" in str(error) and value not in known:
                hint = hint_at(value, [*known, *([None] if None in constraints else [])])
                raise InvalidParameterError(f"{str(error).rstrip('.')}{hint or '.'}") from error
        raise


def hint_at(word: str, known: Sequence[str | None]) -> str:
    """End a sentence with the choice that may be meant, which may be None."""
    if word.lower() in _NOTHING and None in known:
        return "; did you mean None?"
    return did_you_mean(word, [name for name in known if name is not None], repr)


def counts(name: str, units: Any) -> tuple[int, ...]:
    """Turn a number or a list of numbers of units into a tuple. Raises ValueError for any that is not above 0."""
    listed = tuple(np.atleast_1d(np.asarray(units, dtype=object)).ravel())
    wrong = [value for value in listed if not isinstance(value, Integral) or not 0 < int(value) < 2**31]
    if wrong:
        raise ValueError(f"{name}: expected whole numbers above 0, got {wrong[0]!r}")
    return tuple(int(value) for value in listed)


def levels_of(quantiles: Any) -> tuple[float, ...]:
    """Turn a list of levels into a tuple. Raises ValueError for such as no quantiles are learned at."""
    levels = list(np.asarray(quantiles, dtype=object).ravel())
    numbers = all(isinstance(level, Real) and 0 < float(level) < 1 for level in levels)
    if (
        not numbers
        or not 0 < len(levels) <= MOST_LEVELS
        or any(low >= high for low, high in pairwise(levels))
    ):
        what = f"expected 1 to {MOST_LEVELS} levels above 0 and below 1, ascending, each once"
        raise ValueError(f"quantiles: {what}, got {first_few([str(level) for level in levels], 5) or 'none'}")
    return tuple(float(level) for level in levels)


def seed_of(random_state: Any) -> int:
    """Give the seed of the streams: the number itself, or one drawn from the generator."""
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(SEEDS))


def batch_rows(batch_size: int | str, auto: int) -> int:
    """Give the most rows of a batch; "auto" is `auto`."""
    return auto if isinstance(batch_size, str) else int(batch_size)


def dense_network(parameters: Mapping[str, Any]) -> Network:
    """Give the network that the parameters ask for."""
    return Network(
        hidden=counts("hidden_layer_sizes", parameters["hidden_layer_sizes"]),
        activation=_activation(parameters["activation"]),
        dropout=float(parameters["dropout"]),
        norm=parameters["norm"] or "none",
        embedding=_embedding(parameters["embedding"]),
        embedding_from=int(parameters["embedding_from"]),
    )


def convolving_network(parameters: Mapping[str, Any], conv: tuple[Conv, ...], series: int = 1) -> Network:
    """Give the network of these convolutions that the parameters ask for."""
    return Network(
        kind="cnn",
        conv=conv,
        series=series,
        hidden=counts("hidden_layer_sizes", parameters["hidden_layer_sizes"]),
        activation=_activation(parameters["activation"]),
        dropout=float(parameters["dropout"]),
        conv_dropout=float(parameters["conv_dropout"]),
        norm=parameters["norm"] or "none",
    )


def training_of(parameters: Mapping[str, Any], batch_size: int, task: Task) -> Training:
    """Give the training that the parameters ask for, in batches of `batch_size` rows.

    As in scikit-learn, `momentum` and `nesterovs_momentum` count for "sgd" alone, and so does what belongs to a loss.
    """
    stops = bool(parameters["early_stopping"])
    momentum = float(parameters["momentum"]) if parameters["optimizer"] == "sgd" else 0.0
    return Training(
        **_loss(parameters, task),
        optimizer=parameters["optimizer"],
        lr=float(parameters["learning_rate_init"]),
        momentum=momentum,
        nesterov=bool(parameters["nesterovs_momentum"]) and momentum > 0,
        weight_decay=float(parameters["weight_decay"]),
        schedule=parameters["schedule"],
        batch_size=batch_size,
        epochs=int(parameters["max_iter"]),
        augment=Augment(shift=int(parameters.get("shift", 0)), flip=bool(parameters.get("flip", False))),
        validation=0.0,
        early_stopping="inner" if stops else "none",
        inner_share=float(parameters["validation_fraction"]),
        patience=int(
            min(parameters["n_iter_no_change"], 2**31 - 1)
        ),  # infinite patience outlasts any max_iter
        keep="best" if stops else "last",
    )


def refuse_lone_row(network: Network | OwnNetwork, training: Training, rows: int) -> None:
    """Raise ValueError for batch norm where some batch of so many rows is a single one."""
    if network.normed == "batch" and training.has_lone_row(rows):
        batches = f"batches of {training.batch_size} from {rows} training rows"
        raise ValueError(f'batch_size: expected no batch of one row with norm="batch", got {batches}')


def _loss(parameters: Mapping[str, Any], task: Task) -> dict[str, Any]:
    """Give a loss and what belongs to it; the task's own is not named, as in studies that name none."""
    loss = loss_named(parameters.get("loss", TASK_LOSS[task]))
    chosen = {"loss": None if loss == TASK_LOSS[task] else loss}
    options = {name: read(parameters[name]) for name, read in _OPTIONS.items() if name in parameters}
    return chosen | {name: value for name, value in options.items() if name == LOSSES[loss].option}


def _embedding(asked: str | int | None) -> Any:
    """Say it in the words of a study."""
    return int(asked) if isinstance(asked, Integral) else asked or "none"


def _activation(name: str) -> Any:
    return _LOGISTIC.get(name, name)


_OPTIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "huber_delta": float,
    "quantiles": levels_of,
    "label_smoothing": float,
}
"""How what belongs to a loss alone is read."""
