"""Dense networks for tables: `MLPRegressor` and `MLPClassifier`.

Letters: N rows, D inputs, K targets or classes, T evaluated epochs.
"""

from __future__ import annotations

from typing import Any, ClassVar

from shoal.estimators._classifier import NetworkClassifier
from shoal.estimators._dense import DenseEstimator
from shoal.estimators._parameters import CONSTRAINTS, OF_CLASSES, OF_NUMBERS, OF_TABLES
from shoal.estimators._regressor import NetworkRegressor


class MLPRegressor(NetworkRegressor, DenseEstimator):
    """A dense network for numbers to predict, trained on their mean squared error or another loss.

    Stands in for sklearn.neural_network.MLPRegressor: the native trainer does the work where it can, torch the rest.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=(100,)
        Units of each hidden layer.
    activation : str, default="relu"
        Of the hidden layers: any that `network.activation` of a study takes (see the page "The study file"), such as
        "relu", "tanh" or "identity"; "logistic", as scikit-learn says, is "sigmoid".
    loss : str, default="squared_error"
        What is minimised: any that `training.loss` of a study of numbers takes (see the page "The study file"), such as
        "mae", "huber", "poisson", "quantile" or "gaussian"; "squared_error" and "absolute_error", as scikit-learn says,
        are "mse" and "mae". `predict` gives the mean of a target ("mse", "poisson", "gaussian"), its median ("mae"),
        what lies between ("huber"), or the quantile nearest to the median ("quantile").
    huber_delta : float, default=1.0
        Of "huber" alone: the error from which on it counts in proportion, in the unit of the targets.
    quantiles : array-like of float, default=(0.1, 0.5, 0.9)
        Levels between 0 and 1, ascending, at which `predict_quantiles` gives quantiles; "quantile" learns them.
    optimizer : {"adam", "adamw", "sgd", "rmsprop"}, default="adam"
        What scikit-learn calls `solver`.
    learning_rate_init : float, default=0.001
        Learning rate, of the first epoch where `schedule` changes it.
    schedule : {"constant", "cosine", "step", "one-cycle"}, default="constant"
        How the learning rate changes from epoch to epoch.
    batch_size : int or "auto", default="auto"
        Rows of a batch; "auto" is 200, or all rows where there are fewer.
    max_iter : int, default=200
        Epochs. Without `early_stopping`, all of them are trained.
    momentum : float, default=0.9
        Of "sgd" alone.
    nesterovs_momentum : bool, default=True
        Of "sgd" with momentum alone.
    weight_decay : float, default=0.0
        As in torch.optim: added to the gradient of every parameter, decoupled for "adamw". See the notes for `alpha`.
    dropout : float, default=0.0
        Share of the units of each hidden dense layer that is dropped in training.
    norm : {"batch", "layer"} or None, default=None
        Normalise the sums of every hidden layer before its activation: "batch" over the rows of a batch, by running
        means afterwards (Ioffe and Szegedy 2015, ICML), or "layer" over the units of a row (Ba and others 2016,
        arXiv:1607.06450). No batch of "batch" may be a single row.
    early_stopping : bool, default=False
        Hold out `validation_fraction` of the rows, stop once their loss has not fallen for
        `n_iter_no_change` epochs, and keep the parameters of the best epoch.
    validation_fraction : float, default=0.1
        Of early stopping.
    n_iter_no_change : int or numpy.inf, default=10
        Of early stopping; infinitely many epochs end nothing, and the best epoch is kept all the same.
    random_state : int, RandomState instance or None, default=None
        Keys initial weights, order of rows, dropout and the rows held out. A number is the seed of Shoal's own streams.
    verbose : bool, default=False
        Print the losses after each epoch.
    warm_start : bool, default=False
        Let `fit` go on from the parameters it finds, with the optimiser as new; curves go on too.
    n_jobs : int, default=None
        Networks of the folds of `calibration` trained at a time, None for one a core; one network takes one core.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
        Where torch computes. Small networks that the native trainer takes are trained on the CPU.
    dtype : {"float32", "float64"}, default="float32"
        Precision of training. "float64" is torch's work, and slower.
    calibration : {"cv+"} or None, default=None
        With "cv+", `fit` also trains a network without each of `calibration_folds` parts of the rows, for
        `predict_interval`; `predict` is the same with and without.
    calibration_folds : int, default=5
        The parts, drawn by the seed; as many as there are rows is the jackknife+.
    categorical_features : array-like of {bool, int, str}, "from_dtype" or None, default="from_dtype"
        Columns of categories, as of scikit-learn's HistGradientBoostingClassifier: by a mask, numbers or names; with
        "from_dtype" the columns of a frame whose type says so (category, Categorical, Enum). Each becomes a column for
        each category of the rows learned from, and for missing cells; one that they did not have is none of them.
    embedding : "auto", int or None, default=None
        Length of the vectors that stand for the categories of a wide column and are learned, in place of a column for
        each; "auto" by the number of categories. See the page "The study file".
    embedding_from : int, default=10
        How many categories, missing cells among them, a column has at least to be embedded.

    Attributes
    ----------
    n_outputs_ : int
        K, the number of targets.
    n_iter_ : int
        Epochs of the last `fit` or `partial_fit`.
    best_iter_ : int
        The epoch whose parameters are kept, counted as in `curve_epochs_`: the last, or the best with early stopping.
    t_ : int
        Rows seen in training: a row once in each epoch.
    loss_curve_ : list of float
        Mean loss over all training rows after the epochs of `curve_epochs_`, without dropout.
    validation_loss_curve_ : list of float or None
        The same over the rows held out, with early stopping; NaN where it went on from a fit without.
    curve_epochs_ : list of int
        Epochs after which losses were evaluated: of each fit all, or up to 500 evenly spaced ones. They count on where
        training goes on.
    loss_ : float
        The last of `loss_curve_`.
    best_loss_ : float or None
        The least of `loss_curve_`; None with early stopping.
    validation_scores_, best_validation_score_ : None
        As scikit-learn has them without early stopping; there are none with it, which goes by losses.
    parameters_ : dict of str to ndarray
        Trained parameters by name, in torch's shapes.
    coefs_, intercepts_ : list of ndarray
        Weights (inputs, units) and biases (units,) of the dense layers, as scikit-learn's MLP has them; others of the
        same shapes can be put in their place.
    n_layers_ : int
        Layers with units, the inputs counted as one.
    out_activation_ : str
        What follows the output layer: "identity", or "exp" of loss="poisson".
    module_ : torch.nn.Module
        The trained network; a new module each time, in evaluation mode.
    n_features_in_ : int
        D, the number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where X is a frame with text for names.
    is_categorical_ : ndarray of bool of shape (n_features_in_,) or None
        Which columns are categories; None where none is.
    input_names_ : tuple of str
        Names of the network's inputs, the rows of `coefs_[0]`: "town=Kiel" of a category, "size is missing" of numbers,
        "town[0]" of a number of the vectors of an embedded column.
    embeddings_ : dict of str to dict of str to ndarray
        With `embedding`, the vector of every category by column and category, of missing cells by None.

    Notes
    -----
    The loss is the mean of the squared error over rows and targets; scikit-learn's is half of that, and its gradient
    adds up over the targets. So with "sgd", its learning rate is 2 / K of one here, 1 / K with loss="poisson" ("adam"
    does not see the difference). Its `alpha` is divided by the rows of a batch and leaves biases out. Shoal's page
    "Coming from scikit-learn" has all differences.

    Examples
    --------
    >>> import numpy as np
    >>> from shoal import MLPRegressor
    >>> X = np.linspace(-3, 3, 200).reshape(-1, 1)
    >>> y = np.sin(X).ravel()
    >>> model = MLPRegressor(hidden_layer_sizes=(50, 50), learning_rate_init=0.01, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.99
    True
    >>> model.predict([[0.0], [1.5]]).round(1) + 0.0
    array([0., 1.])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS | OF_TABLES | OF_NUMBERS

    def __init__(  # noqa: PLR0913 - scikit-learn's way
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        loss: str = "squared_error",
        huber_delta: float = 1.0,
        quantiles: Any = (0.1, 0.5, 0.9),
        optimizer: str = "adam",
        learning_rate_init: float = 0.001,
        schedule: str = "constant",
        batch_size: int | str = "auto",
        max_iter: int = 200,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        weight_decay: float = 0.0,
        dropout: float = 0.0,
        norm: str | None = None,
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
        categorical_features: Any = "from_dtype",
        embedding: Any = None,
        embedding_from: int = 10,
    ) -> None:
        super().__init__(
            hidden_layer_sizes, activation, optimizer=optimizer, learning_rate_init=learning_rate_init,
            schedule=schedule, batch_size=batch_size, max_iter=max_iter, momentum=momentum,
            nesterovs_momentum=nesterovs_momentum, weight_decay=weight_decay, dropout=dropout, norm=norm,
            early_stopping=early_stopping, validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change,
            random_state=random_state, verbose=verbose, warm_start=warm_start, n_jobs=n_jobs, device=device,
            dtype=dtype, calibration=calibration, calibration_folds=calibration_folds,
            categorical_features=categorical_features, embedding=embedding, embedding_from=embedding_from,
        )  # fmt: skip
        self.loss = loss
        self.huber_delta = huber_delta
        self.quantiles = quantiles


class MLPClassifier(NetworkClassifier, DenseEstimator):
    """A dense network for classes, trained on their cross-entropy.

    Stands in for sklearn.neural_network.MLPClassifier: the native trainer does the work where it can, torch the rest.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=(100,)
        Units of each hidden layer.
    activation : str, default="relu"
        Of the hidden layers: any that `network.activation` of a study takes (see the page "The study file"), such as
        "relu", "tanh" or "identity"; "logistic", as scikit-learn says, is "sigmoid".
    label_smoothing : float, default=0.0
        How much of each row's truth is spread evenly over all classes, in the training loss.
    optimizer : {"adam", "adamw", "sgd", "rmsprop"}, default="adam"
        What scikit-learn calls `solver`.
    learning_rate_init : float, default=0.001
        Learning rate, of the first epoch where `schedule` changes it.
    schedule : {"constant", "cosine", "step", "one-cycle"}, default="constant"
        How the learning rate changes from epoch to epoch.
    batch_size : int or "auto", default="auto"
        Rows of a batch; "auto" is 200, or all rows where there are fewer.
    max_iter : int, default=200
        Epochs. Without `early_stopping`, all of them are trained.
    momentum : float, default=0.9
        Of "sgd" alone.
    nesterovs_momentum : bool, default=True
        Of "sgd" with momentum alone.
    weight_decay : float, default=0.0
        As in torch.optim: added to the gradient of every parameter, decoupled for "adamw". Of `alpha`, see
        `MLPRegressor`.
    dropout : float, default=0.0
        Share of the units of each hidden dense layer that is dropped in training.
    norm : {"batch", "layer"} or None, default=None
        Normalise the sums of every hidden layer before its activation: "batch" over the rows of a batch, by running
        means afterwards (Ioffe and Szegedy 2015, ICML), or "layer" over the units of a row (Ba and others 2016,
        arXiv:1607.06450). No batch of "batch" may be a single row.
    early_stopping : bool, default=False
        Hold out `validation_fraction` of the rows, stop once their loss has not fallen for
        `n_iter_no_change` epochs, and keep the parameters of the best epoch.
    validation_fraction : float, default=0.1
        Of early stopping.
    n_iter_no_change : int or numpy.inf, default=10
        Of early stopping; infinitely many epochs end nothing, and the best epoch is kept all the same.
    random_state : int, RandomState instance or None, default=None
        Keys initial weights, order of rows, dropout and the rows held out. A number is the seed of Shoal's own streams.
    verbose : bool, default=False
        Print the losses after each epoch.
    warm_start : bool, default=False
        Let `fit` go on from the parameters it finds, with the optimiser as new; curves go on too.
    n_jobs : int, default=None
        Networks of the folds of `calibration` trained at a time, None for one a core; one network takes one core.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
        Where torch computes. Small networks that the native trainer takes are trained on the CPU.
    dtype : {"float32", "float64"}, default="float32"
        Precision of training. "float64" is torch's work, and slower.
    calibration : {"temperature"} or None, default=None
        With "temperature", `fit` also trains a network without each of `calibration_folds` parts of the rows. Their
        probabilities for these rows choose the temperature of `predict_proba` (Guo and others 2017, ICML), and make
        the sets of `predict_set`; `predict` is the same with and without.
    calibration_folds : int, default=5
        The parts, drawn by the seed, each with its share of every class.
    categorical_features : array-like of {bool, int, str}, "from_dtype" or None, default="from_dtype"
        Columns of categories, as of scikit-learn's HistGradientBoostingClassifier: by a mask, numbers or names; with
        "from_dtype" the columns of a frame whose type says so (category, Categorical, Enum). Each becomes a column for
        each category of the rows learned from, and for missing cells; one that they did not have is none of them.
    embedding : "auto", int or None, default=None
        Length of the vectors that stand for the categories of a wide column and are learned, in place of a column for
        each; "auto" by the number of categories. See the page "The study file".
    embedding_from : int, default=10
        How many categories, missing cells among them, a column has at least to be embedded.
    class_weight : dict, "balanced" or None, default=None
        What the rows of each class weigh in the training loss, by label (1 for one that a dict leaves out), times
        `sample_weight`. "balanced" is scikit-learn's: n / (K n_k) of the rows learned from, sums of weights of weighted
        ones. Losses of rows held out, and scores, are not weighted by class.

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
    t_ : int
        Rows seen in training: a row once in each epoch.
    loss_curve_ : list of float
        Mean loss over all training rows after the epochs of `curve_epochs_`, without dropout.
    validation_loss_curve_ : list of float or None
        The same over the rows held out, with early stopping; NaN where it went on from a fit without.
    curve_epochs_ : list of int
        Epochs after which losses were evaluated: of each fit all, or up to 500 evenly spaced ones. They count on where
        training goes on.
    loss_ : float
        The last of `loss_curve_`.
    best_loss_ : float or None
        The least of `loss_curve_`; None with early stopping.
    validation_scores_, best_validation_score_ : None
        As scikit-learn has them without early stopping; there are none with it, which goes by losses.
    parameters_ : dict of str to ndarray
        Trained parameters by name, in torch's shapes.
    coefs_, intercepts_ : list of ndarray
        Weights (inputs, units) and biases (units,) of the dense layers, as scikit-learn's MLP has them; others of the
        same shapes can be put in their place.
    temperature_ : float
        What logits are divided by with `calibration`; 1 where the rows held out resolve no gain, never below 1 with
        fewer than 5 `calibration_folds`. It is not there without.
    n_layers_ : int
        Layers with units, the inputs counted as one.
    out_activation_ : str
        What follows the output layer: "softmax".
    module_ : torch.nn.Module
        The trained network; a new module each time, in evaluation mode.
    n_features_in_ : int
        D, the number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where X is a frame with text for names.
    is_categorical_ : ndarray of bool of shape (n_features_in_,) or None
        Which columns are categories; None where none is.
    input_names_ : tuple of str
        Names of the network's inputs, the rows of `coefs_[0]`: "town=Kiel" of a category, "size is missing" of numbers,
        "town[0]" of a number of the vectors of an embedded column.
    embeddings_ : dict of str to dict of str to ndarray
        With `embedding`, the vector of every category by column and category, of missing cells by None.

    Notes
    -----
    Two classes have two outputs and a softmax, where scikit-learn's MLPClassifier has one and a sigmoid.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from shoal import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), MLPClassifier(random_state=0)).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    >>> model.predict_proba(X[:2]).shape
    (2, 3)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS | OF_TABLES | OF_CLASSES

    def __init__(  # noqa: PLR0913 - scikit-learn's way
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        label_smoothing: float = 0.0,
        optimizer: str = "adam",
        learning_rate_init: float = 0.001,
        schedule: str = "constant",
        batch_size: int | str = "auto",
        max_iter: int = 200,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        weight_decay: float = 0.0,
        dropout: float = 0.0,
        norm: str | None = None,
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
        categorical_features: Any = "from_dtype",
        embedding: Any = None,
        embedding_from: int = 10,
        class_weight: Any = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes, activation, optimizer=optimizer, learning_rate_init=learning_rate_init,
            schedule=schedule, batch_size=batch_size, max_iter=max_iter, momentum=momentum,
            nesterovs_momentum=nesterovs_momentum, weight_decay=weight_decay, dropout=dropout, norm=norm,
            early_stopping=early_stopping, validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change,
            random_state=random_state, verbose=verbose, warm_start=warm_start, n_jobs=n_jobs, device=device,
            dtype=dtype, calibration=calibration, calibration_folds=calibration_folds,
            categorical_features=categorical_features, embedding=embedding, embedding_from=embedding_from,
        )  # fmt: skip
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
