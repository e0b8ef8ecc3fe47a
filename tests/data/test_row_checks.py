"""Checks of the rows: each speaks of a fault of its own to the letter, and is silent of rows that are as they come."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from shoal.data import Column, Dataset, checks_of_rows, drift_of_rows, findings_in_rows
from shoal.data._row_check import beyond_rounding, chance_of_count, is_identity, patches, ranks, units
from shoal.data.row_checks.undeclared_groups import groupings

ROWS, TRAIN = 240, 180


def made(
    columns: dict[str, NDArray[Any]],
    target: NDArray[Any],
    *,
    images: NDArray[np.uint8] | None = None,
    groups: NDArray[Any] | None = None,
) -> Dataset:
    """Rows as they would be read; whole numbers as targets are classes."""
    classes = target.dtype.kind == "i"
    return Dataset(
        name="made",
        task="classification" if classes else "regression",
        columns=tuple(
            Column(name, values if values.dtype.kind == "U" else np.asarray(values, np.float64))
            for name, values in columns.items()
        ),
        target_names=("y",),
        targets=target if classes else target[:, None],
        classes=tuple(f"c{number}" for number in range(target.max() + 1)) if classes else (),
        train_rows=TRAIN,
        groups=None if groups is None else groups[:TRAIN],
        given_folds=None,
        train_fingerprint="",
        test_fingerprint="",
        source="made",
        images=images,
        test_groups=None if groups is None else groups[TRAIN:],
    )


def as_they_come(seed: int = 0) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    """Three inputs, one of them of few values, and a target that two of them half explain."""
    rng = np.random.default_rng(seed)
    columns = {"a": rng.normal(size=ROWS), "b": rng.normal(size=ROWS), "n": rng.poisson(6, ROWS)}
    return columns, columns["a"] + columns["b"] + rng.normal(size=ROWS)


def found(columns: dict[str, NDArray[Any]], target: NDArray[Any], **more: Any) -> dict[str, str]:
    return findings_in_rows(made(columns, target, **more), shuffled=True)


@pytest.mark.parametrize("seed", range(5))
def test_rows_as_they_come_raise_nothing(seed: int) -> None:
    columns, target = as_they_come(seed)
    assert found(columns, target) == {}
    assert found(columns, (target > 0).astype(int)) == {}
    assert drift_of_rows(made(columns, target)) == ""


def test_near_duplicates_are_told_from_rows_that_are_naturally_close() -> None:
    columns, target = as_they_come()
    rng = np.random.default_rng(1)
    for values in (columns["a"], columns["b"], target):
        values[TRAIN : TRAIN + 6] = values[:6] + 0.003 * rng.normal(size=6)
    columns["n"][TRAIN : TRAIN + 6] = columns["n"][:6]
    assert found(columns, target) == {
        "near-duplicates": "6 of 60 test rows looked at lie less than 0.01 times as far from the nearest training row"
        " that differs as from the 10th nearest, where none would be expected"
    }
    columns["n"][TRAIN : TRAIN + 6] += 1  # they differ where they would have to be equal
    assert found(columns, target) == {}


def test_equal_rows_are_no_near_duplicates() -> None:
    columns, target = as_they_come()
    for values in (*columns.values(), target):
        values[TRAIN : TRAIN + 6] = values[:6]
    assert found(columns, target) == {}


def test_near_duplicates_of_images() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (ROWS, 1, 10, 12)).astype(np.uint8)
    classes = rng.integers(0, 2, ROWS)
    assert found({}, classes, images=images) == {}
    images[TRAIN : TRAIN + 5] = np.clip(images[:5].astype(int) + 2, 0, 255)
    classes[TRAIN : TRAIN + 5] = classes[:5]
    clause = found({}, classes, images=images)["near-duplicates"]
    assert clause.startswith("5 of 60 test rows looked at lie less than ")


def test_categories_of_their_own() -> None:
    columns, target = as_they_come()
    columns["code"] = np.array([f"k{number}" for number in range(ROWS)])
    assert found(columns, target) == {
        "identifiers": 'in input "code" 180 of 180 training rows have a category of their own'
    }
    columns["code"] = np.array([f"k{number // 2}" for number in range(ROWS)])
    assert "identifiers" not in found(columns, target)


@pytest.mark.parametrize("way", ["blocks", "numbers", "named"])
def test_groups_that_nobody_named(way: str) -> None:
    columns, target = as_they_come()
    rng = np.random.default_rng(2)
    group_N = np.repeat(np.arange(ROWS // 4), 4)
    target = target + 3 * rng.normal(size=ROWS // 4)[group_N]
    number_N = rng.permutation(ROWS // 4)[group_N]
    if way == "blocks":
        columns["who"] = np.array([f"w{number}" for number in number_N])
    else:
        order = rng.permutation(ROWS)
        columns = {name: values[order] for name, values in columns.items()}
        target, number_N = target[order], number_N[order]
        names = np.array([f"w{number}" for number in number_N])
        columns |= {"who": number_N} if way == "numbers" else {"patient": names}
    clauses = found(columns, target)
    who = "patient" if way == "named" else "who"
    clause = clauses["undeclared groups"]
    values = len(np.unique(number_N[:TRAIN]))
    assert re.fullmatch(
        "rows of one value are alike in what the other inputs leave of the target, beyond any trend: input"
        rf' "{who}" \({values} values, which explain \d\d %\)',
        clause,
    )
    declared = np.array([f"{number}" for number in number_N])
    assert "undeclared groups" not in found(columns, target, groups=declared)


def test_measured_numbers_are_groups_in_blocks_alone_and_no_groups_beside_a_giveaway() -> None:
    columns, target = as_they_come()
    rng = np.random.default_rng(2)
    group_N = np.repeat(np.arange(ROWS // 4), 4)
    target = target + 3 * rng.normal(size=ROWS // 4)[group_N]
    columns["weight"] = np.round(rng.uniform(50, 90, ROWS // 4), 1)[group_N]
    assert '"weight"' in found(columns, target)["undeclared groups"]
    order = rng.permutation(ROWS)
    columns, target = {name: values[order] for name, values in columns.items()}, target[order]
    assert "undeclared groups" not in found(columns, target)
    number_N = rng.permutation(ROWS // 4)[group_N][order]
    columns |= {"b": number_N, "n": 2 * number_N, "weight": number_N + 100}
    clause = found(columns, target)["undeclared groups"]
    assert clause.endswith(" %), and 1 more")
    assert clause.count("values, which explain") == 2
    columns["made"] = 2 * target + 0.3
    assert set(found(columns, target)) == {"giveaways"}


def test_a_trend_is_no_group() -> None:
    columns, _ = as_they_come()
    rng = np.random.default_rng(3)
    age_N = rng.integers(20, 60, ROWS)
    columns["age"] = age_N
    assert found(columns, np.sin(age_N / 6) * 2 + 0.3 * rng.normal(size=ROWS)) == {}


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_said_of_a_target_that_inputs_explain_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hour_N, day_N = rng.integers(0, 24, ROWS), np.arange(ROWS) // 10
    casual_N, registered_N = np.round(rng.normal(20, 5, (2, ROWS)), 2)
    rides = {"casual": casual_N, "registered": registered_N, "hour": hour_N}
    assert found(rides, casual_N + registered_N) == {}
    assert found(rides, np.float64(np.float32(casual_N + registered_N))) == {}
    walk = np.cumsum(rng.normal(size=(2, ROWS)), axis=1)
    wandering = found({"a": walk[0], "b": walk[1], "day": day_N}, walk.sum(axis=0))
    assert not {"row order", "undeclared groups"} & set(wandering)
    kind_N = rng.integers(0, 3, ROWS)
    kinds = {f"is {kind}": kind_N == kind for kind in range(3)}
    assert found(kinds | {"hour": hour_N}, kind_N) == {}


def test_rounding_is_taken_out_of_what_is_left_of_each_target() -> None:
    target_NK = np.array([[1.0, 100.0], [2.0, 200.0], [3.0, 300.0], [4.0, 400.0]])
    left_NK = np.array([[1e-13, 10.0], [-1e-13, -10.0], [2e-13, 10.0 + 1e-12], [0.0, -10.0]])
    beyond_NK = beyond_rounding(left_NK, target_NK)
    assert (beyond_NK[:, 0] == 0).all()
    assert beyond_NK[0, 1] == beyond_NK[2, 1] == pytest.approx(10, rel=1e-4)
    assert (beyond_rounding(left_NK, np.ones((4, 2))) == 0).all()


@pytest.mark.parametrize("seed", range(4))
def test_equal_values_have_one_rank_wherever_they_stand(seed: int) -> None:
    assert ranks(np.array([0.5, -1.0, 0.5, 2.0, 0.5])).tolist() == [2, 0, 2, 4, 2]
    site_N = np.array([f"s{row // 8}" for row in range(ROWS)])
    assert found({"site": site_N}, np.random.default_rng(seed).integers(0, 2, ROWS)) == {}


def test_groups_and_persons_on_both_sides() -> None:
    columns, target = as_they_come()
    group_N = np.array([f"g{number}" for number in np.arange(ROWS) % 50])
    assert found(columns, target, groups=group_N)["shared groups"] == (
        "60 of 60 test rows are of groups that training rows have too (50)"
    )
    columns["patient_id"] = np.where(np.arange(ROWS) < TRAIN, np.arange(ROWS) % 50, 40 + np.arange(ROWS) % 20)
    assert found(columns, target)["shared groups"] == (
        '30 of 60 test rows are of values of "patient_id" that training rows have too (10)'
    )
    columns["patient_id"] += 1000 * (np.arange(ROWS) >= TRAIN)
    assert "shared groups" not in found(columns, target)


@pytest.mark.parametrize(
    "name", ["patient", "Patients", "subject_id", "UserId", "customer no", "the.person", "group"]
)
def test_names_of_those_who_are_measured(name: str) -> None:
    assert is_identity(name)
    assert not is_identity(name + "ality")


def test_an_input_that_gives_the_target_away() -> None:
    columns, target = as_they_come()
    columns["outcome"] = 2 * target
    assert re.fullmatch(
        r'input "outcome" alone predicts target "y" nearly perfectly: its squared error is [\d.]+ % of that of always'
        r" answering the mean \(with the next best input, \d+ %\)",
        found(columns, target)["giveaways"],
    )
    (others,) = re.findall(
        r"input, (.*) %\)", found({"outcome": target, "far": np.arange(ROWS) % 2 * 1.0}, target)["giveaways"]
    )
    assert re.fullmatch(r"1\d\d", others)  # no exponent where an input is worse than the mean
    columns["copy"] = columns["outcome"] + 0.01
    assert "giveaways" not in found(columns, target)  # two that are as good are no single leak
    columns, target = as_they_come()
    classes = (target > 0).astype(int)
    columns["code"] = np.array(["no", "yes"])[classes]
    assert found(columns, classes)["giveaways"].startswith(
        'input "code" alone predicts the class nearly perfectly: its mistakes are 0 % of those of always answering the'
        " most frequent class (with the next best input, "
    )
    assert found({"outcome": target}, target) == {}  # the only input of all


def test_neighbouring_rows_that_are_alike() -> None:
    columns, target = as_they_come()
    drifting = target + 2 * np.sin(np.arange(ROWS) / 10)
    clause = found(columns, drifting)["row order"]
    assert clause.startswith(
        "what the inputs leave of the target goes together in neighbouring rows (correlation 0."
    )
    assert clause.endswith("; 0.30 by chance at most), and folds are drawn in any order")
    assert findings_in_rows(made(columns, drifting), shuffled=False) == {}
    rows = replace(made(columns, drifting), drawn=True)
    assert findings_in_rows(rows, shuffled=True)["row order"].endswith(
        "folds and test rows are drawn in any order"
    )
    assert findings_in_rows(rows, shuffled=False)["row order"].endswith("test rows are drawn from among them")
    order = np.argsort(target)  # sorted by the target, or class by class
    ordered = {name: values[order] for name, values in columns.items()}
    assert "row order" not in found(ordered, target[order])
    assert "row order" not in found(ordered, np.sort((target > 0).astype(int)))


def test_of_row_order_the_cause_that_remains_is_named() -> None:
    (check,) = [check for check in checks_of_rows() if check.name == "row order"]
    rows = made(*as_they_come())
    order = "data.ordered = true, or a column named in data.time, keeps their order"
    assert check.hint(rows, True) == f"{order} in folds; or declare data.groups"
    assert check.hint(replace(rows, drawn=True), False) == f"{order} in test rows"
    assert (
        check.hint(replace(rows, drawn=True), True)
        == f"{order} in folds and test rows; or declare data.groups"
    )


def test_what_keeps_shared_groups_apart_depends_on_how_rows_are_divided() -> None:
    (check,) = [check for check in checks_of_rows() if check.name == "shared groups"]
    columns, target = as_they_come()
    rows = made(columns, target)
    declared = made(columns, target, groups=np.arange(ROWS) % 50)
    assert check.hint(replace(rows, drawn=True), True) == (
        "name this column in data.groups: test rows are then drawn by group"
    )
    assert check.hint(rows, True) == "the files share them: divide the files by this column"
    assert check.hint(declared, True) == (
        "the files share groups, which data.groups does not change: divide the files by group"
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_last_fifth_of_a_walk_is_no_copy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    walk = 0.05 * np.cumsum(rng.normal(size=(3, ROWS)), axis=1)
    target = walk[0] + 0.02 * rng.normal(size=ROWS)
    columns = {"a": walk[1], "b": walk[2]}
    assert "near-duplicates" not in findings_in_rows(made(columns, target), shuffled=False)
    assert "near-duplicates" not in found(columns, target)


def test_test_rows_of_another_kind() -> None:
    columns, target = as_they_come()
    columns["a"][TRAIN:] += 1.5
    clause = drift_of_rows(made(columns, target))
    assert clause.startswith(
        "test rows can be told from training rows by their inputs: area under the curve 0."
    )
    assert '; each by itself: "a" (0.' in clause
    columns, target = as_they_come()
    sign = np.where(np.arange(ROWS) < TRAIN, 1, -1)
    columns["b"] = sign * columns["a"] + 0.1 * columns["b"]
    assert drift_of_rows(made(columns, target)).endswith("; no input does by itself")
    few = np.array(["x", "y"])[(np.arange(ROWS) >= TRAIN).astype(int)]  # one group a side
    assert drift_of_rows(made(columns, target, groups=few)) == ""


def test_what_chance_draws_are_groups_where_they_are_known() -> None:
    columns, target = as_they_come()
    assert len(np.unique(units(made(columns, target)))) == ROWS
    groups = np.array([f"g{number}" for number in np.arange(ROWS) % 50])
    assert len(np.unique(units(made(columns, target, groups=groups)))) == 100


def test_patches_are_means_of_pixels() -> None:
    images = np.arange(2 * 3 * 16 * 20, dtype=np.int64).reshape(2, 3, 16, 20) % 256
    patch_ND = patches(images.astype(np.uint8), np.arange(2))
    assert patch_ND is not None
    assert patch_ND.shape == (2, 3 * 64)
    assert patch_ND[0, 0] == images[0, 0, :2, :2].mean()
    small_ND = patches(images[:, :, :3, :5].astype(np.uint8), np.arange(2))
    assert small_ND is not None
    assert small_ND.shape == (2, 3 * 15)


def test_the_bound_on_a_count_holds() -> None:
    rng = np.random.default_rng(0)
    draws = rng.binomial(50, 0.1, 100_000)
    for count in (8, 10, 14):
        assert np.mean(draws >= count) <= chance_of_count(count, 50, 0.1)
    assert chance_of_count(5, 50, 0.1) == 1.0
    assert chance_of_count(2, 50, 0.0) == 0.0


TOY = """
from shoal.data._row_check import RowCheck
from shoal.data.row_checks.undeclared_groups import groupings

