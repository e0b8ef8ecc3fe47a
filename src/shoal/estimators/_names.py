"""Names that scikit-learn's MLPs have and these estimators lack: each is answered by what stands for it here."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, get_args

from shoal.study import Optimizer, Schedule
from shoal.wording import listed, nearest, quoted


def _choices(names: Sequence[str]) -> str:
    return listed([*map(quoted, names)], "or")


ABSENT: Final[dict[str, str]] = {
    "solver": f'optimizer stands for it: {_choices(get_args(Optimizer))}; there is no "lbfgs"',
    "alpha": "weight_decay stands for it: alpha / (rows of a batch) of a classifier, "
    '2 * alpha / (rows of a batch * targets) of a regressor, half of that with loss="poisson"; biases decay too',
    "learning_rate": f"schedule stands for it: {_choices(get_args(Schedule))}; "
    'learning_rate_init is the rate of the first epoch; there is no "invscaling" and no "adaptive"',
    "power_t": 'it belongs to "invscaling", which is not there; schedule says how the learning rate falls',
    "loss": "it belongs to regressors; a classifier learns the cross-entropy, of labels smoothed by label_smoothing",
    "shuffle": "rows are shuffled in every epoch; to keep their order is not there yet",
    "tol": "no training loss ends training: all of max_iter epochs are trained unless early_stopping ends it",
    "beta_1": 'it is 0.9 of "adam" and "adamw", and cannot be changed yet',
    "beta_2": 'it is 0.999 of "adam" and "adamw", and cannot be changed yet',
    "epsilon": 'it is 1e-8 of "adam" and "adamw", and cannot be changed yet',
    "max_fun": 'it belongs to "lbfgs", which is not there; max_iter is the number of epochs',
    "class_weight": "it belongs to classifiers; sample_weight of fit weighs rows",
    "label_smoothing": "it belongs to classifiers",
    "huber_delta": "it belongs to regressors",
    "quantiles": "it belongs to regressors",
}
"""What stands for a parameter, as the end of a sentence."""

NO_SCORES: Final = (
    "early stopping goes by the loss of the rows held out, which validation_loss_curve_ holds; "
    "scores of every epoch are not there yet"
)
"""What stands for validation_scores_ and best_validation_score_."""


@lru_cache(256)
def _signature(cls: Any) -> inspect.Signature:
    return inspect.signature(cls.__init__)


@lru_cache(256)
def _parameter_names(cls: Any) -> tuple[str, ...]:
    return tuple(super(KnownNames, cls)._get_param_names())


class KnownNames:
    """Answers a parameter of scikit-learn's MLPs that is given, set or read where it is not there."""

    _stands_for: ClassVar[dict[str, str]] = ABSENT

    def __new__(cls, *args: Any, **parameters: Any) -> Self:
        """Refuse parameters that there are not, by the name of the class that was written."""
        asked = _signature(cls)  # type: ignore[arg-type]
        if "loss" in asked.parameters and args and isinstance(args[0], str):
            what = "expected hidden_layer_sizes as the first argument without a name"
            raise TypeError(f"{cls.__name__}: {what}, got {args[0]!r}; write loss={args[0]!r}")
        try:
            asked.bind_partial(None, *args, **parameters)
        except TypeError as error:
            strange = [name for name in parameters if name not in asked.parameters]
            reason = no_parameter(cls, strange[0]) if strange else f"{cls.__name__}: {error}"
            raise TypeError(reason) from None
        return super().__new__(cls)

    @classmethod
    def _get_param_names(cls) -> list[str]:
        # scikit-learn reads the signature anew for every copy of an estimator, which is most of the time of the copy.
        return list(_parameter_names(cls))  # type: ignore[arg-type]

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, as all of scikit-learn's estimators do.

        Raises
        ------
        ValueError
            For a name that is no parameter; one of scikit-learn's MLPs is told what stands for it.
        """
        for name in params:
            if _absent(type(self), name):
                raise ValueError(no_parameter(type(self), name))
        return super().set_params(**params)  # type: ignore[misc, no-any-return]

    if not TYPE_CHECKING:  # for a type checker, what is not there is not there

        def __getattr__(self, name: str) -> Any:
            """Say what stands for a name that is not there."""
            if _absent(type(self), name):
                raise AttributeError(f"{type(self).__name__} has no {name}: {self._stands_for[name]}")
            return object.__getattribute__(self, name)  # fails again, in its own words

        def __setattr__(self, name: str, value: Any) -> None:
            """Refuse to note what would have no effect."""
            if _absent(type(self), name):
                raise AttributeError(no_parameter(type(self), name))
            super().__setattr__(name, value)


_MEANT: Final = {
    "lr": "learning_rate_init", "learning_rate": "learning_rate_init", "epochs": "max_iter", "n_epochs": "max_iter",
    "max_epochs": "max_iter", "hidden": "hidden_layer_sizes", "hidden_sizes": "hidden_layer_sizes",
    "layers": "hidden_layer_sizes", "seed": "random_state", "channels": "conv_channels", "kernel": "kernel_size",
    "patience": "n_iter_no_change",
}  # fmt: skip
"""What other libraries, and studies, call some of the parameters."""


def _absent(cls: Any, name: str) -> bool:
    """Whether a name is one of scikit-learn's that these estimators lack; a subclass may have made it its own."""
    if name not in cls._stands_for:
        return False
    return not any(name in vars(kind) or name in _signature(kind).parameters for kind in cls.__mro__)


def no_parameter(cls: Any, name: str) -> str:
    said, stem = f"{cls.__name__} has no parameter {name!r}", name.partition("__")[0]
    if stem in cls._stands_for:
        return f"{said}: {cls._stands_for[stem]}"
    names = cls._get_param_names()
    near = nearest(_MEANT.get(name.lower(), name), names)
    return f"{said}; did you mean {near!r}?" if near else f"{said}, only {', '.join(names)}"
