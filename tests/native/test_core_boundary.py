"""A description that the core cannot take is refused by the name of the field; never a crash, never a guess.

The same under sanitizers, with 100,000 descriptions: `make sanitize` (fuzz.cpp).
"""

from __future__ import annotations

import ctypes
import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from core_cases import LONG, core, make_data, make_job, needs_core, same_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.engine._trainer import FitData, Rows, initial_state
from shoal.engine.trainers.native import NativeTrainer, _Fit
from shoal.engine.trainers.native_core import TARGETS, runnable_targets
from shoal.errors import ShoalError
from shoal.kinds import LOSSES

pytestmark = needs_core

JOB = make_job(
    {"hidden": (9, 3), "activation": "relu", "dropout": 0.5}, {"epochs": 4, "batch_size": 4}, "mse", (2, 2)
)
IMAGES = make_job(
    {
        "kind": "cnn",
        "conv": ({"channels": 4, "padding": 1, "groups": 2, "pool": {}}, {"channels": 3, "kernel": 2}),
        "hidden": (),
        "batch_norm": True,
    },
    {"epochs": 4, "batch_size": 4},
    "cross-entropy",
    ((2, 6, 5), 3),
)
CLASSES = make_job({"hidden": (9,)}, {"epochs": 4, "batch_size": 4}, "cross-entropy", (2, 3))
LABELS = make_job({"hidden": (9,)}, {"epochs": 4, "batch_size": 4}, "binary-cross-entropy", (2, 3))
LEVELS = make_job({"hidden": (9,)}, {"epochs": 4, "batch_size": 4}, "quantile", (2, 2))
CODES = make_job({"hidden": (9,)}, {"epochs": 4, "batch_size": 4}, "mse", (3, 2), ((4, 2), (5, 3)))
NORMED = make_job({"hidden": (9, 3), "batch_norm": True}, {"epochs": 4, "batch_size": 5}, "mse", (2, 2))
SINGLE_PIXELS = {"kind": "cnn", "conv": ({"channels": 3, "kernel": 3},), "hidden": (), "batch_norm": True}
HUGE = (2**31, 2**63 - 1, -(2**63))


def answer(fit: _Fit, until: int = 4, target: int | None = None) -> str:
    """Name the field that is refused; empty where the fit was trained."""
    if target is None:
        target = TARGETS.index(runnable_targets()[-1])
    code = core().shoal_advance(target, ctypes.byref(fit.struct), until)
    name: str = core().shoal_field(code).decode()
    assert bool(code) == bool(name)
    return name


def fresh(job: Any = JOB) -> _Fit:
    return _Fit(job, make_data(job, 9, 3, 2), initial_state(job))


def spoilt(path: str, value: Any) -> _Fit:
    """A sound description with one field changed."""
    of_images = path in OF_IMAGES or path.startswith(("network.conv", "network.height", "network.width"))
    of_codes = path.startswith("network.table")
    of_norms = "norm" in path or "buffer" in path
    job = CLASSES if "labels" in path else NORMED if of_norms else JOB
    owner = fresh(IMAGES if of_images else CODES if of_codes else job)
    struct: Any = owner.struct
    *outer, last = path.split(".")
    for name in outer:
        if name.isdigit():
            struct = struct.dense[int(name)]
        elif name.startswith("table-"):
            struct = struct.tables[int(name[-1])]
        elif name.startswith("conv-"):
            struct = struct.convs[int(name[-1])]
        else:
            struct = getattr(struct, name)
    setattr(struct, last, value)
    return owner


OF_IMAGES = (
    "evaluate_every", "images", "images_count", "pixel_scale", "pixel_offset", "pixel_count", "shift", "flip",
    "train.index", "train.index_count",
)  # fmt: skip
SIDES = {
    "kernel": (0, -1, 9, *HUGE),
    "stride": (0, -1, *HUGE),
    "padding": (-1, 2**22, *HUGE),
    "dilation": (0, -1, 4, *HUGE),
    "pool_size": (0, -1, 7, *HUGE),
    "pool_stride": (0, -1, *HUGE),
}
"""What no convolution of `IMAGES` takes, down or across."""

