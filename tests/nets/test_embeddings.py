"""Embeddings: sizes by the rule, first vectors, and that they are columns of categories before a layer without bias.

Letters: N rows, C categories, S length of a vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from shoal.data import Column, Dataset, Preprocessing, fit_preprocessing
from shoal.engine import Job, initial_state
from shoal.engine._trainer import FitData, Rows
from shoal.engine.trainers.torch import TorchTrainer
from shoal.errors import ModelFileError
from shoal.nets import (
    Architecture,
    build_architecture,
    build_module,
    forward,
    initial_parameters,
    tables_of,
    weights_by_layer,
)
from shoal.nets._description import describe, rebuild
from shoal.streams import Role, StreamKey, uniform
from shoal.study import Network, Training

KEY = StreamKey(5, 1, 2)
NAMES = ["", "a", "b", "c", "d", "e", "f"]
BY_RULE = {1: 2, 2: 2, 3: 3, 10: 6, 100: 21, 412: 47, 1_000: 77, 10_000: 278, 39_475: 600, 1_000_000: 600}
"""What fastai's `emb_sz_rule` gives for so many categories."""


@pytest.mark.parametrize("count", BY_RULE)
def test_lengths_go_by_the_rule_unless_they_are_given(count: int) -> None:
    assert tables_of(Network(embedding="auto"), [count + 1]) == ((count + 1, BY_RULE[count]),)
    assert tables_of(Network(embedding=7), [count + 1, 3]) == ((count + 1, 7), (3, 7))


def test_sizes_by_hand_and_by_torch() -> None:
    architecture = build_architecture(Network(hidden=(4,), embedding=3), (5,), 2, ((7, 3), (2, 3)))
    assert [(slot.name, slot.shape, slot.layer) for slot in architecture.slots] == [
        ("embedding.0.weight", (7, 3), 0),
        ("embedding.1.weight", (2, 3), 0),
        ("hidden1.weight", (4, 9), 1),
        ("hidden1.bias", (4,), 1),
        ("output.weight", (2, 4), 2),
        ("output.bias", (2,), 2),
    ]
    assert architecture.parameter_count == 21 + 6 + 40 + 10
    module = build_module(architecture)
    assert {name: tuple(array.shape) for name, array in module.state_dict().items()} == {
        slot.name: slot.shape for slot in architecture.slots
    }
    assert repr(module.embedding) == "Lookup((7, 3), (2, 3))"
    with pytest.raises(ValueError, match="expected an input for each of 2 tables, got 1"):
        build_architecture(Network(), (1,), 2, ((7, 3), (2, 3)))


def test_first_vectors_are_uniform_by_their_length_and_that_of_no_category_is_0() -> None:
    architecture = build_architecture(Network(), (3,), 1, ((400, 16), (30, 4)))
    named = architecture.named(initial_parameters(architecture, KEY))
    for number, (rows, size) in enumerate(architecture.tables):
        table = named[f"embedding.{number}.weight"]
        assert not table[0].any()
        draws = uniform(KEY.words(Role.INIT), rows * size, layer=0, step=number).reshape(rows, size)
        np.testing.assert_array_equal(table[1:], ((2 * draws - 1) / np.sqrt(size)).astype(np.float32)[1:])
    assert abs(np.std(named["embedding.0.weight"][1:]) - 0.25 / np.sqrt(3)) < 0.003
    dense = build_architecture(Network(), (21,), 1)
    assert not np.array_equal(initial_parameters(dense, KEY)[:64], named["hidden1.weight"].ravel()[:64])


def drawn_table(draw: np.random.Generator, rows: int) -> Dataset:
    """Numbers between columns of categories, some cells of which are missing."""
    u, v = (draw.choice(np.array(NAMES, np.object_), rows) for _ in range(2))
    columns = (
        Column("u", u, impute=True, rare_below=2),
        Column("x", draw.normal(size=rows)),
        Column("v", v, impute=True),
        Column("w", draw.choice(np.array(["p", "q"], np.object_), rows)),
    )
    return Dataset(
        name="t", task="regression", columns=columns, target_names=("y",), targets=draw.normal(size=(rows, 1)),
        classes=(), train_rows=rows, groups=None, given_folds=None, train_fingerprint="", test_fingerprint="",
        source="t",
    )  # fmt: skip


def as_columns(
    embedded: Architecture, named: dict[str, NDArray[Any]], coded: Preprocessing, plain: Preprocessing
) -> NDArray[np.float64]:
    """The first weights of the network that has a column for each category in place of vectors, by its inputs."""
    first = named["hidden1.weight"].astype(np.float64)
    numbers = len(coded.input_names) - len(embedded.tables)
    weights = dict(zip(coded.input_names[:numbers], first[:, :numbers].T, strict=True))
    at = numbers
    for number, (name, (_, size)) in enumerate(zip(coded.code_names, embedded.tables, strict=True)):
        table = named[f"embedding.{number}.weight"].astype(np.float64)
        (encoder,) = (column for column in plain.columns if column.name == name)
        weights |= dict(zip(encoder.names, table[1:] @ first[:, at : at + size].T, strict=True))
        at += size
    return np.stack([weights[name] for name in plain.input_names], axis=1)


