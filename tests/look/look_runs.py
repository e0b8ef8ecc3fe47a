"""Run folders made by hand, as a study would leave them: made-up curves, predictions and scores, no training."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from shoal.nets import ConvLayer, build_architecture
from shoal.results import (
    CandidateRow,
    FitRecord,
    Identity,
    PlanEntry,
    Results,
    Store,
    Truth,
    choose_candidate,
    classification_scores,
    regression_scores,
)
from shoal.study import Study, base_candidate, candidates, comparison_candidates
from shoal.study._toml import to_toml


@dataclass
class MadeUp:
    """What a made-up run is like. `failed` are (stage, label or candidate number, repeat)."""

    task: str = "regression"
    names: tuple[str, ...] = ("SGD", "Adam")
    repeats: int = 1
    space: dict[str, list[Any]] | None = None
    folds: int = 3
    search_repeats: int = 1
    inputs: tuple[str, ...] = ("input",)
    targets: tuple[str, ...] = ("label",)
    classes: tuple[str, ...] = ()
    hidden: tuple[int, ...] = (6, 5)
    epochs: int = 400
    validation: float = 0.2
    standardize: str = "none"
    method: str = "grid"
    failed: frozenset[tuple[str, str | int, int]] = frozenset()
    rows: tuple[int, int] = (40, 30)
    level: float = 0.1
    """How far predictions lie from the truth."""
    image: tuple[int, ...] = ()
    """Shape (C, H, W): rows are images, the network is convolutional."""
    losses: tuple[Callable[[Any], Any], Callable[[Any], Any]] | None = None
    """Training and validation loss as functions of the share of the epochs that are done."""
    ensemble: bool = False
    """The chosen candidate's networks have answered the test rows."""
    reference: tuple[dict[str, Any], ...] = ()
    inside: bool = False
    """The run has looked inside the delivered network, at its history too."""
    snapshots: int = 4
    """Of that history."""


def make_run(folder: Path, run: MadeUp) -> Results:
    """Write the run folder and open it."""
    study = _study(run)
    truth = _truth(run)
    with Store.create_or_open(folder, Identity(study.study.name, run.task, "0" * 64)) as store:
        store.put_fact("study", to_toml(study))
        store.put_truth(truth)
        tried = candidates(study) if study.search else ()
        rows = [CandidateRow(one.id, dict(one.values), 10 + number) for number, one in enumerate(tried)]
        entries: list[PlanEntry] = []
        for number, one in enumerate(tried):
            for fold in range(run.folds):
                for repeat in range(run.search_repeats):
                    entries.append(_entry(run, "search", one.id, "", fold, repeat))
                    _add(store, run, truth, entries[-1], number)
        choice = None
        if tried:
            store.set_plan(entries, rows)
            choice = choose_candidate(study, store)
        winner = next((one for one in tried if one.id == choice.candidate_id), None) if choice else None
        winner = winner or base_candidate(study)
        labelled = [*zip(run.names, comparison_candidates(study), strict=True), ("winner", winner)]
        for stage, entries_of in (("compare", labelled), ("refit", [("winner", winner)])):
            for number, (label, one) in enumerate(entries_of):
                for repeat in range(run.repeats):
                    entries.append(_entry(run, stage, one.id, label, 0, repeat))
                    _add(store, run, truth, entries[-1], number)
        store.set_plan(entries, rows)
        if run.image:
            store.put_truth(_with_images(truth, store.record(entries[-1].fit_id), run))
        if choice:
            store.put_fact("choice", choice.to_json())
        if run.inside:
            _look_inside(store, run, truth, entries[-run.repeats])
        if choice and run.ensemble:
            members = [
                entry
                for entry in entries
                if (entry.stage, entry.candidate_id) == ("search", choice.candidate_id)
            ]
            _ask(store, run, truth, members)
    return Results.open(folder)


