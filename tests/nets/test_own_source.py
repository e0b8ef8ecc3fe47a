"""What names a person's own module: two that compute otherwise have other names, whatever their text."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shoal.nets import Recipe
from shoal.nets._own_source import Source, source_of

pytest.importorskip("torch")

HEAD = "import helper\nimport torch\nfrom torch import nn\nfrom helper import VALUE\n\n"
SAME_TEXTS = {
    "a value of a module": "def net(x):\n    return x * helper.VALUE\n",
    "a function of a module": "def net(x):\n    return helper.scaled(x)\n",
    "a module handed over": "def net(x):\n    return getattr(helper, 'VALUE')\n",
    "a class attribute": "class net(nn.Linear):\n    scale = VALUE\n",
    "within a class attribute": "class net(nn.Linear):\n    scale = {'a': [VALUE, (VALUE,)]}\n",
    "an inner class": "class net(nn.Linear):\n    class Inner:\n        def forward(self, x):\n"
                      "            return x * VALUE\n",
    "a property": "class net(nn.Linear):\n    @property\n    def scale(self):\n        return VALUE\n",
    "a static method": "class net(nn.Linear):\n    @staticmethod\n    def scale():\n        return VALUE\n",
    "a base": "class Base(nn.Linear):\n    scale = VALUE\nclass net(Base):\n    pass\n",
    "a default": "def net(x, scale=VALUE):\n    return x * scale\n",
    "a nested function": "def net(x):\n    def inner():\n        return VALUE\n    return inner() * x\n",
    "behind a decorator": "@torch.jit.ignore\ndef net(x):\n    return x * VALUE\n",
}  # fmt: skip
"""Modules whose text is the same, and that compute by what `helper` holds."""


def known(make: Any) -> Source:
    return source_of([Recipe("module", make)])


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Any]:
    """Write a module and its helper, import both anew, and give the module's `net`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "helper", raising=False)
    monkeypatch.delitem(sys.modules, "own_net", raising=False)

    def write(text: str, value: str) -> Any:
        (tmp_path / "helper.py").write_text(f"VALUE = {value}\n\ndef scaled(x):\n    return x * {value}\n")
        (tmp_path / "own_net.py").write_text(HEAD + text)
        for name in ("helper", "own_net"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module("own_net").net

    return write


@pytest.mark.parametrize("text", SAME_TEXTS.values(), ids=SAME_TEXTS)
def test_what_a_text_names_counts(written: Callable[[str, str], Any], text: str) -> None:
    first, again, other = (known(written(text, value)) for value in ("1.0", "1.0  # as before", "2.0"))
    assert first.unknown == other.unknown == ""
    assert first == again
    assert first != other


def test_what_runs_counts_and_not_the_file(written: Callable[[str, str], Any], tmp_path: Path) -> None:
    text = "class net(nn.Linear):\n    def forward(self, x):\n        return x * 1.0\n"
    made = written(text, "0")
    (tmp_path / "own_net.py").write_text(HEAD + text.replace("1.0", "2.0"))  # edited since
    before, edited = known(made), known(written(text.replace("1.0", "2.0"), "0"))
    assert before == known(written(text, "0")) != edited
    made.forward = lambda self, x: x * 3.0
    assert known(made) not in (before, edited)
    assert known(made) == known(made)


@pytest.mark.parametrize("name", [None, "notebook", "torch", "builtins"])
def test_code_that_says_it_is_of_a_library_is_taken_for_none(name: str | None) -> None:
    around = {} if name is None else {"__name__": name}
    exec("def net(x):\n    return x\n", around)  # noqa: S102 - as notebooks do
    assert known(around["net"]).unknown == "the source of net is not there"


def test_a_file_that_no_import_knows_counts_by_its_code(tmp_path: Path) -> None:
    names = set()
    for value in ("1.0", "2.0"):
        (tmp_path / f"{value}.py").write_text(f"def net(x):\n    return x * {value}\n")
        spec = importlib.util.spec_from_file_location("own", tmp_path / f"{value}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        names.add(known(module.net).digest)
    assert len(names) == 2


def test_what_a_function_imports_as_it_runs_is_not_known() -> None:
    def net() -> Any:
        import helper  # type: ignore[import-not-found]

        return helper

    def of_libraries() -> Any:
        import math

        from torch.nn import functional

        return math, functional

    assert known(net).unknown == "net imports helper, which is known once it runs"
    assert known(of_libraries).unknown == ""