CHECK = RowCheck("a toy", lambda dataset, shuffled: f"{dataset.rows} rows", "play")
"""


def test_a_check_of_the_rows_is_added_by_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = sys.modules["shoal.data.row_checks"]
    (tmp_path / "toy.py").write_text(TOY, encoding="utf-8")
    monkeypatch.setattr(room, "__path__", [*room.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "shoal.data.row_checks.toy", raising=False)
    assert "a toy" in [check.name for check in checks_of_rows()]
    assert found(*as_they_come()) == {"a toy": "240 rows"}


@given(st.integers(1, 12), st.integers(1, 100), st.integers(0, 2**32 - 1))
def test_the_least_numbers_of_a_row_are_those_of_a_sort(count: int, blocks: int, seed: int) -> None:
    width = count + np.random.default_rng(seed).integers(0, 400)
    values = np.random.default_rng(seed).integers(0, 50, (3, width)).astype(np.float32)
    module = sys.modules["shoal.data.row_checks.near_duplicates"]
    with patch.object(module, "_BLOCKS", blocks):
        places = module._least(values, count)
    assert places.shape == (3, count)
    assert all(len(set(row)) == count for row in places.tolist())
    least = np.sort(np.take_along_axis(values, places, axis=1), axis=1)
    assert (least == np.sort(values, axis=1)[:, :count]).all()


def _by_hour(seed: int, kind: str, *, grouped: bool) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    """Rows of 24 hours, whose target is noise, or the hour's own level: continuous, rare classes, rare counts."""
    rng = np.random.default_rng(seed)
    hour_N = rng.integers(0, 24, 2_000)
    own_N = 6 * grouped * rng.permutation(np.linspace(-1.5, 1.5, 24))[hour_N]
    if kind == "counts":
        return {"hour": hour_N}, rng.poisson(np.exp(own_N / 2 - 2)).astype(float)
    target = own_N + rng.normal(size=len(hour_N))
    if kind == "continuous":
        return {"hour": hour_N}, target
    return {"hour": hour_N}, (target > np.quantile(target, 1 - float(kind))).astype(int)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["0.02", "0.1", "0.5", "continuous", "counts"])
