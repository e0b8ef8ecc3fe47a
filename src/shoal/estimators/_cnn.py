"""Convolutional networks for images and series: `CNNClassifier`.

Letters: N images or series, C channels, H and W height and width, T values along series, D numbers of flat rows, K
classes.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from shoal.estimators._classifier import NetworkClassifier
from shoal.estimators._convolutions import CONVOLUTIONS, convolutions
from shoal.estimators._inputs import CheckedImages, checked_images, checked_series
from shoal.estimators._layers import LayeredNetwork
from shoal.estimators._parameters import CONSTRAINTS, OF_CLASSES, convolving_network
from shoal.study import Network


class CNNClassifier(LayeredNetwork, NetworkClassifier):
    """A convolutional network for classes of images or series, trained on their cross-entropy.

    Unless asked otherwise, each convolution keeps the size of its feature maps, and each is followed by the activation
    and by max pooling, as long as the maps are large enough. Dense layers follow.

    X is images (N, H, W), (N, H, W, C) or (N, C, H, W) with C up to 4, where four channels or fewer at the end are
    taken for channels first; or flat rows (N, D), which become the smallest square of one channel that holds
    them, row by row, filled up with 0. Bytes (uint8) are divided by 255; other numbers are taken as they are.

    Parameters
    ----------
    conv_channels : int or tuple of int, default=(16, 32)
        Channels of each convolution.
    hidden_layer_sizes : int or tuple of int, default=(64,)
        Units of each hidden dense layer after them.
    activation : str, default="relu"
        After every convolution and hidden layer; see `MLPClassifier`.
    label_smoothing : float, default=0.0
        How much of each row's truth is spread evenly over all classes, in the training loss.
    kernel_size : int or list, default=3
        Side of the convolutions' kernels, in pixels. This and the following are one value for all convolutions, or a
        list with one for each; where pixels are counted, a value in a list may be a pair (height, width).
    stride : int or list, default=1
        Step of the kernels.
    padding : "auto", int or list, default="auto"
        Border of zeros; "auto" is what keeps the size of maps with an odd kernel and a stride of 1.
    dilation : int or list, default=1
        Distance of the pixels that a kernel looks at.
    groups : int or list, default=1
        Groups of channels that are convolved apart; as many as channels taken in, and the kernels are depthwise.
    skip : int or list, default=0
        Add what entered so many convolutions, this one among them, before the activation (He and others 2016, CVPR),
        through a convolution of 1 x 1 where channels or size differ; 0 adds nothing.
    pool : {"max", "average", "global-average"}, None or list, default="max"
        What follows each activation; "global-average" gives one number a channel.
    pool_size : int or list, default=2
        Side of the pooling's windows, in pixels; 1 for none.
    pool_stride : int, None or list, default=None
        Step of the windows; None is their size.
    series : bool, default=False
        X is series (N, C, T), or (N, T) of one: convolutions go along T, with C channels. There are no pairs then.
    conv_dropout : float, default=0.0
        Share of the channels of each convolution that is dropped in training.
    shift : int, default=0
        Move each image of bytes by up to so many pixels, drawn anew in each epoch.
    flip : bool, default=False
        Mirror half of the images of bytes, drawn anew in each epoch.
    optimizer : {"adam", "adamw", "sgd", "rmsprop"}, default="adam"
        What scikit-learn calls `solver`.
    learning_rate_init : float, default=0.001
        Learning rate, of the first epoch where `schedule` changes it.
    schedule : {"constant", "cosine", "step", "one-cycle"}, default="constant"
        How the learning rate changes from epoch to epoch.
    batch_size : int or "auto", default="auto"
        Rows of a batch; "auto" is 64, or all rows where there are fewer.
    max_iter : int, default=20
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
        means afterwards (Ioffe and Szegedy 2015, ICML), or "layer" over the units or maps of a row (Ba and others 2016,
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
    image_shape_ : tuple of int
        (C, H, W) of an image; of series there is none.
    series_shape_ : tuple of int
        (C, T) of series; of images there is none.
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
        Numbers of an image, C times H times W, of series, C times T, or of a flat row.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where X is a frame with text for names.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from shoal import CNNClassifier
    >>> digits = load_digits()
    >>> model = CNNClassifier(max_iter=2, learning_rate_init=0.003, random_state=0)
    >>> model.fit(digits.images[:600], digits.target[:600]).image_shape_
    (1, 8, 8)
    >>> model.predict_proba(digits.images[600:602]).shape
    (2, 10)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS | CONVOLUTIONS | OF_CLASSES
    _auto_batch = 64
    series_shape_: tuple[int, int]
    _prepared_by = ("dtype", "shift", "flip", "series")

    def __init__(  # noqa: PLR0913 - scikit-learn's way
        self,
        conv_channels: Any = (16, 32),
        hidden_layer_sizes: Any = (64,),
        activation: str = "relu",
        *,
        label_smoothing: float = 0.0,
        kernel_size: Any = 3, stride: Any = 1, padding: Any = "auto", dilation: Any = 1, groups: Any = 1,
        skip: Any = 0, pool: Any = "max", pool_size: Any = 2, pool_stride: Any = None,
        conv_dropout: float = 0.0, shift: int = 0, flip: bool = False, series: bool = False, norm: str | None = None,
        optimizer: str = "adam", learning_rate_init: float = 0.001, schedule: str = "constant",
        batch_size: int | str = "auto", max_iter: int = 20, momentum: float = 0.9, nesterovs_momentum: bool = True,
        weight_decay: float = 0.0, dropout: float = 0.0, early_stopping: bool = False,
        validation_fraction: float = 0.1, n_iter_no_change: int = 10, random_state: Any = None,
        verbose: bool | int = False, warm_start: bool = False, n_jobs: int | None = None, device: str = "auto",
        dtype: str = "float32", calibration: str | None = None, calibration_folds: int = 5,
        class_weight: Any = None,
    ) -> None:  # fmt: skip
        self.conv_channels = conv_channels
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        self.skip = skip
        self.pool = pool
        self.pool_size = pool_size
        self.pool_stride = pool_stride
        self.series = series
        self.norm = norm
        self.conv_dropout = conv_dropout
        self.shift = shift
        self.flip = flip
        self.optimizer = optimizer
        self.learning_rate_init = learning_rate_init
        self.schedule = schedule
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.weight_decay = weight_decay
        self.dropout = dropout
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
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

    def __sklearn_tags__(self) -> Any:
        """Say that it takes images too."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _checked(self, x: Any, *, reset: bool) -> CheckedImages:
        rows = (checked_series if self.series else checked_images)(self, x, reset=reset)
        if rows.dtype != np.uint8 and (self.shift or self.flip):
            name, value = ("shift", self.shift) if self.shift else ("flip", self.flip)
            other = "series" if self.series else rows.dtype
            raise ValueError(f"{name}: expected images of bytes (uint8) to augment, got {other} with {value}")
        return CheckedImages(rows)

    def _network(self, input_shape: tuple[int, ...]) -> Network:
        size = self.series_shape_[1:] if self.series else input_shape[1:]
        series = self.series_shape_[0] if self.series else 1
        return convolving_network(vars(self), convolutions(vars(self), size), series)
