"""Every name of scikit-learn's MLPs, as the installed scikit-learn has them: it means the same, or is answered."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
from itertools import chain, product
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV as TheirGridSearch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import Interval, Options, StrOptions, make_constraint

from shoal import CNNClassifier, GridSearchCV, MLPClassifier, MLPRegressor
from shoal.estimators._names import ABSENT, _absent

PAIRS = [
    (MLPClassifier, neural_network.MLPClassifier),
    (MLPRegressor, neural_network.MLPRegressor),
    (CNNClassifier, neural_network.MLPClassifier),
]
NUMBERS = np.random.default_rng(3)
X, CLASS, TARGET = NUMBERS.normal(size=(40, 4)), np.arange(40) % 3, NUMBERS.normal(size=40)
PAGE = (Path(__file__).parents[2] / "docs" / "scikit-learn.md").read_text(encoding="utf-8")


def y_of(model: Any) -> Any:
    return TARGET if model is MLPRegressor else CLASS


def fitted(model: Any, **options: Any) -> Any:
    y = np.abs(TARGET) if "loss" in options else y_of(model)
    return model(hidden_layer_sizes=(5,), max_iter=3, random_state=0, **options).fit(X, y)


# -- parameters ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_every_parameter_is_there_or_answered(ours: Any, theirs: Any) -> None:
    mine = inspect.signature(ours).parameters
    for name, parameter in inspect.signature(theirs).parameters.items():
        if name in mine:
            assert not _absent(ours, name)
            continue
        sentence = f"{ours.__name__} has no parameter {name!r}: {ABSENT[name]}"
        with pytest.raises(TypeError) as refusal:
            ours(**{name: parameter.default})
        assert str(refusal.value) == sentence
        with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the sentence is held to below
            ours().set_params(**{name: parameter.default})
        assert str(refusal.value) == sentence
        with pytest.raises(AttributeError) as refusal:
            setattr(ours(), name, parameter.default)
        assert str(refusal.value) == sentence
        with pytest.raises(AttributeError) as refusal:
            getattr(ours(), name)
        assert str(refusal.value) == f"{ours.__name__} has no {name}: {ABSENT[name]}"


def test_defaults_that_both_have_are_the_same() -> None:
    for ours, theirs in PAIRS[:2]:
        mine = inspect.signature(ours).parameters
        for name, parameter in inspect.signature(theirs).parameters.items():
            if name in mine:
                assert mine[name].default == parameter.default, name


def test_the_page_has_the_table_of_the_code_and_all_names_that_both_have() -> None:
    known = [
        (inspect.signature(ours).parameters, inspect.signature(theirs).parameters) for ours, theirs in PAIRS
    ]
    lacked = {name for mine, theirs in known for name in theirs if name not in mine}
    table = "".join(f"| `{name}` | {sentence} |\n" for name, sentence in ABSENT.items() if name in lacked)
    assert f"| scikit-learn's MLP | here |\n|---|---|\n{table}\n" in PAGE
    shared = PAGE.partition("Names that both have mean the same: ")[2].partition("\n\n")[0]
    both = {name for mine, theirs in known for name in theirs if name in mine}
    assert [name for name in both if f"`{name}`" not in shared] == []


def test_other_names_are_refused_by_the_class_that_was_written() -> None:
    with pytest.raises(
        TypeError,
        match=r"^MLPRegressor has no parameter 'hiden_layer_sizes'; did you mean 'hidden_layer_sizes'\?$",
    ):
        MLPRegressor(hiden_layer_sizes=(5,))
    with pytest.raises(
        TypeError,
        match=r"^CNNClassifier has no parameter 'xyz', only activation, batch_size, .*, weight_decay$",
    ):
        CNNClassifier(xyz=1)
    with pytest.raises(TypeError, match=r"^MLPClassifier: too many positional arguments$"):
        MLPClassifier((5,), "relu", "adam")
    with pytest.raises(TypeError, match=r"^MLPClassifier: multiple values for argument 'activation'$"):
        MLPClassifier((5,), "relu", activation="tanh")
    with pytest.raises(ValueError, match=r"^Invalid parameter 'xyz' for estimator MLPClassifier\(\)"):
        MLPClassifier().set_params(xyz=1)


@pytest.mark.parametrize("search", [GridSearchCV, TheirGridSearch])
def test_a_search_answers_too(search: Any) -> None:
    sentence = (
        r"^MLPClassifier has no parameter 'alpha': weight_decay stands for it: alpha / \(rows of a batch\) of"
    )
    with pytest.raises(ValueError, match=sentence):
        search(MLPClassifier(max_iter=1), {"alpha": [1e-4, 1e-3]}, cv=2).fit(X, CLASS)
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=1))
    with pytest.raises(ValueError, match=sentence):
        search(pipeline, {"mlpclassifier__alpha": [1e-4]}, cv=2).fit(X, CLASS)


class Own(MLPClassifier):
    """A user's own estimator: few parameters, one of them by a name that only scikit-learn's has."""

    def __init__(self, alpha: float, hidden_layer_sizes: Any = (5,)) -> None:
        super().__init__(hidden_layer_sizes, max_iter=2)
        self.alpha = alpha


def test_a_subclass_may_have_parameters_of_its_own() -> None:
    own = clone(Own(alpha=2.0)).set_params(alpha=3.0).fit(X, CLASS)
    assert own.alpha == 3.0
    assert own.get_params() == {"alpha": 3.0, "hidden_layer_sizes": (5,)}
    again = pickle.loads(pickle.dumps(own))  # noqa: S301 - its own bytes
    np.testing.assert_array_equal(again.predict(X), copy.deepcopy(own).predict(X))


def test_a_subclass_may_have_attributes_of_its_own() -> None:
    class Fixed(MLPClassifier):
        alpha = 2.0

    fixed = Fixed()
    fixed.alpha += 1
    assert (Fixed.alpha, fixed.alpha) == (2.0, 3.0)
    with pytest.raises(TypeError, match=r"^Fixed has no parameter 'solver': optimizer stands for it"):
        Fixed(solver="adam")


def test_no_jobs_at_all_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^The 'n_jobs' parameter of MLPClassifier must be .* Got 0 instead\.$"
    ):
        MLPClassifier(n_jobs=0).fit(X, CLASS)
    with pytest.raises(ValueError, match=r"^n_jobs: expected None, a number above 0 or one below 0, got 0$"):
        GridSearchCV(MLPClassifier(max_iter=1), {"dropout": [0.0]}, n_jobs=0).fit(X, CLASS)


def test_endless_patience_ends_nothing() -> None:
    options = {"early_stopping": True, "learning_rate_init": 0.05, "max_iter": 60}
    model = MLPClassifier((9,), random_state=0, **options, n_iter_no_change=math.inf).fit(X, CLASS)
    assert model.n_iter_ == 60 > model.best_iter_ == np.argmin(model.validation_loss_curve_) + 1
    assert MLPClassifier((9,), random_state=0, **options).fit(X, CLASS).n_iter_ < 60


def values_of(constraint: Any) -> list[Any]:
    """Give values that a constraint of scikit-learn's allows: all names, the ends of a range, every form."""
    match constraint:
        case "array-like":
            return [(), [4], (4, 3), np.array([4, 3])]
        case "boolean":
            return [False, True, np.True_]
        case "verbose":
            return [0, False]
        case "random_state":
            return [None, 3, np.random.RandomState(0)]
    constraint = make_constraint(constraint)
    if isinstance(constraint, StrOptions | Options):
        return sorted(constraint.options, key=str)
    if not isinstance(constraint, Interval):
        return [None] if constraint.is_satisfied_by(None) else []
    low = 0 if constraint.left is None else constraint.left
    whole = constraint.type is Integral
    high = low if constraint.right is None else constraint.right
    ends = [int(low), int(low) + 1] if whole else [float(low), low + 1e-3, float(high)]
    return [value for value in ends if constraint.is_satisfied_by(value)]


