"""What it takes to add a kind: a copy of the house gets a toy of each, by as little as is promised, and trains it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from house_copy import HOUSE, Copy, run_beside
from shoal.kinds import LAYERS

pytest.importorskip("torch")

LOSS = '''"""Toy: the mean absolute error."""

from shoal.nets._loss import Loss


def _torch():
    from torch.nn import functional

    return functional.l1_loss


LOSS = Loss(_torch, "identity", "mean error", "Toy (2026).")
'''

RUN = """
import json, sys
from dots import draw_dots
from studies import tiny_study
from shoal.pipeline import run
from shoal.look.page.references import works

draw_dots()
study = tiny_study(
    training={"loss": "toy-absolute", "epochs": 40},
    compare=[{"name": "toy"}, {"name": "squared", "training": {"loss": "mse"}}],
    search=None,
)
results = run(study, out=sys.argv[1], workers=1)
fits = results.fits.set_index("label")
last = results.curves_of("compare").groupby("label")["train_loss"].last()
first = results.curves_of("compare").groupby("label")["train_loss"].first()
print(json.dumps({
    "trainer": fits.loc["toy", "trainer"],
    "status": fits.loc["toy", "status"],
    "falls": bool(last["toy"] < 0.7 * first["toy"]),
    "other": bool(abs(last["toy"] - last["squared"]) > 1e-3),
    "cited": [work.cited for work in works(results, frozenset()) if work.used == "loss toy-absolute"],
    "axis": "mean error" in (results.folder / "report.html").read_text(encoding="utf-8"),
}))
"""


LAYER = '''"""Toy: every input times a weight of its own, plus another."""

from dataclasses import dataclass
from typing import ClassVar

from shoal.activations import activation_of
from shoal.nets._activations import activation_parts
from shoal.nets._layer import LayerStep, Part, StepCost


@dataclass(frozen=True)
class ScaleLayer:
    kind: ClassVar[str] = "toy-scale"
    takes: ClassVar[str] = "table"

    name: str
    units: int
    activation: str
    dropout: float = 0.0
    batch_norm: bool = False
    layer_norm: bool = False

    @property
    def inputs(self):
        return self.units

    @property
    def multiply_adds(self):
        return self.units

    @property
    def numbers(self):
        return self.units

    @property
    def steps(self):
        return (LayerStep("scaling", (self.units,)),)

    @property
    def mask_shape(self):
        return (self.units,)

    @property
    def parts(self):
        return Part(".weight", (self.units,), "ones"), Part(".bias", (self.units,), "uniform", self.units, draw=1)

    @property
    def buffers(self):
        return ()

    def step_cost(self, takes, *, first):
        return StepCost(10.0, 1e-3 * self.units)

    def modules(self, torch):
        nn = torch.nn

        class Scale(nn.Module):
            def __init__(self, units):
                super().__init__()
                self.weight = nn.Parameter(torch.ones(units))
                self.bias = nn.Parameter(torch.zeros(units))

            def forward(self, x):
                return x * self.weight + self.bias

        return {self.name: Scale(self.units)} | activation_parts(torch, self.name, self.activation)

    def output(self, named, x):
        sum_NU = x * named[f"{self.name}.weight"] + named[f"{self.name}.bias"]
        return activation_of(self.activation).numpy(sum_NU).astype(x.dtype, copy=False)

    def pulled_back(self, named, x, gradient_NU):
        weight = named[f"{self.name}.weight"]
        sum_NU = x * weight + named[f"{self.name}.bias"]
        return gradient_NU * activation_of(self.activation).derivative(sum_NU) * weight

    def nodes(self, graph, x):
        scaled = graph.node("Mul", [x, f"{self.name}.weight"], f"{self.name}_scaled")
        x = graph.node("Add", [scaled, f"{self.name}.bias"], f"{self.name}_sum")
        return activation_of(self.activation).onnx(graph, x, self.name)


LAYER = ScaleLayer
'''

TRAIN = """
import json
import numpy as np
from shoal.engine import Job, Trainers, initial_state
from shoal.engine._trainer import FitData, Rows
from shoal.nets import Architecture, DenseLayer, GraphParts, add_network, forward
from shoal.nets._layer import layer_class
from shoal.streams import StreamKey
from shoal.study import Training

