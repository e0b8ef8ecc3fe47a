"""People's own modules as estimators: `TorchRegressor` and `TorchClassifier`.

Letters: N rows, K targets or classes.
"""

from __future__ import annotations

from typing import Any, ClassVar

from shoal.estimators._classifier import NetworkClassifier
from shoal.estimators._module import ModuleEstimator, of_modules
from shoal.estimators._parameters import OF_CLASSES, OF_NUMBERS
from shoal.estimators._regressor import NetworkRegressor


class TorchRegressor(ModuleEstimator, NetworkRegressor):
    """A PyTorch module of your own for numbers to predict; the extra `torch` is needed.

    Rows, folds, streams, searches, stores and predictions are those of Shoal's other estimators; the page "Coming from
    skorch" has examples.

    Parameters
    ----------
    module : class or function
        Makes a torch.nn.Module: it is called with the keywords `module__x`. Where its signature has parameters of these
        names, it is told sizes: `in_features` (numbers of a row), `input_shape` (the shape of a row, or shapes by
        name), `in_channels` (the first axis of rows of two axes or more), `out_features` (numbers of outputs).
        Its outputs are the targets, (rows, targets).
    criterion : str, class, function or None, default=None
        The loss: a name that `loss` of `MLPRegressor` takes, but none that says more of a target than one number (None
        is the squared error); a class such as torch.nn.SmoothL1Loss, made with the keywords `criterion__x`; or a
        function of outputs and targets, which gives one number.
    optimizer : str or class, default="adam"
        A name that `MLPRegressor` takes, with the parameters below; or a class such as torch.optim.NAdam, which is made
        with the module's parameters, `lr=learning_rate_init` and the keywords `optimizer__x`.
    learning_rate_init : float, default=0.001
        Learning rate, of the first epoch where `schedule` changes it. skorch calls it `lr`.
    schedule : str, default="constant"
        How the learning rate changes from epoch to epoch; a name that `MLPRegressor` takes.
    batch_size : int or "auto", default="auto"
        Rows of a batch; "auto" is 64, or all rows where there are fewer.
    max_iter : int, default=50
        Epochs. Without `early_stopping`, all of them are trained. skorch calls it `max_epochs`.
    momentum : float, default=0.9
        Of "sgd" alone.
    nesterovs_momentum : bool, default=True
        Of "sgd" with momentum alone.
    weight_decay : float, default=0.0
        As in torch.optim, of Shoal's optimisers alone.
    early_stopping : bool, default=False
        Hold out `validation_fraction` of the rows, stop once their loss has not fallen for
        `n_iter_no_change` epochs, and keep the parameters of the best epoch.
    validation_fraction : float, default=0.1
        Of early stopping.
    n_iter_no_change : int or numpy.inf, default=10
        Of early stopping; infinitely many epochs end nothing, and the best epoch is kept all the same.
    random_state : int, RandomState instance or None, default=None
        Keys first weights, order of rows, what the module draws, and the rows held out. Torch's own generator is seeded
        from it for each step, and is afterwards as it was.
    verbose : bool, default=False
        Print the losses after each epoch.
    warm_start : bool, default=False
        Let `fit` go on from the parameters it finds, with the optimiser as new; curves go on too.
    n_jobs : int, default=None
        Networks of the folds of `calibration` trained at a time, None for one a core; one network takes one core.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
        Where torch computes.
    dtype : {"float32", "float64"}, default="float32"
        Precision of training.
    calibration : {"cv+"} or None, default=None
        As of `MLPRegressor`: `fit` also trains networks of folds, for `predict_interval`.
    calibration_folds : int, default=5
        The parts, drawn by the seed.
    **keywords
        `module__x`, `criterion__x` and `optimizer__x`: the keyword x of what stands for these. All can be searched.

    Attributes
    ----------
    n_outputs_ : int
        The number of targets.
    n_iter_ : int
        Epochs of the last `fit` or `partial_fit`.
    best_iter_ : int
        The epoch whose parameters are kept, counted as in `curve_epochs_`: the last, or the best with early stopping.
    loss_curve_, validation_loss_curve_, curve_epochs_, loss_, best_loss_ : list or float
        As those of `MLPRegressor`.
    parameters_ : dict of str to ndarray
        Trained parameters, and the other entries of the module's state_dict, by its names.
    module_ : torch.nn.Module
        The trained module; a new one each time, in evaluation mode.
    n_features_in_ : int
        Numbers of a row.

    Notes
    -----
    A buffer that is not persistent, and an attribute, are no part of a module's state_dict: what a module remembers
    there from step to step is lost where training is interrupted. Outputs for a batch are of shape (rows, outputs).
    Predictions are made of 1,024 rows at a time, filled up to a multiple of 32 by repeats of the last, so that a row's
    answer is the same to the last bits whatever rows stand beside it: a module that looks across the rows of a batch
    (`x - x.mean(0)`, batch norm without running statistics) answers otherwise than `module_` called with the same rows.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from shoal import TorchRegressor
    >>> def net(in_features, out_features, width=16):
    ...     layers = torch.nn.Linear(in_features, width), torch.nn.Tanh(), torch.nn.Linear(width, out_features)
    ...     return torch.nn.Sequential(*layers)
    >>> X = np.linspace(-3, 3, 200).reshape(-1, 1)
    >>> y = np.sin(X).ravel()
    >>> model = TorchRegressor(net, module__width=50, learning_rate_init=0.02, max_iter=200, random_state=0)
    >>> model.fit(X, y).score(X, y) > 0.99
    True
    >>> model.module_.state_dict()["0.weight"].shape
    torch.Size([50, 1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **of_modules("regression"),
        "calibration": OF_NUMBERS["calibration"],
    }


class TorchClassifier(ModuleEstimator, NetworkClassifier):
    """A PyTorch module of your own for classes, trained on their cross-entropy; the extra `torch` is needed.

    Rows, folds, streams, searches, stores and predictions are those of Shoal's other estimators; the page "Coming from
    skorch" has examples.

    Parameters
    ----------
    module : class or function
        Makes a torch.nn.Module: it is called with the keywords `module__x`. Where its signature has parameters of these
        names, it is told sizes: `in_features` (numbers of a row), `input_shape` (the shape of a row, or shapes by
        name), `in_channels` (the first axis of rows of two axes or more), `out_features` (numbers of outputs),
        `n_classes`.
        Its outputs are logits, one a class, of two classes too; of several labels one each.
    criterion : str, class, function or None, default=None
        The loss: a name in a study (None is the cross-entropy, of several labels that of each); a class such as
        torch.nn.CrossEntropyLoss, made with the keywords `criterion__x`; or a function of outputs and targets, which
        gives one number.
    optimizer : str or class, default="adam"
        A name that `MLPRegressor` takes, with the parameters below; or a class such as torch.optim.NAdam, which is made
        with the module's parameters, `lr=learning_rate_init` and the keywords `optimizer__x`.
    learning_rate_init : float, default=0.001
        Learning rate, of the first epoch where `schedule` changes it. skorch calls it `lr`.
    schedule : str, default="constant"
        How the learning rate changes from epoch to epoch; a name that `MLPRegressor` takes.
    batch_size : int or "auto", default="auto"
        Rows of a batch; "auto" is 64, or all rows where there are fewer.
    max_iter : int, default=50
        Epochs. Without `early_stopping`, all of them are trained. skorch calls it `max_epochs`.
    momentum : float, default=0.9
        Of "sgd" alone.
    nesterovs_momentum : bool, default=True
        Of "sgd" with momentum alone.
    weight_decay : float, default=0.0
        As in torch.optim, of Shoal's optimisers alone.
    early_stopping : bool, default=False
        Hold out `validation_fraction` of the rows, stop once their loss has not fallen for
        `n_iter_no_change` epochs, and keep the parameters of the best epoch.
    validation_fraction : float, default=0.1
        Of early stopping.
    n_iter_no_change : int or numpy.inf, default=10
        Of early stopping; infinitely many epochs end nothing, and the best epoch is kept all the same.
    random_state : int, RandomState instance or None, default=None
        Keys first weights, order of rows, what the module draws, and the rows held out. Torch's own generator is seeded
        from it for each step, and is afterwards as it was.
    verbose : bool, default=False
        Print the losses after each epoch.
    warm_start : bool, default=False
        Let `fit` go on from the parameters it finds, with the optimiser as new; curves go on too.
    n_jobs : int, default=None
        Networks of the folds of `calibration` trained at a time, None for one a core; one network takes one core.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
        Where torch computes.
    dtype : {"float32", "float64"}, default="float32"
        Precision of training.
    calibration : {"temperature"} or None, default=None
        As of `MLPClassifier`: `fit` also trains networks of folds, for `predict_set` and the temperature.
    calibration_folds : int, default=5
        The parts, drawn by the seed.
    class_weight : dict, "balanced" or None, default=None
        What the rows of each class weigh in the training loss; see `MLPClassifier`.
    **keywords
        `module__x`, `criterion__x` and `optimizer__x`: the keyword x of what stands for these. All can be searched.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        Labels, sorted.
    n_outputs_ : int
        K, the number of classes.
    n_iter_ : int
        Epochs of the last `fit` or `partial_fit`.
    best_iter_ : int
        The epoch whose parameters are kept, counted as in `curve_epochs_`: the last, or the best with early stopping.
    loss_curve_, validation_loss_curve_, curve_epochs_, loss_, best_loss_ : list or float
        As those of `MLPClassifier`.
    parameters_ : dict of str to ndarray
        Trained parameters, and the other entries of the module's state_dict, by its names.
    module_ : torch.nn.Module
        The trained module; a new one each time, in evaluation mode.
    n_features_in_ : int
        Numbers of a row.

    Notes
    -----
    A buffer that is not persistent, and an attribute, are no part of a module's state_dict: what a module remembers
    there from step to step is lost where training is interrupted. Outputs for a batch are of shape (rows, outputs).
    Predictions are made of 1,024 rows at a time, filled up to a multiple of 32 by repeats of the last, so that a row's
    answer is the same to the last bits whatever rows stand beside it: a module that looks across the rows of a batch
    (`x - x.mean(0)`, batch norm without running statistics) answers otherwise than `module_` called with the same rows.

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from shoal import TorchClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> linear = TorchClassifier(torch.nn.Linear, learning_rate_init=0.05, random_state=0)
    >>> make_pipeline(StandardScaler(), linear).fit(X, y).score(X, y) > 0.9
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **of_modules("classification"),
        "calibration": OF_CLASSES["calibration"],
        "class_weight": OF_CLASSES["class_weight"],
    }

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
        class_weight: Any = None,
        **keywords: Any,
    ) -> None:
        super().__init__(
            module, criterion=criterion, optimizer=optimizer, learning_rate_init=learning_rate_init,
            schedule=schedule, batch_size=batch_size, max_iter=max_iter, momentum=momentum,
            nesterovs_momentum=nesterovs_momentum, weight_decay=weight_decay, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change, random_state=random_state,
            verbose=verbose, warm_start=warm_start, n_jobs=n_jobs, device=device, dtype=dtype, calibration=calibration,
            calibration_folds=calibration_folds, **keywords,
        )  # fmt: skip
        self.class_weight = class_weight