CASES: list[tuple[str, Any, str]] = [
    ("abi", 0, "abi"),
    *(("network.inputs", value, "inputs") for value in (0, -1, 2**24 + 1, *HUGE)),
    *(("network.dense_count", value, "dense_count") for value in (0, -1, 1025, *HUGE)),
    *(("network.0.units", value, "dense.units") for value in (0, -1, 2**24 + 1, *HUGE)),
    ("network.0.units", 10, "parameter_count"),
    *(("network.0.activation", value, "dense.activation") for value in (-1, 9, *HUGE)),
    ("network.2.activation", 1, "dense.activation"),
    *(("network.0.dropout_threshold", value, "dense.dropout_threshold") for value in (-1, 65536, *HUGE)),
    ("network.2.dropout_threshold", 1, "dense.dropout_threshold"),
    *(("network.0.norm", value, "dense.norm") for value in (-1, 3, *HUGE)),
    ("network.0.norm", 0, "parameter_count"),
    ("network.0.norm", 2, "buffer_count"),
    *(("network.2.norm", value, "dense.norm") for value in (1, 2)),
    *(("network.conv_count", value, "conv_count") for value in (-1, 33, *HUGE)),
    ("network.convs", None, "convs"),
    *((f"network.{side}", value, "height") for side in ("height", "width") for value in (0, -1, 7, *HUGE)),
    *(("network.conv-0.units", value, "convs.units") for value in (0, -1, 2**16 + 1, *HUGE)),
    *(
        (f"network.conv-0.{sides}.{side}", value, f"convs.{sides}")
        for sides, values in SIDES.items()
        for side in ("height", "width")
        for value in values
    ),
    ("network.conv-0.stride.width", 2**31 - 1, "convs.pool_size"),
    ("network.conv-1.stride.height", 2**31 - 1, "parameter_count"),
    ("network.conv-0.pool_stride.height", 2**31 - 1, "convs.kernel"),
    ("network.conv-0.padding.width", 2**18, "parameter_count"),
    ("network.conv-1.kernel.width", 1, "parameter_count"),
    ("network.conv-1.dilation.height", 2, "parameter_count"),
    *(("network.first_layer", value, "first_layer") for value in (-1, 1025, *HUGE)),
    *(("network.conv-0.activation", value, "convs.activation") for value in (-1, 9, *HUGE)),
    *(("network.conv-0.pool", value, "convs.pool") for value in (-1, 3, *HUGE)),
    *(("network.conv-0.dropout_threshold", value, "convs.dropout_threshold") for value in (-1, 65536, *HUGE)),
    ("network.conv-1.units", 4, "parameter_count"),
    *(("network.conv-0.groups", value, "convs.groups") for value in (0, -1, 3, 4, *HUGE)),
    ("network.conv-0.groups", 1, "parameter_count"),
    *(("network.conv-1.norm", value, "convs.norm") for value in (-1, 3, *HUGE)),
    ("network.conv-1.norm", 0, "parameter_count"),
    ("network.conv-1.norm", 2, "buffer_count"),
    *(("network.conv-0.skip", value, "convs.skip") for value in (-1, 2, *HUGE)),
    ("network.conv-0.skip", 1, "parameter_count"),  # of other channels, which are passed
    *(("network.conv-1.skip", value, "convs.skip") for value in (1, 2, 3)),  # of other sizes, or none
    *(("network.table_count", value, "table_count") for value in (-1, 4, *HUGE)),
    ("network.table_count", 1, "train.x"),
    ("network.tables", None, "tables"),
    *(
        (f"network.table-1.{name}", value, "tables")
        for name in ("rows", "size")
        for value in (0, -1, 2**24 + 1, *HUGE)
    ),
    ("network.table-1.size", 2**24, "tables"),
    ("network.table-1.size", 4, "parameter_count"),
    ("network.table-1.rows", 6, "parameter_count"),
    *(("evaluate_every", value, "evaluate_every") for value in (0, -1, *HUGE)),
    ("images", None, "images"),
    *(("images_count", value, "images") for value in (-1, 59, *HUGE)),
    ("images_count", 60, "train.x"),
    *((name, None, "pixel_scale") for name in ("pixel_scale", "pixel_offset")),
    *(("pixel_count", value, "pixel_scale") for value in (0, 1, 3, *HUGE)),
    *(("shift", value, "shift") for value in (-1, 2**14 + 1, *HUGE)),
    *(("flip", value, "shift") for value in (-1, 2, *HUGE)),
    ("train.index", None, "train.x"),
    *(("train.index_count", value, "train.x") for value in (0, 8, 10, *HUGE)),
    *(("loss", value, "loss") for value in (-1, len(LOSSES), *HUGE)),
    *(("loss_option", value, "loss_option") for value in (1.0, -1.0, float("nan"))),
    *(("optimizer", value, "optimizer") for value in (-1, 4, *HUGE)),
    *(("momentum", value, "momentum") for value in (-0.1, 1.0, float("nan"), 0.5)),
    *(("nesterov", value, "nesterov") for value in (-1, 1, 2)),
    *(("weight_decay", value, "weight_decay") for value in (-1.0, float("nan"), float("inf"))),
    *(("batch_size", value, "batch_size") for value in (0, -1, *HUGE)),
    *(("learning_rates_count", value, "learning_rates_count") for value in (0, 3, 5, *HUGE)),
    ("learning_rates", None, "learning_rates"),
    *(("monitor", value, "monitor") for value in (-1, 3, *HUGE)),
    *(("patience", value, "patience") for value in (-1, *HUGE)),
    *(
        (f"{part}.row_count", value, f"{part}.row_count")
        for part in ("train", "validation", "inner")
        for value in (-1, *HUGE)
    ),
    ("train.row_count", 0, "train.row_count"),
    ("train.row_count", 10, "train.x"),
    *((f"{part}.x_count", 1, f"{part}.x") for part in ("train", "validation", "inner")),
    *((f"{part}.x", None, f"{part}.x") for part in ("train", "validation", "inner")),
    *((f"{part}.values_count", 1, f"{part}.y") for part in ("train", "validation", "inner")),
    *((f"{part}.values", None, f"{part}.y") for part in ("train", "validation", "inner")),
    *((f"{part}.labels_count", 1, f"{part}.y") for part in ("train", "validation", "inner")),
    *((f"{part}.labels", None, f"{part}.y") for part in ("train", "validation", "inner")),
    *((f"{part}.weights_count", 1, f"{part}.weights") for part in ("train", "validation", "inner")),
    *((f"{part}.shares_count", 1, f"{part}.shares") for part in ("train", "validation", "inner")),
    *(("evaluation_count", value, "evaluation_count") for value in (-1, 5, *HUGE)),
    ("evaluation_count", 3, "curve_count"),
    ("evaluation_epochs", None, "evaluation_epochs"),
    *(("parameter_count", value, "parameter_count") for value in (-1, 0, 1, *HUGE)),
    *(
        (name, None, name)
        for name in ("parameters", "first_moment", "second_moment", "best_parameters", "curve")
    ),
    *(("buffer_count", value, "buffer_count") for value in (-1, 0, 23, 25, *HUGE)),
    *((name, None, name) for name in ("buffers", "best_buffers")),
    ("curve_count", 19, "curve_count"),
    *(("epoch", value, "epoch") for value in (-1, 5, *HUGE)),
    *(("step", value, "step") for value in (-1, 99, *HUGE)),
    *(("pause_interval", value, "pause_interval") for value in (-1, 2**60 + 1, -(2**63))),
    *(("evaluations_done", value, "evaluations_done") for value in (-1, 1, *HUGE)),
    *(("best_epoch", value, "best_epoch") for value in (-1, 1, *HUGE)),
    *(("status", value, "status") for value in (-1, 3, *HUGE)),
]


