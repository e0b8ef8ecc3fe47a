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
from collections.abc import Sequence
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
COMMANDS: Final = (
    "run two-peaks --out peaks --workers 1 --set training.epochs=20 --set study.repeats=1 --set inspect.history=3",
    "run digits --out digits --workers 1 --set training.epochs=2 --set study.repeats=1 --set inspect.history=2"
    " --set search.folds=2",
    "run own.toml --out own --workers 1",
    "report digits",
    "predict own own.csv --explain --out reasons.csv",
    "export own --format onnx --out own.onnx",
    "export digits --format onnx --out digits.onnx",
    "export digits --format torch --out digits.safetensors",
    "animate digits --out digits.gif --seconds 1",
    "draw digits --out digits.svg",
    "check digits --trainer torch",
    "check two-peaks --device cuda",
)


def write_table() -> None:
    rng = np.random.default_rng(1)
    a_N, b_N = rng.normal(size=(2, 90))
    rows = [
        f"{a:.4f},{b:.4f},{'uvw'[n % 3]},{'xy'[int(a + b > 0)]}"
        for n, (a, b) in enumerate(zip(a_N, b_N, strict=True))
    ]
    Path("own.csv").write_text("\n".join(["a,b,c,kind", *rows]), encoding="utf-8")
    Path("own.toml").write_text(TABLE, encoding="utf-8")


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
    """Fit estimators and give what they predict, and what is said where torch is asked for."""
    from sklearn.datasets import load_digits

    from shoal import CNNClassifier, MLPRegressor
    from shoal.errors import InputError

    digits = load_digits()
    images, classes = digits.images[:300], digits.target[:300]
    table = MLPRegressor(hidden_layer_sizes=(5,), max_iter=5, random_state=0)
    said: dict[str, Any] = {
        "table": table.fit(digits.data[:200], classes[:200]).predict(digits.data[:3]).tolist()
    }
    for kind, x in (("bytes", images.astype(np.uint8)), ("floats", images / 16)):
        cnn = CNNClassifier(conv_channels=(4,), hidden_layer_sizes=(8,), max_iter=3, random_state=0)
        said[kind] = cnn.fit(x[:, None], classes).predict_proba(x[:3, None]).tolist()
    for what, ask in (
        ("module_", lambda: table.module_),
        ("float64", lambda: MLPRegressor(max_iter=2, dtype="float64").fit(digits.data[:50], classes[:50])),
    ):
        try:
            ask()
            said[what] = ""
        except InputError as error:
            said[what] = str(error)
    return said


if __name__ == "__main__":
    if sys.argv[1] == "hidden":
        hide_torch()
    from dots import draw_dots

    draw_dots()
    write_table()
    commands = {command: said_by(command) for command in COMMANDS}
    imported = "torch" in sys.modules
    print(json.dumps({"commands": commands, "imported": imported, "fitted": fitted()}))
