"""Scores by scikit-learn's names: its own to the last bit, and stated where it leaves them undefined.

The functions of scikit-learn are called here in full, beside the table that names them.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from shoal.kinds import TASKS
from shoal.results import peer_score, refusal_of, row_score, undefined_on
from shoal.scores import SCORES, different, metrics_of

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
Call = Callable[[NDArray[Any], NDArray[Any]], float]
MEDIANS = ("neg_median_absolute_error", "d2_absolute_error_score", "d2_pinball_score")
PEERS = tuple(name for name, kind in SCORES.items() if kind.peer)


def named(probability: NDArray[Any]) -> NDArray[Any]:
    return probability.argmax(axis=1)


def labels(probability: NDArray[Any]) -> list[int]:
    return list(range(probability.shape[1]))


def averaged(score: Any, **how: Any) -> Call:
    return lambda y, p: score(y, named(p), zero_division=0, **how)


def auc(p: NDArray[Any], **how: Any) -> Any:
    return p[:, 1] if p.shape[1] == 2 else p


OF_CLASSES: dict[str, Call] = {
    "neg_log_loss": lambda y, p: -metrics.log_loss(y, p, labels=labels(p)),
    "roc_auc": lambda y, p: metrics.roc_auc_score(y, p[:, 1]),
    "roc_auc_ovr": lambda y, p: metrics.roc_auc_score(y, auc(p), multi_class="ovr"),
    "roc_auc_ovo": lambda y, p: metrics.roc_auc_score(y, auc(p), multi_class="ovo"),
    "average_precision": lambda y, p: metrics.average_precision_score(y, auc(p)),
    "f1": averaged(metrics.f1_score),
    "f1_macro": averaged(metrics.f1_score, average="macro"),
    "f1_micro": averaged(metrics.f1_score, average="micro"),
    "f1_weighted": averaged(metrics.f1_score, average="weighted"),
    "precision": averaged(metrics.precision_score),
    "precision_macro": averaged(metrics.precision_score, average="macro"),
    "recall": averaged(metrics.recall_score),
    "recall_macro": averaged(metrics.recall_score, average="macro"),
    "balanced_accuracy": lambda y, p: metrics.balanced_accuracy_score(y, named(p)),
    "matthews_corrcoef": lambda y, p: metrics.matthews_corrcoef(y, named(p)),
    "neg_brier_score": lambda y, p: (
        -metrics.brier_score_loss(y, auc(p), **({"labels": labels(p)} if p.shape[1] > 2 else {}))
    ),
    "top_k_accuracy": lambda y, p: metrics.top_k_accuracy_score(y, p, k=2, labels=labels(p)),
}
_AVERAGED = {
    "f1": metrics.f1_score,
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "jaccard": metrics.jaccard_score,
}


def of_labels(score: Any, average: str) -> Call:
    return lambda y, p: score(y, p > 0.5, average=average, zero_division=0)


OF_LABELS: dict[str, Call] = {
    "roc_auc": metrics.roc_auc_score,
    "average_precision": metrics.average_precision_score,
    **{
        f"{name}_{average}": of_labels(score, average)
        for name, score in _AVERAGED.items()
        for average in ("macro", "micro", "weighted", "samples")
    },
}
OF_NUMBERS: dict[str, Call] = {
    "neg_mean_absolute_error": lambda y, o: -metrics.mean_absolute_error(y, o),
    "neg_median_absolute_error": lambda y, o: -metrics.median_absolute_error(y, o),
    "neg_mean_squared_error": lambda y, o: -metrics.mean_squared_error(y, o),
    "neg_root_mean_squared_error": lambda y, o: -metrics.root_mean_squared_error(y, o),
    "neg_mean_absolute_percentage_error": lambda y, o: -metrics.mean_absolute_percentage_error(y, o),
    "neg_mean_squared_log_error": lambda y, o: -metrics.mean_squared_log_error(y, o),
    "neg_root_mean_squared_log_error": lambda y, o: -metrics.root_mean_squared_log_error(y, o),
    "explained_variance": metrics.explained_variance_score,
    "d2_absolute_error_score": metrics.d2_absolute_error_score,
    "d2_pinball_score": metrics.d2_pinball_score,
    "neg_mean_poisson_deviance": lambda y, o: -metrics.mean_poisson_deviance(y, o),
    "neg_mean_gamma_deviance": lambda y, o: -metrics.mean_gamma_deviance(y, o),
    "neg_max_error": lambda y, o: -metrics.max_error(y, o),
}


def test_every_name_has_its_call_and_is_one_of_scikit_learn() -> None:
    assert {*OF_CLASSES, *OF_LABELS, *OF_NUMBERS} == set(PEERS)
    assert set(OF_LABELS) == {name for name in metrics_of("multilabel") if SCORES[name].peer}
    assert set(PEERS) - set(metrics.get_scorer_names()) == {"d2_pinball_score"}


@st.composite
def answered_classes(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    """Classes, all of which occur, and probabilities with ties among them."""
    classes = draw(st.integers(2, 4))
    rows = draw(st.integers(classes, 30))
    rest = draw(st.lists(st.integers(0, classes - 1), min_size=rows - classes, max_size=rows - classes))
    numbers = st.lists(st.integers(1, 6), min_size=classes, max_size=classes)
    weight = np.array(draw(st.lists(numbers, min_size=rows, max_size=rows)), np.float64)
    return np.array([*range(classes), *rest]), weight / weight.sum(axis=1, keepdims=True)


@settings(max_examples=1000 if LONG else 12)
@given(answered_classes())
def test_scores_of_classes_are_scikit_learns_to_the_last_bit(case: tuple[NDArray[Any], NDArray[Any]]) -> None:
    y, probability = case
    for name, call in OF_CLASSES.items():
        fewest, most = SCORES[name].classes
        if fewest <= probability.shape[1] <= most:
            assert peer_score(name, y, probability) == float(call(y, probability)), name


@st.composite
def answered_labels(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    """Labels, of which rows may have all or none, and probabilities, a half among them."""
    rows, labels = draw(st.integers(2, 30)), draw(st.integers(1, 4))
    truths = st.lists(st.booleans(), min_size=labels, max_size=labels)
    shares = st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.500001, 0.8, 1.0]), min_size=labels, max_size=labels)
    y, answers = (np.array(draw(st.lists(each, min_size=rows, max_size=rows))) for each in (truths, shares))
    return y, answers


@settings(max_examples=1000 if LONG else 12)
@given(answered_labels())
def test_scores_of_labels_are_scikit_learns_to_the_last_bit(case: tuple[NDArray[Any], NDArray[Any]]) -> None:
    """One label in one column is two classes to scikit-learn, which takes none of its averages for them."""
    y, answers = case
    for name, call in OF_LABELS.items():
        if y.shape[1] > 1 and not undefined_on(name, y):
            assert peer_score(name, y, answers) == float(call(y, answers)), name


@settings(max_examples=1000 if LONG else 12)
@given(answered_labels())
def test_a_label_alone_has_the_scores_of_one_class_of_two(case: tuple[NDArray[Any], NDArray[Any]]) -> None:
    y, answers = (of[:, 0] for of in case)
    for name, score in _AVERAGED.items():
        own = float(score(y, answers > 0.5, zero_division=0))
        for average in ("macro", "micro", "weighted"):
            assert peer_score(f"{name}_{average}", y[:, None], answers[:, None]) == pytest.approx(own), name
        of_row = {
            (true, named): float(score([true, False], [named, False], zero_division=0))
            for true, named in set(zip(y.tolist(), (answers > 0.5).tolist(), strict=True))
        }
        rows = [of_row[pair] for pair in zip(y.tolist(), (answers > 0.5).tolist(), strict=True)]
        assert peer_score(f"{name}_samples", y[:, None], answers[:, None]) == pytest.approx(np.mean(rows)), (
            name
        )
    for name in ("roc_auc", "average_precision"):
        if not undefined_on(name, y[:, None]):
            own = OF_LABELS[name](y, answers)
            assert peer_score(name, y[:, None], answers[:, None]) == pytest.approx(own), name


@st.composite
def answered_numbers(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    rows, targets = draw(st.integers(2, 30)), draw(st.integers(1, 3))
    numbers = st.lists(st.floats(0.001, 1e6), min_size=targets, max_size=targets)
    y, answers = (np.array(draw(st.lists(numbers, min_size=rows, max_size=rows))) for _ in range(2))
    return y, answers


@settings(max_examples=1000 if LONG else 12)
@given(answered_numbers())
def test_scores_of_numbers_are_scikit_learns_to_the_last_bit(case: tuple[NDArray[Any], NDArray[Any]]) -> None:
    y, answers = case
    for name, call in OF_NUMBERS.items():
        if y.shape[1] == 1 or not SCORES[name].one_target:
            value = peer_score(name, y, answers)
            assert np.isnan(value) if undefined_on(name, y) else value == float(call(y, answers)), name


OF_TASKS = [(task, name) for name in PEERS for task in SCORES[name].tasks]
ANSWERED = {"classification": answered_classes, "regression": answered_numbers, "multilabel": answered_labels}


@pytest.mark.parametrize(("task", "name"), OF_TASKS)
def test_the_means_over_rows_make_the_same_score(task: str, name: str) -> None:
    """Of rows on which the score is defined; classes may be absent, never predicted, or all that there is."""
    draw = np.random.default_rng(5)
    score = row_score(task, name)
    if score.why_none or score.without:  # areas under curves: see test_pair_scores
        return
    for _ in range(600 if LONG else 25):
        rows = int(draw.integers(1, 40))
        if task == "classification":
            outputs = 2 if SCORES[name].classes[1] == 2 else int(draw.integers(SCORES[name].classes[0], 5))
            y: NDArray[Any] = draw.integers(int(draw.integers(1, outputs + 1)), size=rows)
            answers = draw.dirichlet(np.ones(outputs), rows)
        elif task == "multilabel":
            outputs = int(draw.integers(1, 4))
            y, answers = draw.random((rows, outputs)) < draw.random(), draw.random((rows, outputs))
        else:
            outputs = 1 if SCORES[name].one_target else int(draw.integers(1, 4))
            y, answers = draw.gamma(1, size=(rows, outputs)), draw.gamma(1, size=(rows, outputs))
        if not undefined_on(name, y):
            value = score.score(y, answers)
            assert replace(score, whole=None).score(y, answers) == pytest.approx(value, rel=1e-9, abs=1e-12)
            there_and_back = float(score.back(score.scale(np.array(value))))
            assert there_and_back == pytest.approx(value, rel=1e-9, abs=1e-9)


@settings(max_examples=300 if LONG else 30)
@given(
    st.data(),
    st.sampled_from([case for case in OF_TASKS if SCORES[case[1]].weighted and case[1] not in MEDIANS]),
)
def test_a_row_that_weighs_twice_is_two_rows(data: st.DataObject, case: tuple[str, str]) -> None:
    """And one that weighs nothing is none, whatever is answered to it."""
    task, name = case
    kind = SCORES[name]
    y, answers = data.draw(ANSWERED[task]())
    if kind.one_target:
        y, answers = y[:, :1], answers[:, :1]
    if y.ndim == 1 and not kind.classes[0] <= answers.shape[1] <= kind.classes[1]:
        return
    weight = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(y), max_size=len(y))), np.float64)
    rows = np.repeat(np.arange(len(y)), weight.astype(np.int64))
    answers[weight == 0] = np.nan
    weighted = peer_score(name, y, answers, weight)
    assert weighted == pytest.approx(
        peer_score(name, y[rows], answers[rows]), rel=1e-9, abs=1e-9, nan_ok=True
    )


@pytest.mark.parametrize("name", MEDIANS)
def test_weighted_medians_are_scikit_learns(name: str) -> None:
    """They differ from version to version, and not all are those of repeated rows."""
    draw = np.random.default_rng(6)
    y, answers, weight = draw.normal(size=(40, 2)), draw.normal(size=(40, 2)), draw.integers(1, 4, 40) * 1.0
    own = getattr(metrics, SCORES[name].peer)(y, answers, sample_weight=weight)
    assert peer_score(name, y, answers, weight) == (-own if SCORES[name].negated else own)


def test_a_score_without_weights_is_none_of_weighted_rows() -> None:
    unweighted = [name for name in PEERS if not SCORES[name].weighted]
    assert unweighted == ["roc_auc_ovo", "neg_max_error"]
    for name in unweighted:
        y = np.array([0, 1, 2]) if SCORES[name].tasks[0] == "classification" else np.ones((3, 1))
        sentence = "expected a score of weighted rows (data.weights), got one for which scikit-learn takes no weights"
        assert refusal_of(name, y, 3 if y.ndim == 1 else 1, weighted=True) == sentence


def as_targets(name: str, y: Any) -> NDArray[Any]:
    """Labels, numbers of classes, or numbers."""
    targets = np.array(y)
    of_classes = np.int64 if SCORES[name].tasks[0] == "classification" else np.float64
    return targets if targets.dtype == np.bool_ else targets.astype(of_classes)


TWO, THREE = np.array([[0.4, 0.6], [0.7, 0.3], [0.2, 0.8]]), np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]])
ONE_CLASS = "all rows are of one class"
CONSTANT = "a target is the same in all rows"
UNIFORM = "a label is the same in all rows"


@pytest.mark.parametrize(
    ("name", "y", "answers", "why"),
    [
        *((name, [1, 1, 1], TWO, ONE_CLASS) for name in ("roc_auc", "average_precision", "matthews_corrcoef")),
        *((name, [2, 2], THREE, ONE_CLASS) for name in ("roc_auc_ovr", "roc_auc_ovo", "average_precision")),
        *((name, [0], TWO[:1], ONE_CLASS) for name in ("roc_auc", "roc_auc_ovr", "roc_auc_ovo")),
        *((name, [], TWO[:0], "there are no rows") for name in ("roc_auc", "f1_macro", "neg_log_loss")),
        *(
            (name, [[2.0], [2.0]], [[1.0], [3.0]], CONSTANT)
            for name in ("explained_variance", "d2_absolute_error_score", "d2_pinball_score")
        ),
        *(
            (name, [[True, has], [True, True]], [[0.3, 0.4], [0.6, 0.2]], UNIFORM)
            for name in ("roc_auc", "average_precision")
            for has in (True, False)
        ),
        ("f1_macro", [[True, False]], [[np.nan, 0.5]], ""),
        ("explained_variance", [[2.0, 1.0], [2.0, 2.0]], [[1.0, 1.0], [3.0, 1.0]], CONSTANT),
        ("d2_absolute_error_score", [[2.0]], [[1.0]], CONSTANT),
        ("neg_mean_squared_log_error", [[-1.0], [2.0]], [[1.0], [2.0]], "a target is not above -1"),
        ("neg_mean_poisson_deviance", [[-0.5], [2.0]], [[1.0], [2.0]], "a target is below 0"),
        ("neg_mean_gamma_deviance", [[0.0], [2.0]], [[1.0], [2.0]], "a target is not above 0"),
        ("neg_mean_squared_log_error", [[1.0], [2.0]], [[-1.0], [2.0]], ""),
        ("neg_mean_poisson_deviance", [[0.0], [2.0]], [[0.0], [2.0]], ""),
        *((name, [0, 1, 1], np.full((3, 2), np.nan), "") for name in ("roc_auc", "f1_macro", "neg_brier_score")),
        ("neg_mean_absolute_error", [[1.0], [2.0]], [[np.inf], [2.0]], ""),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_no_number(name: str, y: Any, answers: Any, why: str) -> None:
    true = as_targets(name, y)
    assert undefined_on(name, true) == why
    assert np.isnan(peer_score(name, true, np.asarray(answers, np.float64)))


@pytest.mark.parametrize(
    ("name", "y", "answers", "value"),
    [
        ("roc_auc", [0, 1, 1], np.full((3, 2), 0.5), 0.5),  # ties
        (
            "roc_auc_ovr",
            [0, 1, 1, 0],
            np.array([[0.6, 0.3, 0.1]] * 2 + [[0.2, 0.7, 0.1]] * 2),
            0.5,
        ),  # no class 2
        ("roc_auc_ovo", [0, 1, 1, 0], np.array([[0.6, 0.3, 0.1]] * 2 + [[0.2, 0.7, 0.1]] * 2), 0.5),
        ("f1", [0, 0, 0], TWO, 0.0),  # class 1 never occurs
        ("precision", [0, 1], np.array([[0.9, 0.1], [0.8, 0.2]]), 0.0),  # and is never predicted
        ("recall", [0, 0, 0], TWO, 0.0),
        ("f1_macro", [0, 0], np.array([[0.9, 0.1], [0.8, 0.2]]), 1.0),  # of the one class that there is
        (
            "f1_macro",
            [0, 0],
            np.array([[0.9, 0.1], [0.2, 0.8]]),
            1 / 3,
        ),  # class 1 is predicted and never occurs
        (
            "balanced_accuracy",
            [0, 0],
            np.array([[0.9, 0.1], [0.2, 0.8]]),
            0.5,
        ),  # not of a class that never occurs
        (
            "matthews_corrcoef",
            [0, 1],
            np.array([[0.9, 0.1], [0.8, 0.2]]),
            0.0,
        ),  # one class is always predicted
        ("f1_macro", [[True, False], [True, False]], [[0.9, 0.1], [0.8, 0.5]], 0.5),  # a label nobody has
        ("f1_samples", [[False, False]], [[0.1, 0.2]], 0.0),  # a row without a label, and none predicted
        ("precision_macro", [[True, False], [False, True]], [[0.1, 0.1], [0.2, 0.9]], 0.5),  # never predicted
        ("neg_brier_score", [1], np.array([[0.5, 0.5]]), -0.25),
        ("neg_max_error", [[1.0], [2.0]], [[1.0], [5.0]], -3.0),
        ("neg_mean_absolute_error", [[1.0]], [[1.0]], 0.0),
    ],
)
def test_what_scikit_learn_warns_of_has_a_stated_value(name: str, y: Any, answers: Any, value: float) -> None:
    true = as_targets(name, y)
    assert peer_score(name, true, np.asarray(answers)) == pytest.approx(value)


def test_huge_errors_are_infinite_and_no_warning() -> None:
    y, answers = np.array([[0.0], [1.0]]), np.array([[1e200], [1.0]])
    assert peer_score("neg_mean_squared_error", y, answers) == -np.inf


@pytest.mark.parametrize(
    ("name", "y", "outputs", "sentence"),
    [
        ("roc_auc", [0, 1, 2], 3, "expected a score of 3 classes, got one of two classes"),
        ("top_k_accuracy", [0, 1], 2, "expected a score of 2 classes, got one of 3 classes or more"),
        ("neg_max_error", [[1.0, 2.0]], 2, "expected a score of 2 targets, got one of a single target"),
        (
            "neg_mean_poisson_deviance", [[-2.5], [1.0]], 1,
            "expected a score of targets down to -2.5, got one of targets of 0 or more",
        ),
        (
            "neg_mean_gamma_deviance", [[0.0], [1.0]], 1,
            "expected a score of targets down to 0, got one of targets above 0",
        ),
        ("neg_mean_poisson_deviance", [[0.0], [1.0]], 1, ""),
        ("roc_auc", [0, 1], 2, ""),
    ],
)  # fmt: skip
def test_data_that_a_score_is_none_of_are_named(name: str, y: Any, outputs: int, sentence: str) -> None:
    assert refusal_of(name, np.array(y), outputs) == sentence


def test_every_score_of_a_task_is_a_score_of_it_alone() -> None:
    numbers, classes, labels = map(set, map(metrics_of, ("regression", "classification", "multilabel")))
    assert numbers & classes == numbers & labels == {"loss"}
    averages = {"f1_macro", "f1_micro", "f1_weighted", "precision_macro", "recall_macro"}
    assert classes & labels == {"loss", "accuracy", "macro_f1", "roc_auc", "average_precision"} | averages
    assert all(kind.higher_is_better for kind in SCORES.values() if kind.peer)


@pytest.mark.parametrize("task", TASKS)
def test_scores_that_are_always_one_number_are_said_to_be_the_same(task: str) -> None:
    """But for the loss, which depends on what was trained, and scores of two classes alone."""
    of_two = task == "classification"
    names = [
        name for name in metrics_of(task) if name != "loss" and not (of_two and SCORES[name].classes[1] == 2)
    ]
    values: dict[str, list[float]] = {name: [] for name in names}
    for seed in range(6):
        draw = np.random.default_rng(seed)
        if task == "regression":
            y, answers = draw.uniform(1, 5, (40, 1)), draw.uniform(1, 5, (40, 1))
        elif task == "multilabel":
            y, answers = draw.random((40, 3)) < (0.3, 0.6, 0.5), draw.random((40, 3))
        else:
            y, answers = draw.integers(0, 3 + seed % 2, 40), draw.dirichlet(np.ones(4), 40)
        for name, scores in values.items():
            scores.append(abs(row_score(task, name).score(y, answers)))
    same = {
        frozenset((first, second))
        for first, second in itertools.combinations(values, 2)
        if np.allclose(values[first], values[second], rtol=1e-9, atol=0)
    }
    said = {
        frozenset((name, other))
        for name in values
        if (other := SCORES[name].same_as) and len(different((name, other), task)) == 1
    }
    assert same == said
