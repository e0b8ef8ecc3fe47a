"""Where every key of a TOML document stands: key path -> line number.

`tomllib` gives no positions, so this scans the text again. It is only asked once the document is known to
be valid, which keeps it small: it follows keys, tables and brackets, and never judges.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from shoal.study._key_paths import KeyPath

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\#[^\n]*)
      | (?P<text>\"{3}(?:\\.|[^\\])*?\"{3,5} | '{3}.*?'{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*')
      | (?P<mark>[\n\[\]{}=,.])
      | (?P<bare>[^\s\[\]{}=,."'\#]+)""",
    re.VERBOSE | re.DOTALL,
)
_END = ("", "")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Map every key path of a valid TOML document, with tables and list elements, to its line (from 1)."""
    scan = _Scan(text)
    scan.document()
    return scan.lines


def deepest_line(text: str) -> int:
    """Give the line on which the brackets of a TOML document, valid or not, are nested deepest."""
    depth = most = 0
    where = 1
    for _, token, line in _tokens(text):
        depth += (token in ("[", "{")) - (token in ("]", "}"))
        if depth > most:
            most, where = depth, line
    return where


class _Scan:
    """One pass over the tokens; `at` is the place of the next one, `word` its text."""

    def __init__(self, text: str) -> None:
        self.tokens = [*_tokens(text), (*_END, 0)]
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.last_index: dict[KeyPath, int] = {}

    @property
    def word(self) -> str:
        return self.tokens[self.at][1]

    @property
    def line(self) -> int:
        return self.tokens[self.at][2]

    def document(self) -> None:
        table: KeyPath = ()
        while self.word:
            if self.word == "\n":
                self.at += 1
            elif self.word == "[":
                table = self.header()
            else:
                self.pair(table)

    def header(self) -> KeyPath:
        """`[a.b]` or `[[a.b]]`; inside an array of tables, its newest element is meant."""
        line = self.line
        brackets = 2 if self.tokens[self.at + 1][1] == "[" else 1
        self.at += brackets
        parts = self.key()
        self.at += brackets
        path: KeyPath = ()
        for depth, part in enumerate(parts):
            path += (part,)
            if depth == len(parts) - 1 and brackets == 2:
                self.last_index[path] = self.last_index.get(path, -1) + 1
            self.lines.setdefault(path, line)
            if path in self.last_index:
                path += (self.last_index[path],)
        self.lines.setdefault(path, line)
        return path

    def pair(self, table: KeyPath) -> None:
        """`a.b = value`."""
        line = self.line
        parts = self.key()
        for depth in range(1, len(parts) + 1):
            self.lines.setdefault((*table, *parts[:depth]), line)
        self.at += 1
        self.value((*table, *parts))

    def key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while True:
            kind, token, _ = self.tokens[self.at]
            parts.append(tomllib.loads(f"key = {token}")["key"] if kind == "text" else token)
            self.at += 1
            if self.word != ".":
                return tuple(parts)
            self.at += 1

    def value(self, path: KeyPath) -> None:
        opened = self.word
        if opened not in ("[", "{"):
            while self.word not in (",", "]", "}", "\n", ""):
                self.at += 1
            return
        self.at += 1
        index = 0
        while self.word not in ("]", "}"):
            if self.word in ("\n", ","):
                self.at += 1
            elif opened == "[":
                self.lines[(*path, index)] = self.line
                self.value((*path, index))
                index += 1
            else:
                self.pair(path)
        self.at += 1


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """(kind, token, line) of everything but spaces and comments."""
    line = 1
    for match in _TOKEN.finditer(text):
        token = match[0]
        if match.lastgroup != "space":
            yield match.lastgroup or "", token, line
        line += token.count("\n")
