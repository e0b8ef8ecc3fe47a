"""Candidates that differ in keys of layers which came later: named as before where these are not asked for."""

from __future__ import annotations

import pytest
from test_candidates import study_of

from shoal.errors import StudyError
from shoal.study import base_candidate, candidates, settings_text


def test_a_convolution_is_named_as_before_there_were_other_sides() -> None:
    """Keys that came later are left out at their default; a square has one spelling."""
    plain, same, other = (
        base_candidate(study_of(None, network={"kind": "cnn", "conv": [{"channels": 4, "pool": {}, **keys}]}))
        for keys in (
            {},
            {"kernel": [3, 3], "dilation": [1, 1], "padding": [0, 0], "pool": {"size": [2, 2]}},
            {"kernel": [3, 1]},
        )
    )
    assert plain.content["network"]["conv"] == [
        {
            "channels": 4, "kernel": 3, "stride": 1, "padding": 0, "groups": 1,
            "pool": {"kind": "max", "size": 2, "stride": None},
        }
    ]  # fmt: skip
    assert plain.id == same.id != other.id


def test_a_skip_is_named_where_there_is_one_and_searched() -> None:
    network = {"kind": "cnn", "conv": [{"channels": 4, "padding": 1}, {"channels": 4, "padding": 1}]}
    found = candidates(study_of({"network.conv[1].skip": [0, 2]}, network=network))
    assert [settings_text(dict(candidate.values)) for candidate in found] == [
        "skip of the second convolution 0",
        "skip of the second convolution 2",
    ]
    assert [candidate.content["network"]["conv"][1].get("skip") for candidate in found] == [None, 2]
    assert found[0].id == base_candidate(study_of(None, network=network)).id


def test_batch_norm_is_named_as_before_there_was_another_norm() -> None:
    asked = [
        {},
        {"batch_norm": True},
        {"norm": "batch"},
        {"norm": "batch", "batch_norm": True},
        {"norm": "layer"},
    ]
    none, first, *same, layer = (base_candidate(study_of(None, network=network)) for network in asked)
    assert {candidate.id for candidate in same} == {first.id}
    assert len({none.id, first.id, layer.id}) == 3
    assert [c.content["network"].get("norm") for c in (none, first, *same, layer)] == [*[None] * 4, "layer"]
    assert first.content["network"]["batch_norm"] is True


def test_norms_are_searched() -> None:
    found = candidates(study_of({"network.norm": ["none", "batch", "layer"]}))
    assert [candidate.network.normed for candidate in found] == ["none", "batch", "layer"]
    assert [settings_text(dict(candidate.values)) for candidate in found] == [
        "norm none",
        "norm batch",
        "norm layer",
    ]
    with pytest.raises(StudyError) as caught:
        study_of({"network.norm": ["none", "layer"]}, network={"batch_norm": True})
    sentence = '`batch_norm` is norm = "batch": expected false with norm = "layer", got true'
    assert str(caught.value) == f'search.space."network.norm"[1]: {sentence}'


def test_sides_dilation_and_pools_are_searched_like_others() -> None:
    network = {"kind": "cnn", "conv": [{"channels": 4, "padding": 2}]}
    space = {
        "network.conv[0].kernel": [3, [3, 1]],
        "network.conv[0].dilation": [1, 2],
        "network.conv[0].pool": [{"kind": "global-average"}, {"kind": "average"}],
    }
    found = candidates(study_of(space, network=network))
    labels = [settings_text(dict(candidate.values)) for candidate in found]
    assert len({candidate.id for candidate in found}) == len(set(labels)) == 8
    assert [candidate.network.conv[0].kernel for candidate in found[::4]] == [3, (3, 1)]
    drawn = study_of(
        {"network.conv[0].dilation": {"low": 1, "high": 9, "integer": True}},
        network=network,
        search={"method": "random", "samples": 5},
    )
    assert len({candidate.network.conv[0].dilation for candidate in candidates(drawn)}) == 5
