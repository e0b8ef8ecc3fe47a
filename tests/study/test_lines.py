"""Where keys stand: checked against lines counted by hand and against the lines themselves."""

from __future__ import annotations

import tomllib
from typing import Any

from drawn_studies import trees
from hypothesis import given

from shoal.study import parse_study, to_toml
from shoal.study._key_paths import key_text
from shoal.study._lines import key_lines

TEXT = '''# comment with "quotes" and [brackets] = 1
[a]  # more
x = """
[not.a.table]
y = 1 \\""" still text""""
z.deep."quoted \\"key\\"".w = 1.5 # dotted
list = [
  1, # [
  [2, 3],
  { p = 1, q = [4,
    5] },
]
literal = \'\'\'
it's' fine = 2
\'\'\'
date = 1979-05-27 07:32:00

[[b]]
name = 'one # no comment'
[[b]]
name = "two"
[b.inner]
v = {}
"key.with.dots" = []
[[b.inner.c]]
[ d . e ]
f = true
'''

EXPECTED = {
    ("a",): 2,
    ("a", "x"): 3,
    ("a", "z"): 6,
    ("a", "z", "deep", 'quoted "key"', "w"): 6,
    ("a", "list"): 7,
    ("a", "list", 0): 8,
    ("a", "list", 1): 9,
    ("a", "list", 1, 1): 9,
    ("a", "list", 2): 10,
    ("a", "list", 2, "p"): 10,
    ("a", "list", 2, "q", 0): 10,
    ("a", "list", 2, "q", 1): 11,
    ("a", "literal"): 13,
    ("a", "date"): 16,
    ("b",): 18,
    ("b", 0): 18,
    ("b", 0, "name"): 19,
    ("b", 1): 20,
    ("b", 1, "name"): 21,
    ("b", 1, "inner"): 22,
    ("b", 1, "inner", "v"): 23,
    ("b", 1, "inner", "key.with.dots"): 24,
    ("b", 1, "inner", "c", 0): 25,
    ("d", "e"): 26,
    ("d", "e", "f"): 27,
}


def paths(value: Any, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every key path of a parsed document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(path for key, inner in items for path in paths(inner, (*here, key)))]


def test_lines_of_a_tricky_document() -> None:
    lines = key_lines(TEXT)
    assert {path: lines.get(path) for path in EXPECTED} == EXPECTED
    assert set(lines) == set(paths(tomllib.loads(TEXT))) - {()}


def test_carriage_returns_do_not_count() -> None:
    assert key_lines(TEXT.replace("\n", "\r\n")) == key_lines(TEXT)


@given(trees())
def test_every_key_of_a_written_study_is_found_on_its_line(tree: dict[str, Any]) -> None:
    text = to_toml(parse_study(tree))
    lines = key_lines(text)
    assert set(lines) == set(paths(tomllib.loads(text))) - {()}
    rows = text.split("\n")
    for path, line in lines.items():
        if isinstance(path[-1], str):
            assert key_text(path[-1]) in rows[line - 1]
