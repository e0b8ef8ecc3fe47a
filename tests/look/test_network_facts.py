"""What is known of a network that is drawn: the numbers are those of the architecture and of torch."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from look_runs import MadeUp, make_run
from network_cases import CASES, case, classes, drawn

from shoal.look import NetworkFacts, RunFindings, delivered_network
from shoal.look._network import words_of
from shoal.look.page.network import network_table
from shoal.nets import Architecture, build_module


@given(drawn())
def test_numbers_are_those_of_the_architecture(network: tuple[Architecture, NetworkFacts]) -> None:
    architecture, fact = network
    assert fact.parameters == architecture.parameter_count == sum(step.parameters for step in fact.steps)
    assert 2 * fact.multiply_adds == architecture.flops_per_row
    assert fact.multiply_adds == sum(step.multiply_adds for step in fact.steps)
    assert len(fact.outputs) == architecture.outputs == fact.steps[-1].shape[0]
    assert [column.table for column in fact.columns if column.table] == list(architecture.tables)
    assert list(dict.fromkeys(step.layer for step in fact.steps)) == [x.name for x in architecture.layers]


@pytest.mark.parametrize("name", [name for name in CASES if name != "mnist"])
def test_sizes_and_parameters_are_those_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    architecture, fact = CASES[name]()
    module = build_module(architecture).eval()
    assert fact.parameters == sum(array.numel() for array in module.parameters())
    x, shapes = torch.zeros((1, *architecture.row_shape)), []
    for part in module.children():
        x = x if type(part).__name__ == "Skip" else part(x)
        if type(part).__name__ in (
            "Linear",
            "Conv2d",
            "MaxPool2d",
            "AvgPool2d",
            "AdaptiveAvgPool2d",
            "Lookup",
            "Unflatten",
        ):
            shapes.append(tuple(x.shape[1:]))
    assert shapes == [step.shape for step in fact.steps]


def test_a_step_says_what_is_not_usual() -> None:
    _, fact = CASES["groups"]()
    said = [(step.words, step.geometry, step.norm, step.activation, step.dropout) for step in fact.steps]
    assert said == [
        ("convolution", ("5 × 5", "stride 2", "padding 2"), "batch norm", "relu", 0.1),
        ("convolution", ("3 × 3", "padding 1", "32 groups"), "batch norm", "relu", 0.0),
        ("average pooling", ("3 × 3", "stride 2"), "", "", 0.1),
        ("dense", (), "batch norm", "relu", 0.5),
        ("dense", (), "", "", 0.0),
    ]


@pytest.mark.parametrize(
    ("training", "outputs", "link", "answers", "loss"),
    [
        ({}, ("a", "b"), "identity", "predictions", "mean squared error"),
        ({"loss": "poisson"}, ("a", "b"), "exp", "predictions", "Poisson negative log-likelihood"),
        (
            {"loss": "quantile", "quantiles": (0.1, 0.9)},
            ("quantile 0.1 of a", "quantile 0.9 of a", "quantile 0.1 of b", "quantile 0.9 of b"),
            "sorted", "quantiles", "pinball loss, quantiles 0.1, 0.9",
        ),
        (
            {"loss": "gaussian"}, ("mean of a", "log of deviation of a", "mean of b", "log of deviation of b"),
            "exp of the deviation", "means and deviations", "Gaussian negative log-likelihood in nats",
        ),
    ],
)  # fmt: skip
def test_outputs_have_names(
    training: dict[str, object], outputs: tuple[str, ...], link: str, answers: str, loss: str
) -> None:
    _, fact = case({"hidden": [2]}, (1,), {"targets": ("a", "b"), "training": training})
    assert (fact.outputs, fact.link, fact.answers, fact.loss) == (outputs, link, answers, loss)
    _, single = case({"hidden": [2]}, (1,), {"targets": ("a",), "training": training})
    assert single.outputs == tuple(name.removesuffix(" of a") for name in outputs[: len(outputs) // 2])


def test_a_network_in_words() -> None:
    assert words_of(CASES["groups"]()[1]).replace("\u00a0", " ") == (
        "Images of 3 × 64 × 48 (channels, height, width); then convolution 5 × 5, stride 2, padding 2 to maps of"
        " 32 × 32 × 24, batch norm, relu, dropout 0.1; convolution 3 × 3, padding 1, 32 groups to maps of"
        " 64 × 32 × 24, batch norm, relu; average pooling 3 × 3, stride 2 to maps of 64 × 15 × 11, dropout 0.1;"
        " dense to 100 units, batch norm, relu, dropout 0.5; dense to 30 units. Outputs: class 0, class 1, class 2,"
        " class 3, class 4, class 5 and 24 more; softmax gives probabilities, trained by cross-entropy in nats."
        " 1,062,594 parameters, 3,344,568 multiply-adds a row."
    )


def test_outputs_that_are_all_drawn_are_all_named() -> None:
    names = ", ".join(f"class {number}" for number in range(10))
    assert f"Outputs: {names}; softmax" in words_of(CASES["mnist"]()[1])


def test_the_table_has_a_row_a_step_and_the_sums() -> None:
    table = network_table(CASES["tables"]()[1])
    assert table is not None
    rows = [[text for text, _ in row] for row in table.rows]
    assert [column.heading for column in table.columns] == [
        "layer", "what it is", "output", "activation", "parameters", "multiply-adds",
    ]  # fmt: skip
    assert rows == [
        ["inputs", "", "9", "", "0", "0"],
        ["embedding", "embedding", "626", "", "38,956", "0"],
        ["hidden1", "dense", "16", "relu", "10,032", "10,016"],
        ["output", "dense", "1", "", "17", "16"],
        ["sum", "", "", "", "49,005", "10,032"],
    ]
    assert network_table(None) is None


def test_a_run_without_a_delivered_network_has_none(tmp_path) -> None:  # type: ignore[no-untyped-def]
    lost = MadeUp(names=(), epochs=5, hidden=(2,), failed=frozenset({("refit", "winner", 0)}))
    assert delivered_network(RunFindings(make_run(tmp_path / "lost", lost))) is None
    fact = delivered_network(RunFindings(make_run(tmp_path / "run", MadeUp(names=(), epochs=5, hidden=(2,)))))
    assert fact is not None
    assert [column.name for column in fact.columns] == ["input"]  # results of old, each input a number
    assert fact.parameters == math.prod((1, 2)) + 2 + 2 + 1
    assert fact.name == "made-up"


def test_classes_are_asked_for_by_their_names() -> None:
    assert CASES["mnist"]()[1].outputs == classes(10)["classes"]
