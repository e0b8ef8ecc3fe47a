"""Pictures of how the delivered network learned: learning rates, gradients, dead units over the epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from look_runs import MadeUp, make_run
from readable import faults
from test_figures import HOSTILE

from dots import end_with_the_model
from shoal.look._epoch_lines import MOST_LINES, shown_layers
from shoal.look._figure import Subject
from shoal.look._run_findings import RunFindings
from shoal.look.figures import dead_units, gradients, learning_rates
from shoal.look.figures.dead_units import DeadUnits, LayerDead
from shoal.look.figures.gradients import Gradients, LayerGradient
from shoal.look.figures.learning_rates import LearningRates, learning_rate
from shoal.look.page.course import course_sentences
from shoal.pipeline import run
from shoal.results import Importance, ImportanceAsked, Results
from shoal.wording import listed
from studies import tiny_study

EPOCHS = np.arange(5) * 10
WAY = 10.0 ** -np.arange(5)


def norms(*layers: Any) -> Gradients:
    named = (LayerGradient(f"hidden{n}", np.asarray(norm, float)) for n, norm in enumerate(layers, start=1))
    return Gradients("delivered network", EPOCHS, 200, tuple(named))


def test_a_first_layer_far_below_the_last_at_every_epoch_has_vanished() -> None:
    assert norms(0.9e-3 * WAY, WAY).vanished
    assert not norms(1.1e-3 * WAY, WAY).vanished
    assert not norms(np.where(EPOCHS == 20, 1, 1e-6), np.ones(5)).vanished
    assert not norms(np.where(EPOCHS == 20, np.nan, 1e-6), np.ones(5)).vanished
    assert not norms(WAY).vanished
    assert not norms(0 * WAY, 0 * WAY).vanished


def test_norms_of_0_are_counted_and_not_drawn() -> None:
    fact = norms(np.array([1, 0, 0, 2, 1]), WAY)
    (axes,) = gradients.draw_gradients(fact).axes
    assert axes.lines[0].get_xdata().tolist() == [0, 30, 40]
    assert axes.get_yscale() == "log"
    assert axes.get_legend().get_title().get_text() == "hidden1: 0 at 2 epochs (not drawn)"
    assert gradients.words(fact) == (
        "Norms of the gradient over 40 epochs: hidden1 from 1.00 to 1.00, hidden2 from 1.00 to 0.000100."
    )


@pytest.mark.parametrize("norm", [0.0, np.nan])
def test_a_network_without_any_gradient_is_drawn(norm: float) -> None:
    fact = norms(np.full(5, norm), np.full(5, norm))
    assert faults(gradients.draw_gradients, fact) == []
    assert gradients.live(fact)["data"]
    assert gradients.words(fact)


@pytest.mark.parametrize("names", [("a",), HOSTILE, tuple(f"conv{n}" for n in range(1, 41))])
def test_pictures_are_readable(names: tuple[str, ...]) -> None:
    draw = np.random.default_rng(1)
    of = tuple(LayerGradient(name, draw.gamma(1, size=5)) for name in names)
    dead = tuple(LayerDead(name, 8, draw.random(5)) for name in names)
    rates = tuple(learning_rate((name, *names), draw.random(30)) for name in names[:32])
    assert faults(gradients.draw_gradients, Gradients("a", EPOCHS, 10, of)) == []
    assert faults(dead_units.draw_dead_units, DeadUnits("a", EPOCHS, 10, dead)) == []
    assert faults(learning_rates.draw_learning_rates, LearningRates(rates)) == []


def test_of_many_layers_the_first_the_last_and_some_between_are_shown() -> None:
    places = shown_layers(40)
    assert (places[0], places[-1], len(places)) == (0, 39, MOST_LINES)
    assert shown_layers(3) == [0, 1, 2]
    fact = norms(*[WAY] * 40)
    (axes,) = gradients.draw_gradients(fact).axes
    assert axes.get_legend().get_title().get_text() == f"{MOST_LINES} of 40 layers"


def test_dead_units_are_counted_in_words() -> None:
    layers = (LayerDead("hidden1", 8, np.array([0, 0.5, 0.25])), LayerDead("hidden2", 4, np.zeros(3)))
    fact = DeadUnits("a", np.arange(3), 10, layers)
    assert dead_units.words(fact) == (
        "Dead units at the end: hidden1 2 of 8 (at most 4), hidden2 0 of 4 (at most 0)."
    )
    (axes,) = dead_units.draw_dead_units(fact).axes
    assert axes.lines[0].get_ydata().tolist() == [0, 50, 25]
    assert axes.get_ylim()[0] == 0


def test_rates_are_plain_unless_they_lie_far_apart() -> None:
    cosine = learning_rate(["a"], 0.1 * (1 + np.cos(np.pi * np.arange(30) / 30)) / 2)
    step = learning_rate(["b"], np.repeat([0.1, 0.01, 0.001], 10))
    small = learning_rate(["c"], np.full(30, 1e-3))
    assert not LearningRates((cosine,)).logarithmic
    assert LearningRates((step,)).logarithmic
    assert LearningRates((cosine, small)).logarithmic
    assert small.constant
    assert learning_rates.words(LearningRates((step, small))) == (
        "Learning rates: b from 0.1 down to 0.001; c 0.001 throughout."
    )


@pytest.fixture(scope="module")
def scheduled(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A cosine, compared with steps and with two constant rates; early stopping; two initialisations."""
    training = {"optimizer": "sgd", "momentum": 0.9, "schedule": "cosine", "lr": 0.02, "weight_decay": 0.001}
    training |= {"epochs": 12, "early_stopping": "inner", "patience": 2, "keep": "best"}
    compare = [
        {
            "name": "steps",
            "training": {"schedule": "step", "lr": 0.01, "early_stopping": "none", "keep": "last"},
        },
        {"name": "one rate", "training": {"schedule": "constant"}},
        {"name": "the same rate", "training": {"schedule": "constant", "momentum": 0.5}},
    ]
    space = {"training.lr": [0.02, 0.01]}
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch)
        study = tiny_study(
            network={"activation": "relu", "dropout": 0.2}, training=training, compare=compare,
            search={"space": space}, inspect={"history": 4, "importance": 0},
        )  # fmt: skip
        return run(study, out=tmp_path_factory.mktemp("scheduled"), workers=1)


