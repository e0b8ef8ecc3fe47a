"""Splitters of scikit-learn by their own names: the same rows, refused in one sentence, imported when asked for."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from fold_rows import SEEDS, dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import model_selection

from shoal.data import FoldOptions, fold_count, make_folds, make_outer_folds
from shoal.errors import DataError, ShoalError

ROWS = 48
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "KFold": [{}, {"n_splits": 4, "shuffle": True}],
    "StratifiedKFold": [{"n_splits": 3}, {"n_splits": 3, "shuffle": True}],
    "GroupKFold": [{"n_splits": 3}],
    "StratifiedGroupKFold": [{"n_splits": 3}, {"n_splits": 3, "shuffle": True}],
    "RepeatedKFold": [{"n_splits": 3, "n_repeats": 2}],
    "RepeatedStratifiedKFold": [{"n_splits": 2, "n_repeats": 3}],
    "ShuffleSplit": [{}, {"n_splits": 3, "test_size": 0.3, "train_size": 0.5}],
    "StratifiedShuffleSplit": [{"n_splits": 3, "test_size": 12}],
    "GroupShuffleSplit": [{"n_splits": 4, "test_size": 0.4}],
    "LeaveOneGroupOut": [{}],
    "LeavePGroupsOut": [{"n_groups": 2}],
    "LeaveOneOut": [{}],
    "LeavePOut": [{"p": 1}],
    "TimeSeriesSplit": [{"n_splits": 3, "gap": 2, "max_train_size": 12, "test_size": 6}],
    "PredefinedSplit": [{"test_fold": [number % 4 - 1 for number in range(ROWS)]}],
}
CASES = [(name, options) for name, cases in OPTIONS.items() for options in cases]


def test_every_splitter_of_scikit_learn_is_a_case() -> None:
    names = {
        name
        for name, kind in vars(model_selection).items()
        if hasattr(kind, "get_n_splits") and not name.startswith("Base")
    }
    assert names == set(OPTIONS)


@pytest.mark.parametrize(("name", "options"), CASES)
@given(seed=SEEDS, timed=st.booleans())
@settings(max_examples=8, deadline=None)
def test_rows_are_scikit_learns(name: str, options: dict[str, Any], seed: int, timed: bool) -> None:
    draw = np.random.default_rng(seed)
    classes = draw.permutation(np.arange(ROWS) % 3)
    groups = np.array([f"g{number}" for number in draw.permutation(np.arange(ROWS) // 6)])
    order = draw.permutation(ROWS) if timed else np.arange(ROWS)
    times = np.argsort(order).astype(np.float64)
    timed = timed and name == "TimeSeriesSplit"  # all others train on later rows
    order = order if timed else np.arange(ROWS)
    table = dataset(ROWS, classes, groups, times=times if timed else None)
    kind = getattr(model_selection, name)
    own = dict(options)
    if own.get("shuffle") or name.startswith("Repeated") or name.endswith("ShuffleSplit"):
        own["random_state"] = seed
    splitter = kind(**own)
    x, y, shown = np.zeros((ROWS, 1)), classes[order], groups[order]
    if "Group" not in name:
        shown = None
    expected = [
        (sorted(order[train].tolist()), sorted(order[judged].tolist()))
        for train, judged in splitter.split(x, y, shown)
    ]
    asked = FoldOptions(name, seed=seed, options=options)
    splits = make_folds(table, asked)
    assert [(split.train.tolist(), split.validation.tolist()) for split in splits] == expected
    assert fold_count(table, asked) == len(splits) == splitter.get_n_splits(x, y, shown)
    assert splits[0].label == f"split 1 of {len(splits)}"


def test_a_random_state_that_is_given_is_taken() -> None:
    first, second, other = (
        make_folds(dataset(30), FoldOptions("ShuffleSplit", seed=seed, options=options))
        for seed, options in ((1, {"random_state": 5}), (2, {"random_state": 5}), (2, {}))
    )
    assert [split.validation.tolist() for split in first] == [split.validation.tolist() for split in second]
    assert [split.validation.tolist() for split in first] != [split.validation.tolist() for split in other]


CLASSES = np.array([0] * 9 + [1])
REFUSALS = [
    (
        "GroupShufleSplit",
        {},
        "search.folds.kind: expected a kind of folds, or a class of sklearn.model_selection that splits rows, got"
        ' "GroupShufleSplit"; did you mean "GroupShuffleSplit"?',
    ),
    (
        "GridSearchCV",
        {},
        "search.folds.kind: expected a kind of folds, or a class of sklearn.model_selection that splits rows, got"
        ' "GridSearchCV"',
    ),
    (
        "ShuffleSplit",
        {"test_sise": 0.2},
        "search.folds.options: expected options that ShuffleSplit takes (n_splits, test_size, train_size and"
        ' random_state), got "test_sise"; did you mean "test_size"?',
    ),
    (
        "LeaveOneOut",
        {"p": 2},
        'search.folds.options: expected options that LeaveOneOut takes (none), got "p"',
    ),
    (
        "GroupShuffleSplit",
        {},
        "search.folds: scikit-learn's GroupShuffleSplit refuses that: The 'groups' parameter should not be None.",
    ),
    (
        "ShuffleSplit",
        {"test_size": 3.0},
        "search.folds: scikit-learn's ShuffleSplit refuses that: test_size=3.0 should be either positive and smaller"
        " than the number of samples 10 or a float in the (0, 1) range",
    ),
    (
        "StratifiedKFold",
        {"n_splits": 3},
        "search.folds: scikit-learn's StratifiedKFold refuses that: The least populated class in y has only 1 members,"
        " which is less than n_splits=3.",
    ),
    (
        "PredefinedSplit",
        {"test_fold": [0] * 10},
        "search.folds: expected rows on both sides of each split, got none on one side of scikit-learn's"
        " PredefinedSplit",
    ),
]


@pytest.mark.parametrize(("name", "options", "sentence"), REFUSALS)
def test_refusals(name: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ShoalError) as refused:
        make_folds(dataset(10, CLASSES), FoldOptions(name, options=options))
    assert str(refused.value) == sentence


def test_of_outer_folds_the_keys_are_those_of_the_nested_search() -> None:
    for name, options, key in (("KFoldd", {}, "kind"), ("KFold", {"n": 3}, "options")):
        with pytest.raises(ShoalError) as refused:
            make_outer_folds(dataset(10), FoldOptions(name, options=options))
        assert str(refused.value).startswith(f"nested.folds.{key}: expected ")
        with pytest.raises(ShoalError) as refused:
            fold_count(dataset(10), FoldOptions(name, options=options, section="nested"))
        assert str(refused.value).startswith(f"nested.folds.{key}: expected ")


def test_rows_in_order_are_not_trained_on_what_is_later() -> None:
    with pytest.raises(DataError, match="expected every row to train on to be earlier"):
        make_folds(dataset(10, times=np.arange(10.0)), FoldOptions("ShuffleSplit"))


def test_scikit_learn_is_imported_only_for_its_own() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/data');"
        "from fold_rows import dataset; from shoal.data import FoldOptions, make_folds;"
        "make_folds(dataset(9), FoldOptions('k-fold')); assert 'sklearn' not in sys.modules;"
        "make_folds(dataset(9), FoldOptions('KFold')); assert 'sklearn' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