@given(st.integers(0, 2**32), st.integers(2, 9), st.integers(1, 5))
def test_an_embedding_is_a_column_for_each_category_before_a_layer_without_bias(
    seed: int, least: int, size: int
) -> None:
    draw = np.random.default_rng(seed)
    dataset = drawn_table(draw, 40)
    learned = np.arange(draw.integers(5, 40))
    plain = fit_preprocessing(dataset, learned, "inputs")
    coded = plain.coded(least)
    network = Network(hidden=(4,), activation="tanh", embedding=size)
    tables = tables_of(network, coded.code_rows)
    embedded = build_architecture(network, (len(coded.input_names),), 2, tables)
    named = embedded.named(initial_parameters(embedded, KEY).astype(np.float64))
    whole = build_architecture(Network(hidden=(4,), activation="tanh"), (len(plain.input_names),), 2)
    other = {name: named[name] for name in ("hidden1.bias", "output.weight", "output.bias")}
    other["hidden1.weight"] = as_columns(embedded, named, coded, plain)
    np.testing.assert_allclose(
        forward(embedded, named, coded.inputs(dataset, dtype=np.float64)),
        forward(whole, other, plain.inputs(dataset, dtype=np.float64)),
        rtol=1e-10,
        atol=1e-10,
    )


def test_gradients_are_finite_differences() -> None:
    """One plain step says what the gradient is; the loss of moved vectors says what it has to be."""
    draw = np.random.default_rng(3)
    architecture = build_architecture(Network(hidden=(5,), activation="tanh"), (4,), 2, ((6, 3), (4, 2)))
    training = Training(optimizer="sgd", lr=1.0, epochs=1, batch_size=100)
    x = np.column_stack([draw.normal(size=(30, 2)), draw.integers(0, 6, 30), draw.integers(0, 4, 30)])
    y = draw.normal(size=(30, 2))
    state, trainer = initial_state(Job(architecture, training, "mse", KEY)), TorchTrainer(dtype="float64")
    before_P = state.parameters_P.astype(np.float64)
    rows = Rows(x.astype(np.float32), y)
    x = rows.x.astype(np.float64)
    trainer.advance(
        Job(architecture, training, "mse", KEY),
        FitData(rows, Rows(x[:0], y[:0]), Rows(x[:0], y[:0])),
        state,
        1,
    )

    def loss(parameters_P: NDArray[np.float64]) -> float:
        return float(((forward(architecture, architecture.named(parameters_P), x) - y) ** 2).mean())

    for place in range(6 * 3 + 4 * 2):
        step_P = np.zeros_like(before_P)
        step_P[place] = 1e-5
        slope = (loss(before_P + step_P) - loss(before_P - step_P)) / 2e-5
        learned = place >= 3 and not 18 <= place < 20  # the vector of no category stays 0
        assert before_P[place] - state.parameters_P[place] == pytest.approx(
            slope * learned, rel=1e-6, abs=1e-10
        )


def test_a_description_leads_back_and_a_foreign_one_is_refused() -> None:
    network = Network(hidden=(4,), batch_norm=True, dropout=0.25)
    for hidden in (network, Network(hidden=())):
        architecture = build_architecture(hidden, (5,), 2, ((7, 3), (2, 8)))
        assert rebuild(json_of(describe(architecture))) == architecture
    for spoil in (
        lambda layer: layer.update(inputs=6),
        lambda layer: layer.update(tables=[[7, 3], [2, 9]]),
        lambda layer: layer.update(tables=[[7, 3], [2, True]]),
        lambda layer: layer.update(tables=[[7, 3], [0, 8]]),
        lambda layer: layer.update(tables=[[7, 3], [2, 8.0]]),
        lambda layer: layer.update(tables=[[7, 3, 1], [2, 8]]),
        lambda layer: layer.update(tables=[[1, 1]] * 6),
        lambda layer: layer.update(tables=7),
        lambda layer: layer.update(name="other"),
    ):
        described = json_of(describe(architecture))
        spoil(described["layers"][0])
        with pytest.raises(ModelFileError):
            rebuild(described)
    described = json_of(describe(architecture))
    described["layers"].append(described["layers"].pop(0))
    with pytest.raises(ModelFileError):
        rebuild(described)


def json_of(value: Any) -> Any:
    """The value as it comes back from JSON."""
    import json

    return json.loads(json.dumps(value))


def test_weights_of_a_layer_are_those_of_all_its_tables() -> None:
    architecture = build_architecture(Network(hidden=(4,), batch_norm=True), (5,), 2, ((7, 3), *[(2, 8)] * 1))
    named = architecture.named(np.arange(architecture.parameter_count, dtype=np.float32))
    weights = weights_by_layer(named)
    assert {name: len(array) for name, array in weights.items()} == {
        "embedding": 21 + 16, "hidden1": 4 * 14, "output": 8,
    }  # fmt: skip
    np.testing.assert_array_equal(weights["embedding"], np.arange(37))
