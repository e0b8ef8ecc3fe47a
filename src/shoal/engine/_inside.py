"""What only the rows and the trainer can tell of the inside of the delivered network, kept beside its fit.

All of it can be computed again; the fact "inside" names the parts that the study asks for now. Letters: N test images,
M images shown, U channels or units of a layer, K classes, T most exciting images, S snapshots, Q quantiles.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import Dataset, Preprocessing
from shoal.decisions import Decision
from shoal.engine._activation_map import activation_map, apart
from shoal.engine._along_series import AlongSeries, series_rows
from shoal.engine._attributions import attributions
from shoal.engine._channels import Channels
from shoal.engine._course import Course
from shoal.engine._extents import CHANNELS_KEPT, LOOKED_AT, MAP_BYTES, UNIT_ROWS, mapped, rows_mapped
from shoal.engine._fits import Planner
from shoal.engine._frames import Frames
from shoal.engine._importance import trained_network
from shoal.engine._planned import StudyFit
from shoal.engine._predict import network_inputs
from shoal.engine._stored import check_state, refusing_stored
from shoal.engine._study_rows import PreparedFit
from shoal.engine._train import Checkpoint
from shoal.engine._trainer import FitData, State, Trainer, initial_state
from shoal.engine.workers.slices import CHECKPOINT_SECONDS
from shoal.nets import Architecture, activations, near_bound, weights_by_layer
from shoal.parts import RUN, Parts
from shoal.results import FitRecord, Store, expect
from shoal.streams import StreamKey
from shoal.study import MOST_IMAGES

QUANTILES: Final = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
MOST_EXCITING: Final = 4

Arrays = dict[str, NDArray[Any]]


def look_inside(
    planner: Planner,
    delivered: tuple[StudyFit, FitRecord],
    decision: Decision | None,
    store: Store,
    trainers: Mapping[str, Trainer],
    parts: Parts,
) -> None:
    """Compute what the study asks for and is not kept yet: history, channels, feature maps, outputs of units, a map of
    them, and where in images the classes are seen that are named, by `decision` where there is one.

    Each part stands for itself: one that cannot be made is noted in `parts`.
    """
    store.put_fact("inside", None)  # an earlier one is not believed, whatever comes
    fit, record = delivered
    if fit.job.architecture.own is not None:  # of which nobody else knows what lies inside
        return
    dataset, images, inspect = planner.dataset, planner.dataset.images, planner.study.inspect
    preprocessing = planner.preprocessing_of(fit)
    computations: dict[str, tuple[str, Callable[[], Arrays]]] = {}
    if inspect.history:
        trainer = trainers[fit.trainer]
        shown = partial(_shown_rows, dataset, inspect.images)
        history = _History(fit, dataset, preprocessing, inspect.history, shown)
        computations["history"] = (history.part, lambda: history.replay(trainer, store))
    series = fit.job.architecture.series
    if series or not dataset.columns or any(column.takes != "numbers" for column in dataset.columns):
        asked = (fit.job.architecture, record, preprocessing, dataset)
        computations["units"] = (f"units {dataset.test_fingerprint}", lambda: _unit_outputs(*asked))
    if mapped(dataset):
        mapping = partial(_activation_map, fit.job.architecture, record, preprocessing, dataset)
        computations["activations"] = (f"activation map {dataset.test_fingerprint}", mapping)
    if series:
        along = AlongSeries(
            trained_network(planner, fit, record), dataset, record.predictions["test"], decision
        )
        shown_M = series_rows(dataset)
        named = f"series {dataset.test_fingerprint} {','.join(map(str, shown_M))}"
        computations["series"] = (named, partial(along.facts, shown_M, fit.job.key))
    if images is not None:
        rows = _shown_rows(dataset, inspect.images)
        if fit.job.architecture.convolutions:
            computations |= _of_channels(fit, record, preprocessing, dataset, (images, rows))
        name, without = computations["activations"]
        computations["activations"] = (name, partial(_with_thumbnails, without, images))
        asked_of = images, dataset.targets[dataset.train_rows :], record.predictions["test"]
        trained = trained_network(planner, fit, record)
        computations |= attributions(
            trained, asked_of, (fit.split.train, rows), decision, dataset.test_fingerprint
        )
    computed: dict[str, str] = {}
    for name, (part, compute) in computations.items():
        with parts.attempt(f"inside of the network, {name}", RUN):
            if store.derived(fit.id, part) is None:
                store.put_derived(fit.id, part, compute())
            computed[name] = part
    store.put_fact("inside", {"fit": fit.id, "parts": computed})


def _of_channels(
    fit: StudyFit,
    record: FitRecord,
    preprocessing: Preprocessing,
    dataset: Dataset,
    shown: tuple[NDArray[np.uint8], NDArray[np.int64]],
) -> dict[str, tuple[str, Callable[[], Arrays]]]:
    """Give what looks at the channels of convolutions, by names of parts; `shown` are all images, and rows of some."""
    images, rows = shown
    channels = _channels(fit.job.architecture, record, preprocessing)
    named = f"{dataset.test_fingerprint} {','.join(map(str, rows))}"
    looked_at = _spread(dataset, LOOKED_AT)
    return {
        "channels": (
            f"channels at {len(looked_at)} {dataset.test_fingerprint}",
            partial(_channel_facts, channels, (images, dataset.targets), looked_at, fit.job.key),
        ),
        "maps": (f"maps {named}", partial(_maps, channels, images[rows], rows)),
    }


class _History:
    """The weights of one fit over its epochs: the fit is deterministic, so it is trained again to be watched."""

    def __init__(
        self,
        fit: StudyFit,
        dataset: Dataset,
        preprocessing: Preprocessing,
        snapshots: int,
        shown: Callable[[], NDArray[np.int64]],
    ) -> None:
        self._fit, self._dataset, self._preprocessing = fit, dataset, preprocessing
        epochs = fit.job.training.epochs
        self._epoch_S = np.unique(np.linspace(0, epochs, min(snapshots, epochs) + 1).round()).astype(np.int64)
        self._frames = Frames(fit, dataset, preprocessing, shown, len(self._epoch_S))
        # What is kept of a snapshot has a number: less, of an earlier version, is not taken for it.
        self.part = f"history 3 {snapshots} {dataset.test_fingerprint} {self._frames.images_named}".rstrip()
        self._key = f"{fit.id} {self.part}"

    @cached_property
    def _data(self) -> FitData:
        return PreparedFit(self._fit, self._dataset, self._preprocessing).data

    @cached_property
    def _course(self) -> Course:
        return Course.of(self._fit.job, self._data)

    def replay(self, trainer: Trainer, store: Store) -> Arrays:
        """Train again, from the last checkpoint of a replay that was interrupted, and take snapshots on the way.

        Of each layer: quantiles of its weights (S, Q), how far they are from their start (root mean square), the norm
        of its gradient and the share of its units that are dead, (S,), see `Course`; and
        what the frames of moving pictures are made of.
        """
        job, saved = self._fit.job, store.checkpoint(self._key)
        seen: Arrays = {}
        state = initial_state(job)
        start = job.architecture.named(state.parameters_P.copy())
        if saved:
            with refusing_stored(f"the checkpoint of {self._key}"):
                first = self._seen_at(trainer, start, state)
                state = Checkpoint(self._key, saved[0], saved[1]["state"]).state()
                check_state(state, self._fit)
                seen = {name: saved[0][name] for name in saved[1]["seen"]}
                _check_snapshots(seen, first, self._epoch_S)
        at, done = time.monotonic(), len(seen.get("epoch", ()))
        state.pausing = lambda: time.monotonic() - at >= CHECKPOINT_SECONDS
        for epoch in self._epoch_S[done:].tolist():
            while state.status == "training" and state.epoch < epoch:
                trainer.advance(job, self._data, state, epoch)
                if state.pausing():
                    self._save(store, state, seen)
                    at = time.monotonic()
            snapshot = self._seen_at(trainer, start, state) | {"epoch": np.array(epoch)}
            seen = {
                name: np.concatenate([seen.get(name, value[None][:0]), value[None]])
                for name, value in snapshot.items()
            }
        store.drop_checkpoint(self._key)
        looked_at = self._fit.rows.learning[self._course.place_M]
        fixed = {"share": np.array(QUANTILES), "looked_at": looked_at}
        return self._frames.finished(seen) | fixed

    def _seen_at(self, trainer: Trainer, start: Arrays, state: State) -> Arrays:
        """Give what is kept of one snapshot; an array of one name has one shape in all of them."""
        named = self._fit.job.architecture.named(state.parameters_P)
        course, frames = self._course.at(trainer, state), self._frames.of(trainer, state)
        return _snapshot(start, named) | course | frames | {"epoch": np.array(state.epoch)}

    def _save(self, store: Store, state: State, seen: Arrays) -> None:
        stands = Checkpoint.of(self._key, state)
        store.put_checkpoint(self._key, stands.arrays | seen, {"state": stands.facts, "seen": list(seen)})


def _snapshot(start: Arrays, now: Arrays) -> Arrays:
    """Quantiles and distance of the weights of every layer, by layer."""
    arrays: Arrays = {}
    before = weights_by_layer(start)
    for layer, weights in weights_by_layer(now).items():
        values = weights.astype(np.float64)
        arrays[f"{layer}/quantile"] = np.quantile(values, QUANTILES)
        arrays[f"{layer}/moved"] = np.sqrt(np.mean((values - before[layer]) ** 2))
    return arrays


def _check_snapshots(seen: Arrays, first: Arrays, epoch_S: NDArray[np.int64]) -> None:
    """Those taken before are of the same kind as the first, and of the first epochs."""
    done = len(seen.get("epoch", ()))
    expect(seen.get("epoch", epoch_S[:0]).tolist() == epoch_S[:done].tolist())
    kinds = {name: ((done, *array.shape), array.dtype) for name, array in first.items()}
    expect(not seen or {name: (array.shape, array.dtype) for name, array in seen.items()} == kinds)


def _channels(architecture: Architecture, record: FitRecord, preprocessing: Preprocessing) -> Channels:
    return Channels(
        architecture, record.parameters, preprocessing.pixel_scale_C, preprocessing.pixel_offset_C
    )


def _shown_rows(dataset: Dataset, asked: tuple[int, ...]) -> NDArray[np.int64]:
    """Rows of the images whose feature maps are shown: those asked for, else the first test image of each class (of the
    first classes, where there are many)."""
    if asked:
        return dataset.train_rows + np.array(asked, np.int64)
    _, first = np.unique(dataset.targets[dataset.train_rows :], return_index=True)
    return np.asarray(dataset.train_rows + first[:MOST_IMAGES], np.int64)


def _maps(channels: Channels, images: NDArray[np.uint8], rows: NDArray[np.int64]) -> Arrays:
    """Feature maps of the shown images, of these rows: by layer (M, U, H, W), of the first channels."""
    (maps,) = channels.maps(images)
    arrays: Arrays = {"rows": rows, "images": images}
    for layer, map_MUHW in zip(channels.layers, maps, strict=True):
        fitting = max(1, MAP_BYTES // max(1, map_MUHW[:, 0].nbytes))
        arrays[layer.name] = map_MUHW[:, : min(CHANNELS_KEPT, fitting)].copy()
    return arrays


def _spread(dataset: Dataset, most: int) -> NDArray[np.int64]:
    """Test rows that are looked at: all, or so many of them.

    Sorted by class they are evenly spaced, so that each class has its share, and within a class all the file has.
    """
    class_N = dataset.targets[dataset.train_rows :]
    by_class = np.argsort(class_N, kind="stable")
    count = min(len(class_N), most)
    return dataset.train_rows + np.sort(by_class[np.arange(count) * len(class_N) // max(1, count)])


def _channel_facts(
    channels: Channels,
    labelled: tuple[NDArray[np.uint8], NDArray[np.int64]],
    looked_at: NDArray[np.int64],
    key: StreamKey,
) -> Arrays:
    """Of every layer: mean activation by class, extremes, the most exciting of the test images looked at, and images
    made to excite; `labelled` are all images and their classes."""
    images, class_N = labelled[0][looked_at], labelled[1][looked_at]
    measured = [_measured(maps, channels) for maps in channels.maps(images)]
    facts: Arrays = {"looked_at": looked_at}
    for number, layer in enumerate(channels.layers):
        of_layer = zip(*(batch[number] for batch in measured), strict=True)
        top_NU, peak_NU, low_NU, mean_NU, inner_NU = (np.concatenate(parts) for parts in of_layer)
        shown = min(layer.units, CHANNELS_KEPT)
        shown_NU = top_NU[:, :shown]
        rows_TU = np.argsort(-shown_NU, axis=0, kind="stable")[:MOST_EXCITING]
        made = channels.exciting_inputs(number, shown, key)
        of_class = [_mean(mean_NU[class_N == k]) for k in range(channels.architecture.outputs)]
        parts = {
            "mean": np.array(of_class),
            "low": low_NU.min(axis=0),
            "high": top_NU.max(axis=0),
            "inner": inner_NU.sum(axis=0),
            "rows": looked_at[rows_TU.T],
            "activation": np.take_along_axis(shown_NU, rows_TU, axis=0).T,
            "peak": np.take_along_axis(peak_NU[:, :shown], rows_TU, axis=0).T,
            "images": images[rows_TU.T],
            "made": made,
            "made_activation": np.diagonal(channels.activation(number, made)).copy(),
        }
        facts |= {f"{layer.name}/{name}": np.ascontiguousarray(array) for name, array in parts.items()}
    return facts


def _mean(value_NU: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the rows; NaN without any."""
    return np.asarray(value_NU.mean(axis=0) if len(value_NU) else np.full(value_NU.shape[1], np.nan))


