"""Drawn nonsense is taken or refused in our own words, one line a mistake."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from drawn_studies import hostile_trees, trees
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.errors import StudyError
from shoal.study import load_study, parse_study, to_toml

UGLY = re.compile(
    r"[Ii]nput should|pydantic|validation error|input_type|Traceback|<list>'?:|Extra inputs|Unable to"
)


@given(hostile_trees())
@settings(max_examples=150)
def test_drawn_nonsense_is_taken_or_refused_in_our_own_words(tree: dict[str, Any]) -> None:
    try:
        study = parse_study(tree)
    except StudyError as refusal:
        error = refusal
    else:
        assert parse_study(tomllib.loads(to_toml(study))) == study
        return
    lines = str(error).split("\n")
    assert len(lines) == len(error.problems) > 0
    for line in lines:
        assert line.isprintable(), line
        assert len(line) < 700, line
        assert not UGLY.search(line), line


@given(trees(), st.data())
@settings(max_examples=80)
def test_damaged_files_are_taken_or_refused_with_their_line(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any], data: st.DataObject
) -> None:
    text = to_toml(parse_study(tree))
    start = data.draw(st.integers(0, len(text)))
    middle = data.draw(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
        | st.sampled_from(["[", "]]", '"', "=", "\n", "1e999"])
    )
    file = tmp_path_factory.getbasetemp() / "damaged.toml"
    damaged = text[:start] + middle + text[start + data.draw(st.integers(0, 6)) :]
    file.write_text(damaged, encoding="utf-8", newline="")
    lines = []
    try:
        load_study(file)
    except StudyError as refusal:
        lines = str(refusal).split("\n")
    for line in lines:
        assert re.match(rf"{re.escape(str(file))}:(\d+:)?(\d+:)? .", line), line
        assert line.isprintable(), line
        assert not UGLY.search(line), line
