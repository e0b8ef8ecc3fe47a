"""The keys of folds and of the order of rows: what goes together, what is refused, what is written and read again."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from shoal.errors import StudyError
from shoal.kinds import SPLITTERS
from shoal.study import Folds, Study, parse_study, to_toml

TIME = "expected data.time (a column that orders the rows), or data.ordered = true, with"


def study(folds: Any = None, nested: Any = None, **changes: Any) -> Study:
    tree: dict[str, Any] = {
        "study": {"task": "regression"},
        "data": {"train": "t.csv", "target": "y", **changes.pop("data", {})},
        "search": {} if folds is None else {"folds": folds},
        **changes,
    }
    return parse_study(tree if nested is None else {**tree, "nested": {"folds": nested}})


@pytest.mark.parametrize(
    ("asked", "sentences"),
    [
        ({"folds": {"kind": "time"}}, [f"search.folds.kind: {TIME} time folds, got neither"]),
        (
            {"folds": {"kind": "group-time"}},
            [
                f"search.folds.kind: {TIME} group-time folds, got neither",
                "search.folds.kind: expected data.groups (the column of each row's group) with group-time folds, got"
                " none",
            ],
        ),
        ({"nested": {"kind": "time"}}, [f"nested.folds.kind: {TIME} time folds, got neither"]),
        (
            {"folds": {"size": 4}},
            ["search.folds.size: expected nothing with k-fold folds, which are not in order of time"],
        ),
        (
            {"folds": {"window": 4, "kind": "grouped"}, "data": {"groups": "g"}},
            ["search.folds.window: expected nothing with grouped folds, which are not in order of time"],
        ),
        (
            {"folds": {"kind": "leave-one-group-out"}},
            [
                "search.folds.kind: expected data.groups (the column of each row's group) with leave-one-group-out"
                " folds, got none"
            ],
        ),
        (
            {"data": {"time": "day", "ordered": True}},
            ["data.ordered: expected false with data.time, which orders the rows, got true"],
        ),
        (
            {"data": {"gap": 3}},
            ["data.gap: expected 0 without data.time or data.ordered, since rows have no order, got 3"],
        ),
        (
            {"data": {"ordered": True}, "checks": {"permutations": 99}},
            [
                "checks.permutations: expected 0 where rows have an order (data.time, data.ordered): they cannot be"
                " exchanged, got 99"
            ],
        ),
        (
            {"folds": {"kind": "KFold", "n": 5}},
            ["search.folds.n: `n` is of our own kinds; KFold takes what stands in `options`"],
        ),
        (
            {"folds": {"options": {"n_splits": 5}}},
            [
                "search.folds.options: `options` are those of a class of scikit-learn's, named as kind, got kind None"
            ],
        ),
        (
            {"folds": {"kind": "shufle"}},
            [
                "search.folds.kind: expected one of k-fold, stratified, grouped, stratified-grouped, repeated,"
                " repeated-stratified, repeated-grouped, repeated-stratified-grouped, shuffle, time, group-time,"
                " leave-one-group-out, given, a class of scikit-learn's that splits rows, got 'shufle'; did you mean"
                " 'shuffle'?"
            ],
        ),
        (
            {"folds": {"kind": "StratifiedKFold"}},
            [
                "search.folds.kind: expected folds without classes, since the task is regression, got 'StratifiedKFold'"
            ],
        ),
        (
            {"folds": {"kind": "GroupKFold"}},
            [
                "search.folds.kind: expected data.groups (the column of each row's group) with GroupKFold folds, got"
                " none"
            ],
        ),
    ],
)
def test_what_does_not_go_together(asked: dict[str, Any], sentences: list[str]) -> None:
    with pytest.raises(StudyError) as refused:
        study(**asked)
    assert str(refused.value).splitlines() == sentences


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({}, "k-fold"),
        ({"groups": "g"}, "grouped"),
        ({"time": "day"}, "time"),
        ({"ordered": True}, "time"),
        ({"ordered": True, "groups": "g"}, "group-time"),
    ],
)
def test_the_usual_folds_follow_the_data(data: dict[str, Any], kind: str) -> None:
    asked = study(data=data)
    assert asked.folds_kind(Folds()) == kind
    assert asked.shuffles == (kind in ("k-fold", "grouped"))


def test_folds_that_deal_rows_out_in_any_order_are_known() -> None:
    def shuffles(kind: str, **options: Any) -> bool:
        return study(folds={"kind": kind, **options}, data={"groups": "g"}).shuffles

    assert [shuffles(kind) for kind in ("KFold", "ShuffleSplit", "GroupShuffleSplit")] == [True, True, True]
    assert [shuffles(kind) for kind in ("TimeSeriesSplit", "LeaveOneGroupOut", "PredefinedSplit")] == [
        False
    ] * 3
    assert not shuffles("leave-one-group-out")
    assert not shuffles("k-fold", shuffle=False)


def test_what_is_asked_for_is_written_and_read_again() -> None:
    options = {"n_splits": 4, "test_size": 0.25, "random_state": 3}
    asked = study(
        folds={"kind": "ShuffleSplit", "options": options},
        nested={"kind": "time", "n": 3, "size": 10, "window": 50},
        data={"time": "day", "gap": 2},
    )
    again = parse_study(tomllib.loads(to_toml(asked)))
    assert again == asked
    assert again.search is not None
    assert again.search.splitter.options == options


OF_KINDS: dict[str, tuple[Any, set[str], str]] = {
    "n": (7, {"given", "leave-one-group-out"}, "whose number the data says"),
    "share": (0.3, set(SPLITTERS) - {"shuffle"}, "of which each holds out an equal part of the rows"),
    "shuffle": (
        False,
        {name for name, row in SPLITTERS.items() if row.draws != "folds" or row.repeats},
        "which {} shuffle rows",
    ),
    "size": (4, set(SPLITTERS) - {"time", "group-time"}, "which are not in order of time"),
    "window": (4, set(SPLITTERS) - {"time", "group-time"}, "which are not in order of time"),
}
"""By key of folds a value, the kinds that have no use for it, and why."""


@pytest.mark.parametrize("section", ["search", "nested"])
@pytest.mark.parametrize(("key", "value"), [("n", 3), ("share", 0.2)])
@pytest.mark.parametrize("kind", ["KFold", "leave-one-group-out"])
def test_a_default_that_was_given_is_refused_like_any_other_value(
    section: str, key: str, value: float, kind: str
) -> None:
    own = f"search.folds.{key}: `{key}` is of our own kinds; KFold takes what stands in `options`"
    sentence = (
        own
        if kind == "KFold"
        else f"search.folds.{key}: expected nothing with {kind} folds, {OF_KINDS[key][2]}"
    )
    plain: dict[str, Any] = {"kind": kind}
    folds, nested = plain | {key: value}, plain
    if section == "nested":
        folds, nested = nested, folds
    with pytest.raises(StudyError) as refused:
        study(folds, nested=nested if section == "nested" else None, data={"groups": "g"})
    assert str(refused.value) == sentence.replace("search.", f"{section}.", 1)


@pytest.mark.parametrize("kind", ["KFold", "leave-one-group-out", "group-time", "given"])
def test_a_study_as_a_run_folder_keeps_it_is_read_again(kind: str) -> None:
    column = {"column": "f"} if kind == "given" else {}
    asked = study({"kind": kind, **column}, data={"groups": "g", "ordered": kind == "group-time"})
    text = to_toml(asked)
    assert " n = 3," in text
    assert parse_study(tomllib.loads(text)) == asked


@pytest.mark.parametrize("kind", SPLITTERS)
@pytest.mark.parametrize("key", OF_KINDS)
def test_a_key_without_a_meaning_is_refused(key: str, kind: str) -> None:
    value, useless, why = OF_KINDS[key]
    column = {"column": "f"} if kind == "given" else {}
    asked = {"data": {"groups": "g", "ordered": SPLITTERS[kind].by_time}}
    task = {"study": {"task": "classification"}}
    folds = {"kind": kind, key: value, **column}
    if kind not in useless:
        assert study(folds, **asked, **task).search is not None
        return
    with pytest.raises(StudyError) as refused:
        study(folds, **asked, **task)
    drawn = kind == "shuffle" or kind.startswith("repeated")
    why = why.format("always" if drawn else "never")
    assert str(refused.value) == f"search.folds.{key}: expected nothing with {kind} folds, {why}"
    # A study of old is read nevertheless.
    tree = {
        "study": {"name": "s", **task["study"]},
        "data": {"train": "t.csv", "target": "y", **asked["data"]},
    }
    assert Study.model_validate({**tree, "search": {"folds": folds}}).search is not None
