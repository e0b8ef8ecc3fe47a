"""What drawing will take: figures state bytes and seconds, by the sizes that they draw."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shoal.data import Dataset, load_builtin
from shoal.look import Drawing
from shoal.look._extent import Extent
from shoal.look._figure import Chapter
from shoal.look.figures import agreement, confusion, feature_maps, figures_of
from shoal.look.figures.feature_maps import FeatureMaps, draw_feature_maps
from shoal.nets import build_architecture
from shoal.study import Network, Study, candidates
from studies import tiny_study, two_peaks

CNN: dict[str, Any] = {"kind": "cnn", "conv": [{"channels": 6, "kernel": 3}], "hidden": [5]}


def extent(
    study: Study, dataset: Dataset, shape: tuple[int, ...] = (1,), network: Network | None = None
) -> Extent:
    built = build_architecture(network or study.network, shape, dataset.outputs)
    return Extent(dataset, study, candidates(study) if study.search else (), 3 if study.search else 0, built)


def of_classes(count: int) -> Extent:
    study = Study.model_validate({
        "study": {"task": "classification"}, "data": {"dataset": "digits"}, "network": {**CNN},
    })  # fmt: skip
    dataset = replace(load_builtin("digits"), classes=tuple(map(str, range(count))))
    return extent(study, dataset, (1, 8, 8))


def test_a_picture_of_more_classes_is_larger() -> None:
    """Of 19 classes it has 1,689 x 1,593 dots; that of 100 is no larger than a page."""
    two, many, most = (confusion.FIGURE.memory(of_classes(count)) for count in (19, 21, 100))
    assert two == pytest.approx(35 * 1689 * 1593, rel=0.002)
    assert two < many == most


def test_each_test_row_of_a_regression_has_an_error_bar() -> None:
    assert agreement.FIGURE.memory(extent(tiny_study(), two_peaks())) == 650 * 100
    assert agreement.FIGURE.memory(of_classes(3)) == 0


def test_the_memory_of_feature_maps_is_that_of_the_paper_they_are_drawn_on() -> None:
    images, channels = 5, 6
    fact = FeatureMaps(
        "n", "conv1", "relu", channels, ("a",) * images, np.zeros((images, 1, 8, 8), np.uint8),
        np.zeros((images, channels, 6, 6)),
    )  # fmt: skip
    wide, tall = draw_feature_maps(fact).get_size_inches()
    assert feature_maps.FIGURE.memory(of_classes(images)) == pytest.approx(65 * 120**2 * wide * tall)


def stated(of: Extent) -> dict[str, float]:
    """Bytes and seconds of every figure, by its name."""
    figures = {figure.name: figure for chapter in Chapter for figure in figures_of(chapter)}
    seconds = {name: figure.seconds(of) for name, figure in figures.items() if figure.seconds}
    return seconds | {f"{name} bytes": figure.memory(of) for name, figure in figures.items() if figure.memory}


LARGER: dict[str, tuple[Extent, Extent]] = {
    "repeats": (extent(tiny_study(), two_peaks()), extent(tiny_study(study={"repeats": 4}), two_peaks())),
    "candidates": (
        extent(tiny_study(search={"space": {"training.lr": [0.1, 0.2]}}), two_peaks()),
        extent(tiny_study(), two_peaks()),
    ),
    "classes": (of_classes(5), of_classes(9)),
    "layers": (
        extent(tiny_study(), two_peaks()),
        extent(tiny_study(), two_peaks(), network=Network(hidden=(6, 5, 4))),
    ),
    "channels": (
        of_classes(4),
        replace(
            of_classes(4),
            network=build_architecture(
                Network.model_validate({**CNN, "conv": [{"channels": 9, "kernel": 3}]}), (1, 8, 8), 4
            ),
        ),
    ),
}


@pytest.mark.parametrize(("less", "more"), LARGER.values(), ids=LARGER)
def test_more_to_show_takes_more_and_nowhere_less(less: Extent, more: Extent) -> None:
    before, after = stated(less), stated(more)
    assert all(after[name] >= before[name] for name in before)
    assert any(after[name] > before[name] for name in before)


def test_a_run_takes_the_largest_of_its_networks_and_every_comparison_its_own_pictures() -> None:
    dataset, study = two_peaks(), tiny_study()
    small, large = (
        build_architecture(Network(hidden=hidden), (1,), dataset.outputs) for hidden in ((3,), (300, 200))
    )
    drawing = Drawing(dataset, study, candidates(study), 3)
    assert drawing.memory([small]) < drawing.memory([large]) == drawing.memory([small, large])
    assert drawing.memory([]) == 0
    few = Drawing(dataset, tiny_study(compare=[]), candidates(study), 3)
    pictures = sum(
        figure.seconds(extent(study, dataset)) for figure in figures_of(Chapter.COMPARED) if figure.seconds
    )
    more = drawing.seconds(small) - few.seconds(small)
    overview = sum(
        figure.seconds(extent(study, dataset)) for figure in figures_of(Chapter.OVERVIEW) if figure.seconds
    )  # of a network alone there is none
    assert more == pytest.approx(2 * pictures + 2 * 0.003 + overview)


def test_a_second_process_takes_memory_and_spares_seconds() -> None:
    dataset, study = two_peaks(), tiny_study()
    network = build_architecture(study.network, (1,), dataset.outputs)
    alone, beside = (Drawing(dataset, study, candidates(study), 3, second=second) for second in (False, True))
    assert (alone.beside, beside.beside) == (0, 110e6)
    assert beside.memory([network]) == alone.memory([network])
    first = 1.6  # what each of them imports
    assert (
        first
        < beside.seconds(network)
        < alone.seconds(network)
        < 2 * (beside.seconds(network) - first) + first
    )


def test_figures_that_do_not_apply_take_nothing() -> None:
    table = stated(extent(tiny_study(search=None), two_peaks()))
    for name in (
        "20-search-ranking",
        "35-ensemble-scores",
        "33-delivered-mistakes",
        "confusion",
        "34-delivered-maps",
        "roc",
        "confused",
        "class-scores",
        "calibration-by-class",
        "errors",
        "over-time",
    ):
        assert table[name] == 0, name
