"""The stages after training, for drawn networks of every kind and width of layer: a model file and a whole report.

In short, pictures of what is inside of a network are drawn, and no others; what is no network's is left out.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import shoal
from dots import AFTER_THE_MODEL, dots_but
from shoal.errors import StudyError
from shoal.look import pictures
from shoal.look._figure import Chapter
from shoal.look.figures import figures_of
from shoal.study import Study, to_toml
from shoal.study._values import Activation
from test_cli import shoal as command

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
WIDTHS = (1, 2, 3, 4, 7, 8, 16, 31, 32, 33, 48, 64, 100, 128, 256)


def drawn(number: int, folder: Path) -> Study:
    """Draw a study of images: every number another one, the same every time; the first widths in turn."""
    random = np.random.default_rng(number)
    while True:
        tree = _tree(random, number, folder)
        try:
            study = Study.model_validate(tree)
            shoal.plan(study)
        except (ValueError, StudyError):  # a kernel larger than what is left of the image, and the like
            continue
        return study


def _tree(random: np.random.Generator, number: int, folder: Path) -> dict[str, Any]:
    colours, side = int(random.choice([1, 3])), int(random.integers(9, 17))
    classes = int(random.integers(2, 5))
    images = random.integers(0, 256, (48, colours, side, side), dtype=np.uint8)
    np.savez(folder / "images.npz", images=images, labels=np.arange(48) % classes)
    dense = number % 8 == 7
    network: dict[str, Any] = {
        "kind": "mlp" if dense else "cnn",
        "hidden": random.choice(WIDTHS, int(random.integers(1, 3))).tolist(),
        "activation": str(random.choice(get_args(Activation))),
        "batch_norm": bool(random.integers(2)),
        "dropout": float(random.choice([0, 0.25])),
    }
    if not dense:
        network["conv_dropout"] = float(random.choice([0, 0.25]))
        network["conv"] = _convolutions(random, number)
    return {
        "study": {"name": "drawn", "task": "classification", "seed": number},
        "data": {"train": str(folder / "images.npz"), "test_share": 0.4},
        "network": network,
        "training": {"epochs": int(random.integers(1, 3)), "batch_size": 16, "validation": 0.2},
        "compare": [{"name": "base"}] * int(random.integers(2)),
        "search": {"folds": 2, "space": {"training.lr": [0.001, 0.01]}},
        "inspect": {"history": int(random.integers(3))},
    }


def _convolutions(random: np.random.Generator, number: int) -> list[dict[str, Any]]:
    layers, before = [], 1
    for place in range(int(random.integers(1, 4))):
        channels = WIDTHS[number % len(WIDTHS)] if place == 0 else int(random.choice(WIDTHS))
        groups = [size for size in (1, 1, 2, 3, 4, 8) if channels % size == 0 and before % size == 0]
        layer: dict[str, Any] = {
            "channels": channels,
            "kernel": int(random.integers(1, 6)),
            "stride": int(random.choice([1, 1, 2])),
            "padding": int(random.integers(0, 3)),
            "groups": int(random.choice(groups)) if place else 1,
        }
        if random.integers(2):
            layer["pool"] = {"kind": str(random.choice(["max", "average"])), "size": 2}
        layers.append(layer)
        before = channels
    return layers


# In the short form: a dense network, and the widest, which has more channels than are kept.
NUMBERS = range(40) if LONG else (7, 104)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_drawn_network_is_looked_into_whole(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if not LONG:
        inside = (figure.name for figure in figures_of(Chapter.INSIDE))
        monkeypatch.setattr("shoal.look._gallery.png", dots_but(*inside))
        for name in AFTER_THE_MODEL[1:]:
            monkeypatch.setattr(f"shoal.pipeline.{name}", lambda *_: "")
    study = drawn(number, tmp_path)
    Path("study.toml").write_text(to_toml(study), encoding="utf-8")
    assert command(monkeypatch, "run", "study.toml", "--out", "run", "--workers", "2") == 0
    assert "missing" not in capsys.readouterr().err
    results = shoal.Results.open("run")
    assert results.missing == ()
    names = {picture.name for picture in pictures(results)}
    assert {path.stem for path in Path("run/figures").iterdir()} == names
    assert all(f"34-delivered-conv{place}-maps" in names for place in range(1, len(study.network.conv) + 1))
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert all(f'<figure id="{name}"' in page for name in names)
    images = np.load("images.npz")["images"]
    assert set(shoal.load("run").predict(images).tolist()) <= set(results.truth.classes)
