"""What the estimators of people's own modules share: the parameters in skorch's manner, rows in, the module out.

Letters: N rows, D numbers of a row.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from sklearn.utils.validation import check_is_fitted

from shoal.estimators._estimator import NetworkEstimator
from shoal.estimators._inputs import CheckedImages
from shoal.estimators._names import ABSENT, no_parameter
from shoal.estimators._own_rows import checked_own_rows, rows_and_targets
from shoal.estimators._parameters import CONSTRAINTS, choices, loss_named, loss_words
from shoal.kinds import LOSSES, Task
from shoal.nets import InputPart, OwnModule, OwnNetwork, Recipe

PARTS: Final = ("module", "criterion", "optimizer")
"""What is handed over; `PART__x` is the keyword x that it is called with."""
_NO_PARAMETERS: Final = (
    "hidden_layer_sizes", "activation", "dropout", "norm", "optimizer",
)  # fmt: skip


def criteria(task: Task) -> list[str]:
    """Name the losses of a task that say one number of a target, in scikit-learn's words too."""
    return [name for name in loss_words(task) if LOSSES[loss_named(name)].distribution is None]


def of_modules(task: Task) -> dict[str, list[Any]]:
    """Give what parameters may be, for scikit-learn's own check."""
    shared = {name: kinds for name, kinds in CONSTRAINTS.items() if name not in _NO_PARAMETERS}
    return shared | {
        "module": [callable],
        "criterion": [choices(*criteria(task)), callable, None],
        "optimizer": [*CONSTRAINTS["optimizer"], callable],
    }