NOT_HERE = {
    (
        "momentum",
        1.0,
    ): "The 'momentum' parameter of {} must be a float in the range [0.0, 1.0). Got 1.0 instead.",
    ("validation_fraction", 0.0): (
        "The 'validation_fraction' parameter of {} must be a float in the range (0.0, 1.0). Got 0.0 instead."
    ),
}
"""Values of parameters that both have which are refused: a momentum that forgets nothing, and no rows held out."""


@pytest.mark.parametrize(("ours", "theirs"), PAIRS[:2])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_value_of_a_parameter_that_both_have_is_taken_or_answered(ours: Any, theirs: Any) -> None:
    shared = inspect.signature(ours).parameters
    tried: set[Any] = set()
    for name, constraints in theirs._parameter_constraints.items():
        for value in chain.from_iterable(map(values_of, constraints)) if name in shared else ():
            tried.add((name, str(value)))
            options = {"max_iter": 2, "hidden_layer_sizes": (3,), "optimizer": "sgd", name: value}
            sentence = NOT_HERE.get((name, value)) if isinstance(value, float) else None
            if sentence is None:
                assert ours(**options).fit(X, np.abs(y_of(ours))).n_iter_ == min(2, options["max_iter"])
                continue
            with pytest.raises(ValueError, match=name) as refusal:
                ours(**options).fit(X, y_of(ours))
            assert str(refusal.value) == sentence.format(ours.__name__)
    assert {(name, str(value)) for name, value in NOT_HERE} <= tried
    assert {name for name, _ in tried} == set(shared) & set(inspect.signature(theirs).parameters)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_every_choice_of_a_parameter_that_is_not_here_is_in_its_sentence(ours: Any, theirs: Any) -> None:
    lacked = set(inspect.signature(theirs).parameters) - set(inspect.signature(ours).parameters)
    for name in lacked:
        for value in chain.from_iterable(map(values_of, theirs._parameter_constraints[name])):
            with pytest.raises(TypeError) as refusal:
                ours(**{name: value})
            assert not isinstance(value, str) or f'"{value}"' in str(refusal.value), name
            assert "\n" not in str(refusal.value)