scale = layer_class("toy-scale")("scale1", 3, "tanh", dropout=0.25)
network = Architecture((3,), 2, (scale, DenseLayer("output", 3, 2, "identity", 0.0, False)))
job = Job(network, Training(epochs=40, batch_size=8, lr=0.05, validation=0), "mse", StreamKey(1, 2, 3))
x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
y = np.stack([np.tanh(3 * x[:, 0] + 1), x[:, 1] - x[:, 2]], axis=1).astype(np.float32)
rows, none = Rows(x, y), Rows(x[:0], y[:0])
trainers, state = Trainers(), initial_state(job)
trainer = trainers.choose(job)
begun = network.named(state.parameters_P.copy())
trainer.advance(job, FitData(rows, none, none), state, 40)
named = network.named(state.parameters_P)
graph = GraphParts()
add_network(graph, network, named, "x")
native = trainers.by_name.get("native")
outputs = trainer.outputs(network, state.parameters_P, state.buffers, x)
print(json.dumps({
    "trainer": trainer.name,
    "status": state.status,
    "begun": begun["scale1.weight"].tolist(),
    "numbers": network.parameter_count,
    "moved": bool((named["scale1.weight"] != 1).all()),
    "falls": bool(state.curve_TC[-1, 0] < 0.5 * state.curve_TC[0, 0]),
    "numpy": float(np.abs(forward(network, named, x) - outputs).max()),
    "nodes": [node.op_type for node in graph.nodes],
    "native": native.refuses(network, job.training) if native else REFUSAL,
}))
"""
REFUSAL = "the native trainer does not do toy-scale layers"

ACTIVATION = """
import importlib.util, json, sys
from pathlib import Path
import numpy as np
from shoal.activations import ACTIVATIONS, ActivationKind


def nodes(graph, x, name):
    soft = graph.node("Softplus", [x], f"{name}_soft")
    return graph.node("Mul", [x, graph.node("Tanh", [soft], f"{name}_tanh")], f"{name}_out")


def slope(np, a):
    soft = np.tanh(np.logaddexp(a, 0))
    return soft + a * (1 - soft**2) / (1 + np.exp(-a))


ACTIVATIONS["toy-soft"] = ActivationKind(
    "Mish", lambda np, a: a * np.tanh(np.logaddexp(a, 0)), nodes, slope, flat_below=0.0, source="Toy (2026)."
)

import shoal
from dots import draw_dots
from studies import tiny_study
from shoal.engine import Trainers, Planner
from shoal.export import export_onnx, export_torch
from shoal.look.page.references import works
from shoal.nets import forward
from shoal.pipeline import run