@pytest.mark.parametrize(("path", "value", "field"), CASES)
def test_each_spoilt_field_is_refused_by_name(path: str, value: Any, field: str) -> None:
    assert answer(spoilt(path, value)) == field


def test_labels_and_points_are_looked_at_one_by_one() -> None:
    for label in (-1, 3, 2**40):
        data = make_data(CLASSES, 9, 3, 2)
        data.train.y[7] = label
        assert answer(_Fit(CLASSES, data, initial_state(CLASSES))) == "train.y"
    for image in (-1, 99, 2**40):
        data = make_data(IMAGES, 9, 3, 2)
        data.train.index[7] = image  # type: ignore[index]
        assert answer(_Fit(IMAGES, data, initial_state(IMAGES))) == "train.x"
    for place, code in ((1, 4), (2, 5), (2, -1), (1, 0.5), (2, math.nan), (2, math.inf), (1, 2.0**40)):
        data = make_data(CODES, 9, 3, 2)
        data.train.x[7, place] = code
        assert answer(_Fit(CODES, data, initial_state(CODES))) == "train.x"
        state = initial_state(CODES)
        with pytest.raises(ShoalError, match="native trainer: x:"):
            NativeTrainer().outputs(CODES.architecture, state.parameters_P, state.buffers, data.train.x)
    for weight in (-1.0, math.nan, math.inf):
        data = make_data(JOB, 9, 3, 2)
        weight_N = np.ones(9, np.float32)
        weight_N[7] = weight
        weighted = dataclasses.replace(data.train, weight=weight_N)
        owner = _Fit(JOB, dataclasses.replace(data, train=weighted), initial_state(JOB))
        assert answer(owner) == "train.weights"
    for target in (-0.1, 1.1, math.nan):
        data = make_data(LABELS, 9, 3, 2)
        data.train.y[7, 1] = target
        assert answer(_Fit(LABELS, data, initial_state(LABELS))) == "train.y"
    for share in (1.0, -1.0, math.nan, math.inf):
        share_NK = np.ones((9, 3), np.float32)
        share_NK[7, 1] = share
        data = make_data(LABELS, 9, 3, 2)
        spread = dataclasses.replace(data, train=dataclasses.replace(data.train, share=share_NK))
        refused = "" if share == 1 else "train.shares"
        assert answer(_Fit(LABELS, spread, initial_state(LABELS))) == refused
    of_numbers = make_data(JOB, 9, 3, 2)
    spread = dataclasses.replace(
        of_numbers, train=dataclasses.replace(of_numbers.train, share=np.ones((9, 2), np.float32))
    )
    assert answer(_Fit(JOB, spread, initial_state(JOB))) == "train.shares"
    for points in ([0, 1, 2, 3], [1, 2, 2, 3], [1, 2, 3, 5], [2, 1, 3, 4]):
        state = initial_state(JOB)
        state.epoch_T = np.array(points)
        assert answer(_Fit(JOB, make_data(JOB), state)) == "evaluation_epochs"


