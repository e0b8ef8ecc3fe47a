"""The site of the pages: what leads where, its pictures, and how the whole is cited."""

from __future__ import annotations

import inspect
import re
import runpy
import tomllib
from itertools import chain
from typing import Any, Final

import pytest

import shoal
from shoal.answering import Answering
from test_docs import PAGES, ROOT

BUILD: Final[dict[str, Any]] = runpy.run_path(str(ROOT / "docs" / "site" / "build.py"))
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CITATION: Final = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
CITED: Final = dict(re.findall(r'^(?:  - )?([\w-]+): "?([^"\n]+)"?$', CITATION, re.MULTILINE))


def test_the_readme_leads_once_to_every_page_and_example() -> None:
    listed = list(chain(*BUILD["parts_of"](README).values()))
    wanted = [*PAGES, *(path for path in ROOT.glob("examples/*.*"))]
    assert sorted(listed) == sorted(
        str(path.relative_to(ROOT)) for path in wanted if path.name != "README.md"
    )


def test_every_public_name_has_a_page_or_stands_among_the_errors() -> None:
    names = BUILD["public_names"]()
    assert {*chain(*names.values())} >= {*shoal.__all__} - {"__version__"}
    assert sum(map(len, names.values())) == len({*chain(*names.values())})


@pytest.mark.parametrize("name", [name for name in shoal.__all__ if inspect.isfunction(getattr(shoal, name))])
def test_every_parameter_of_a_public_function_is_said(name: str) -> None:
    function = getattr(shoal, name)
    said = inspect.getdoc(function) or ""
    if (
        "Parameters and errors are those of `run`" not in said
        and len(inspect.signature(function).parameters) > 1
    ):
        section = said.partition("Parameters\n----------\n")[2].partition("\n\n")[0]
        assert re.findall(r"^\**(\w+)", section, re.MULTILINE) == list(inspect.signature(function).parameters)
    assert ">>> " in said or name == "load"


@pytest.mark.parametrize("name", [name for name in vars(Answering) | vars(shoal.Model) if name[0] != "_"])
def test_every_parameter_of_what_a_model_does_is_said(name: str) -> None:
    method = getattr(shoal.Model, name)
    parameters = [*inspect.signature(method).parameters] if inspect.isroutine(method) else []
    section = (inspect.getdoc(method) or "").partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    assert re.findall(r"^(\w+) : ", section, re.MULTILINE) == [part for part in parameters if part != "self"]


def test_links_of_the_site_lead_to_its_own_pages_and_pictures_follow_its_scheme() -> None:
    text = BUILD["rewritten"]("[a](../README.md#b) [c](examples/d_e.py) [f](docs/data.md)\n" + README)
    assert text.startswith("[a](../index.md#b) [c](examples/d_e.md) [f](docs/data.md)\n")
    assert (
        re.findall(r"!\[[^]]+\]\(docs/pictures/\w+-(\w+)\.\w+\)\{\.only-(\w+)\}", text)
        == [
            ("light", "light"),
            ("dark", "dark"),
        ]
        * 2
    )
    assert "<picture>" not in text


def test_pictures_are_small_and_all_of_them_are_shown() -> None:
    pictures = sorted(ROOT.glob("docs/pictures/*"))
    assert [path.name for path in pictures if path.stat().st_size > 150_000] == []
    assert {path.name for path in pictures} == set(re.findall(r"docs/pictures/([\w.-]+)", README))


def test_the_citation_is_of_this_project() -> None:
    assert {"cff-version", "message", "title", "authors", "type"} <= {*CITED, "authors"}
    assert CITED["cff-version"] == "1.2.0"
    assert CITED["title"].lower() == PROJECT["name"]
    assert CITED["abstract"] == PROJECT["description"]
    assert CITED["license"] == PROJECT["license"]
    assert CITED["version"] == PROJECT["version"] == shoal.__version__
    assert f"Copyright (c) 2026 {CITED['name']}\n" in (ROOT / "LICENSE").read_text("utf-8")