def _measured(
    maps: tuple[NDArray[np.float32], ...], channels: Channels
) -> list[tuple[NDArray[np.float64], ...]]:
    """Of every layer, by image and channel: largest value and its place, smallest, mean, how many off the bounds."""
    return [
        (
            map_NUHW.max(axis=(2, 3)).astype(np.float64),
            map_NUHW.reshape(*map_NUHW.shape[:2], -1).argmax(axis=2),
            map_NUHW.min(axis=(2, 3)).astype(np.float64),
            map_NUHW.mean(axis=(2, 3), dtype=np.float64),
            (~near_bound(layer.activation, map_NUHW)).sum(axis=(2, 3)),
        )
        for layer, map_NUHW in zip(channels.layers, maps, strict=True)
    ]


def _unit_outputs(
    architecture: Architecture, record: FitRecord, preprocessing: Preprocessing, dataset: Dataset
) -> Arrays:
    """Outputs of every dense layer at test rows evenly spaced over all, by layer (M, U)."""
    test = dataset.rows - dataset.train_rows
    rows = dataset.train_rows + np.unique(np.linspace(0, test - 1, min(test, UNIT_ROWS)).round()).astype(
        np.int64
    )
    _, outputs = _dense_outputs(architecture, record, preprocessing, dataset, rows)
    return {"rows": rows} | outputs