def _ask(store: Store, run: MadeUp, truth: Truth, members: list[PlanEntry]) -> None:
    """Answers of the ensemble: the truth with noise; along one input the sine of it."""
    rows = np.arange(truth.train_rows, len(truth.y))
    grid = np.linspace(truth.x_ND.min(), truth.x_ND.max(), 50) if truth.x_ND.shape[1] == 1 else None
    for number, entry in enumerate(members):
        draw = np.random.default_rng([9, number])
        arrays = {"test": _predicted(run, truth, rows, run.level, draw)}
        if grid is not None and not run.classes:
            curve = np.sin(grid[:, None] + np.arange(len(run.targets))) + run.level * draw.normal()
            arrays |= {"grid_x": grid, "grid": curve}
        store.put_derived(entry.fit_id, "ensemble x", arrays)
    disputed = ""
    if run.image:
        disputed = "disputed x"
        pixels = np.random.default_rng(5).integers(0, 256, (7, *run.image), dtype=np.uint8)
        store.put_derived(members[0].fit_id, disputed, {"rows": rows[:7], "images": pixels})
    store.put_fact(
        "ensemble",
        {
            "candidate_id": members[0].candidate_id,
            "fits": [entry.fit_id for entry in members],
            "part": "ensemble x",
            "disputed": disputed,
        },
    )


def _look_inside(store: Store, run: MadeUp, truth: Truth, refit: PlanEntry) -> None:
    """Made-up arrays of the delivered network, in the shapes that the engine keeps."""
    draw = np.random.default_rng(6)
    shape = run.image or (len(run.inputs),)
    layers = build_architecture(_study(run).network, shape, len(run.classes) or len(run.targets)).layers
    convolutions = [layer for layer in layers if isinstance(layer, ConvLayer)]
    history: dict[str, Any] = {"epoch": np.arange(run.snapshots), "share": np.array([0, 0.25, 0.5, 0.75, 1])}
    for layer in layers:
        history[f"{layer.name}/quantile"] = np.sort(draw.normal(size=(run.snapshots, 5)), axis=1)
        history[f"{layer.name}/moved"] = np.arange(float(run.snapshots))
    history |= {f"frames/{name}": array for name, array in _frames(run, truth, layers, draw).items()}
    parts = {"history": history}
    if convolutions:
        dense = [layer for layer in layers if not isinstance(layer, ConvLayer)]
        rows = np.arange(truth.train_rows, truth.train_rows + 3)
        pixels = draw.integers(0, 256, (3, *run.image), dtype=np.uint8)
        parts["units"] = {"rows": rows} | {one.name: draw.normal(size=(3, one.units)) for one in dense}
        parts["maps"] = {"rows": rows, "images": pixels}
        parts["channels"] = {}
        for layer in convolutions:
            parts["maps"][layer.name] = draw.random((3, layer.units, *layer.size))
            parts["channels"] |= _channels(layer, rows, pixels, len(run.classes))
        parts |= _explained(truth, pixels, convolutions[-1], draw)
    for name, arrays in parts.items():
        store.put_derived(refit.fit_id, f"{name} x", arrays)
    store.put_fact("inside", {"fit": refit.fit_id, "parts": {name: f"{name} x" for name in parts}})


def _frames(run: MadeUp, truth: Truth, layers: Any, draw: Any) -> dict[str, Any]:
    """What the same snapshots keep for pictures that move."""
    count = run.snapshots
    frames: dict[str, Any] = {}
    for layer in layers:
        frames[f"{layer.name}/counts"] = draw.integers(0, 9, (count, 64))
        frames[f"{layer.name}/power"] = np.array(-4)
    rows = np.arange(min(20, truth.train_rows))
    if run.task != "regression":
        shape = (count, len(run.classes)) if run.classes else (count, len(run.targets), 2)
        frames |= {"sure": np.sort(draw.random(shape), axis=0).astype(np.float32), "rows": rows}
    elif len(run.inputs) == 1:
        frames |= {"x": np.linspace(-1, 1, 30), "curve": draw.normal(size=(count, 30, len(run.targets)))}
    else:
        frames |= {"rows": rows, "answers": draw.normal(size=(count, len(rows), len(run.targets)))}
    frames |= {name: frames[name].astype(np.float32) for name in ("curve", "answers") if name in frames}
    convolutions = [layer for layer in layers if isinstance(layer, ConvLayer)]
    shown = np.arange(truth.train_rows, truth.train_rows + 2)
    shapes = {f"{layer.name}/maps": (2, min(8, layer.units), *layer.size) for layer in convolutions}
    if convolutions:
        first = convolutions[0]
        shapes["kernels"] = (first.units, run.image[0], first.kernel, first.kernel)
        frames |= {"image_rows": shown, "images": draw.integers(0, 256, (2, *run.image), dtype=np.uint8)}
    for name, shape in shapes.items():
        frames[name] = draw.integers(0, 256, (count, *shape), dtype=np.uint8)
        frames[f"{name}_ends"] = np.sort(draw.normal(size=(count, 2)), axis=1)
    return frames


