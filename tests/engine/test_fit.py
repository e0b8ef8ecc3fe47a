"""One kind of fit: its rows, how fits are grouped, and its name by content."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.engine._fit import Fit, FitRows, content_id, grouped
from shoal.engine._trainer import Job
from shoal.nets import build_architecture
from shoal.streams import StreamKey
from shoal.study import Conv, Network, Training

ROWS = np.arange(10, dtype=np.int64)
NETWORKS = {
    False: build_architecture(Network(hidden=(2,)), (3,), 1),
    True: build_architecture(Network(kind="cnn", conv=(Conv(channels=2),), hidden=(2,)), (1, 6, 6), 1),
}


def fit(
    name: str, trainer: str = "torch", *, convolutional: bool = False, rows: FitRows | None = None
) -> Fit:
    training = Training(epochs=3, batch_size=4)
    job = Job(NETWORKS[convolutional], training, "mse", StreamKey(1, 0, 0))
    return Fit(name, job, rows or FitRows(ROWS, ROWS[:0], ROWS[:0]), trainer)


def test_inner_rows_within_the_training_rows_are_not_learnt() -> None:
    rows = FitRows(ROWS, ROWS[:0], ROWS[3:5], within=True)
    assert rows.learning.tolist() == [0, 1, 2, 5, 6, 7, 8, 9]
    assert rows.learning_count == 8
    assert fit("a", rows=rows).steps == 3 * 2


def test_inner_rows_beside_the_training_rows_leave_these_as_they_were_given() -> None:
    repeated = np.array([7, 0, 7, 2])
    rows = FitRows(repeated, ROWS[:0], ROWS[3:5])
    assert rows.learning is repeated
    assert rows.learning_count == 4
    assert fit("a", rows=rows).steps == 3


@given(kinds=st.lists(st.tuples(st.sampled_from(["torch", "native"]), st.booleans()), max_size=12))
def test_groups_are_of_one_trainer_and_keep_every_fit_in_its_order(kinds: list[tuple[str, bool]]) -> None:
    fits = [fit(str(n), trainer, convolutional=conv) for n, (trainer, conv) in enumerate(kinds)]
    groups = grouped(fits)
    assert sorted((one for group in groups for one in group), key=fits.index) == fits
    for group in groups:
        assert len({(one.trainer, one.job.architecture.takes) for one in group}) == 1
        assert group == sorted(group, key=fits.index)
    assert [group[0] for group in groups] == sorted((group[0] for group in groups), key=fits.index)
    assert len(groups) == len(set(kinds))


def test_a_name_is_the_sha_256_of_the_content_with_or_without_text_made_before() -> None:
    content = {"candidate": {"b": 1, "a": [2]}, "task": "x", "data": [None, "y"]}
    whole = hashlib.sha256(b'{"candidate":{"a":[2],"b":1},"data":[null,"y"],"task":"x"}').hexdigest()
    assert content_id(content) == whole
    text = json.dumps(content.pop("candidate"), sort_keys=True, separators=(",", ":"))
    assert content_id(content, first=f'"candidate":{text}') == whole


def test_a_fit_is_not_changed_in_place() -> None:
    with pytest.raises(AttributeError):
        fit("a").id = "b"  # type: ignore[misc]
    assert replace(fit("a"), id="b").id == "b"
