"""Names that no file can have, at every door that takes a path: one line, an error of ours, nothing written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import shoal
from shoal.errors import InputError
from shoal.export import export_onnx, export_torch
from shoal.predict import predict_file
from shoal.study import load_study, parse_study
from studies import tiny_study

NAMES = {
    "one long name": "a" * 5000,
    "a long path": "/".join(["a" * 100] * 50),
    "a long name below one that is not there": f"there/{'a' * 300}/x",
    "a zero byte": "a\0b",
    "half a letter": "a\ud800",
    "a link in circles": "circle",
    "below a link in circles": "circle/x",
}
MODEL = Path(__file__).parent / "assets" / "0.1.0" / "classification.safetensors"
STUDY = tiny_study(search=None, compare=None, training={"epochs": 1})


def plan_of(**data: Any) -> Any:
    task = "regression" if "target" in data else "classification"
    return shoal.plan(parse_study({"study": {"task": task}, "data": data, "training": {"epochs": 1}}))


def search(store: str) -> Any:
    x = np.random.default_rng(0).normal(size=(20, 2))
    network = shoal.MLPRegressor(max_iter=1)
    return shoal.GridSearchCV(network, {"dropout": [0.0]}, cv=2, store=store).fit(x, x[:, 0])


DOORS: dict[str, Callable[[str], Any]] = {
    "run(out)": lambda name: shoal.run(STUDY, out=name, workers=1),
    "plan(out)": lambda name: shoal.plan(STUDY, out=name, workers=1),
    "run(study)": shoal.run,
    "load_study": load_study,
    "load": shoal.load,
    "save": lambda name: shoal.load(MODEL).save(name),
    "Results.open": shoal.Results.open,
    "store": search,
    "predict with": lambda name: predict_file(Path(name), Path("t.csv")),
    "predict rows": lambda name: predict_file(MODEL, Path(name)),
    "export from": lambda name: export_torch(Path(name), Path("m.safetensors")),
    "export to torch": lambda name: export_torch(MODEL, Path(f"{name}.safetensors")),
    "export to ONNX": lambda name: export_onnx(MODEL, Path(name)),
    "images": lambda name: shoal.data.load_image_dataset(shoal.data.ImageSource(name)),
    "test images": lambda name: shoal.data.load_image_dataset(shoal.data.ImageSource("pictures", name)),
    "groups of images": lambda name: shoal.data.load_image_dataset(
        shoal.data.ImageSource("pictures", groups=name)
    ),
    "new images": lambda name: shoal.data.read_images(name, (1, 4, 4)),
    **{
        f"a {ending} table": lambda name, ending=ending: shoal.data.read_table(f"{name}{ending}")
        for ending in (".csv", ".tsv", ".parquet", ".npz")
    },
    "data.train": lambda name: plan_of(train=name, target="y"),
    "data.train of images": lambda name: plan_of(train=name),
    "data.test": lambda name: plan_of(train="t.csv", test=f"{name}.csv", target="y"),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("door", DOORS)
def test_a_name_that_no_file_can_have_is_one_line(
    door: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("circle").symlink_to("circle")
    Path("t.csv").write_text("x,y\n" + "".join(f"{row**2},{row}\n" for row in range(20)), encoding="utf-8")
    for label in "ab":
        Path("pictures", label).mkdir(parents=True)
        for number in range(2):
            Image.new("L", (4, 4), number).save(f"pictures/{label}/{number}.png")
    before = sorted(tmp_path.rglob("*"))
    given = NAMES[name]
    if name == "a link in circles" and door in (
        "export to torch",
        "data.test",
        *(d for d in DOORS if "table" in d),
    ):
        given = "circle/x"  # with an ending it is another name
    with pytest.raises(InputError) as caught:
        DOORS[door](given)
    assert len(str(caught.value).splitlines()) == len(caught.value.problems) == 1
    assert not re.search("embedded|codec", str(caught.value)), "Python's words differ from version to version"
    assert sorted(tmp_path.rglob("*")) == before