class ModuleEstimator(NetworkEstimator):
    """A module of a person's own."""

    _auto_batch = 64
    _inputs: tuple[InputPart, ...]
    __signature__: ClassVar[inspect.Signature]
    _stands_for: ClassVar[dict[str, str]] = {
        **{name: said for name, said in ABSENT.items() if name not in ("beta_1", "beta_2", "epsilon")},
        "loss": "criterion stands for it: a name, a class such as torch.nn.SmoothL1Loss, or a function",
        "solver": "optimizer stands for it: a name, or a class such as torch.optim.NAdam",
        "label_smoothing": "criterion=torch.nn.CrossEntropyLoss with criterion__label_smoothing stands for it",
        "huber_delta": "criterion=torch.nn.HuberLoss with criterion__delta stands for it",
        "quantiles": "MLPRegressor has them",
        "callbacks": "early_stopping, schedule and verbose stand for those of skorch",
        "train_split": "early_stopping with validation_fraction stands for it",
        "iterator_train": "batch_size says what a batch is; rows are shuffled in every epoch",
        "iterator_valid": "batch_size says what a batch is",
        "dataset": "X may be a Dataset of PyTorch, which is read once",
    }

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Leave `**keywords` out of what a class says of itself: scikit-learn's checks take it for a parameter."""
        super().__init_subclass__(**keywords)
        _, *parameters = inspect.signature(cls.__init__).parameters.values()
        named = [parameter for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
        cls.__signature__ = inspect.Signature(named)

    def __init__(  # noqa: PLR0913 - scikit-learn's way
        self,
        module: Any,
        *,
        criterion: Any = None,
        optimizer: Any = "adam",
        learning_rate_init: float = 0.001,
        schedule: str = "constant",
        batch_size: int | str = "auto",
        max_iter: int = 50,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        weight_decay: float = 0.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: Any = None,
        verbose: bool | int = False,
        warm_start: bool = False,
        n_jobs: int | None = None,
        device: str = "auto",
        dtype: str = "float32",
        calibration: str | None = None,
        calibration_folds: int = 5,
        **keywords: Any,
    ) -> None:
        self.module = module
        self.criterion = criterion
        self.optimizer = optimizer
        self.learning_rate_init = learning_rate_init
        self.schedule = schedule
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.weight_decay = weight_decay
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.device = device
        self.dtype = dtype
        self.calibration = calibration
        self.calibration_folds = calibration_folds
        for name, value in keywords.items():
            if not _is_keyword(name):
                raise TypeError(no_parameter(type(self), name))
            setattr(self, name, value)

    # -- scikit-learn's manner, with the keywords of a module, a loss and an optimiser -----------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give the parameters by name, the keywords of module, criterion and optimizer among them."""
        own = {name: value for name, value in vars(self).items() if _is_keyword(name)}
        return {**super().get_params(deep), **own}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, those of module, criterion and optimizer as `module__x`.

        Raises
        ------
        ValueError
            For a name that is no parameter.
        """
        for name in [name for name in params if _is_keyword(name)]:
            setattr(self, name, params.pop(name))
        super().set_params(**params)
        return self

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train the module on X and y, anew unless `warm_start`.

        Parameters
        ----------
        X : array-like or frame of shape (N, D), array (N, ...), dict of arrays, or Dataset of PyTorch
            Inputs. Arrays by name are given to the module's `forward` by these names; whole numbers among them (but
            bytes, uint8) stay whole, int64, as embeddings take them. A Dataset with a length is read into arrays, once.
        y : array-like of shape (N,) or (N, K), default=None
            Targets; None of a Dataset, whose rows are pairs of inputs and target.
        sample_weight : array-like of shape (N,), default=None
            What each row's loss counts; of a batch, the weighted mean is minimised. A loss of one's own has to take
            `reduction`.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            Where a parameter, X, y or sample_weight is refused, or the module gives outputs of another shape.
        shoal.TrainingError
            Where the fit diverges: its loss or a parameter is not finite any more.
        """
        super().fit(*rows_and_targets(X, y), sample_weight)
        return self

    def save(self, path: Path | str) -> None:
        """Write the fitted module to a safetensors file: its state_dict by its own names, and what predictions need.

        Torch reads it too (`safetensors.torch.load_file`). Parameters of training, curves and what `calibration` adds
        are no part of it, and neither is the module.

        Parameters
        ----------
        path : str or path
            Its place; a file that stands there is replaced.

        Raises
        ------
        shoal.InputError
            Where `dtype` is float64, which files do not hold.
        """
        from shoal.estimators._saved import save

        check_is_fitted(self, "parameters_")
        save(self, path)

    @classmethod
    def load(cls, path: Path | str, module: Any, **keywords: Any) -> Self:
        """Read what `save` wrote, with the module that was trained: no file holds it.

        Parameters
        ----------
        path : str or path
        module : class or function
            That of the estimator that was saved.
        **keywords
            Parameters, those of the module among them (`module__x`) as they were.

        Returns
        -------
        estimator
            It predicts as the one that was saved. Where a module has the same arrays but other code or keywords, or
            that is not known, a UserWarning says so.

        Raises
        ------
        shoal.ModelFileError
            For a file that is missing, damaged, foreign, or of another module.
        """
        from shoal.estimators._saved import load

        loaded: Self = load(cls(module, **keywords), path)
        return loaded

    def __sklearn_tags__(self) -> Any:
        """Say that rows may have any shape."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    # -- the steps of a fit ----------------------------------------------------------------------------------

    @property
    def _settings(self) -> Mapping[str, Any]:
        words = {"loss": self.criterion} if isinstance(self.criterion, str) else {}
        return {**vars(self), "optimizer": _word(self.optimizer, "adam"), **words}

    def _checked(self, x: Any, *, reset: bool) -> CheckedImages:
        return checked_own_rows(self, x, reset=reset)

    def _network(self, input_shape: tuple[int, ...]) -> OwnNetwork:  # noqa: ARG002
        own = {name: self._recipe(name) for name in PARTS}
        module = own["module"]
        assert module is not None  # noqa: S101 - it was checked
        self._refuse_both(own["optimizer"])
        made = OwnModule(module, own["criterion"], own["optimizer"])
        return OwnNetwork(made, self._inputs, classes=self._kind == "classification")

    def _recipe(self, name: str) -> Recipe | None:
        """Give what is handed over, with its keywords; None for a name of ours, which has none."""
        make, prefix = getattr(self, name), f"{name}__"
        keywords = {
            key.removeprefix(prefix): value for key, value in vars(self).items() if key.startswith(prefix)
        }
        if make is None or isinstance(make, str):
            for keyword in keywords:
                what = f"expected a class or function as {name} beside it"
                raise ValueError(f"{prefix}{keyword}: {what}, got {make!r}")
            return None
        return Recipe(name, make, keywords)

    def _refuse_both(self, optimizer: Recipe | None) -> None:
        """Refuse what is said twice of an optimiser of one's own."""
        if optimizer is None:
            return
        if "lr" in optimizer.fixed:
            what = "expected no lr within a partial, since learning_rate_init is the learning rate"
            raise ValueError(f"optimizer: {what}, got one")
        if "lr" in optimizer.keywords:
            raise ValueError(
                "optimizer__lr: expected none, since learning_rate_init is the learning rate, got one too"
            )
        if self.weight_decay:
            what = "expected 0 with a class as optimizer, whose own is optimizer__weight_decay"
            raise ValueError(f"weight_decay: {what}, got {self.weight_decay!r}")


def _is_keyword(name: str) -> bool:
    part, between, keyword = name.partition("__")
    return part in PARTS and bool(between and keyword)


def _word(value: Any, otherwise: str) -> str:
    return value if isinstance(value, str) else otherwise
