"""The tables of kinds: everything that names a kind derives from them, and a kind that is unknown raises everywhere."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from shoal import estimators, kinds
from shoal.activations import ACTIVATIONS, ActivationKind
from shoal.data import encoder_class
from shoal.data._encoder import FLOAT
from shoal.engine import Job, Trainer, Trainers, initial_state
from shoal.engine._trainer import FitData, Rows
from shoal.errors import StudyError
from shoal.kinds import (
    ENCODERS,
    LAYERS,
    LOSSES,
    NETWORKS,
    NORMS,
    OPTIMIZERS,
    POOLS,
    SCHEDULES,
    SEARCHES,
    SPLITTERS,
)
from shoal.nets import (
    Architecture,
    GraphParts,
    add_network,
    build_architecture,
    build_module,
    initial_parameters,
)
from shoal.nets._activations import near_bound
from shoal.nets._layer import layer_class
from shoal.nets._optimizers import OPTIMIZERS as OPTIMIZER_ROWS
from shoal.nets._schedules import SCHEDULES as SCHEDULE_ROWS
from shoal.results import higher_is_better
from shoal.scores import SCORES
from shoal.streams import StreamKey
from shoal.study import Activation, Loss, Network, Optimizer, Schedule, Training
from shoal.study._values import Method, Metric, NetworkName, NormName, PoolName, Splitter
from shoal.wording import named_few

NATIVE = Path(__file__).parent.parent / "src" / "native"
HOUSE = Path(kinds.__file__).parent
NETS = HOUSE / "nets"

CHOICES = [
    (Activation, ACTIVATIONS),
    (Loss, LOSSES),
    (Optimizer, OPTIMIZERS),
    (NetworkName, NETWORKS),
    (PoolName, POOLS),
    (NormName, {"none": None, **NORMS}),
    (Schedule, SCHEDULES),
    (Metric, SCORES),
    (Method, SEARCHES),
]


@pytest.mark.parametrize(("choice", "table"), CHOICES)
def test_a_study_offers_what_the_table_holds(choice: Any, table: dict[str, Any]) -> None:
    assert get_args(choice) == tuple(table)


def test_a_study_offers_the_kinds_of_folds_and_scikit_learns() -> None:
    choice = TypeAdapter(Splitter)
    *kinds, others = choice.json_schema()["enum"]
    assert (kinds, others) == (list(SPLITTERS), "a class of scikit-learn's that splits rows")
    assert [choice.validate_python(name) for name in (*SPLITTERS, "KFold")] == [*SPLITTERS, "KFold"]
    for name in ("fold", "K-Fold", "kFold", ""):
        with pytest.raises(ValidationError):
            choice.validate_python(name)


@pytest.mark.parametrize(
    ("estimator", "tables"),
    [
        ("MLPRegressor", (OPTIMIZERS, SCHEDULES)),  # of activations all say: see Network
        ("MLPClassifier", (OPTIMIZERS, SCHEDULES)),
        ("CNNClassifier", (OPTIMIZERS, SCHEDULES)),
    ],
)
def test_an_estimator_names_every_choice_to_its_readers(
    estimator: str, tables: tuple[dict[str, Any], ...]
) -> None:
    text = getattr(estimators, estimator).__doc__
    assert [name for table in tables for name in table if f'"{name}"' not in text] == []


@pytest.mark.parametrize(
    ("rows", "table"),
    [(OPTIMIZER_ROWS, OPTIMIZERS), (SCHEDULE_ROWS, SCHEDULES)],
)
def test_every_kind_has_its_row_in_nets(rows: dict[str, Any], table: dict[str, Any]) -> None:
    assert list(rows) == list(table)


@pytest.mark.parametrize(
    ("room", "table", "others"), [("losses", LOSSES, set()), ("layers", LAYERS, {"norm", "pool"})]
)
def test_every_loss_and_layer_has_its_file(room: str, table: dict[str, Any], others: set[str]) -> None:
    """`others`: what several kinds of layers have."""
    files = {path.stem for path in (NETS / room).glob("*.py")} - {"__init__"}
    assert files - others == {name.replace("-", "_") for name in table}
    assert others <= files


def test_every_encoder_has_its_file_and_calls_itself_by_its_kind() -> None:
    files = {path.stem for path in (HOUSE / "data" / "encoders").glob("*.py")} - {"__init__"}
    assert files == {name.replace("-", "_") for name in ENCODERS}
    assert [encoder_class(kind).kind for kind in ENCODERS] == list(ENCODERS)


def test_the_type_of_prepared_inputs_is_that_of_onnx() -> None:
    onnx = pytest.importorskip("onnx")
    assert onnx.TensorProto.FLOAT == FLOAT


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_calls_itself_by_its_kind(kind: str) -> None:
    assert layer_class(kind).kind == kind


@pytest.mark.parametrize(
    ("enum", "first", "table"),
    [
        ("ShoalActivation", 0, ACTIVATIONS),
        ("ShoalLoss", 0, LOSSES),
        ("ShoalOptimizer", 0, OPTIMIZERS),
        ("ShoalPool", 1, POOLS),
    ],
)
def test_numbers_are_those_of_the_core(enum: str, first: int, table: dict[str, Any]) -> None:
    """`first`: how many names of the core stand for no kind; the last one of a list counts the others."""
    text = (NATIVE / "interface.h").read_text(encoding="utf-8")
    body = re.search(rf"enum {enum} \{{(.*?)\}}", text, re.DOTALL)
    assert body
    names = [name.strip().removeprefix("SHOAL_").removesuffix("_POOL") for name in body[1].split(",")][:-1]
    known = {name.replace("-", "_").upper(): row.core for name, row in table.items() if row.core is not None}
    assert known == {name: number for number, name in enumerate(names) if number >= first}


KEY = StreamKey(1, 2, 3)
JOB = Job(
    build_architecture(Network(hidden=(3,)), (2,), 1),
    Training(epochs=2, batch_size=4, validation=0),
    "mse",
    KEY,
)
SOME = Rows(np.ones((8, 2), np.float32), np.ones((8, 1), np.float32))
NONE = Rows(SOME.x[:0], SOME.y[:0])


def with_activation(name: str) -> Job:
    layers = tuple(dataclasses.replace(layer, activation=name) for layer in JOB.architecture.layers)
    return dataclasses.replace(JOB, architecture=dataclasses.replace(JOB.architecture, layers=layers))


def with_training(**changes: str) -> Job:
    return dataclasses.replace(JOB, training=JOB.training.model_copy(update=changes))


NO_SUCH = "no-such-kind"
"""A name that no kind will ever have."""


def refusal(kind: str, table: dict[str, Any]) -> str:
    return f"{kind}: expected one of {named_few([*table])}, got '{NO_SUCH}'"


UNKNOWN = [
    (dataclasses.replace(JOB, loss=NO_SUCH), refusal("loss", LOSSES)),
    (with_training(optimizer=NO_SUCH), refusal("optimizer", OPTIMIZERS)),
    (with_training(schedule=NO_SUCH), refusal("schedule", SCHEDULES)),
    (with_activation(NO_SUCH), refusal("activation", ACTIVATIONS)),
]


@pytest.fixture(params=["torch", "native"])
def trainer(request: pytest.FixtureRequest) -> Trainer:
    found = Trainers().by_name.get(request.param)
    if found is None:
        pytest.skip("the native core is not built on this machine")
    return found


@pytest.mark.parametrize(("job", "sentence"), UNKNOWN, ids=lambda part: str(part)[:9])
def test_no_trainer_takes_an_unknown_kind_for_another(trainer: Trainer, job: Job, sentence: str) -> None:
    state = initial_state(job)
    before = state.parameters_P.copy()
    with pytest.raises(StudyError) as caught:
        trainer.advance(job, FitData(SOME, NONE, NONE), state, 2)
    assert str(caught.value) == sentence
    assert (state.status, state.epoch) == ("training", 0)
    assert np.array_equal(state.parameters_P, before)


@pytest.mark.parametrize("number", [0, 3])
def test_a_choice_of_trainer_refuses_an_unknown_kind_too(number: int) -> None:
    job, sentence = UNKNOWN[number]
    job = dataclasses.replace(job, training=job.training.model_copy(update={"loss": job.loss}))
    if "native" not in Trainers().by_name:
        pytest.skip("the native core is not built on this machine")
    with pytest.raises(StudyError) as caught:
        Trainers().choose(job)
    assert str(caught.value) == sentence


def test_unknown_scores_and_activations_raise_where_they_are_asked_for() -> None:
    with pytest.raises(StudyError) as caught:
        higher_is_better(NO_SUCH)
    assert str(caught.value) == refusal("score", SCORES)
    with pytest.raises(StudyError) as caught:
        near_bound(NO_SUCH, np.zeros(2))
    assert str(caught.value) == refusal("activation", ACTIVATIONS)


CONV = build_architecture(
    Network.model_validate({"kind": "cnn", "conv": [{"channels": 2, "pool": {}}], "hidden": []}), (1, 6, 6), 2
)


def test_an_unknown_way_of_pooling_is_no_average() -> None:
    first, *others = CONV.layers
    network = dataclasses.replace(CONV, layers=(dataclasses.replace(first, pool=NO_SUCH), *others))
    sentence = f"^{refusal('pool', POOLS)}$"
    named = network.named(initial_parameters(network, KEY))
    pixels = np.zeros((1, 1, 6, 6), np.float32)
    with pytest.raises(StudyError, match=sentence):
        build_module(network)
    with pytest.raises(StudyError, match=sentence):
        add_network(GraphParts(), network, named, "x")
    for trainer in Trainers().by_name.values():
        with pytest.raises(StudyError, match=sentence):
            trainer.outputs(network, initial_parameters(network, KEY), np.zeros(0, np.float32), pixels)


def test_unknown_first_weights_and_layers_raise() -> None:
    layer: Any = JOB.architecture.layers[0]

    class Odd(type(layer)):  # type: ignore[misc]
        parts = (dataclasses.replace(layer.parts[0], first=NO_SUCH),)

    class Strange(type(layer)):  # type: ignore[misc]
        kind = NO_SUCH

    odd = Architecture((2,), 3, (Odd(**vars(layer)),))
    with pytest.raises(StudyError) as caught:
        initial_parameters(odd, KEY)
    assert (
        str(caught.value)
        == "first weights: expected one of uniform, vectors, ones, zeros, got 'no-such-kind'"
    )
    with pytest.raises(StudyError) as caught:
        Architecture((2,), 3, (Strange(**vars(layer)),))
    assert str(caught.value) == refusal("layer", LAYERS)


def test_what_the_core_does_not_know_goes_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind without a number is refused by the native trainer in one sentence, and never sent to the core."""
    if "native" not in Trainers().by_name:
        pytest.skip("the native core is not built on this machine")
    for kind, table, name, job in (
        ("loss", LOSSES, "mse", with_training(loss="mse")),
        ("optimizer", OPTIMIZERS, "adam", JOB),
        ("activation", ACTIVATIONS, "relu", JOB),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(table, name, dataclasses.replace(table[name], core=None))  # type: ignore[attr-defined, type-var]
            native = Trainers().by_name["native"]
            sentence = f"the native trainer does not do the {kind} {name}"
            assert native.refuses(job.architecture, job.training) == sentence
            assert Trainers().choose(job).name == "torch"
            with pytest.raises(StudyError) as caught:
                native.advance(job, FitData(SOME, NONE, NONE), initial_state(job), 1)
            assert str(caught.value) == f"{kind}: expected one that the native core knows, got '{name}'"


def test_the_activations_that_die_and_saturate_are_those_of_the_table() -> None:
    page = NATIVE.parents[1] / "docs" / "results.md"
    text = " ".join(page.read_text(encoding="utf-8").split())
    sides = {kind.flat_below for kind in ACTIVATIONS.values()} - {None}
    shown = {float(side): names for side, names in re.findall(r"never above ([\d.]+) \(([^)]*)\)", text)}
    assert shown == {side: named(lambda kind, side=side: kind.flat_below == side) for side in sides}
    both, one_side = re.search(r"bound \(([^)]*)\), or within 0\.01 of −1 \(([^)]*)\)", text).groups()  # type: ignore[union-attr]
    assert both == named(lambda kind: kind.bounds is not None and inf not in kind.bounds)
    assert one_side == named(lambda kind: kind.bounds == (-1.0, inf))


def named(has: Callable[[ActivationKind], bool]) -> str:
    return ", ".join(name for name, kind in ACTIVATIONS.items() if has(kind))


QUESTIONS = re.compile(
    r'[=!]= "(cnn|mlp)"|isinstance\([^)]*(Conv|Dense)Layer|\b(images|image_shape) is (not )?None'
    r"|\.(convolutional|of_maps)\b"
)
QUESTIONS_COUNTED = 29


def test_few_places_ask_whether_something_is_convolutional_or_of_images() -> None:
    """What depends on it stands where the kind lives: a row, a method, a table keyed by what a network takes."""
    asked = [
        f"{path.relative_to(HOUSE)}:{number}: {line.strip()}"
        for path in sorted(HOUSE.rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if QUESTIONS.search(line)
    ]
    assert len(asked) == QUESTIONS_COUNTED, "\n".join(["", *asked])
    page = (NATIVE.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    own = sum(line.startswith(("data/", "nets/", "look/")) for line in asked)
    assert f" and are {QUESTIONS_COUNTED}: {own} of" in " ".join(page.split())