# -- what a fit leaves behind --------------------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    ("ours", "theirs", "options"), [*((*pair, {}) for pair in PAIRS), (*PAIRS[1], {"loss": "poisson"})]
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_every_public_name_of_a_fitted_network_is_there(
    ours: Any, theirs: Any, options: dict[str, Any], early_stopping: bool
) -> None:
    mine, peer = (fitted(model, early_stopping=early_stopping, **options) for model in (ours, theirs))
    for name in (name for name in dir(peer) if not name.startswith("_") and name not in peer.get_params()):
        if early_stopping and name in ("validation_scores_", "best_validation_score_"):
            with pytest.raises(AttributeError) as refusal:
                getattr(mine, name)
            assert str(refusal.value) == (
                f"{ours.__name__} has no {name}: early stopping goes by the loss of the rows held out, "
                "which validation_loss_curve_ holds; scores of every epoch are not there yet"
            )
            continue
        assert hasattr(mine, name) or name in ABSENT, name
        if inspect.ismethod(getattr(peer, name)):
            names = [list(inspect.signature(getattr(one, name)).parameters) for one in (ours, theirs)]
            assert [one for one in names[0] if one in names[1]] == names[1], name
    same = ["n_iter_", "t_", "n_features_in_"]
    same += [] if ours is CNNClassifier else ["n_layers_"]
    same += [] if early_stopping else ["validation_scores_", "best_validation_score_"]
    for name in same:
        assert getattr(mine, name) == getattr(peer, name), name
    assert (mine.best_loss_ is None) == (peer.best_loss_ is None) == early_stopping
    assert early_stopping or mine.best_loss_ == min(mine.loss_curve_)
    assert mine.out_activation_ == peer.out_activation_
    assert mine.n_outputs_ == peer.n_outputs_


@pytest.mark.parametrize(
    "name",
    ["coefs_", "intercepts_", "n_layers_", "out_activation_", "validation_scores_", "best_validation_score_"],
)
def test_nothing_is_left_behind_before_a_fit(name: str) -> None:
    model = MLPClassifier()
    assert not hasattr(model, name)
    with pytest.raises(NotFittedError, match=r"^This MLPClassifier instance is not fitted yet"):
        getattr(model, name)


# -- weights given by hand -----------------------------------------------------------------------------------


def by_hand(model: Any, x: Any) -> Any:
    hidden = np.maximum(x @ model.coefs_[0] + model.intercepts_[0], 0)
    return hidden @ model.coefs_[1] + model.intercepts_[1]


