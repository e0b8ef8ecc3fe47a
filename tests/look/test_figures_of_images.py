"""Pictures of where in images classes are seen, and of the map of activations."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from look_runs import MadeUp, make_run
from readable import faults

from shoal.look import RunFindings, pictures
from shoal.look._attributions import Attributions, enlarged, faint
from shoal.look._paper import design, png
from shoal.look.figures import activation_map as map_figure
from shoal.look.figures import grad_cam as cam_figure
from shoal.look.figures import integrated_gradients as integrated_figure
from shoal.look.figures.activation_map import ActivationMap, activation_map_of, draw_activation_map, plot
from shoal.look.figures.grad_cam import GradCam, draw_grad_cam
from shoal.look.figures.integrated_gradients import PixelContributions, contributions_of, draw_contributions
from shoal.look.page.spreadsheet import fact_csv

RUN = MadeUp(
    task="classification", names=(), classes=("x", "y", "z"), inputs=(), targets=(), image=(1, 5, 5),
    level=0.5, epochs=20, inside=True,
)  # fmt: skip
HOSTILE = ("W" * 200, "\u202eلا 😀\x00" + "漢" * 90, "<b>&")
draw = np.random.default_rng(8)


@pytest.mark.parametrize("sides", [(7, 7), (8, 3), (1, 28), (4, 4)])
def test_maps_are_enlarged_as_torch_does(sides: tuple[int, int]) -> None:
    import torch

    maps = draw.normal(size=(2, 3, 4, 4))
    expected = torch.nn.functional.interpolate(
        torch.tensor(maps), sides, mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(enlarged(maps, sides), expected.numpy(), rtol=1e-9, atol=1e-12)


def test_dark_images_are_turned_round_all_together() -> None:
    dark = np.zeros((2, 1, 3, 3), np.uint8)
    dark[0, 0, :2] = 255  # bright by itself
    assert faint(dark)[1].tolist() == [[1.0] * 3] * 3
    assert faint(dark).min() == pytest.approx(0.7)
    np.testing.assert_allclose(faint(255 - dark), faint(dark))


def attributions(images: int, maps: int, side: int, channels: int = 1) -> Attributions:
    numbers = np.arange(images)
    pixels = draw.integers(0, 256, (images, channels, side, side), dtype=np.uint8)
    of_each = draw.normal(size=(images, maps, side, side))
    return Attributions(
        "delivered network", HOSTILE, 1000 * numbers, numbers % 3, (numbers + maps - 1) % 3, pixels, of_each
    )


@pytest.mark.parametrize(
    ("images", "maps", "side", "channels"), [(1, 1, 8, 1), (10, 2, 28, 3), (13, 1, 45, 1), (1, 2, 1, 1)]
)
def test_attributions_are_readable_whatever_they_are(
    images: int, maps: int, side: int, channels: int
) -> None:
    of = attributions(images, maps, side, channels)
    odds = draw.normal(size=(2, images, maps))
    assert faults(draw_contributions, PixelContributions(of, *odds, 0.001)) == []
    positive = replace(of, map_IMHW=np.abs(of.map_IMHW))
    assert faults(draw_grad_cam, GradCam("conv12", "7 × 7", 1, positive)) == []


def test_what_speaks_for_a_class_is_warm_and_what_speaks_against_it_has_a_dot() -> None:
    of = attributions(1, 1, 4)
    grey = replace(of, image_ICHW=np.full((1, 1, 4, 4), 255, np.uint8), map_IMHW=np.zeros((1, 1, 4, 4)))
    grey.map_IMHW[0, 0, 0, 0], grey.map_IMHW[0, 0, 3, 2] = 5.0, -5.0
    with design():
        figure = draw_contributions(PixelContributions(grey, np.zeros((1, 1)), np.zeros((1, 1)), 0.0))
    tile = figure.axes[1]
    pixels = np.asarray(tile.images[1].get_array())
    red, _, blue = pixels[0, 0]
    assert red > 2 * blue
    red, _, blue = pixels[3, 2]
    assert blue > 2 * red
    np.testing.assert_allclose(pixels[1, 1], 1, atol=0.01)
    assert tile.collections[0].get_offsets().tolist() == [[2, 3]]


def test_facts_are_those_of_the_store_right_images_first(tmp_path: Path) -> None:
    results = make_run(tmp_path, RUN)
    inside, truth = results.inside, results.truth
    assert inside is not None
    right, wrong = contributions_of(inside.integrated, truth)
    assert not right.images.mistakes
    assert wrong.images.mistakes
    assert (right.images.row_I.tolist(), wrong.images.row_I.tolist()) == ([0], [1])
    np.testing.assert_array_equal(wrong.images.map_IMHW[0], inside.integrated["added"][1:])
    np.testing.assert_array_equal(wrong.odds_IM, inside.integrated["answer"][None, 1:])
    assert wrong.images.named_I.tolist() != wrong.images.true_I.tolist() == [truth.y[truth.train_rows + 1]]
    assert max(right.missed, wrong.missed) < 1e-6
    off = inside.integrated | {"answer": inside.integrated["answer"] + 1}
    assert next(contributions_of(off, truth)).missed == pytest.approx(
        1 / np.abs(inside.integrated["added"][0]).sum(), rel=1e-5
    )


def test_every_picture_of_images_says_what_it_shows_and_leaves_pixels_out_of_its_csv(tmp_path: Path) -> None:
    own = {figure.FIGURE for figure in (map_figure, cam_figure, integrated_figure)}
    seen = {picture.name: picture for picture in pictures(make_run(tmp_path, RUN)) if picture.figure in own}
    assert list(seen) == [
        "32-delivered-map",
        "33-delivered-integrated",
        "33-delivered-integrated-mistakes",
        "33-delivered-grad-cam",
        "33-delivered-grad-cam-mistakes",
    ]
    words = [picture.words() for picture in seen.values()]
    assert words == [
        "Map of the test rows: 3 test rows by the first two principal components of the 5 units of the last hidden"
        " layer; 50.0\u00a0% of the nearest rows are of the same class.",
        "Integrated gradients: What pixels of 1 image named rightly add to the log-odds of classes.",
        "Integrated gradients of mistakes: What pixels of 1 mistake add to the log-odds of classes.",
        "Grad-CAM: Where conv2 sees the classes of 1 image named rightly.",
        "Grad-CAM of mistakes: Where conv2 sees the classes of 1 mistake.",
    ]
    assert all(len(fact_csv(picture.fact)) < 1000 for picture in seen.values())
    assert "to within 0.00" in seen["33-delivered-integrated"].caption
    assert "Both maps" in seen["33-delivered-grad-cam-mistakes"].caption
    assert "Both maps" not in seen["33-delivered-grad-cam"].caption


def on_map(classes: int, rows: int, images: int, **more: Any) -> ActivationMap:
    true_M = np.arange(rows) % classes
    fact = ActivationMap(
        "delivered network", tuple(f"class {k}" for k in range(classes)), "5 units of the last hidden layer",
        np.arange(rows), draw.normal(size=(rows, 2)), true_M, np.where(np.arange(rows) % 7, true_M, 0),
        np.array([0.5, 0.2]), 0.8, 0.3, np.arange(images), draw.integers(0, 256, (images, 3, 6, 4), dtype=np.uint8),
    )  # fmt: skip
    return replace(fact, **more)


@pytest.mark.parametrize(
    ("classes", "rows", "images"), [(2, 3, 3), (10, 200, 20), (60, 300, 0), (100, 1000, 5)]
)
def test_maps_are_readable_whatever_they_show(classes: int, rows: int, images: int) -> None:
    fact = on_map(classes, rows, images)
    assert faults(draw_activation_map, fact) == []
    with design():
        labels = draw_activation_map(fact).axes[0].get_legend_handles_labels()[1]
    assert len(labels) == min(classes, 20) + (classes > 20) + bool(fact.wrong_M.any())
    flat = replace(fact, place_M2=fact.place_M2 * [1, 0])
    assert faults(draw_activation_map, flat) == []
    if images == 3:
        assert png(draw_activation_map, fact) == png(draw_activation_map, fact)


def test_of_many_classes_those_of_most_mistakes_have_marks_of_their_own() -> None:
    true_M = np.repeat(np.arange(30), 3)
    named_M = true_M.copy()
    named_M[true_M == 28] = 0
    live = plot(on_map(30, 90, 0, true_M=true_M, named_M=named_M))
    names = [trace["name"] for trace in live["data"]]
    assert names[0] == "10 other classes"
    assert names[1:] == [*(f"class {k}" for k in range(19)), "class 28", "mistake"]
    looks = {(trace["marker"]["color"], trace["marker"]["symbol"]) for trace in live["data"]}
    assert len(looks) == len(names)


def test_at_the_pointer_stand_class_row_and_what_was_named() -> None:
    fact = replace(on_map(3, 8, 2), classes=("<i>a", "b", "c"))
    live = plot(fact)
    texts = [text for trace in live["data"][:3] for text in trace["text"]]
    assert texts[0] == "&lt;i&gt;a, row 0"
    assert "b, row 7<br>named &lt;i&gt;a" in texts
    placed = {(x, y) for trace in live["data"][:3] for x, y in zip(trace["x"], trace["y"], strict=True)}
    assert placed == {tuple(float(f"{value:.4g}") for value in place) for place in fact.place_M2}
    (first, _), frames = live["layout"]["images"], live["layout"]["shapes"]
    assert len(frames) == 2
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(first["source"].partition(",")[2]))) as image:
        np.testing.assert_array_equal(np.asarray(image).transpose(2, 0, 1), fact.image_TCHW[0])
    assert "images" not in plot(on_map(3, 8, 0))["layout"]


def test_what_chance_would_come_to_is_counted_without_the_row_itself(tmp_path: Path) -> None:
    fact = activation_map_of(RunFindings(make_run(tmp_path, RUN)))
    assert fact is not None
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    assert fact.chance == pytest.approx(np.mean([fact.true_M[a] == fact.true_M[b] for a, b in pairs]))
