"""Whether what a model file says of its network fits the network, and itself."""

from __future__ import annotations

from collections.abc import Iterator

from shoal.engine import Calibration, ascend
from shoal.kinds import has_classes, task_kind
from shoal.links import link_of
from shoal.model_answers import Answering
from shoal.wording import counted, repeated


def misfits(model: Answering) -> Iterator[str]:
    """Find facts that do not fit the network or each other."""
    facts, outputs, preprocessing = model.facts, model.architecture.outputs, model.preprocessing
    shape = model.architecture.input_shape
    channels = len(preprocessing.channels)
    if channels and (len(shape) != 3 or shape[0] != channels):
        yield f"preprocessing: expected images of shape {shape}, got {counted(channels, 'channel')}"
    if not channels and shape != (len(preprocessing.input_names),):
        yield (
            f"preprocessing: expected inputs of shape {shape}, got"
            f" {counted(len(preprocessing.input_names), 'column')}"
        )
    if preprocessing.resize is not None and preprocessing.resize != shape[1:]:
        yield f"preprocessing: expected images brought to {shape[1:]}, got {preprocessing.resize}"
    yield from repeated("input", model.input_names)
    yield from preprocessing.misfits(model.architecture.code_rows)
    yield from repeated("class", facts.classes)
    yield from repeated("target", facts.targets)
    of_classes = has_classes(facts.task)
    classes = outputs if of_classes else 0
    if len(facts.classes) != classes:
        yield f"classes: expected {classes}, got {len(facts.classes)}"
    if facts.decision is not None and (classes != 2 or facts.decision.positive not in facts.classes):
        yield "decision: expected one of two classes, got another"
    said = 1 if preprocessing.distribution is None else preprocessing.distribution.outputs
    targets = 1 if of_classes else outputs // said
    if outputs % said or len(facts.targets) != targets:
        yield f"targets: expected {targets}, got {len(facts.targets)}"
    scaled = 0 if of_classes or channels else targets
    if len(preprocessing.target_scales) != scaled:
        yield f"preprocessing: expected {counted(scaled, 'target')}, got {len(preprocessing.target_scales)}"
    if scaled and link_of(preprocessing.link).task != facts.task:
        yield f"preprocessing: expected a link of {task_kind(facts.task).noun}, got {preprocessing.link}"
    if model.calibration is not None and model.labelled:
        yield "folds: expected none of several labels, got some"
    elif model.calibration is not None:
        yield from _strange_folds(model, model.calibration)


def _strange_folds(model: Answering, calibration: Calibration) -> Iterator[str]:
    """Find what does not fit of the networks of the folds: they read the same, and are of the same layers."""
    rows = len(model.targets) if model.facts.task == "regression" else 1
    for number, fold in enumerate(calibration.folds):
        own, architecture = fold.preprocessing, model.architecture
        if own.columns:
            architecture = architecture.with_inputs(len(own.input_names), fold.architecture.tables)
        if own.reads != model.preprocessing.reads:
            yield f"fold {number}: expected the columns of the delivered network, got others"
        yield from own.misfits(fold.architecture.code_rows)
        if fold.architecture != architecture:
            yield f"fold {number}: expected the layers of the delivered network, got others"
        scores, weights = fold.held_out.scores, fold.held_out.weights
        if len(scores) != rows or not ascend(scores):
            yield f"fold {number}: expected {counted(rows, 'row')} of scores in ascending order, got others"
        if model.classes and scores.max() > 1:
            yield f"fold {number}: expected probabilities as scores, got others"
        if weights is not None and not weights.min() > 0:
            yield f"fold {number}: expected weights above 0, got others"