@pytest.mark.parametrize(
    "levels", [(), (0.0, 0.5), (0.5, 1.0), (0.5, 0.5), (0.6, 0.5), (float("nan"),), (0.2, float("nan"))]
)
def test_levels_are_looked_at_one_by_one(levels: tuple[float, ...]) -> None:
    owner = fresh(LEVELS)
    assert answer(owner) == ""
    owner = fresh(LEVELS)
    array = np.array(levels)
    owner.struct.levels, owner.struct.level_count = array.ctypes.data, array.size
    assert answer(owner) == "levels"


def test_levels_belong_to_one_loss_and_outputs_to_whole_targets() -> None:
    owner = fresh()
    owner.struct.level_count = 1
    assert answer(owner) == "levels"
    owner = fresh(LEVELS)
    owner.struct.levels = None
    assert answer(owner) == "levels"
    owner = fresh(LEVELS)
    owner.struct.level_count = 2  # of six outputs, which are then three targets
    assert answer(owner) == "train.y"
    array = np.array([0.1, 0.2, 0.3, 0.4])
    owner.struct.levels, owner.struct.level_count = array.ctypes.data, 4
    assert answer(owner) == "dense.units"
    for part in ("train", "validation", "inner"):
        owner = fresh(LEVELS)
        getattr(owner.struct, part).values_count += 1
        assert answer(owner) == f"{part}.y"