def _activation_map(
    architecture: Architecture, record: FitRecord, preprocessing: Preprocessing, dataset: Dataset
) -> Arrays:
    """What the output layer is given at test rows of which each class has its share, on a map of two dimensions."""
    rows = _spread(dataset, rows_mapped(architecture))
    parts = []
    for start in range(0, len(rows), UNIT_ROWS):
        part = rows[start : start + UNIT_ROWS]
        x_MD, outputs = _dense_outputs(architecture, record, preprocessing, dataset, part)
        hidden = [layer.name for layer in architecture.dense[:-1]]
        parts.append(outputs[hidden[-1]] if hidden else x_MD)
    return activation_map(np.concatenate(parts), dataset.targets[rows], rows)


def _with_thumbnails(compute: Callable[[], Arrays], images: NDArray[np.uint8]) -> Arrays:
    """Add images of some rows of a map, which stand free of each other."""
    arrays = compute()
    if not arrays:
        return {}
    shown = apart(arrays["place"])[: max(1, MAP_BYTES // images[0].nbytes)]
    return arrays | {"shown": shown, "images": images[arrays["rows"][shown]]}


def _dense_outputs(
    architecture: Architecture,
    record: FitRecord,
    preprocessing: Preprocessing,
    dataset: Dataset,
    rows: NDArray[np.int64],
) -> tuple[NDArray[np.float32], Arrays]:
    """Give what the first layer behind convolutions is given, (M, D), and the outputs of every dense layer, (M, U)."""
    series = architecture.series
    if dataset.images is not None and architecture.convolutions:
        x_MD = _channels(architecture, record, preprocessing).flattened(dataset.images[rows])
    else:
        x_MD = network_inputs(architecture, preprocessing, dataset, rows)
    if series is not None:
        channels = Channels.of_series(architecture, record.parameters)
        x_MD = channels.flattened(series.output(record.parameters, x_MD))
    layers = tuple(layer for layer in architecture.layers if layer.takes == "table" and layer is not series)
    head = Architecture(x_MD.shape[1:], architecture.outputs, layers)
    outputs = activations(head, record.parameters, x_MD)
    by_layer = {layer.name: output for layer, output in zip(layers, outputs, strict=True)}
    return x_MD, {layer.name: by_layer[layer.name] for layer in architecture.dense}
