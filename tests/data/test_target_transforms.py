"""Targets are transformed as scikit-learn would, come back in their own units, and never overflow on the way."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.preprocessing import PowerTransformer

from data.test_preprocess import dataset
from shoal.data import Dialect, Preprocessing, TableSource, fit_preprocessing, load_table_dataset
from shoal.data._target_domain import outside_of_domain
from shoal.data._target_scale import TargetScale, fit_target
from shoal.data._target_transforms import TRANSFORMS, YeoJohnson, _bounds, _unlikelihood
from shoal.errors import DataError, ModelFileError
from shoal.kinds import TARGET_TRANSFORMS

KINDS = sorted(TRANSFORMS)
Floats = NDArray[np.float64]
FEW = settings(max_examples=25)


@st.composite
def targets(draw: st.DrawFn, kind: str, least: int = 1) -> Floats:
    """Draw numbers of many sizes within the domain of a transform."""
    size = draw(st.sampled_from([1e-3, 1.0, 1e3, 1e9]))
    values = np.array(draw(st.lists(st.floats(-1, 1, width=32), min_size=least, max_size=20)), np.float64)
    above = TARGET_TRANSFORMS[kind].above
    return values * size if above is None else np.abs(values) * size + above + 1e-3 * size


def test_every_transform_of_a_study_is_here_and_no_other() -> None:
    assert ["none", *KINDS] == sorted(TARGET_TRANSFORMS, key=lambda name: (name != "none", name))


@given(st.sampled_from(KINDS), st.booleans(), st.data())
def test_targets_come_back_and_travel_in_model_files(
    kind: str, standardize: bool, data: st.DataObject
) -> None:
    values = data.draw(targets(kind))
    fitted = fit_target("y", values, kind, standardize=standardize)
    again = TargetScale.from_json(json.loads(json.dumps(fitted.to_json())))
    assert again == fitted
    learned = (fitted.transformed(values) - fitted.scale.mean) / fitted.scale.scale
    spread = np.abs(values).max()
    np.testing.assert_allclose(fitted.restored(learned), values, rtol=1e-6, atol=1e-6 * spread)


@given(st.sampled_from(KINDS), st.lists(st.floats(width=32, allow_nan=False), min_size=1), st.data())
def test_no_output_leads_out_of_reach(kind: str, outputs: list[float], data: st.DataObject) -> None:
    values = data.draw(targets(kind))
    restored = fit_target("y", values, kind, standardize=True).restored(np.array(outputs, np.float64))
    beyond = 10 * (values.max() - values.min())
    assert np.isfinite(restored).all()
    assert (values.min() - beyond <= restored).all()
    assert (restored <= values.max() + beyond).all()


@FEW
@given(targets("yeo-johnson", least=5), st.sampled_from([0, 1, 30]), st.integers(0, 9))
def test_the_power_is_as_likely_as_that_of_scikit_learn(values: Floats, shift: int, seed: int) -> None:
    spread = max(float(np.abs(values).max()), 1e-3)
    values = values + shift * spread + spread * np.random.default_rng(seed).lognormal(size=len(values))
    ours = YeoJohnson.fit(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of powers that overflow on its way
        theirs = float(PowerTransformer(standardize=False).fit(values[:, None]).lambdas_[0])
    signs, logs = np.sign(values), np.log1p(np.abs(values))
    nearest = float(np.clip(theirs, *_bounds(signs, logs)))
    assert _unlikelihood(ours.power, signs, logs) <= _unlikelihood(nearest, signs, logs) + 1e-6


@pytest.mark.parametrize("sign", [1, -1])
def test_a_power_is_that_of_scikit_learn(sign: int) -> None:
    values = sign * np.random.default_rng(5).lognormal(2, 1, 400)
    peer = PowerTransformer(standardize=True).fit(values[:, None])
    fitted = fit_target("y", values, "yeo-johnson", standardize=True)
    assert isinstance(fitted.transform, YeoJohnson)
    assert fitted.transform.power == pytest.approx(peer.lambdas_[0], abs=1e-6)
    np.testing.assert_allclose(fitted.applied(values), peer.transform(values[:, None])[:, 0], atol=1e-5)
    learned = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(
        fitted.restored(learned), peer.inverse_transform(learned[:, None])[:, 0], rtol=1e-5
    )


def test_equal_targets_stay() -> None:
    fitted = fit_target("y", np.full(5, 7.0), "yeo-johnson", standardize=True)
    assert fitted.transform == YeoJohnson(1.0)
    assert fitted.restored(np.array([0.0, 99.0])).tolist() == [7.0, 7.0]


@pytest.mark.parametrize(
    ("kind", "least"), [("log", 1e-300), ("log1p", 0.0), ("yeo-johnson", 0.0), ("yeo-johnson", -1e308)]
)
def test_targets_of_the_largest_size_come_back_finite_from_a_file_too(kind: str, least: float) -> None:
    values = np.array([least, 1.0, 1.7e308])
    fitted = fit_target("y", values, kind)
    assert TargetScale.from_json(json.loads(json.dumps(fitted.to_json()))) == fitted
    restored = fitted.restored(np.array([-1e300, 0.0, 1e300]))
    assert np.isfinite(restored).all()
    assert (np.diff(restored) >= 0).all()


@FEW
@given(st.sampled_from(KINDS), st.data())
def test_poisoned_other_rows_change_no_byte(kind: str, data: st.DataObject) -> None:
    values = np.stack([data.draw(targets(kind, least=4))[:4] for _ in range(2)], axis=1)
    poisoned = values.copy()
    poisoned[[1, 3]] = [[np.inf, np.nan], [-1e300, 0.0]]
    rows = np.array([0, 2])
    fits = []
    for y in (values, poisoned):
        table = dataset({"x": np.arange(4.0)}, y)
        table = type(table)(**{**vars(table), "target_transform": kind})
        fits.append(json.dumps(fit_preprocessing(table, rows, "both").to_json()))
    assert fits[0] == fits[1]


def test_targets_that_are_nothing_beside_1_keep_the_power_that_changes_nothing() -> None:
    for values in ([1e-100, 0.0], [1e-20, 0.0, 3e-20], [0.0, -1e-300]):
        assert YeoJohnson.fit(np.array(values)).power == 1.0
    assert np.isfinite(
        YeoJohnson.fit(np.array([5.2915764e-20, 0.0])).power
    )  # without a warning, which is an error


FITTED = fit_target("y", np.array([1.0, 2, 9]), "yeo-johnson", standardize=True).to_json()


@pytest.mark.parametrize(
    "changes",
    [
        {"transform": {"kind": "sinh"}},
        {"transform": {"kind": "log", "power": 1.0}},
        {"transform": {"kind": "yeo-johnson", "power": 1}},
        {"transform": {"kind": "yeo-johnson", "power": float("nan")}},
        {"within": [2.0, 1.0]},
        {"within": [1.0, float("inf")]},
        {"more": 1},
    ],
)
def test_a_foreign_description_is_refused(changes: dict[str, Any]) -> None:
    entry = {**FITTED, **changes}
    described = {"inputs": [{"name": "x", "mean": 0.0, "scale": 1.0}], "targets": [entry], "channels": []}
    with pytest.raises(ModelFileError, match=r"^preprocessing: expected a column with "):
        Preprocessing.from_json(described)


def test_targets_of_two_transforms_do_not_go_together() -> None:
    entries = [FITTED, {"name": "z", "mean": 0.0, "scale": 1.0}]
    described = {"inputs": [{"name": "x", "mean": 0.0, "scale": 1.0}], "targets": entries, "channels": []}
    assert list(Preprocessing.from_json(described).misfits()) == [
        "preprocessing: expected one transform of all targets, got several"
    ]


def test_built_in_targets_outside_of_the_domain_are_named() -> None:
    table = dataset({"x": np.arange(7.0)}, np.array([[1.0], [0], [-2], [3], [-1], [-9], [-4]]))
    table = type(table)(**{**vars(table), "target_transform": "log"})
    assert [str(problem) for problem in outside_of_domain(table, ())] == [
        'column "y0": expected targets above 0 for data.target_transform = "log", got 0 (row 2), -2 (row 3), -1 (row 5)'
        ", -9 (row 6) and 1 more"
    ]


def test_counts_below_zero_are_named_by_line_and_fractions_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "\n".join(f"{row},{-2 if row == 5 else row / 2}" for row in range(9)) + "\n")
    source = TableSource(str(path), "regression", ("y",), test_share=0.3, losses=("mse", "poisson"))
    with pytest.raises(DataError) as refused:
        load_table_dataset(source)
    said = 't.csv, column "y": expected targets of at least 0 for training.loss = "poisson", got -2 (line 7)'
    assert str(refused.value).endswith(said)
    assert load_table_dataset(replace(source, losses=("mse",))).targets.min() == -2


@pytest.mark.parametrize(("kind", "above"), [("log", 0), ("log1p", -1)])
def test_targets_outside_of_the_domain_are_named_by_rows_of_a_sheet(
    kind: str, above: int, tmp_path: Path
) -> None:
    """They are those of the sheet, with what stands above the table, not those of the rows that are learned from."""
    book = openpyxl.Workbook(write_only=True)
    for name in ("prices", "later prices"):
        sheet = book.create_sheet(name)
        for cells in ([], ["x", "y"], ["m", "euro"], [1, 3], [2, above], [3, None], [4, above - 0.5]):
            sheet.append(cells)
    book.save(tmp_path / "t.xlsx")
    source = TableSource(
        str(tmp_path / "t.xlsx"), "regression", ("y",), drop_untargeted=True, target_transform=kind,
        dialect=Dialect(units_row=True),
    )  # fmt: skip
    with pytest.raises(DataError) as refusal:
        load_table_dataset(source)
    assert str(refusal.value) == (
        f'{tmp_path}/t.xlsx, column "y": expected targets above {above} for data.target_transform = "{kind}", got'
        f" {above} (row 5), {above - 0.5:g} (row 7)"
    )


def test_targets_outside_of_the_domain_are_named_by_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y\n1,2\n2,0\n3,4\n4,-1e9\n5,1\n", encoding="utf-8")
    source = TableSource(str(tmp_path / "t.csv"), "regression", ("y",), target_transform="log")
    with pytest.raises(DataError) as refusal:
        load_table_dataset(source)
    assert str(refusal.value) == (
        f'{tmp_path}/t.csv, column "y": expected targets above 0 for data.target_transform = "log", got 0 (line 3),'
        " -1e+09 (line 5)"
    )
