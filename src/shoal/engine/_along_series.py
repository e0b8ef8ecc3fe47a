"""What is seen inside a network of series: maps over time, where an answer comes from, series made to excite channels.

Letters: M rows shown, C series, T values of one, U channels of a layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import Dataset
from shoal.decisions import Decision, named_classes
from shoal.engine._channels import Channels
from shoal.engine._extents import SERIES_CHANNELS, SERIES_SHOWN
from shoal.engine._predict import Trained, network_inputs
from shoal.engine._trainer import AskedGradient
from shoal.engine.trainers.choice import Trainers
from shoal.kinds import has_classes, task_kind
from shoal.streams import StreamKey

_RANGED: Final = 1000
"""Training rows that say between which values series are made, at most."""

Arrays = dict[str, NDArray[Any]]
Floats = NDArray[np.float32]


def series_rows(dataset: Dataset) -> NDArray[np.int64]:
    """Give the test rows that are shown: the first of each class, or some that are evenly spaced."""
    tested = dataset.rows - dataset.train_rows
    if has_classes(dataset.task):
        _, first = np.unique(dataset.targets[dataset.train_rows :], return_index=True)
    else:
        first = np.unique(np.linspace(0, tested - 1, min(tested, SERIES_SHOWN)).round())
    return np.asarray(dataset.train_rows + first[:SERIES_SHOWN], np.int64)


@dataclass(frozen=True, eq=False)
class AlongSeries:
    """A trained network of series, the rows that it learned from and is tested on, and its answers to the latter."""

    trained: Trained
    dataset: Dataset
    answer_VK: NDArray[np.float64]
    decision: Decision | None

    def facts(self, rows_M: NDArray[np.int64], key: StreamKey) -> Arrays:
        """Give "series" (M, C, T) as the network takes them, the number of the output "asked" (M,) about, and by LAYER
        "LAYER/maps" (M, U, T), "LAYER/made" (U, C, T); of the last one of several places "LAYER/seen" (M, T), Grad-CAM.
        """
        x_MCT = self._series(rows_M)
        asked_M = self._asked(rows_M)
        facts: Arrays = {"rows": rows_M, "asked": asked_M, "series": x_MCT[:, :, 0]}
        network = self.trained.architecture.past_series
        channels = self._channels()
        (maps,) = Channels.of_series(self.trained.architecture, self.trained.named).maps(x_MCT)
        for number, (layer, map_MUHT) in enumerate(zip(network.convolutions, maps, strict=True)):
            shown = min(SERIES_CHANNELS, layer.units)
            made = channels.prepared(channels.exciting_inputs(number, shown, key))
            facts |= {
                f"{layer.name}/maps": map_MUHT[:, :shown, 0].copy(),
                f"{layer.name}/made": made[:, :, 0],
            }
        located = [number for number, layer in enumerate(network.convolutions) if layer.size[1] > 1]
        if located:
            last = network.convolutions[located[-1]].name
            facts[f"{last}/seen"] = self._seen(x_MCT, asked_M, located[-1], maps[located[-1]])
        return facts

    def _series(self, rows: NDArray[np.int64]) -> Floats:
        """Give rows as the convolutions take them, (N, C, 1, T)."""
        architecture = self.trained.architecture
        assert architecture.series is not None  # noqa: S101 - whoever asks has looked
        x_ND = network_inputs(architecture, self.trained.preprocessing, self.dataset, rows)
        return architecture.series.output(self.trained.named, x_ND).astype(np.float32)

    def _asked(self, rows_M: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give the class named, or the likeliest label, of each row; of numbers the first output."""
        answer_MK = self.answer_VK[rows_M - self.dataset.train_rows]
        if has_classes(self.dataset.task):
            return named_classes(answer_MK, self.decision)
        if task_kind(self.dataset.task).target == "labels":
            return np.asarray(answer_MK.argmax(axis=1), np.int64)
        return np.zeros(len(rows_M), np.int64)

    def _channels(self) -> Channels:
        """Ask convolutions by bytes, which lie between the least and the largest value of each series."""
        trained = np.linspace(0, self.dataset.train_rows - 1, min(_RANGED, self.dataset.train_rows)).round()
        x_NCT = self._series(np.unique(trained).astype(np.int64))
        low_C, high_C = x_NCT.min(axis=(0, 2, 3)), x_NCT.max(axis=(0, 2, 3))
        span_C = np.where(high_C > low_C, high_C - low_C, 1).astype(np.float32)
        plain = Channels.of_series(self.trained.architecture, self.trained.named)
        return Channels(plain.architecture, plain.named, span_C / np.float32(255), low_C)

    def _seen(self, x_MCT: Floats, asked_M: NDArray[np.int64], number: int, map_MUHT: Floats) -> Floats:
        """Sum up the maps of a layer, each times the mean gradient of the output by it; what is below 0 is left out.

        Selvaraju and others (2017): Grad-CAM. ICCV, 618-626.
        """
        network = self.trained.architecture.past_series
        asked = AskedGradient(np.eye(network.outputs)[asked_M], number)
        trainer = Trainers().taking(network)
        gradient_MUHT = trainer.gradient(
            network, self.trained.parameters_P, self.trained.buffers, x_MCT, asked
        )
        weight_MU11 = gradient_MUHT.mean(axis=(2, 3), keepdims=True)
        return np.asarray(np.maximum((weight_MU11 * map_MUHT).sum(axis=1), 0)[:, 0], np.float32)