def test_rates_are_those_of_the_delivered_network_and_of_others_that_differ(scheduled: Results) -> None:
    findings = RunFindings(scheduled)
    fact = learning_rates.changing_rates(findings)
    assert fact is not None
    by_name = {rate.name: rate.rate_E for rate in fact.rates}
    assert (by_name["one rate and the same rate"] == 0.02).all()
    delivered = findings.delivered.healthy[0]
    epochs = scheduled.summaries[delivered.fit_id].epochs
    chosen = scheduled.tried[delivered.candidate_id].training.lr
    expected = chosen * (1 + np.cos(np.pi * np.arange(epochs) / epochs)) / 2
    np.testing.assert_allclose(by_name["delivered network"], expected)
    np.testing.assert_allclose(by_name["steps"], np.repeat([0.01, 0.001, 0.0001], 4))
    assert next(course_sentences(findings), None) is None


def test_the_captions_say_what_is_part_of_the_loss(scheduled: Results) -> None:
    findings = RunFindings(scheduled)
    (gathered,) = gradients.gather(Subject(findings, findings.delivered))
    said = gradients.FIGURE.caption_of(gathered)
    rows = len(scheduled.inside.history["looked_at"]) if scheduled.inside else 0
    assert f"at {rows} training rows" in said
    assert "In this loss dropout is off; weight decay is no part of it." in said
    fact = dead_units.dead_units(findings)
    assert ("No unit of a hidden layer was dead" in said) == (fact is None)
    assert [layer.layer for layer in gathered.fact.layers] == ["hidden1", "hidden2", "output"]


@pytest.mark.usefixtures("no_report")
def test_a_deep_sigmoid_network_is_said_to_lose_its_gradient(tmp_path: Path) -> None:
    """Hochreiter 1991: each sigmoid passes a quarter on, at most."""
    study = tiny_study(
        network={"hidden": [5] * 7, "activation": "sigmoid", "batch_norm": False}, search=None, compare=None,
        training={"epochs": 2, "lr": 1e-5}, inspect={"history": 2},
    )  # fmt: skip
    findings = RunFindings(run(study, out=tmp_path, workers=1))
    (gathered,) = gradients.gather(Subject(findings, findings.delivered))
    assert gradients.FIGURE.caption_of(gathered).endswith(
        "At each of these epochs the gradient of hidden1 is below a thousandth of that of output: it vanishes on its"
        " way through the layers, so that the loss hardly tells the first ones how to change."
        " No unit of a hidden layer was dead at any of these epochs."
    )


def test_a_run_without_a_history_says_once_how_to_get_one(tmp_path: Path) -> None:
    findings = RunFindings(make_run(tmp_path / "run", MadeUp(epochs=20, hidden=(3,))))
    assert list(gradients.gather(Subject(findings, findings.delivered))) == []
    assert learning_rates.changing_rates(findings) is None
    assert list(course_sentences(findings)) == [
        "Its learning rate stayed at 0.001 in all epochs.",
        "With inspect.history = 20 in the study, the same shoal run trains it once more and shows here its gradients,"
        " dead units and weights over the epochs.",
    ]


def test_one_rate_of_many_networks_is_named_once(tmp_path: Path) -> None:
    for names, name in (
        (("SGD", "Adam"), "delivered network and all comparisons"),
        ((), "delivered network and winner"),
    ):
        findings = RunFindings(make_run(tmp_path / name, MadeUp(names=names, epochs=20)))
        (rate,) = learning_rates.rates_of(findings)
        assert rate.name == name


def test_a_run_without_any_network_that_is_well_has_no_rates(tmp_path: Path) -> None:
    failed = frozenset({("refit", "winner", 0), ("compare", "winner", 0), ("compare", "SGD", 0)})
    findings = RunFindings(make_run(tmp_path / "run", MadeUp(names=("SGD",), epochs=20, failed=failed)))
    assert learning_rates.rates_of(findings) == ()
    assert learning_rates.changing_rates(findings) is None


def test_a_legend_names_every_network_that_has_a_rate() -> None:
    names = [f"a comparison with a long name, number {n}" for n in range(4)]
    rate = learning_rate(names, np.linspace(1, 0.1, 5))
    assert faults(learning_rates.draw_learning_rates, LearningRates((rate,))) == []
    (axes,) = learning_rates.draw_learning_rates(LearningRates((rate,))).axes
    (text,) = axes.get_legend().get_texts()
    assert " ".join(text.get_text().split()) == listed(names)


def test_unknown_importance_has_a_reason(tmp_path: Path) -> None:
    findings = RunFindings(make_run(tmp_path / "run", MadeUp(epochs=20)))
    asked = ImportanceAsked("f" * 64, "part", "mse", "folds", ("input",), (), 13)
    said = []
    for worse in (1.0, np.nan):
        kept = Importance(asked, np.ones(1), np.full((1, 1, 1), worse), np.ones(1), np.ones(1))
        vars(findings.results)["importances"] = kept
        said.append(list(course_sentences(findings)))
    assert not any("important" in sentence for sentence in said[0])
    assert (
        "How important its inputs are is not known: among the rows that networks of the folds held out, no input"
        " differs, or MSE is not defined."
    ) in said[1]