draw_dots()
study = tiny_study(
    network={"activation": "toy-soft", "hidden": [6]},
    training={"epochs": 40},
    compare=[{"name": "toy"}, {"name": "known", "network": {"activation": "tanh"}}],
    search={"folds": 2, "space": {"network.activation": ["toy-soft", "relu"]}},
)
folder = Path(sys.argv[1])
planned = shoal.plan(study, out=folder, workers=1)
results = run(study, out=folder, workers=1)
page = (folder / "report.html").read_text(encoding="utf-8")
fits = results.fits
chosen = fits["label"] == "toy"
losses = results.curves_of("compare").groupby("label")["train_loss"]
model = shoal.load(folder)
again = type(model).from_bytes(model.to_bytes())
asked = np.linspace(-1, 1, 50)[:, None]
predicted = model.predict(asked)
prepared = model.preprocessing.inputs(model.inputs(asked))
outputs = forward(model.architecture, model.parameters, prepared.astype(np.float64))
export_torch(folder, folder.parent / "network.safetensors")
spec = importlib.util.spec_from_file_location("network", folder.parent / "network.py")
exported = importlib.util.module_from_spec(spec)
spec.loader.exec_module(exported)
columns = {model.input_names[0]: asked[:, 0]}
torch_answers = exported.answers(exported.build()(exported.prepare(columns))).detach().numpy()
onnx_says = export_onnx(folder, folder.parent / "network.onnx")
native = Trainers().by_name.get("native")
print(json.dumps({
    "status": sorted(set(fits["status"])),
    "trainers": sorted(set(fits.loc[chosen, "trainer"])),
    "falls": bool(losses.last()["toy"] < 0.9 * losses.first()["toy"]),
    "other": bool(abs(losses.last()["toy"] - losses.last()["known"]) > 1e-6),
    "layers": [layer.activation for layer in model.architecture.layers],
    "file": bool((again.predict(asked) == predicted).all()),
    "numpy": float(np.abs(model.preprocessing.restore(outputs) - predicted).max()),
    "torch": float(np.abs(torch_answers - predicted).max()),
    "onnx": "onnxruntime agrees within" in onnx_says,
    "cited": [work.cited for work in works(results, frozenset()) if work.used == "activation toy-soft"],
    "report": "toy-soft" in page,
    "native": native.refuses(model.architecture, study.training) if native else NATIVE,
    "plan": [note for note in planned.notes if "trainer" in note] if native else PLAN,
    "refusals": list(results.refusals) if native else [NATIVE],
    "page": "trainer native, torch (" + NATIVE + ")" in page if native else True,
}))
"""
NATIVE = "the native trainer does not do the activation toy-soft"
PLAN = [f"3 fits for the torch trainer: {NATIVE}"]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "house")


def test_a_loss_is_a_file_and_a_line(copy: Copy, tmp_path: Path) -> None:
    copy.add_file("nets/losses/toy_absolute.py", LOSS)
    copy.add_line(
        "kinds.py",
        '    "mae": LossKind("regression", core=2),\n',
        '    "toy-absolute": LossKind("regression"),\n',
    )
    assert copy.run(RUN, str(tmp_path / "run")) == {
        "trainer": "torch",
        "status": "ok",
        "falls": True,
        "other": True,
        "cited": ["Toy (2026)."],
        "axis": True,
    }


def test_an_activation_is_a_row_added_from_outside(tmp_path: Path) -> None:
    """The package is the one at hand: the row is added before the study's choices are made of the table."""
    pytest.importorskip("onnxruntime")
    script = ACTIVATION.replace("NATIVE", repr(NATIVE)).replace("PLAN", repr(PLAN))
    process = run_beside(HOUSE.parent, script, str(tmp_path / "run"))
    assert process.returncode == 0, process.stderr
    answer = json.loads(process.stdout.splitlines()[-1])
    assert answer.pop("numpy") < 1e-5
    assert answer.pop("torch") < 1e-5
    assert answer == {
        "status": ["ok"],
        "trainers": ["torch"],
        "falls": True,
        "other": True,
        "layers": ["toy-soft", "identity"],
        "file": True,
        "onnx": True,
        "cited": ["Toy (2026)."],
        "report": True,
        "native": NATIVE,
        "plan": PLAN,
        "refusals": [NATIVE],
        "page": True,
    }


def test_a_layer_is_a_file_and_a_line(copy: Copy) -> None:
    """What a study asks for has a key in its `network` besides; here the network is put together by hand."""
    copy.add_file("nets/layers/toy_scale.py", LAYER)
    copy.add_line("kinds.py", '    "dense": LayerKind(core=True),\n', '    "toy-scale": LayerKind(),\n')
    answer = copy.run(TRAIN.replace("REFUSAL", repr(REFUSAL)))
    assert answer.pop("numpy") < 1e-6
    assert answer == {
        "trainer": "torch",
        "status": "done",
        "begun": [1.0, 1.0, 1.0],
        "numbers": 3 + 3 + 6 + 2,
        "moved": True,
        "falls": True,
        "nodes": ["Mul", "Add", "Tanh", "Gemm"],
        "native": REFUSAL,
    }


def test_a_layer_without_its_line_is_refused(copy: Copy) -> None:
    copy.add_file("nets/layers/toy_scale.py", LAYER)
    script = """
import json
from shoal.errors import StudyError
from shoal.nets import Architecture
from shoal.nets.layers.toy_scale import ScaleLayer

try:
    Architecture((3,), 3, (ScaleLayer("scale1", 3, "tanh"),))
except StudyError as error:
    print(json.dumps(str(error)))
"""
    assert copy.run(script) == f"layer: expected one of {', '.join(LAYERS)}, got 'toy-scale'"
