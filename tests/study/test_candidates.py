"""Candidates: named by content, the same ones in every order; what a key path changes."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from typing import Any

import pytest
from drawn_studies import BASE, spaces
from hypothesis import given
from hypothesis import strategies as st

from shoal.errors import StudyError
from shoal.study import (
    Network,
    Range,
    Study,
    apply,
    base_candidate,
    candidate_with,
    candidates,
    comparison_candidates,
    parse_study,
    settings_text,
    short_keys,
)

PUBLISHED = {
    "network.hidden[0]": [80, 100],
    "network.hidden[1]": [80, 100],
    "network.dropout": [0, 0.25, 0.5],
    "training.weight_decay": [0, 1e-5, 1e-4],
    "training.batch_size": [10, 25],
}
DRAWN = {
    "training.lr": {"low": 1e-4, "high": 1e-1, "log": True},
    "network.hidden[1]": {"low": 2, "high": 5, "integer": True},
    "network.dropout": [0, 0.25],
}


def study_of(space: dict[str, Any] | None, **changes: Any) -> Study:
    """A two-layer base study with a space; `search` adds keys to the search, others replace sections."""
    search = {"space": space or {}, **changes.pop("search", {})}
    tree = {**BASE, "network": {"hidden": [100, 80]}, **changes}
    return parse_study(tree if space is None else {**tree, "search": search})


# -- grids ---------------------------------------------------------------------------------------------------


def test_the_published_grid() -> None:
    found = candidates(study_of(PUBLISHED))
    expected = [
        tuple(zip(PUBLISHED, values, strict=True)) for values in itertools.product(*PUBLISHED.values())
    ]
    assert [candidate.values for candidate in found] == expected
    assert len({candidate.id for candidate in found}) == 72
    for candidate in found:
        asked = dict(candidate.values)
        assert candidate.network.hidden == (asked["network.hidden[0]"], asked["network.hidden[1]"])
        assert candidate.network.dropout == asked["network.dropout"]
        assert candidate.training.weight_decay == asked["training.weight_decay"]
        assert candidate.training.batch_size == asked["training.batch_size"]
        assert candidate.training.loss == "mse"


def test_without_a_search_or_a_space_the_base_study_is_the_only_candidate() -> None:
    for space in (None, {}):
        study = study_of(space)
        assert candidates(study) == (base_candidate(study),)
        assert base_candidate(study).values == ()


@given(spaces(ranges=False), st.randoms(use_true_random=False))
def test_the_order_of_the_space_permutes_candidates_and_keeps_their_names(
    space: dict[str, Any], random: Any
) -> None:
    keys = list(space)
    random.shuffle(keys)
    shuffled = {key: random.sample(space[key], len(space[key])) for key in keys}
    one, other = candidates(study_of(space)), candidates(study_of(shuffled))
    assert sorted(candidate.id for candidate in one) == sorted(candidate.id for candidate in other)
    assert (
        len({candidate.id for candidate in one})
        == len(one)
        == math.prod(len(values) for values in space.values())
    )
    assert {candidate.id: candidate.network for candidate in one} == {
        candidate.id: candidate.network for candidate in other
    }


@given(spaces(ranges=False))
def test_a_wider_space_keeps_the_old_candidates(space: dict[str, Any]) -> None:
    wider = {**space, "training.batch_size": [32, 64]}  # 32 is the default
    if "training.lr" in space:
        wider["training.lr"] = [2e6, *space["training.lr"]]
    old, new = candidates(study_of(space)), candidates(study_of(wider))
    assert {candidate.id for candidate in old} < {candidate.id for candidate in new}


# -- names ---------------------------------------------------------------------------------------------------


def test_the_id_is_the_hash_of_the_resolved_content() -> None:
    candidate = base_candidate(study_of(None))
    network = {
        "kind": "mlp",
        "conv": [],
        "hidden": [100, 80],
        "activation": "relu",
        "dropout": 0.0,
        "conv_dropout": 0.0,
        "batch_norm": False,
    }
    training = candidate.training.model_dump(mode="json")
    assert training.pop("validation") == 0.2
    assert (training.pop("huber_delta"), training.pop("label_smoothing")) == (1.0, 0.0)
    assert training.pop("quantiles") == [0.1, 0.5, 0.9]
    assert training.pop("class_weight") == "none"
    assert (training.pop("monitor"), training["loss"]) == ("loss", "mse")
    text = json.dumps({"network": network, "training": training}, sort_keys=True, separators=(",", ":"))
    assert candidate.id == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_ids_follow_content_alone() -> None:
    first = base_candidate(study_of(None))
    same = [
        study_of(None, training={"loss": "mse"}),
        study_of(None, training={"validation": 0.5}),
        study_of(None, network={"hidden": [100, 80], "dropout": -0.0}),
        study_of(None, study={"task": "regression", "name": "other", "seed": 5, "repeats": 3}),
    ]
    other = [
        study_of(None, training={"lr": math.nextafter(1e-3, 1)}),
        study_of(None, network={"hidden": [80, 100]}),
        study_of(None, study={"task": "classification"}),
    ]
    assert {base_candidate(study).id for study in same} == {first.id}
    assert len({first.id, *(base_candidate(study).id for study in other)}) == 4


def test_a_candidate_has_the_same_id_wherever_it_is_asked_for() -> None:
    entry = {"name": "a", "network": {"dropout": 0.25}, "training": {"batch_size": 10}}
    study = study_of({"network.dropout": [0, 0.25], "training.batch_size": [10]}, compare=[entry])
    assert comparison_candidates(study)[0].id == candidates(study)[1].id


def test_keys_of_layers_are_named_in_words() -> None:
    keys = [
        "network.hidden[1]",
        "network.conv[0].channels",
        "network.conv[20]",
        "training.lr",
        "network.dropout",
    ]
    assert short_keys(keys) == (
        "second hidden layer", "channels of the first convolution", "21st convolution", "learning rate", "dropout",
    )  # fmt: skip


def test_settings_are_named_by_their_keys() -> None:
    labels = [settings_text(dict(candidate.values)) for candidate in candidates(study_of(PUBLISHED))]
    assert (
        labels[0] == "first hidden layer 80, second hidden layer 80, dropout 0, weight decay 0, batch size 10"
    )
    assert (
        labels[-1]
        == "first hidden layer 100, second hidden layer 100, dropout 0.5, weight decay 0.0001, batch size 25"
    )
    assert len(set(labels)) == 72
    network = {"kind": "cnn", "conv": [{"channels": 4}]}
    space = {
        "network.conv[0].channels": [16],
        "network.conv_dropout": [0.2],
        "training.optimizer": ["sgd"],
        "training.lr": [1e-05, 0.12345678901],
    }
    labels = [
        settings_text(dict(candidate.values)) for candidate in candidates(study_of(space, network=network))
    ]
    first = "channels of the first convolution 16, conv dropout 0.2, optimizer sgd"
    assert labels == [f"{first}, learning rate {lr}" for lr in ("1e-05", "0.1235")]
    assert settings_text(dict(base_candidate(study_of(None)).values)) == "the study’s own network"
    linear = candidates(study_of({"network.hidden": [[], [3]], "training.lr": [20.8]}))
    assert [settings_text(dict(each.values)) for each in linear] == [
        "hidden layers none, learning rate 20.8",
        "hidden layers 3, learning rate 20.8",
    ]


def test_lists_and_tables_as_values() -> None:
    network = {"kind": "cnn", "conv": [{"channels": 4}]}
    space = {"network.hidden": [[5], [6, 7]], "network.conv[0].pool": [{"size": 3}, {"kind": "average"}]}
    found = candidates(study_of(space, network=network))
    assert [candidate.network.hidden for candidate in found] == [(5,), (5,), (6, 7), (6, 7)]
    assert found[0].values[0] == ("network.hidden", (5,))
    pools = [candidate.network.conv[0].pool for candidate in found[:2]]
    assert [(pool.kind, pool.size) for pool in pools if pool] == [("max", 3), ("average", 2)]


# -- what goes together --------------------------------------------------------------------------------------


def test_values_that_only_go_together_are_judged_together() -> None:
    space = {"training.optimizer": ["sgd", "rmsprop"], "training.momentum": [0, 0.9]}
    assert len(candidates(study_of(space))) == 4
    with pytest.raises(StudyError) as refusal:
        study_of({**space, "training.optimizer": ["sgd", "adam"]})
    assert str(refusal.value) == (
        'search.space."training.momentum"[1]: `momentum` needs optimizer sgd or rmsprop, got adam'
    )


def test_candidates_of_a_study_built_in_python_are_validated() -> None:
    study = Study.model_validate(
        {**BASE, "search": {"space": {"training.lr": [0, 0.1], "network.dropout": [2]}}}
    )
    with pytest.raises(StudyError) as refusal:
        candidates(study)
    assert [problem.where for problem in refusal.value.problems] == [
        'search.space."training.lr"[0]',
        'search.space."network.dropout"[0]',
    ]
    study = Study.model_validate({**BASE, "compare": [{"name": "a", "training": {"lr": 0}}]})
    with pytest.raises(StudyError, match=r"^compare\[0\]\.training\.lr: expected a number above 0, got 0$"):
        comparison_candidates(study)


# -- random search -------------------------------------------------------------------------------------------


def drawn(seed: int = 0, samples: int = 12, space: dict[str, Any] | None = None) -> Study:
    about = {"task": "regression", "seed": seed}
    return study_of(space or DRAWN, study=about, search={"method": "random", "samples": samples})


def test_random_candidates_lie_in_the_space_without_doubles() -> None:
    found = candidates(drawn(samples=200))
    assert len({candidate.id for candidate in found}) == 200
    assert {candidate.network.hidden[1] for candidate in found} == {2, 3, 4, 5}
    assert {candidate.network.dropout for candidate in found} == {0, 0.25}
    rates = sorted(candidate.training.lr for candidate in found)
    assert 1e-4 <= rates[0] < 2e-4
    assert 5e-2 < rates[-1] <= 1e-1
    # Logarithmic: a third of them in each decade, within 5 standard errors.
    decades = [sum(10.0**low <= rate < 10.0 ** (low + 1) for rate in rates) for low in (-4, -3, -2)]
    assert all(abs(count - 200 / 3) < 5 * math.sqrt(200 * 2 / 9) for count in decades)


def test_every_value_of_a_finite_space_can_be_drawn() -> None:
    space = {"training.epochs": {"low": 1, "high": 5, "integer": True}, "network.dropout": [0, 0.1, 0.2]}
    found = candidates(drawn(samples=15, space=space))
    asked = {(candidate.training.epochs, candidate.network.dropout) for candidate in found}
    assert asked == set(itertools.product(range(1, 6), (0, 0.1, 0.2)))


@given(
    st.integers(0, 2**63 - 1),
    st.permutations([*DRAWN, "network.activation"]),
    st.permutations([0, 0.25, 0.5]),
    st.permutations(["relu", "tanh", "elu"]),
    st.integers(1, 10),
    st.integers(0, 5),
)
def test_draws_depend_on_seed_key_and_values_alone(
    seed: int, order: list[str], rates: list[float], names: list[str], samples: int, more: int
) -> None:
    space = {**DRAWN, "network.dropout": [0, 0.25, 0.5], "network.activation": ["relu", "tanh", "elu"]}
    ids = [candidate.id for candidate in candidates(drawn(seed, samples, space))]
    other = space | {"network.dropout": rates, "network.activation": names}
    permuted = drawn(seed, samples + more, {key: other[key] for key in order})
    assert [candidate.id for candidate in candidates(permuted)][:samples] == ids


def test_another_seed_draws_others() -> None:
    assert not {c.id for c in candidates(drawn(0))} & {c.id for c in candidates(drawn(1))}


def test_drawn_numbers_are_kept_by_policy() -> None:
    """Golden: other numbers here mean that runs on disk no longer resume."""
    assert [dict(candidate.values) for candidate in candidates(drawn(samples=3))] == GOLDEN


GOLDEN = [
    {"training.lr": 0.019335, "network.hidden[1]": 3, "network.dropout": 0.25},
    {"training.lr": 0.0104789, "network.hidden[1]": 4, "network.dropout": 0.0},
    {"training.lr": 0.038976, "network.hidden[1]": 3, "network.dropout": 0.25},
]


# -- comparisons and single changes --------------------------------------------------------------------------


def test_comparisons_are_the_base_study_with_values_laid_over_it() -> None:
    compare = [
        {"name": "SGD", "training": {"optimizer": "sgd", "lr": 0.01, "momentum": 0.9}},
        {"name": "Adam"},
        {"name": "both", "network": {"hidden": [5], "dropout": 0.5}, "training": {"epochs": 7}},
    ]
    study = study_of(None, compare=compare, training={"epochs": 50, "weight_decay": 0.1})
    sgd, adam, both = comparison_candidates(study)
    assert (sgd.training.optimizer, sgd.training.lr, sgd.training.momentum) == ("sgd", 0.01, 0.9)
    assert (sgd.training.epochs, sgd.training.weight_decay, sgd.network) == (50, 0.1, study.network)
    assert adam == base_candidate(study)
    assert both.network == Network(hidden=(5,), dropout=0.5)
    assert both.values == (("network.hidden", (5,)), ("network.dropout", 0.5), ("training.epochs", 7))


@given(space=spaces(ranges=False))
def test_a_candidate_comes_back_from_its_values_alone(space: dict[str, Any]) -> None:
    compare = [
        {"name": "both", "network": {"hidden": [5, 4], "dropout": 0.5}, "training": {"epochs": 7}},
        {"name": "base"},
    ]
    study = study_of(space, compare=compare)
    for candidate in (*candidates(study), *comparison_candidates(study)):
        stored = json.loads(json.dumps(dict(candidate.values)))
        assert candidate_with(study, stored) == candidate


def test_values_that_a_study_does_not_take_make_no_candidate() -> None:
    values = {"network.dropout": 2.0, "training.batch_size": 0}
    with pytest.raises(StudyError) as caught:
        candidate_with(study_of(None), values)
    assert [problem.where for problem in caught.value.problems] == list(values)


def test_apply_changes_one_value() -> None:
    study = study_of({"network.dropout": [0, 0.5]})
    assert apply(study, "network.hidden[0]", 7).network.hidden == (7, 80)
    assert apply(study, "training.batch_size", 10).training.batch_size == 10
    assert apply(study, "study.seed", 9).study.seed == 9
    assert apply(study, 'search.space."network.dropout"[1]', 0.25).search.space == {
        "network.dropout": [0, 0.25]
    }  # type: ignore[union-attr]
    ranged = apply(study, 'search.space."training.lr"', {"low": 1, "high": 2}).search
    assert ranged is not None
    assert ranged.space["training.lr"] == Range(low=1, high=2)
    assert study.network.hidden == (100, 80)
    assert apply(study, "network.hidden[1]", 80) == study


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("network.hiden", 3, "network.hiden: unknown key; did you mean hidden?"),
        ("netwerk.hidden", [3], "netwerk: unknown key; did you mean network?"),
        (
            "network.hidden[2]",
            3,
            "network.hidden[2]: expected an index below 2, the length of network.hidden, got 2",
        ),
        (
            "network.conv[0].channels",
            3,
            "network.conv[0].channels: expected an index below 0, the length of network.conv, got 0",
        ),
        ("network.hidden[0]", 0, "network.hidden[0]: expected a whole number of at least 1, got 0"),
        ("network.dropout.x", 3, "network.dropout.x: expected a table at network.dropout, got 0.0"),
        ("training.momentum", 0.5, "training.momentum: `momentum` needs optimizer sgd or rmsprop, got adam"),
        ("training.lr", None, "training.lr: expected a value, got nothing"),
        ("network.hidden[", 3, "expected a key path such as network.hidden[0], got 'network.hidden['"),
        ("", 3, "expected a key path such as network.hidden[0], got ''"),
    ],
)
def test_apply_refuses(path: str, value: Any, sentence: str) -> None:
    with pytest.raises(StudyError) as refusal:
        apply(study_of(None), path, value)
    assert str(refusal.value) == sentence
