"""Names that UTF-8 cannot write, wherever they come from: refused before anything is trained, in one sentence."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import shoal
from shoal.study import Study

RANDOM = np.random.default_rng(0)
STRANGE = "caf\udce9"  # the byte E9, as of a name in Latin-1


def study_of(train: Path, task: str = "classification", **data: Any) -> Study:
    return Study.model_validate(
        {
            "study": {"name": "named", "task": task},
            "data": {"train": str(train), **data},
            "network": {"hidden": [3]},
            "training": {"epochs": 1},
        }
    )


def refusal(study: Study) -> str:
    with pytest.raises(shoal.DataError) as caught:
        shoal.plan(study)
    return str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are Linux's")
def test_a_class_folder(tmp_path: Path) -> None:
    for name in ("tea", STRANGE):
        (tmp_path / "d" / name).mkdir(parents=True)
        for number in range(6):
            picture = Image.fromarray(RANDOM.integers(0, 256, (5, 5), dtype=np.uint8))
            picture.save(tmp_path / "d" / name / f"{number}{STRANGE}.png")
    said = refusal(study_of(tmp_path / "d"))
    what = "expected a folder with a name in UTF-8, since it names a class, got other bytes"
    assert said == f'{tmp_path}/d, "caf\\udce9": {what}'
    os.rename(tmp_path / "d" / STRANGE, tmp_path / "d" / "café")
    assert shoal.plan(study_of(tmp_path / "d")).steps > 0  # names of pictures are no matter


@pytest.mark.parametrize("kind", ["class", "category"])
def test_text_of_an_npz_file(tmp_path: Path, kind: str) -> None:
    text, numbers = np.array(["tea", STRANGE] * 20), RANDOM.normal(size=40)
    x, y = (numbers, text) if kind == "class" else (text, numbers)
    np.savez(tmp_path / "t.npz", x=x, y=y)
    task = "classification" if kind == "class" else "regression"
    study = study_of(tmp_path / "t.npz", task, target="y", categorical=["x"] * (kind == "category"))
    array = "y" if kind == "class" else "x"
    what = "expected text of Unicode characters, got the code 0xdce9"
    assert refusal(study) == f'data.train: {tmp_path}/t.npz: array "{array}": {what}'


def test_labels_of_images_in_an_npz_file(tmp_path: Path) -> None:
    images = RANDOM.integers(0, 256, (40, 5, 5), dtype=np.uint8)
    np.savez(tmp_path / "i.npz", images=images, labels=np.array(["tea", STRANGE] * 20))
    assert refusal(study_of(tmp_path / "i.npz")).endswith(
        'array "labels": expected text of Unicode characters, got the code 0xdce9'
    )


def test_a_path_in_a_study(tmp_path: Path) -> None:
    with pytest.raises(shoal.StudyError) as caught:
        shoal.load_study("two-peaks", [f"data.train={STRANGE}.csv"])
    assert "--set data.train: expected text in UTF-8, got '" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are Linux's")
@pytest.mark.usefixtures("dots")
def test_folders_and_files_of_results_may_have_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{STRANGE}.toml").write_text(
        '[study]\nname = "any"\ntask = "regression"\n[data]\ndataset = "two-peaks"\n[training]\nepochs = 1\n',
        encoding="utf-8",
    )
    results = shoal.run(f"{STRANGE}.toml", out=STRANGE, workers=1)
    assert results.missing == ()
    assert (tmp_path / STRANGE / "report.html").exists()
    assert shoal.Results.open(STRANGE).digest == results.digest
    shoal.load(STRANGE).save(f"{STRANGE}.safetensors")
    assert shoal.load(f"{STRANGE}.safetensors").targets == ("label",)
