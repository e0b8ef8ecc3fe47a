"""Hypothesis strategies: valid studies as trees of dicts and lists, and hostile changes to them."""

from __future__ import annotations

import copy
import datetime
from typing import Any

from hypothesis import strategies as st

BASE: dict[str, Any] = {"study": {"task": "regression"}, "data": {"dataset": "two-peaks"}}

LABELS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
SHARES = st.floats(0, 1, exclude_max=True)
POSITIVE = st.floats(0, 1e6, exclude_min=True)
COUNTS = st.integers(1, 2**31 - 1)
UNITS = st.lists(st.integers(1, 500), min_size=1, max_size=3)

# Values that suit neither each other's keys nor much else.
HOSTILE = st.one_of(
    st.sampled_from([0, -1, 1, 1.5, 2**31, 2**63, 10**400, 1e999, float("nan"), True, []]),
    st.sampled_from(
        ["adma", "<list>", "", "\n", "../x", "x" * 300, "winner", "cross-entropy", "sgd", "cnn", "best"]
    ),
    st.sampled_from(
        [{"low": 1}, {"low": 2, "high": 1}, {"low": 0, "high": 1}, [{}], [0, 0.0], {"kind": "grouped"}]
    ),
    st.sampled_from(
        [datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), datetime.time(7)]
    ),
    st.recursive(
        st.integers() | st.floats() | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=5,
    ),
)
KEYS = TEXTS | st.sampled_from(
    ["lr", "name", "network", "training.lr", "network.hidden[9]", "a.b[", "<list>", "<number>"]
)


def _section(**keys: Any) -> Any:
    return st.fixed_dictionaries({}, optional=keys)


@st.composite
def trainings(draw: st.DrawFn) -> dict[str, Any]:
    tree = draw(
        _section(
            loss=st.just("mse"),
            lr=POSITIVE,
            weight_decay=st.floats(0, 10),
            schedule=st.sampled_from(["constant", "cosine", "step", "one-cycle"]),
            step_every=COUNTS,
            batch_size=COUNTS,
            epochs=COUNTS,
            early_stopping=st.sampled_from(["none", "inner"]),
            patience=COUNTS,
        )
    )
    tree["optimizer"] = draw(st.sampled_from(["sgd", "adam", "adamw", "rmsprop"]))
    if tree["optimizer"] == "sgd" and draw(st.booleans()):
        tree |= {"momentum": 0.9, "nesterov": draw(st.booleans())}
    if draw(st.booleans()):
        tree |= {"keep": "best", "validation": draw(st.floats(0.01, 0.9))}
    return tree


@st.composite
def networks(draw: st.DrawFn) -> dict[str, Any]:
    tree = draw(
        _section(
            hidden=UNITS,
            dropout=SHARES,
            norm=st.sampled_from(["none", "batch", "layer"]),
            activation=st.sampled_from(["tanh", "silu"]),
        )
    )
    if draw(st.booleans()):
        pool = _section(
            kind=st.sampled_from(["max", "average"]), size=st.integers(1, 4), stride=st.integers(1, 4)
        )
        sides = st.integers(1, 7) | st.lists(st.integers(1, 7), min_size=2, max_size=2)
        conv = st.fixed_dictionaries(
            {"channels": st.integers(1, 64)},
            optional={
                "kernel": sides,
                "stride": sides,
                "dilation": sides,
                "pool": pool | st.just({"kind": "global-average"}),
            },
        )
        tree |= {"kind": "cnn", "conv": draw(st.lists(conv, min_size=1, max_size=3))}
    return tree


def spaces(*, ranges: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Spaces that suit every base study drawn here."""
    lists = {
        "network.hidden": st.lists(UNITS, min_size=1, max_size=3, unique_by=tuple),
        "network.dropout": st.lists(SHARES | st.just(0), min_size=1, max_size=3, unique=True),
        "network.norm": st.lists(
            st.sampled_from(["none", "batch", "layer"]), min_size=1, max_size=3, unique=True
        ),
        "training.lr": st.lists(POSITIVE, min_size=1, max_size=3, unique=True),
        "training.epochs": st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True),
    }
    if not ranges:
        return st.dictionaries(st.sampled_from(sorted(lists)), st.none(), max_size=4).flatmap(
            lambda chosen: st.fixed_dictionaries({key: lists[key] for key in chosen})
        )
    drawn = {
        "training.weight_decay": st.just({"low": 1e-6, "high": 1e-2, "log": True}),
        "training.batch_size": st.just({"low": 1, "high": 300, "integer": True}),
    }
    return st.fixed_dictionaries(drawn, optional=lists)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """A whole valid study."""
    name = draw(st.text("aZé9_-", min_size=1, max_size=8) | st.just("my study 1.2"))
    compare = st.fixed_dictionaries(
        {"name": LABELS.map("n".__add__)},
        optional={
            "network": _section(hidden=UNITS, dropout=SHARES),
            "training": _section(lr=POSITIVE, epochs=COUNTS, weight_decay=st.floats(0, 1)),
        },
    )
    method = draw(st.sampled_from(["grid", "random"]))
    folds = (
        st.integers(2, 9)
        | _section(kind=st.just("k-fold"), n=st.integers(2, 9), shuffle=st.booleans())
        | _section(kind=st.just("shuffle"), n=st.integers(2, 9))
    )
    search = st.fixed_dictionaries(
        {"method": st.just(method), "space": spaces(ranges=method == "random"), "samples": st.integers(1, 5)},
        optional={"folds": folds, "repeats": COUNTS, "rule": st.sampled_from(["best", "one-standard-error"])},
    )
    table = st.fixed_dictionaries(
        {"train": st.just("/data/train rows.csv")},
        optional={"target": TEXTS | st.lists(TEXTS, max_size=2, unique=True), "groups": TEXTS},
    )
    tree = draw(
        st.fixed_dictionaries(
            {
                "study": st.fixed_dictionaries(
                    {"name": st.just(name), "task": st.just("regression"), "seed": st.integers(0, 2**63 - 1)}
                ),
                "data": st.just({"dataset": "two-peaks"}) | table,
            },
            optional={
                "network": networks(),
                "training": trainings(),
                "compare": st.lists(compare, max_size=3, unique_by=lambda entry: entry["name"]),
                "search": search,
            },
        )
    )
    if "search" in tree and draw(st.booleans()):
        tree["nested"] = draw(_section(folds=folds))
    return dict(tree)


@st.composite
def hostile_trees(draw: st.DrawFn) -> dict[str, Any]:
    """A valid study with a few values or keys that do not belong."""
    tree = copy.deepcopy(draw(trees()))
    for _ in range(draw(st.integers(1, 4))):
        place: Any = tree
        while inner := [key for key, value in _items(place) if isinstance(value, dict | list) and value]:
            if draw(st.integers(0, 9 if place is tree else 3)) == 0:
                break
            place = place[draw(st.sampled_from(inner))]
        known = [key for key, _ in _items(place)]
        strange = isinstance(place, dict) and (not known or draw(st.integers(0, 3)) == 0)
        place[draw(KEYS if strange else st.sampled_from(known))] = copy.deepcopy(draw(HOSTILE))
    return tree


def _items(place: Any) -> list[tuple[Any, Any]]:
    return list(place.items() if isinstance(place, dict) else enumerate(place))
