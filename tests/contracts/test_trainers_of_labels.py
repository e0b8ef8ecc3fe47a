"""What holds of every trainer of several labels: each is learned as if it were alone, and may count more or less.

Letters: N rows, D inputs, K labels.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn import functional
from torch.nn.utils import parameters_to_vector
from trainer_cases import KEY, LONG, TABLE, Case, drawn_cases, in_precision

from shoal.engine._trainer import CURVES, FitData, Job, Rows, State, Trainer, initial_state
from shoal.nets import build_architecture
from shoal.study import Network, Training

RELATIONS = settings(max_examples=200 if LONG else 10, derandomize=not LONG)
LABELS = next(case for case in TABLE if case.name == "loss binary-cross-entropy, any weights")


def labelled(case: Case, labels: int) -> Case:
    """A drawn fit, of several labels."""
    training = case.training.model_copy(update={"keep": "last", "early_stopping": "none"})
    return dataclasses.replace(case, training=training, loss="binary-cross-entropy", outputs=labels)


def counting(rows: Rows, cell_NK: NDArray[np.float64]) -> Rows:
    """Rows of whose labels each counts so much."""
    weight_N = cell_NK.mean(axis=1)
    share_NK = np.divide(cell_NK, weight_N[:, None], out=np.ones_like(cell_NK), where=weight_N[:, None] > 0)
    return dataclasses.replace(rows, weight=weight_N, share=share_NK)


def test_a_batch_has_the_weighted_mean_of_its_cells(exact_trainer: Trainer) -> None:
    """Short batches too: step by step beside autograd, of which each cell is given its weight."""
    case = dataclasses.replace(LABELS, network=LABELS.network.model_copy(update={"dropout": 0.0}))
    case = case.but(optimizer="sgd", lr=0.5, weight_decay=0.0, epochs=3)
    rows, oracle = case.data.train, case.oracle()
    cell_NK = np.random.default_rng(5).gamma(0.7, 1, rows.y.shape) * (np.arange(len(rows)) % 4 > 0)[:, None]
    cell_NK[5, 0] = 0
    state = in_precision(initial_state(case.job), "float64")
    data = dataclasses.replace(case.data, train=counting(dataclasses.replace(rows, weight=None), cell_NK))

    def weighted(outputs: torch.Tensor, targets: torch.Tensor, weight: Any) -> torch.Tensor:
        loss = functional.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
        return (torch.tensor(weight) * loss).sum() / (float(weight.sum()) or 1.0)

    oracle.weighted = weighted  # type: ignore[method-assign]
    for epoch in range(3):
        list(oracle.epoch(rows.x, rows.y, epoch, cell_NK))
        exact_trainer.advance(case.job, data, state, epoch + 1)
        expected_P = parameters_to_vector(oracle.model.parameters()).detach().numpy()
        np.testing.assert_allclose(state.parameters_P, expected_P, rtol=1e-10, atol=1e-12)
        with torch.no_grad():
            outputs = oracle.outputs(torch.tensor(rows.x, dtype=torch.float64))
        loss = float(weighted(outputs, torch.tensor(rows.y, dtype=torch.float64), cell_NK))
        assert state.curve_TC[epoch, CURVES.index("train_loss")] == pytest.approx(loss, rel=1e-10)


@RELATIONS
@given(case=drawn_cases(epochs=3, normed=False), labels=st.integers(1, 18), seed=st.integers(0, 99))
def test_every_trainer_counts_labels_alike(
    trainer: Trainer, exact_trainer: Trainer, case: Case, labels: int, seed: int
) -> None:
    case = labelled(case, labels).but(epochs=1, lr=0.01, optimizer="sgd", momentum=0.0, nesterov=False)
    rows = case.data.train
    cell_NK = np.random.default_rng(seed).gamma(0.7, 1, rows.y.shape)
    data = dataclasses.replace(case.data, train=counting(rows, cell_NK))
    ours, exact = case.start(), case.start("float64")
    trainer.advance(case.job, data, ours, 1)
    exact_trainer.advance(case.job, data, exact, 1)
    np.testing.assert_allclose(ours.parameters_P, exact.parameters_P, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.curve_TC, exact.curve_TC, rtol=1e-4, atol=1e-5)


@RELATIONS
@given(case=drawn_cases(epochs=3, normed=False), labels=st.integers(1, 18))
def test_labels_that_count_alike_are_labels_without_shares(
    exact_trainer: Trainer, case: Case, labels: int
) -> None:
    case = labelled(case, labels)
    rows, states = case.data.train, [case.start("float64"), case.start("float64")]
    alike = dataclasses.replace(rows, share=np.ones(rows.y.shape))
    for state, train in zip(states, (rows, alike), strict=True):
        data = dataclasses.replace(case.data, train=train)
        exact_trainer.advance(case.job, data, state, case.training.epochs)
    np.testing.assert_allclose(states[0].parameters_P, states[1].parameters_P, rtol=1e-10, atol=1e-12)


@RELATIONS
@given(case=drawn_cases(epochs=4, normed=False), labels=st.integers(2, 18), seed=st.integers(0, 99))
def test_labels_in_another_order_are_answered_in_that_order(
    exact_trainer: Trainer, case: Case, labels: int, seed: int
) -> None:
    case = labelled(case, labels)
    order_K = np.random.default_rng(seed).permutation(labels)
    first, second = case.start("float64"), case.start("float64")
    last = case.job.architecture.slots[-2:]
    for slot in last:
        values = second.parameters_P[slot.start : slot.stop].reshape(labels, -1)
        second.parameters_P[slot.start : slot.stop] = values[order_K].reshape(-1)
    data = case.data
    reordered = FitData(
        *(
            dataclasses.replace(rows, y=rows.y[:, order_K])
            for rows in (data.train, data.validation, data.inner)
        )
    )
    exact_trainer.advance(case.job, data, first, case.training.epochs)
    exact_trainer.advance(case.job, reordered, second, case.training.epochs)
    np.testing.assert_allclose(first.curve_TC, second.curve_TC, rtol=1e-8, atol=1e-10)
    answers = [
        exact_trainer.outputs(case.job.architecture, state.parameters_P, state.buffers, data.train.x)
        for state in (first, second)
    ]
    np.testing.assert_allclose(answers[0][:, order_K], answers[1], rtol=1e-5, atol=1e-6)


@RELATIONS
@given(weights=st.sampled_from(["", "any", "few"]), size=st.integers(1, 30), epochs=st.integers(1, 9))
def test_one_label_is_the_second_of_two_classes(
    exact_trainer: Trainer, weights: str, size: int, epochs: int
) -> None:
    """Without a hidden layer: softmax goes by the difference of two outputs, which moves twice as far."""
    shape = {"network": Network(hidden=()), "weights": weights, "inputs": 4, "rows": 29}
    keys: dict[str, Any] = {"optimizer": "sgd", "batch_size": size, "epochs": epochs}
    label = Case("label", training=Training(lr=0.4, **keys), loss="binary-cross-entropy", outputs=1, **shape)
    classes = Case("classes", training=Training(lr=0.2, **keys), loss="cross-entropy", **shape)
    of_label, of_two = (case.start("float64") for case in (label, classes))
    weight_D, bias = of_label.parameters_P[:-1], of_label.parameters_P[-1:]
    of_two.parameters_P[:] = np.concatenate((-weight_D / 2, weight_D / 2, -bias / 2, bias / 2))
    data = label.data
    of_classes = FitData(
        *(
            dataclasses.replace(rows, y=rows.y[:, 0].astype(np.int64))
            for rows in (data.train, data.validation, data.inner)
        )
    )
    exact_trainer.advance(label.job, data, of_label, epochs)
    exact_trainer.advance(classes.job, of_classes, of_two, epochs)
    outputs, logits = (
        exact_trainer.outputs(case.job.architecture, state.parameters_P, state.buffers, data.train.x)
        for case, state in ((label, of_label), (classes, of_two))
    )
    second = 1 / (1 + np.exp(-outputs[:, 0].astype(np.float64)))
    probability = torch.softmax(torch.tensor(logits, dtype=torch.float64), dim=1)[:, 1].numpy()
    np.testing.assert_allclose(second, probability, atol=1e-6)
    np.testing.assert_allclose(of_label.curve_TC, of_two.curve_TC, rtol=1e-9, atol=1e-12)


def test_a_label_of_a_sure_output_has_a_finite_loss(trainer: Trainer) -> None:
    architecture = build_architecture(Network(hidden=()), (1,), 2)
    job = Job(
        architecture, Training(epochs=1, batch_size=4, lr=1e-9, optimizer="sgd"), "binary-cross-entropy", KEY
    )
    x, y = np.full((4, 1), 100, np.float32), np.array([[1, 0]] * 4, np.float32)
    state: State = initial_state(job)
    state.parameters_P[:] = 1, 1, 0, 0  # both outputs are the input
    trainer.advance(job, FitData(Rows(x, y), Rows(x, y), Rows(x[:0], y[:0])), state, 1)
    assert state.status == "done"
    assert state.curve_TC[0, CURVES.index("validation_loss")] == pytest.approx(50, rel=1e-5)
    assert state.curve_TC[0, CURVES.index("validation_accuracy")] == 0