def _explained(truth: Truth, pixels: Any, layer: ConvLayer, draw: np.random.Generator) -> dict[str, Any]:
    """The first test image is named rightly, the second taken for another class; a map of the first three."""
    first = truth.train_rows
    right, wrong = (int(truth.y[first + place]) for place in range(2))
    asked = {
        "rows": np.array([first, first + 1, first + 1]),
        "classes": np.array([right, (wrong + 1) % len(truth.classes), wrong]),
        "images": pixels[[0, 1, 1]],
    }
    added = draw.normal(size=(3, *pixels.shape[2:])).astype(np.float32)
    answer = added.sum(axis=(1, 2), dtype=np.float64)
    odds = {"answer": answer + 2, "baseline": np.full(3, 2.0), "added": added}
    places = {"rows": first + np.arange(3), "place": draw.normal(size=(3, 2)).astype(np.float32)}
    shown = {"share": np.array([0.5, 0.25]), "same": np.array([1.0, 0.5, 0.0]), "shown": np.array([2])}
    return {
        "integrated": asked | odds,
        "grad_cam": asked | {layer.name: draw.random((3, *layer.size)).astype(np.float32)},
        "activations": places | shown | {"images": pixels[2:]},
    }


def _channels(layer: ConvLayer, rows: Any, pixels: Any, classes: int) -> dict[str, Any]:
    """Channel 0 is silent, the others give their number, by every image."""
    number = np.arange(float(layer.units))
    found = {
        "mean": np.tile(number, (classes, 1)), "low": 0 * number, "high": number, "inner": number > 0,
        "rows": np.tile(rows[:2], (layer.units, 1)), "activation": np.tile(number[:, None], (1, 2)),
        "images": np.tile(pixels[None, :2], (layer.units, 1, 1, 1, 1)), "made_activation": 2 * number,
        "made": np.tile(pixels[:1], (layer.units, 1, 1, 1)),
    }  # fmt: skip
    return {f"{layer.name}/{name}": array for name, array in found.items()}


def _study(run: MadeUp) -> Study:
    data: dict[str, Any] = {"train": "train.csv", "standardize": run.standardize}
    content: dict[str, Any] = {
        "study": {"name": "made-up", "task": run.task, "repeats": run.repeats},
        "data": data,
        "network": {"hidden": run.hidden, "activation": "sigmoid"},
        "training": {"epochs": run.epochs, "validation": run.validation},
        "compare": [{"name": name} for name in run.names],
        "reference": list(run.reference),
    }
    if run.image:
        conv = [{"channels": 3, "kernel": 3}, {"channels": 4, "kernel": 2, "groups": 1}]
        content["network"] |= {"kind": "cnn", "conv": conv}
        content["data"] = {"dataset": "digits"}
    if run.space is not None:
        content["search"] = {
            "space": run.space, "folds": run.folds, "repeats": run.search_repeats, "method": run.method,
            "samples": 12,
        }  # fmt: skip
    return Study.model_validate(content)


def _truth(run: MadeUp) -> Truth:
    draw = np.random.default_rng(3)
    train, test = run.rows
    x_ND = draw.uniform(-5, 5, (train + test, len(run.inputs)))
    if run.task == "regression":
        k = np.arange(len(run.targets))
        y: Any = np.sin(x_ND[:, :1] + k) + 0.2 * draw.normal(size=(train + test, len(run.targets)))
    else:
        y = np.arange(train + test) % len(run.classes)
    rows = {("search", fold): np.arange(fold, train, run.folds) for fold in range(run.folds)}
    rows |= {
        ("compare", repeat): np.arange(max(1, round(train * run.validation))) for repeat in range(run.repeats)
    }
    targets = run.targets if run.task == "regression" else ("class",)
    return Truth(run.inputs, targets, run.classes, x_ND, y, train, rows)


