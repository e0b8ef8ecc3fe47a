"""Which places of a plan the last run in a folder has trained, where its study chose as this one does."""

from __future__ import annotations

from pathlib import Path

from record_cases import IDENTITY, a_fit

from shoal.results import PlanEntry, Store, note_looks, place_in, trained_places
from shoal.study import to_toml
from studies import tiny_study

SAME = {
    "by an earlier version": {},
    "shown otherwise": {"report": {"paths": True}, "inspect": {"history": 3}},
    "with one more comparison": {"compare": [{"name": "more"}]},
}
OTHERS = {
    "another rule": {"search": {"rule": "one-standard-error"}},
    "other folds": {"search": {"folds": 2}},
    "another score": {"search": {"margin": 0.1}},
    "fewer candidates": {"search": {"space": {"network.hidden[0]": [4]}}},
    "other rows held out": {"training": {"validation": 0.3}},
    "other outer folds": {"nested": {"folds": 2}},
}


def test_studies_that_choose_alike_are_known_by_what_they_say_not_by_their_text(tmp_path: Path) -> None:
    study, entry = tiny_study(), PlanEntry("f1", "refit", "c1", "winner", 0, 0, 8, 0)
    later_keys = ("rare_below", "join_validation", "nesterov", "[report]", "paths", "groups = false")
    lines = to_toml(study).splitlines()
    earlier = "\n".join(line for line in lines if not line.startswith(later_keys))
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        store.add(a_fit("f1"))
        store.put_fact("study", earlier)
        store.set_plan((entry,), ())
    place = frozenset({place_in(entry)})
    for what, changes in SAME.items():
        assert trained_places(tmp_path, tiny_study(**changes), "test") == place, what
    for what, changes in OTHERS.items():
        assert trained_places(tmp_path, tiny_study(**changes), "test") == frozenset(), what
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        note_looks(store, "test", "")
    assert trained_places(tmp_path, study, "test") == place
    assert trained_places(tmp_path, study, "other test rows") == frozenset()
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        store.put_fact("study", "no study [")
    assert trained_places(tmp_path, study, "test") == frozenset()
