"""The doors to the disk as rules: only `shoal.files` writes files, opens foreign ones, looks what stands where."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

import pytest

from test_architecture import Module, house

# Who writes files beside the door, and who opens some for reading, each for its reason.
WRITERS: Final = {
    "files.py": "the door",
    "results/_folder.py": "a private copy of the store, made anew",
}
READERS: Final = {
    "files.py": "the door",
    "results/_folder.py": "a run folder: nothing followed out of it",
    "results/_lock.py": "a run folder: nothing followed out of it",
    "engine/_source.py": "/proc",
    "engine/forecast/available.py": "/proc and /sys",
    "study/_templates.py": "our own templates",
    "standard_streams.py": "the null device",
    "look/page/report.py": "our own pictures",
}
OPENING: Final = frozenset({
    "open", "read_text", "read_bytes", "fromfile", "memmap", "loadtxt", "genfromtxt", "ZipFile", "GzipFile",
    "ParquetFile", "read_csv", "read_parquet", "safe_open", "load_file", "TextIOWrapper", "FileIO", "np.load",
})  # fmt: skip
"""What opens a file where it is given a path; allowed on what `files.opened` gave, which is called `stream`."""
OPENED: Final = frozenset({"archive", "Results", "Store", "Folder", "Database"})
"""Whose `open` takes no path from outside, or takes it through a door."""


def strange_writers(module: Module) -> Iterator[str]:
    """A file is written in one place of the house, so that a killed process leaves no half of one."""
    for node in ast.walk(module.tree):
        if module.name in WRITERS or not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func).rpartition(".")[2]
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        modes = [str(value.value) for value in given if isinstance(value, ast.Constant)]
        writing = called == "open" and any(set(mode) & set("wax+") and len(mode) <= 3 for mode in modes)
        if writing or called in ("write_text", "write_bytes"):
            yield f"{module.name}:{node.lineno}: {called} writes a file; files are written by shoal.files"


def strange_readers(module: Module) -> Iterator[str]:
    """A foreign file is opened in one place of the house, which waits for no pipe and takes files alone."""
    for node in ast.walk(module.tree):
        if module.name in READERS or not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        owner, _, called = name.rpartition(".")
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        shown = [ast.unparse(one) for one in given]
        ours = any(one == "stream" or one.endswith(".stream") for one in shown) or (
            bool(given) and shown[0].startswith("io.BytesIO(")
        )
        door = called == "read_bytes" and not owner
        if {called, name} & OPENING and owner not in OPENED and not ours and not door:
            yield f"{module.name}:{node.lineno}: {called} opens a file; files are read through shoal.files"


def strange_looks(module: Module) -> Iterator[str]:
    """Whether something stands at a path is asked in one place: `Path` has an error for a name that is too long."""
    for node in ast.walk(module.tree):
        if module.name == "files.py" or not isinstance(node, ast.Call) or node.args:
            continue
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in ("is_file", "is_dir", "exists", "is_symlink", "is_fifo"):
            yield f"{module.name}:{node.lineno}: {called} looks at a path; shoal.files.kind_of does"


RULES: Final = (strange_writers, strange_readers, strange_looks)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule: object) -> None:
    assert callable(rule)
    broken = [f"src/shoal/{sentence}" for module in house() for sentence in rule(module)]
    assert not broken, "\n".join(["", *broken])


OFFENCES: Final = (
    (strange_writers, "look/_x.py", "path.write_bytes(content)", "write_bytes writes a file"),
    (strange_writers, "look/_x.py", "with open(path, mode='ab') as file: ...", "open writes a file"),
    (strange_writers, "pipeline.py", "with path.open('w') as file: ...", "open writes a file"),
    (strange_readers, "data/_x.py", "with open(path) as file: ...", "open opens a file"),
    (strange_readers, "data/_x.py", "path.read_bytes()", "read_bytes opens a file"),
    (strange_readers, "data/_x.py", "zipfile.ZipFile(path)", "ZipFile opens a file"),
    (strange_readers, "data/_x.py", "os.open(path, os.O_RDONLY)", "open opens a file"),
    (strange_readers, "data/_x.py", "np.load(path, allow_pickle=False)", "load opens a file"),
    (strange_looks, "data/_x.py", "if path.is_dir(): ...", "is_dir looks at a path"),
    (strange_looks, "model.py", "Path(name).parent.exists()", "exists looks at a path"),
)

ALLOWED: Final = (
    (
        strange_readers,
        "data/_x.py",
        "with opened(path) as stream:\n    zipfile.ZipFile(stream)\nread_bytes(path)\nParquetFile(file.stream)",
    ),
    (strange_writers, "files.py", "open(path, 'wb')"),
    (strange_looks, "files.py", "path.is_dir()"),
    (strange_looks, "results/_x.py", "opened.is_file(name)\nos.path.exists(path)\nkind_of(path)"),
    (strange_writers, "look/_x.py", "open(path, 'rb')\nopen(path)\nDatabase.open(folder)"),
    (strange_readers, "engine/forecast/available.py", "(root / 'proc/meminfo').read_text()"),
    (strange_readers, "data/_x.py", "archive.open(info)\nImage.open(io.BytesIO(png))\njson.load(file)"),
)


@pytest.mark.parametrize(("rule", "name", "source", "sentence"), OFFENCES)
def test_the_rules_find_offences(rule: object, name: str, source: str, sentence: str) -> None:
    assert callable(rule)
    found = list(rule(Module(name, source)))
    assert len(found) == 1, found
    assert found[0].startswith(f"{name}:1: ")
    assert sentence in found[0]


@pytest.mark.parametrize(("rule", "name", "source"), ALLOWED)
def test_the_rules_allow_what_is_meant(rule: object, name: str, source: str) -> None:
    assert callable(rule)
    assert not list(rule(Module(name, source)))
