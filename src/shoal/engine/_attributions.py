"""Where in an image a network sees the class that it names: integrated gradients, and Grad-CAM.

Images explained are those of the gallery and the surest mistakes; of a mistake the true class is asked about, too.
Every way of integrated gradients begins at the mean of the training images, as those of tables begin at mean rows: a
pixel that is as usual adds nothing, whether images are dark or light.

Letters: N images, Q pairs of an image and a class, K classes, C channels of an image, U channels of a layer.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.decisions import Decision, named_classes
from shoal.engine._extents import IMAGE_POINTS, PULLED_AT_ONCE, images_attributed, images_explained
from shoal.engine._integrated import ByTrainer, ClassOdds, Floats, Way, bends_of
from shoal.engine._predict import Trained
from shoal.engine._source import gallery_rows
from shoal.engine._trainer import AskedGradient, Trainer
from shoal.engine.trainers.choice import Trainers
from shoal.nets import Architecture, forward, outputs_and_gradient

_SUMMED_AT_ONCE: Final = 4096

Arrays = dict[str, NDArray[Any]]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Explained:
    """Images asked about: rows (N,), the class named of each and the true one."""

    rows_N: Rows
    named_N: Rows
    true_N: Rows

    @classmethod
    def chosen(
        cls, shown: Rows, answers: tuple[int, Rows, Floats], decision: Decision | None, most: int
    ) -> Explained:
        """Choose so many images at most: half of them the surest mistakes, the others those that are `shown`.

        `answers` are the first test row, the true classes of the test rows, and the probabilities of all classes there.
        """
        first, true_V, probability_VK = answers
        wrong = first + gallery_rows(true_V, probability_VK, most // 2, decision)
        shown = shown[: most - len(wrong)]
        rows_N = np.concatenate([shown, wrong[~np.isin(wrong, shown)]])
        return cls(rows_N, named_classes(probability_VK, decision)[rows_N - first], true_V[rows_N - first])

    @property
    def pairs(self) -> tuple[Rows, Rows]:
        """Rows and classes, (Q,) and (Q,): the class named, then the true one where it is another."""
        both = [
            (row, of_class)
            for row, named, true in zip(
                self.rows_N.tolist(), self.named_N.tolist(), self.true_N.tolist(), strict=True
            )
            for of_class in dict.fromkeys((named, true))
        ]
        rows, classes = zip(*both, strict=True) if both else ((), ())
        return np.array(rows, np.int64), np.array(classes, np.int64)


def attributions(
    trained: Trained,
    tested: tuple[NDArray[np.uint8], Rows, Floats],
    rows: tuple[Rows, Rows],
    decision: Decision | None,
    fingerprint: str,
) -> dict[str, tuple[str, Callable[[], Arrays]]]:
    """Give what asks where in images classes are seen: by the part of the inside, its name in the store, and what
    computes it.

    `tested` are all images, the last of which are test images, and their true classes and the probabilities of all;
    `rows` those trained on and those shown. Grad-CAM is asked of the last convolution whose maps have more than one
    place.
    """
    images, true_V, probability_VK = tested
    attributing, architecture = Attributing(trained, images), trained.architecture
    answers = len(images) - len(true_V), true_V, probability_VK

    def asked(
        what: str, most: int, compute: Callable[[Explained], Arrays]
    ) -> tuple[str, Callable[[], Arrays]]:
        explained = Explained.chosen(rows[1], answers, decision, most)
        pairs = hashlib.sha256(b"".join(part.tobytes() for part in explained.pairs)).hexdigest()[:16]
        return f"{what} {fingerprint} {pairs}", partial(compute, explained)

    few = images_attributed(architecture)
    computations = {
        "integrated": asked("integrated gradients", few, partial(attributing.integrated, rows[0]))
    }
    located = [layer.name for layer in architecture.convolutions if math.prod(layer.size) > 1]
    if located:
        grad_cam = partial(attributing.grad_cam, located[-1])
        computations["grad_cam"] = asked("grad-cam", images_explained(architecture), grad_cam)
    return computations


@dataclass(frozen=True, eq=False)
class Attributing:
    """A trained network of images, and all images of its data set."""

    trained: Trained
    images: NDArray[np.uint8]

    def _prepared(self, pixels: NDArray[Any]) -> Floats:
        own = self.trained.preprocessing
        scale_C, offset_C = (part.astype(np.float64) for part in (own.pixel_scale_C, own.pixel_offset_C))
        return np.asarray(pixels * scale_C[:, None, None] + offset_C[:, None, None])

    @cached_property
    def _trainer(self) -> Trainer:
        return Trainers().taking(self.trained.architecture)

    @property
    def _asked(self) -> tuple[Architecture, NDArray[Any], NDArray[Any]]:
        return self.trained.architecture, self.trained.parameters_P, self.trained.buffers

    def integrated(self, train_rows: Rows, explained: Explained) -> Arrays:
        """Give what every pixel adds to the log-odds of classes, its channels summed; on one thread, so that no sum
        depends on their number.
        """
        from threadpoolctl import threadpool_limits

        row_Q, class_Q = explained.pairs
        images = self.images[row_Q]
        way = self._way(mean_image(self.images, train_rows))
        x_QD = self._prepared(images).reshape(len(row_Q), -1)
        with threadpool_limits(1):
            answer_Q, baseline_Q, added_QS = way.contributions(x_QD, ClassOdds(class_Q))
        added = added_QS.reshape(len(row_Q), *images.shape[2:]).astype(np.float32)
        facts: Arrays = {"rows": row_Q, "classes": class_Q, "images": images}
        return facts | {"answer": answer_Q, "baseline": baseline_Q, "added": added}

    def _way(self, mean_CHW: Floats) -> Way:
        """Lead from prepared images, flat, to outputs: by a trainer where there are convolutions."""
        architecture, named = self.trained.architecture, self.trained.named
        shape = mean_CHW.shape
        baseline_D = self._prepared(mean_CHW).reshape(-1)

        def summed(added_ND: Floats) -> Floats:
            added: Floats = added_ND.reshape(len(added_ND), *shape).sum(axis=1)
            return added.reshape(len(added_ND), -1)

        if not architecture.convolutions:
            pulled = partial(outputs_and_gradient, architecture.layers, named)
            ends = bends_of(architecture.dense, named, baseline_D)
            dense = partial(forward, architecture, named)
            return Way(dense, pulled, baseline_D, summed, points=IMAGE_POINTS, ends=ends)

        asked = ByTrainer(self._trainer, self.trained, shape)
        return Way(asked.outputs, asked.by_inputs, baseline_D, summed, PULLED_AT_ONCE, IMAGE_POINTS)

    def grad_cam(self, layer: str, explained: Explained) -> Arrays:
        """Give the class activation maps of a layer by gradients, (Q, height, width) of its own maps.

        Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra (2017): Grad-CAM. ICCV, 618-626: feature maps are summed up,
        each times the mean of the gradient of the class's output by it; what is below 0 speaks for other classes.
        """
        row_Q, class_Q = explained.pairs
        images = self.images[row_Q]
        chosen_QK = np.eye(self.trained.architecture.outputs)[class_Q]
        x, names = self._prepared(images), [conv.name for conv in self.trained.architecture.convolutions]
        map_QUHW = self._trainer.maps(*self._asked, x)[names.index(layer)]
        asked = AskedGradient(chosen_QK, names.index(layer))
        gradient_QUHW = self._trainer.gradient(*self._asked, x, asked)
        weight_QU11 = gradient_QUHW.mean(axis=(2, 3), keepdims=True)
        map_QHW = np.maximum((weight_QU11 * map_QUHW).sum(axis=1), 0).astype(np.float32)
        return {"rows": row_Q, "classes": class_Q, "images": images, layer: map_QHW}


def mean_image(images: NDArray[np.uint8], rows: Rows) -> Floats:
    """Give the mean of the images of these rows, (C, H, W): whole numbers are summed, so that no order tells."""
    total = np.zeros(images.shape[1:], np.int64)
    for start in range(0, len(rows), _SUMMED_AT_ONCE):
        total += images[rows[start : start + _SUMMED_AT_ONCE]].sum(axis=0, dtype=np.int64)
    return total / len(rows)
