"""Names of things are nouns: words that say nothing of a thing name neither a class nor a function nor a value."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

HOUSE: Final = Path(__file__).parent.parent / "src" / "shoal"

FORBIDDEN: Final = frozenset({
    "told", "one", "found", "came", "settled", "given", "wanted", "kept", "held", "left",
    "sick", "doubts", "ground", "footing", "settle", "lesson", "alt",
})  # fmt: skip
"""Participles without a noun, and words of this house for what the field has a word of its own."""

ALLOWED: Final = frozenset({("data/_findings.py", "found")})
"""`Findings.found` reads as the list of what was found."""


def bindings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of every class, function, parameter, variable and attribute that a file makes."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name


def forbidden_names(name: str, text: str) -> Iterator[str]:
    """Name every binding of a forbidden word, whatever its case and underscores."""
    for line, bound in sorted(bindings(ast.parse(text))):
        if bound.strip("_").lower() in FORBIDDEN and (name, bound) not in ALLOWED:
            yield f"{name}:{line}: {bound!r} does not say what it is; a noun does"


def test_names_say_what_a_thing_is() -> None:
    files = ((path.relative_to(HOUSE).as_posix(), path) for path in sorted(HOUSE.rglob("*.py")))
    broken = [
        line for name, path in files for line in forbidden_names(name, path.read_text(encoding="utf-8"))
    ]
    assert not broken, "\n".join(["", *(f"src/shoal/{line}" for line in broken)])


@pytest.mark.parametrize(
    "text",
    [
        "told = 1",
        "def f(one): ...",
        "class Came: ...",
        "def _settle(): ...",
        "self._kept = []",
        "x = [given for given in y]",
        "if (found := f()): ...",
        "match x:\n    case {'a': wanted}: ...",
    ],
)
def test_a_forbidden_name_is_named_with_its_line(text: str) -> None:
    (sentence,) = forbidden_names("look/_x.py", text)
    assert sentence.startswith("look/_x.py:")


@pytest.mark.parametrize("text", ["held_out = 1", "f(one=1)", "x = told", "'found'", "from x import kept"])
def test_what_says_what_it_is_passes(text: str) -> None:
    assert list(forbidden_names("look/_x.py", text)) == []


def test_no_column_or_key_is_called_by_a_word_of_this_house() -> None:
    """Names of columns of frames are read by people; old stores alone have others, which `_train.py` reads."""
    words = {"sick", "healthy", "doubts"}
    broken = [
        f"{path.relative_to(HOUSE)}:{node.lineno}: {node.value}"
        for path in sorted(HOUSE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in words
    ]
    assert not broken, "\n".join(broken)