def test_noise_is_no_group_however_rare_a_class_is(kind: str, seed: int) -> None:
    columns, target = _by_hour(seed, kind, grouped=False)
    assert groupings(replace(made(columns, target), train_rows=len(target)), shuffled=True) == {}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("named", ["hour", "count", "patient"])
def test_far_values_make_no_groups(named: str, seed: int) -> None:
    """Noise without a variance bends a curve of least squares, which would shift all rows of a value alike; the levels
    of persons are seen through such noise as through any.
    """
    rng = np.random.default_rng(seed)
    number_N = {
        "hour": rng.integers(0, 24, 900),
        "count": rng.poisson(12, 900),
        "patient": rng.integers(0, 180, 900),
    }
    columns = {"a": rng.normal(size=900), named: number_N[named]}
    for noise in (rng.standard_t(1, 900), np.exp(3 * rng.normal(size=900))):
        clean = replace(made(columns, columns["a"] + noise), train_rows=900)
        assert groupings(clean, shuffled=True) == {}
        own_N = rng.normal(size=number_N[named].max() + 1)[number_N[named]]
        if named == "patient":
            planted = replace(
                made(columns, columns["a"] + noise + 1.5 * np.ptp(np.quantile(noise, [0.25, 0.75])) * own_N),
                train_rows=900,
            )
            assert set(groupings(planted, shuffled=True)) == {"patient"}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["0.1", "0.5", "continuous", "counts"])
def test_levels_of_hours_are_groups_of_a_rare_class_too(kind: str, seed: int) -> None:
    columns, target = _by_hour(seed, kind, grouped=True)
    assert set(groupings(replace(made(columns, target), train_rows=len(target)), shuffled=True)) == {"hour"}
