"""What it takes to add an encoder: a file and a row. A study is run with a toy, which is exported and predicts too."""

from __future__ import annotations

from pathlib import Path

import pytest

from house_copy import Copy

ENCODER = '''"""Toy: a number as its sign and the logarithm of its size."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shoal.data._encoder import FLOAT


@dataclass(frozen=True)
class SizeEncoder:
    kind: ClassVar[str] = "toy-size"
    torch_source: ClassVar[str] = """def toy_size(cells, least):
    values = torch.tensor(list(cells), dtype=torch.float64)
    return [torch.sign(values), torch.log(values.abs() + least)]"""

    name: str
    least: float
    categories: ClassVar[None] = None
    imputes: ClassVar[bool] = False

    @property
    def names(self):
        return f"sign of {self.name}", f"size of {self.name}"

    @classmethod
    def fit(cls, column, rows, *, standardize):
        return cls(column.name, float(np.abs(column.values[rows]).min()) + 0.5)

    def encode(self, values_N, x_ND):
        x_ND[:, 0], x_ND[:, 1] = np.sign(values_N), np.log(np.abs(values_N) + self.least)

    @property
    def baseline(self):
        return 0.0, 0.0

    def unknown(self, values_N):
        return "beyond 1e6" if np.abs(values_N).max() > 1e6 else ""

    def misfits(self):
        return iter(() if self.least > 0 else ["expected something above 0"])

    def drawn(self, draw, count):
        return draw.normal(0, 2, count)

    def to_json(self):
        return {"name": self.name, "toy least": self.least}

    @classmethod
    def from_json(cls, entry):
        match entry:
            case {"name": str(name), "toy least": float(least), **others} if not others:
                return cls(name, least)
        return None

    @classmethod
    def nodes(cls, graph, encoders, cells):
        least = graph.array("toy_least", np.array([encoder.least for encoder in encoders]))
        size = graph.node("Add", [graph.node("Abs", [cells], "toy_abs"), least], "toy_sum")
        names = graph.node("Sign", [cells], "toy_sign"), graph.node("Log", [size], "toy_log")
        return [
            (graph.node("Cast", [name], f"{name}_float", {"to": FLOAT}), [(n, slot) for n in range(len(encoders))])
            for slot, name in enumerate(names)
        ]

    @property
    def torch_arguments(self):
        return (self.least,)


ENCODER = SizeEncoder
'''

RUN = """
import importlib.util, json, sys
from pathlib import Path
from unittest.mock import patch
import numpy as np
import shoal
from dots import draw_dots
from studies import tiny_study
from shoal.data import Column, Dataset, Preprocessing
from shoal.export import export_onnx, export_torch
from shoal.pipeline import run

draw = np.random.default_rng(0)
a, b, c = draw.normal(size=(3, 60))
kinds = draw.choice(["u", "v"], 60)
columns = (Column("a", a, "toy-size"), Column("k", kinds), Column("b", b), Column("c", c, "toy-size"))
dataset = Dataset(
    name="toy", task="regression", columns=columns, target_names=("y",), targets=(a + b)[:, None], classes=(),
    train_rows=45, groups=None, given_folds=None, train_fingerprint="0" * 64, test_fingerprint="1" * 64, source="toy",
)
draw_dots()
folder = Path(sys.argv[1])
with patch("shoal.planning.load_data", lambda *_: dataset):
    results = run(tiny_study(), out=folder, workers=1)
model = shoal.load(folder)
asked = {"a": a, "k": kinds, "b": b, "c": c}
predicted = model.predict(asked)
export_torch(folder, folder.parent / "network.safetensors")
spec = importlib.util.spec_from_file_location("network", folder.parent / "network.py")
exported = importlib.util.module_from_spec(spec)
spec.loader.exec_module(exported)
torch_answers = exported.answers(exported.build()(exported.prepare(asked))).detach().numpy()
described = model.preprocessing.to_json()
print(json.dumps({
    "status": sorted(set(results.fits["status"])),
    "names": model.preprocessing.input_names,
    "again": Preprocessing.from_json(json.loads(json.dumps(described))) == model.preprocessing,
    "unknown": list(model.unknown(model.inputs({**asked, "a": a * 1e9}))),
    "torch": float(np.abs(torch_answers - predicted).max()),
    "onnx": "onnxruntime agrees within" in export_onnx(folder, folder.parent / "network.onnx"),
}))
"""


def test_an_encoder_is_a_file_and_a_row(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("torch")
    copy = Copy(tmp_path / "house")
    copy.add_file("data/encoders/toy_size.py", ENCODER)
    row = '    "toy-size": EncoderKind("numbers", "what it learned"),\n'
    copy.add_line("kinds.py", '    "category": EncoderKind("categories", "categories"),\n', row)
    answer = copy.run(RUN, str(tmp_path / "run"))
    assert answer.pop("torch") < 1e-5
    assert answer == {
        "status": ["ok"],
        "names": ["sign of a", "size of a", "k=u", "k=v", "b", "sign of c", "size of c"],
        "again": True,
        "unknown": [
            'column "a": beyond 1e6',
            'column "a": 60 of 60 rows outside of the training rows\' range, -2.32503 to 1.51392, by more than its'
            " length, such as 1.2573e+08",
        ],
        "onnx": True,
    }
