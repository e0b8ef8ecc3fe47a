"""The guide for who changes the project: its commands are there, its lists name files and what stands in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from shoal.engine.trainers.native_core import MAX_CONVS
from test_architecture import HEAVY

ROOT: Final = Path(__file__).parent.parent
GUIDE: Final = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ARCHITECTURE: Final = " ".join((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split())


def kinds() -> dict[str, list[str]]:
    """Give the numbered lines of every list, each on one line, by the heading of its list."""
    parts = re.split(r"^### (.+)$", GUIDE, flags=re.MULTILINE)[1:]
    return {
        title: [
            " ".join(item.split()) for item in re.findall(r"^\d+\. (.+(?:\n {3,}.+)*)", text, re.MULTILINE)
        ]
        for title, text in zip(parts[::2], parts[1::2], strict=True)
    }


STEPS: Final = [(title, step) for title, steps in kinds().items() for step in steps]


def test_every_list_has_its_steps() -> None:
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", GUIDE, re.MULTILINE)]
    assert len(numbers) == len(STEPS)
    assert numbers == [number for steps in kinds().values() for number in range(1, len(steps) + 1)]
    assert {title for title, steps in kinds().items() if not steps} == {"Anything else"}


@pytest.mark.parametrize(("title", "step"), STEPS)
def test_a_step_names_a_file_and_what_stands_in_it(title: str, step: str) -> None:
    told = re.match(r"`((?:src|tests|docs|benchmarks)/[\w./-]+|README\.md)`: ", step)
    assert told, f"{title}: expected a step to begin with its file: {step}"
    file = ROOT / told[1]
    assert file.exists(), f"{title}: {told[1]} is not there"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    missing = [
        name for name in re.findall(r"`([^`]+)`", step)[1:] if not re.search(rf"\b{re.escape(name)}\b", text)
    ]
    assert missing == [], f"{title}: {told[1]} has no {', '.join(missing)}"


def test_the_architecture_names_every_list() -> None:
    *first, last = [f"{title[0].lower()}{title[1:]}" for title, steps in kinds().items() if steps]
    assert f" lists the files of {', '.join(first)} and {last}. The others:" in ARCHITECTURE


def test_heavy_libraries_and_what_the_core_takes_are_as_the_page_of_the_architecture_says() -> None:
    (named,) = re.findall(r"Heavy libraries \(([^)]*)\)", ARCHITECTURE)
    modules = {"scikit-learn": "sklearn", "pillow": "PIL"}
    assert {modules.get(name, name) for name in named.split(", ")} == HEAVY
    assert f"at most {MAX_CONVS} convolutions, on the CPU |" in ARCHITECTURE


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("A loss", "cross-entropy"),
        ("An optimiser", "rmsprop"),
        ("An activation", "leaky-relu"),
        ("A schedule", "one-cycle"),
        ("A table format", "tsv"),
    ],
)
def test_files_that_name_a_kind_stand_in_its_list(title: str, name: str) -> None:
    """No step is missing: whatever else names the kinds derives from the tables."""
    steps = tuple(re.findall(r"^`([^`]+)`", "\n".join(kinds()[title]), re.MULTILINE))
    naming = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "src" / "shoal").rglob("*.py"))
        if f'"{name}"' in path.read_text(encoding="utf-8")
    ]
    assert naming
    assert [path for path in naming if not path.startswith(steps)] == []


def test_every_command_is_one_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {name for line in re.findall(r"^([a-z ]+):", makefile, re.MULTILINE) for name in line.split()}
    named = set(re.findall(r"\bmake ([a-z]+)\b", GUIDE))
    assert {"run", "check", "test", "format"} <= named <= targets


def test_every_other_place_that_is_named_is_there() -> None:
    named = set(re.findall(r"`((?:src|tests|docs|benchmarks)/[\w./-]+|[\w-]+\.(?:md|toml))`", GUIDE))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
