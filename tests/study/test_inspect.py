"""`[inspect]`: what may be asked for, and that asking changes no candidate and no fit."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.data import load_builtin
from shoal.engine import Planner, Trainers, load_data
from shoal.errors import StudyError
from shoal.study import Study, candidates, parse_study, to_toml
from studies import tiny_study, two_peaks

BASE: dict[str, Any] = {"study": {"task": "classification"}, "data": {"dataset": "digits"}}
CNN: dict[str, Any] = {"network": {"kind": "cnn", "conv": [{"channels": 2}]}}


def refusal(inspect: dict[str, Any], **changes: Any) -> str:
    with pytest.raises(StudyError) as caught:
        load_data(parse_study({**BASE, **CNN, "inspect": inspect, **changes}))
    (problem,) = caught.value.problems
    return str(problem)


@pytest.mark.parametrize(
    ("inspect", "sentence"),
    [
        ({"history": 501}, "inspect.history: expected a whole number of at least 0 and at most 500, got 501"),
        ({"history": -1}, "inspect.history: expected a whole number of at least 0 and at most 500, got -1"),
        ({"images": [-1]}, "inspect.images[0]: expected a whole number of at least 0, got -1"),
        ({"images": [*range(41)]}, "inspect.images: expected at most 40 images, got 41"),
        ({"images": [4, 2, 4]}, "inspect.images: expected every image once, got 4 again"),
        ({"image": [4]}, "inspect.image: unknown key; did you mean images?"),
        (
            {"images": [358, 359]},
            "inspect.images: expected numbers of the 359 test images, from 0 to 358, got 359",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(inspect: dict[str, Any], sentence: str) -> None:
    assert refusal(inspect) == sentence


def test_images_are_those_of_a_convolutional_network() -> None:
    asked = {"images": [0]}
    only = 'inspect.images: expected nothing without network.kind = "cnn": only it has feature maps'
    assert refusal(asked, network={"hidden": [4]}) == only
    table = refusal(
        asked, study={"task": "regression"}, data={"dataset": "two-peaks"}, network={"hidden": [4]}
    )
    assert table == "inspect.images: expected nothing for a table, which has no images"


def test_the_last_test_image_is_one() -> None:
    study = parse_study({**BASE, **CNN, "inspect": {"images": [358]}})
    assert load_data(study).rows == load_builtin("digits").rows


@given(st.integers(0, 500), st.lists(st.integers(0, 2**31 - 1), max_size=40, unique=True))
def test_what_is_asked_for_survives_its_file(history: int, images: list[int]) -> None:
    study = parse_study({**BASE, "inspect": {"history": history, "images": images}})
    assert parse_study(tomllib.loads(to_toml(study))) == study
    assert study.inspect.images == tuple(images)


def test_looking_changes_no_candidate_and_no_fit() -> None:
    studies: tuple[Study, ...] = (tiny_study(), tiny_study(inspect={"history": 500}))
    assert candidates(studies[0]) == candidates(studies[1])
    without, with_it = (
        [
            item.fit.id
            for item in (
                *planner.search_fits(),
                *planner.comparison_fits(),
                *planner.winner_fits(planner.candidates[0], 8),
            )
        ]
        for planner in (Planner(study, two_peaks(), Trainers().choose) for study in studies)
    )
    assert without == with_it