def test_weights_put_in_place_are_the_networks() -> None:
    model = fitted(MLPRegressor)
    np.testing.assert_allclose(model.predict(X), by_hand(model, X).ravel(), rtol=1e-6)
    given = [NUMBERS.normal(size=array.shape) for array in model.coefs_]
    model.coefs_ = given
    for mine, theirs in zip(model.coefs_, given, strict=True):
        np.testing.assert_array_equal(mine, theirs.astype(np.float32))
    model.coefs_[0] = -given[0]
    model.intercepts_[:] = [[1.0] * 5, [2.0]]
    model.coefs_[1][2, 0] = 7.0
    assert model.intercepts_[1].tolist() == [2.0]
    np.testing.assert_array_equal(model.coefs_[0], -given[0].astype(np.float32))
    assert model.parameters_["output.weight"][0, 2] == 7.0
    np.testing.assert_allclose(model.predict(X), by_hand(model, X).ravel(), rtol=1e-6)
    np.testing.assert_allclose(model.module_[-1].bias.detach().numpy(), [2.0])
    again = pickle.loads(pickle.dumps((model, model.coefs_)))  # noqa: S301 - its own bytes
    np.testing.assert_array_equal(again[0].predict(X), model.predict(X))
    np.testing.assert_array_equal(again[1][0], model.coefs_[0])


def test_weights_that_are_not_the_networks_are_refused_whole() -> None:
    model = fitted(MLPRegressor)
    before = [array.copy() for array in model.coefs_]
    with pytest.raises(
        ValueError, match=r"^coefs_: expected arrays of shapes \[\(4, 5\), \(5, 1\)\], got \[\(4, 5\)\]$"
    ):
        model.coefs_ = before[:1]
    with pytest.raises(
        ValueError,
        match=r"^intercepts_: expected arrays of shapes \[\(5,\), \(1,\)\], got \[\(5,\), \(2,\)\]$",
    ):
        model.intercepts_[1] = [1, 2]
    with pytest.raises(ValueError, match=r"^coefs_: expected finite numbers, got others$"):
        model.coefs_ = [before[0] * 2, before[1] * np.nan]
    with pytest.raises(
        ValueError, match=r"^coefs_: expected numbers of at most 3\.4e\+38, which float32 can hold"
    ):
        model.coefs_ = [before[0] * 2, np.full((5, 1), 1e39)]
    for array, was in zip(model.coefs_, before, strict=True):
        np.testing.assert_array_equal(array, was)


@pytest.mark.parametrize(("targets", "loss"), [(0, ""), *product([1, 3], ["squared_error", "poisson"])])
def test_alpha_is_the_weight_decay_that_is_said(targets: int, loss: str) -> None:
    """One step of "sgd" from the same weights without biases, which scikit-learn does not decay. 0 targets: classes."""
    rows, alpha, rate = 24, 0.7, 0.01
    x = NUMBERS.normal(size=(rows, 4))
    y = NUMBERS.normal(size=(rows, targets) if targets > 1 else rows) ** (2 if loss == "poisson" else 1)
    if not targets:
        y = np.arange(rows) % 3
    ours, theirs = PAIRS[0] if not targets else PAIRS[1]
    halved = 1 if loss == "poisson" else 2
    decay, step = (alpha / rows, rate)
    if targets:
        decay, step = halved * alpha / (rows * targets), rate * targets / halved
    shape = {
        **({"loss": loss} if loss else {}),
        "hidden_layer_sizes": (5,),
        "momentum": 0.0,
        "batch_size": rows,
        "max_iter": 1,
        "random_state": 0,
    }
    mine = ours(
        **shape,
        optimizer="sgd",
        dtype="float64",
        learning_rate_init=step,
        weight_decay=decay,
        warm_start=True,
    )
    peer = theirs(**shape, solver="sgd", learning_rate_init=rate, alpha=alpha)
    classes = {} if targets else {"classes": [0, 1, 2]}
    mine.fit(x, y)
    peer.partial_fit(x, y, **classes)
    given = [NUMBERS.normal(size=array.shape) for array in mine.coefs_]
    mine.coefs_, mine.intercepts_ = given, [array * 0 for array in mine.intercepts_]
    peer.coefs_ = [array.copy() for array in given]
    peer.intercepts_ = [array * 0 for array in peer.intercepts_]
    del peer._optimizer
    mine.fit(x, y)
    peer.partial_fit(x, y)
    for one, other in zip(mine.coefs_ + mine.intercepts_, peer.coefs_ + peer.intercepts_, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-13)
    assert not np.allclose(mine.coefs_[0], given[0], rtol=1e-4)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("lr", "learning_rate_init"),
        ("epochs", "max_iter"),
        ("hidden", "hidden_layer_sizes"),
        ("seed", "random_state"),
    ],
)
def test_what_studies_and_other_libraries_call_a_parameter_is_understood(said: str, meant: str) -> None:
    with pytest.raises(TypeError, match=rf"MLPRegressor has no parameter '{said}'; did you mean '{meant}'\?"):
        MLPRegressor(**{said: 1})
