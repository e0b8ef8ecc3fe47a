"""Python as it is where torch is not installed.

As a script, `torch_hidden.py hidden` or `torch_hidden.py there`: it does in the working folder what is advertised, in
small, and prints what was said, and whether torch was imported.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np


class Finder(importlib.machinery.PathFinder):
    """Finds what is installed, but for torch."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return None if fullname.partition(".")[0] == "torch" else super().find_spec(fullname, path, target)


def hide_torch() -> None:
    """Have nothing in this process find torch from now on."""
    assert "torch" not in sys.modules
    sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = Finder


TABLE: Final = """\
[study]
name = "own"
task = "classification"

[data]
train = "own.csv"
target = "kind"

[network]
hidden = [5]

[training]
epochs = 6

[search]
folds = 2

[search.space]
"training.lr" = [0.01, 0.001]

[inspect]
history = 3
"""
SERIES: Final = """\
[study]
name = "waves"
task = "regression"

[data]
train = "waves.csv"
target = "slope"

[network]
kind = "cnn"
series = 2
conv = [
  { channels = 4, kernel = 3, dilation = 2, padding = 2, pool = {} },
  { channels = 5, stride = 2, pool = { kind = "global-average" } },
]
conv_dropout = 0.2
hidden = [4]

[training]
epochs = 6

[inspect]
history = 2
"""
COMMANDS: Final = (
    "run two-peaks --out peaks --workers 1 --set training.epochs=9 --set study.repeats=1 --set inspect.history=2"
    " --set compare[0].training.epochs=9 --set compare[1].training.epochs=9 --set search.folds=2",
    "run digits --out digits --workers 1 --set training.epochs=2 --set study.repeats=1 --set inspect.history=2"
    " --set search.folds=2 --set network.norm=layer --set network.conv[1].skip=2 --set checks.baselines=false",
    "run own.toml --out own --workers 1",
    "run waves.toml --out waves --workers 1",
    "report digits",
    "predict own own.csv --explain --out reasons.csv",
    "predict waves waves.csv --explain --out slopes.csv",
    "export own --format onnx --out own.onnx",
    "export waves --format onnx --out waves.onnx",
    "export digits --format onnx --out digits.onnx",
    "export digits --format torch --out digits.safetensors",
    "animate digits --out digits.gif --seconds 1",
    "draw digits --out digits.svg",
)
REFUSED: Final = (
    "check digits --trainer torch",
    "check two-peaks --device cuda",
    "check two-peaks --device auto",
)


def write_tables() -> None:
    rng = np.random.default_rng(1)
    a_N, b_N = rng.normal(size=(2, 90))
    rows = [
        f"{a:.4f},{b:.4f},{'uvw'[n % 3]},{'xy'[int(a + b > 0)]}"
        for n, (a, b) in enumerate(zip(a_N, b_N, strict=True))
    ]
    Path("own.csv").write_text("\n".join(["a,b,c,kind", *rows]), encoding="utf-8")
    Path("own.toml").write_text(TABLE, encoding="utf-8")
    columns = [f"{part}{place}" for part in "pq" for place in range(12)]
    waves = [np.append(row, row[11] - row[0]).round(4) for row in rng.normal(size=(60, 24)).cumsum(axis=1)]
    lines = [",".join(map(str, wave)) for wave in waves]
    Path("waves.csv").write_text("\n".join([",".join([*columns, "slope"]), *lines]), encoding="utf-8")
    Path("waves.toml").write_text(SERIES, encoding="utf-8")


def said_by(command: str) -> str:
    """Run a command in this process; give its exit code and what it wrote."""
    from shoal.cli import main

    written, code = io.StringIO(), 0
    sys.argv = ["shoal", *command.split()]
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return f"{code} {written.getvalue()}"


def fitted() -> dict[str, Any]:
    """What estimators predict that are fitted on a table and on images, of bytes and of floats."""
    from sklearn.datasets import load_digits

    from shoal import CNNClassifier, MLPRegressor

    digits = load_digits()
    images, classes = digits.images[:300], digits.target[:300]
    table = MLPRegressor(hidden_layer_sizes=(5,), max_iter=5, random_state=0).fit(
        digits.data[:200], classes[:200]
    )
    answers: dict[str, Any] = {
        "table": table.predict(digits.data[:3]).tolist(),
        "score": table.score(digits.data, digits.target),
    }
    for kind, x in (("bytes", images.astype(np.uint8)), ("floats", images / 16)):
        cnn = CNNClassifier(conv_channels=(4,), hidden_layer_sizes=(8,), max_iter=3, random_state=0)
        answers[kind] = cnn.fit(x[:, None], classes).predict_proba(x[:3, None]).tolist()
    return answers


def asked_for_torch() -> dict[str, str]:
    """What estimators say where torch is asked for."""
    import shoal
    from shoal import CNNClassifier, MLPRegressor, TorchRegressor

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 2)), rng.normal(size=40)
    table = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(x, y)
    images = rng.normal(size=(40, 1, 6, 6))
    exact = CNNClassifier(conv_channels=(2,), hidden_layer_sizes=(2,), max_iter=2, dtype="float64")
    asked: dict[str, Callable[[], Any]] = {
        "module_": lambda: table.module_,
        "float64": lambda: MLPRegressor(max_iter=2, dtype="float64").fit(x, y),
        "float64 images": lambda: exact.fit(images, y > 0),
        "cuda": lambda: MLPRegressor(max_iter=2, device="cuda").fit(x, y),
        "own module": lambda: TorchRegressor(dict).fit(x, y),
        "own module on cuda": lambda: TorchRegressor(dict, device="cuda").fit(x, y),
        "own module of a run": lambda: shoal.plan({"a": x[:, 0], "y": y}, target="y", module=dict),
    }
    said = dict.fromkeys(asked, "")
    for what, ask in asked.items():
        try:
            ask()
        except Exception as error:
            said[what] = f"{type(error).__name__}: {error}"
    said["dir"] = str("module_" in dir(table))
    return said


if __name__ == "__main__":
    hidden = sys.argv[1] == "hidden"
    if hidden:
        hide_torch()
    from dots import draw_dots

    draw_dots(simple_models=True)
    write_tables()
    answer: dict[str, Any] = {
        "commands": {command: said_by(command) for command in COMMANDS},
        "fitted": fitted(),
    }
    answer["imported"] = "torch" in sys.modules
    answer["refused"] = {command: said_by(command) for command in REFUSED}
    if hidden:
        answer["asked"] = asked_for_torch()
    print(json.dumps(answer))