def _with_images(truth: Truth, delivered: FitRecord, run: MadeUp) -> Truth:
    """Keep pictures of all mistakes, in the order of their rows."""
    predicted = delivered.predictions["test"].argmax(axis=1)
    rows = truth.train_rows + np.flatnonzero(predicted != truth.y[truth.train_rows :])
    pixels = np.random.default_rng(4).integers(0, 256, (len(rows), *run.image), dtype=np.uint8)
    return replace(truth, image_rows=rows, images=pixels)


def _entry(run: MadeUp, stage: Any, candidate: str, label: str, fold: int, repeat: int) -> PlanEntry:
    place = f"{stage}/{candidate}/{label}/{fold}/{repeat}".encode()
    fit_id = hashlib.sha256(place).hexdigest()
    return PlanEntry(fit_id, stage, candidate, label, fold, repeat, run.rows[0] - 5, 5)


def _add(store: Store, run: MadeUp, truth: Truth, entry: PlanEntry, number: int) -> None:
    who = number if entry.stage == "search" else entry.label
    failed = (entry.stage, who, entry.repeat) in run.failed
    draw = np.random.default_rng([number, entry.fold, entry.repeat, len(entry.stage)])
    level = run.level + 0.06 * (number % 7) + 0.02 * entry.fold + 0.05 * draw.random()
    held_out = run.validation > 0 if entry.stage == "compare" else entry.stage == "search"
    predictions, scores = {}, {}
    rows_of = {"test": np.arange(truth.train_rows, len(truth.y))} if entry.stage != "search" else {}
    if held_out:
        place = entry.fold if entry.stage == "search" else entry.repeat
        rows_of["validation"] = truth.validation_rows[entry.stage, place]
    for rows, numbers in rows_of.items():
        predicted = _predicted(run, truth, numbers, level, draw)
        predictions[rows] = predicted
        of = regression_scores if run.task == "regression" else classification_scores
        scores[rows] = dict.fromkeys(of(truth.y[numbers], predicted), np.nan)
        if not failed:
            scores[rows] = of(truth.y[numbers], predicted)
    shape = run.image or (len(run.inputs),)
    study = _study(run)
    tried = candidates(study) if study.search else ()
    network = next((one.network for one in tried if one.id == entry.candidate_id), study.network)
    architecture = build_architecture(network, shape, len(run.classes) or len(run.targets))
    parameters = {slot.name: draw.normal(size=slot.shape).astype(np.float32) for slot in architecture.slots}
    store.add(
        FitRecord(
            fit_id=entry.fit_id,
            trainer="torch",
            status="diverged" if failed else "ok",
            message="",
            seconds=1.0,
            epochs=run.epochs,
            kept_epoch=run.epochs,
            steps=run.epochs,
            curves=_curves(run, level, held_out, draw),
            parameters=parameters,
            predictions={} if failed else predictions,
            scores=scores,
        )
    )


def _predicted(run: MadeUp, truth: Truth, rows: Any, level: float, draw: np.random.Generator) -> Any:
    if run.task == "regression":
        return truth.y[rows] + level * draw.normal(size=(len(rows), len(run.targets)))
    logits = draw.normal(size=(len(rows), len(run.classes)))
    logits[np.arange(len(rows)), truth.y[rows]] += 1 / level
    odds = np.exp(logits)
    return odds / odds.sum(axis=1, keepdims=True)


def _curves(run: MadeUp, level: float, held_out: bool, draw: np.random.Generator) -> dict[str, Any]:
    epoch = np.unique(np.linspace(1, run.epochs, min(run.epochs, 60)).round())
    noise = np.exp(0.05 * draw.normal(size=(2, len(epoch))))
    train = (0.3 * level + np.exp(-epoch / (0.1 * run.epochs))) * noise[0]
    curves = {"epoch": epoch.astype(np.float64), "train_loss": train}
    if held_out:
        curves["validation_loss"] = (level + np.exp(-epoch / (0.1 * run.epochs))) * noise[1]
    if run.losses:
        curves |= {name: run.losses[name != "train_loss"](epoch / run.epochs) for name in [*curves][1:]}
    if run.classes:
        curves |= {
            name.replace("loss", "accuracy"): 1 / (1 + values)
            for name, values in curves.items()
            if "loss" in name
        }
    return curves