def test_other_arguments_are_looked_at_too() -> None:
    owner = fresh()
    assert answer(owner, until=5) == "until"
    assert answer(owner, until=-1) == "until"
    assert answer(owner, target=-1) == "target"
    assert answer(owner, target=99) == "target"
    assert core().shoal_field(core().shoal_advance(0, None, 1)).decode() == "fit"
    assert core().shoal_field(-1) == core().shoal_field(10_000) == b""
    network, y, target = owner.struct.network, np.zeros(4, np.float32), TARGETS.index(runnable_targets()[-1])
    p, count, at = owner.struct.parameters, owner.struct.parameter_count, y.ctypes.data
    none = None, 0

    def outputs(*arguments: Any) -> str:
        return core().shoal_field(core().shoal_outputs(target, ctypes.byref(network), *arguments)).decode()

    assert outputs(p, count, *none, at, 4, 2, at, 4) == ""
    assert outputs(p, count - 1, *none, at, 4, 2, at, 4) == "parameter_count"
    assert outputs(None, count, *none, at, 4, 2, at, 4) == "parameters"
    assert outputs(p, count, at, 1, at, 4, 2, at, 4) == "buffer_count"
    assert outputs(p, count, *none, None, 4, 2, at, 4) == outputs(p, count, *none, at, 3, 2, at, 4) == "x"
    assert (
        outputs(p, count, *none, at, 4, 2, None, 4) == outputs(p, count, *none, at, 4, 2, at, 3) == "outputs"
    )
    owner = fresh(NORMED)
    network, p, count = owner.struct.network, owner.struct.parameters, owner.struct.parameter_count
    buffers, statistics = owner.struct.buffers, owner.struct.buffer_count
    assert outputs(p, count, buffers, statistics, at, 4, 2, at, 4) == ""
    assert outputs(p, count, None, statistics, at, 4, 2, at, 4) == "buffers"
    assert outputs(p, count, buffers, statistics - 1, at, 4, 2, at, 4) == "buffer_count"


def test_a_norm_of_single_numbers_takes_no_batch_of_one_row() -> None:
    for rows, batch, refused in (
        (9, 4, "batch_size"),
        (9, 1, "batch_size"),
        (1, 4, "batch_size"),
        (10, 4, ""),
    ):
        for job in (NORMED, make_job(SINGLE_PIXELS, {"epochs": 4}, "cross-entropy", ((2, 3, 3), 3))):
            owner = _Fit(job, make_data(job, rows, 3, 2), initial_state(job))
            owner.struct.batch_size = batch
            assert answer(owner) == refused
    owner = _Fit(IMAGES, make_data(IMAGES, 9, 3, 2), initial_state(IMAGES))  # of more than one pixel
    assert answer(owner) == ""


@settings(max_examples=20_000 if LONG else 1000)
@given(case=st.sampled_from(CASES), value=st.integers(-(2**63), 2**63 - 1))
def test_drawn_numbers_are_refused_or_harmless(case: tuple[str, Any, str], value: int) -> None:
    path, given, _ = case
    if (
        isinstance(given, int) and path != "network.dense_count"
    ):  # nothing else states how many layers there are
        answer(spoilt(path, value))


def test_a_table_has_nothing_of_images_nor_images_of_a_table() -> None:
    owner = fresh(IMAGES)
    owner.struct.network.table_count = 1
    assert answer(owner) == "table_count"
    for field, value in (("evaluate_every", 2), ("shift", 1), ("flip", 1)):
        owner = fresh()
        setattr(owner.struct, field, value)
        assert answer(owner) == "shift"


def test_a_refusal_is_an_error_that_names_the_field() -> None:
    rows = Rows(np.zeros((4, 3), np.float32), np.zeros((4, 2), np.float32))
    state = initial_state(JOB)
    with pytest.raises(ShoalError) as caught:
        NativeTrainer().advance(JOB, FitData(rows, rows, rows), state, 1)
    assert (
        str(caught.value)
        == "native trainer: train.x: the core refuses this value; this is a mistake in Shoal"
    )
    assert same_bytes(state, initial_state(JOB))
