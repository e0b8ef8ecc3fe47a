"""Permutation importance: by a loop of its own, by scikit-learn's, and by what must hold of it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shoal
from dots import end_with_the_model
from shoal.data import Column, Dataset, fit_preprocessing
from shoal.engine import Planner, Trainers, load_data, look_at_inputs
from shoal.engine import _extents as extents
from shoal.engine import _importance as engine_importance
from shoal.engine._importance import Asking, inputs_of, permuted_scores, spaced
from shoal.engine._predict import Trained
from shoal.engine.forecast.time import inputs_seconds
from shoal.errors import RunFolderError
from shoal.look.figures.importance import caption, of_importance, words
from shoal.nets import build_architecture, initial_parameters
from shoal.parts import Parts
from shoal.results import Identity, Results, Store, fold_intervals
from shoal.results._score_rows import row_score
from shoal.streams import Role, StreamKey, permutation
from shoal.study import Network, Study

ROWS = 90
DRAW = np.random.default_rng(4)
A, NOISE = DRAW.normal(size=(2, ROWS))
KIND = DRAW.choice(np.array(["u", "v", "w"], object), ROWS)
TWIN = A + 0.05 * DRAW.normal(size=ROWS)
TABLE = {
    "a": A,
    "kind": KIND.tolist(),
    "twin": TWIN,
    "noise": NOISE,
    "y": 3 * A + 2 * (KIND == "u") + 0.1 * DRAW.normal(size=ROWS),
}
WEIGHTS = DRAW.integers(1, 5, ROWS).astype(float)


def quiet(patch: pytest.MonkeyPatch) -> None:
    end_with_the_model(patch)
    patch.setattr("shoal.pipeline.ask_simple_models", lambda *_: None)


def study_of(folder: Path, **sections: Any) -> Study:
    folder.mkdir(parents=True, exist_ok=True)
    names = list(TABLE)
    lines = [",".join(map(str, row)) for row in zip(*TABLE.values(), strict=True)]
    (folder / "rows.csv").write_text("\n".join([",".join(names), *lines]))
    tree: dict[str, Any] = {
        "study": {"name": "inputs", "task": "regression"},
        "data": {"train": str(folder / "rows.csv"), "target": "y", "test_share": 0.4},
        "training": {"epochs": 60, "lr": 0.02, "batch_size": 16, "validation": 0},
        "network": {"hidden": [6]},
        "search": {"folds": 3, "repeats": 2},
        **sections,
    }
    return Study.model_validate({name: section for name, section in tree.items() if section is not None})


def run(out: Path, workers: int = 1, **sections: Any) -> Results:
    with pytest.MonkeyPatch.context() as patch:
        quiet(patch)
        return shoal.run(study_of(out.parent, **sections), out=out, workers=workers)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run(tmp_path_factory.mktemp("importance") / "run")


@pytest.fixture(scope="module")
def unsearched(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run(tmp_path_factory.mktemp("importance") / "run", search=None)


def copy_of(results: Results, folder: Path) -> Path:
    """Copy a run; the study names the same file of rows."""
    shutil.copytree(results.folder, folder / "copy")
    return folder / "copy"


def asking(columns: tuple[Column, ...], weight_N: Any = None) -> Asking:
    """A network with drawn weights, asked about all rows."""
    rows = Dataset(
        name="", task="regression", columns=columns, target_names=("y",), targets=np.array(TABLE["y"])[:, None],
        classes=(), train_rows=ROWS, groups=None, given_folds=None, train_fingerprint="", test_fingerprint="",
        source="",
    )  # fmt: skip
    own = fit_preprocessing(rows, np.arange(ROWS), "inputs")
    settings = Network.model_validate({"hidden": [7], "activation": "tanh"})
    architecture = build_architecture(settings, (len(own.input_names),), 1)
    parameters_P = 3 * initial_parameters(architecture, StreamKey(1, 2, 3))
    trained = Trained(architecture, parameters_P, np.zeros(0, np.float32), own, "regression")
    score = row_score("regression", "mse")
    x_ND = own.inputs(rows, np.arange(ROWS))
    trainer = next(iter(Trainers().by_name.values()))
    return Asking(trained, trainer, x_ND, rows.targets, weight_N, score, lambda answers: answers)


COLUMNS = (Column("a", A), Column("kind", KIND), Column("noise", NOISE))
ORDERS = [permutation((7, 8), ROWS, epoch=number) for number in range(4)]


@pytest.mark.parametrize("weight_N", [None, WEIGHTS], ids=["alike", "weighted"])
def test_it_is_what_a_loop_over_cells_says(weight_N: Any) -> None:
    asked = asking(COLUMNS, weight_N)
    preprocessing = asked.trained.preprocessing
    subjects = [inputs_of(preprocessing, [column.name]) for column in COLUMNS]
    base, scores_SP = permuted_scores(asked, [*subjects, subjects[0] + subjects[1]], ORDERS)

    def mse(columns: list[Column]) -> float:
        answers = asked.answers(preprocessing.inputs(columns, np.arange(ROWS)))
        return float(np.average((answers - asked.y)[:, 0] ** 2, weights=weight_N))

    assert base == pytest.approx(mse(list(COLUMNS)), rel=1e-12)
    for place, together in enumerate([["a"], ["kind"], ["noise"], ["a", "kind"]]):
        for number, order_N in enumerate(ORDERS):
            columns = [
                Column(column.name, column.values[order_N]) if column.name in together else column
                for column in COLUMNS
            ]
            assert scores_SP[place, number] == pytest.approx(mse(columns), rel=1e-9)


def test_it_is_that_of_scikit_learn_for_the_same_permutations() -> None:
    from sklearn.inspection import permutation_importance
    from sklearn.utils import check_random_state

    asked = asking((Column("a", A), Column("noise", NOISE), Column("twin", TWIN)))

    class Wrapped:
        def fit(self, x: Any, y: Any) -> None:
            """Nothing to learn."""

        def score(self, x: np.ndarray, y: Any) -> float:
            return -float(((asked.answers(np.ascontiguousarray(x)) - y) ** 2).mean())

    theirs = permutation_importance(Wrapped(), asked.x_ND, asked.y, n_repeats=4, random_state=3)
    seed = check_random_state(3).randint(
        np.iinfo(np.int32).max + 1
    )  # what it seeds each column's shuffles with
    shuffles, order_N, orders = np.random.RandomState(seed), np.arange(ROWS), [np.arange(ROWS)]
    for _ in range(4):
        shuffles.shuffle(order_N)
        orders.append(orders[-1][order_N])  # each permutes the permuted column before
    base, scores_SP = permuted_scores(asked, [[0], [1], [2]], orders[1:])
    np.testing.assert_allclose(scores_SP - base, theirs.importances, rtol=1e-6, atol=1e-9)


def test_an_unused_column_costs_exactly_nothing_and_columns_may_stand_in_any_order() -> None:
    asked = asking(COLUMNS)
    own = asked.trained.preprocessing
    weight = asked.trained.architecture.named(asked.trained.parameters_P)["hidden1.weight"]
    weight[:, own.spans["noise"]] = 0
    subjects = {column.name: inputs_of(own, [column.name]) for column in COLUMNS}
    base, scores_SP = permuted_scores(asked, list(subjects.values()), ORDERS)
    assert (scores_SP[2] == base).all()
    assert (scores_SP[:2] != base).any(axis=1).all()
    again, turned_SP = permuted_scores(asked, [subjects[name] for name in ("noise", "kind", "a")], ORDERS)
    assert again == base
    np.testing.assert_array_equal(turned_SP, scores_SP[::-1])


def test_a_subject_without_inputs_costs_nothing() -> None:
    base, scores_SP = permuted_scores(asking(COLUMNS), [[]], ORDERS)
    assert (scores_SP == base).all()


def test_of_a_search_each_network_is_asked_about_the_rows_it_held_out(searched: Results) -> None:
    kept = searched.importances
    assert kept is not None
    assert (kept.asked.on, kept.asked.metric) == ("folds", searched.judged_by)
    assert kept.columns == ("a", "kind", "twin", "noise")
    assert kept.asked.groups == ((0, 2),)
    assert kept.worse_FSP.shape == (6, 5, 5)
    scores = [
        searched.summaries[entry.fit_id].scores["validation"]["mse"]
        for entry in searched.plan
        if entry.stage == "search"
    ]
    np.testing.assert_allclose(sorted(kept.base_F), sorted(scores), rtol=1e-6)


def test_twins_share_what_both_do(searched: Results) -> None:
    frame = searched.importance.set_index("input")
    assert list(frame.index[-1:]) == ["a, twin"]
    assert frame["importance"]["a, twin"] > 1.5 * max(frame["importance"][["a", "twin"]])
    assert abs(frame["importance"]["noise"]) < 0.1 * frame["importance"]["kind"]
    columns = frame[frame["columns"] == 1]["importance"]
    assert columns.is_monotonic_decreasing
    assert set(frame["permutations"]) == {5}


def test_intervals_are_students_over_folds_widened_for_overlap(searched: Results) -> None:
    from scipy.stats import t

    kept = searched.importances
    assert kept is not None
    folds = np.array([entry.fold for entry in searched.plan if entry.stage == "search"])
    of_folds = np.array([kept.worse_FSP[folds == fold].mean(axis=(0, 2)) for fold in range(3)])
    shares = [entry.validation_rows / entry.train_rows for entry in searched.plan if entry.stage == "search"]
    error = of_folds.std(axis=0, ddof=1) * np.sqrt(1 / 3 + np.mean(shares))
    np.testing.assert_allclose(kept.high_S - kept.mean_S, t.ppf(0.975, 2) * error, rtol=1e-9)
    np.testing.assert_allclose(kept.mean_S - kept.low_S, t.ppf(0.975, 2) * error, rtol=1e-9)
    every = np.moveaxis(kept.worse_FSP, 1, 0).reshape(5, -1)
    np.testing.assert_allclose(kept.std_S, every.std(axis=1, ddof=1))
    assert np.isnan(fold_intervals(kept.worse_FSP[:1], 0.5)[0]).all()


def test_without_a_search_the_delivered_network_is_asked_about_test_rows(unsearched: Results) -> None:
    kept = unsearched.importances
    assert kept is not None
    assert (kept.asked.on, len(kept.base_F)) == ("test", 1)
    delivered = unsearched.summaries[str(unsearched.delivered_id)]
    assert kept.base_F[0] == pytest.approx(delivered.scores["test"]["mse"], rel=1e-6)
    of_a = kept.columns.index("a")
    assert kept.low_S[of_a] < kept.mean_S[of_a] < kept.high_S[of_a]


def test_the_same_bytes_on_any_number_of_workers_resumed_and_asked_again(
    searched: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept(folder: Path) -> tuple[Any, ...]:
        with Store.open_readonly(folder) as store:
            facts = store.fact("importance"), store.fact("dependence")
            parts = [store.arrays(fact["fit"], fact["part"]) for fact in facts]
        return facts, [{name: array.tobytes() for name, array in part.items()} for part in parts]

    first = kept(searched.folder)
    assert kept(run(tmp_path / "two", workers=2).folder) == first
    copy = copy_of(searched, tmp_path)
    asked: list[int] = []
    real = engine_importance.permuted_scores
    monkeypatch.setattr(engine_importance, "permuted_scores", lambda *given: asked.append(1) or real(*given))
    run(copy)
    assert asked == []  # nothing is computed twice
    assert kept(copy) == first
    with Store.create_or_open(copy, _identity(copy)) as store:
        for name in ("importance", "dependence"):
            store.put_fact(name, None)
            store._database.execute("DELETE FROM arrays WHERE part LIKE ?", f"{name}%")
    run(copy)
    assert len(asked) == 6
    assert kept(copy) == first
    assert Results.open(copy).digest == searched.digest


def _identity(folder: Path) -> Identity:
    with Store.open_readonly(folder) as store:
        return Identity(**store.fact("identity"))


def test_it_can_be_asked_for_otherwise_later_and_changes_no_digest(searched: Results, tmp_path: Path) -> None:
    copy = copy_of(searched, tmp_path)
    fewer = run(copy, inspect={"importance": 2})
    assert fewer.importances is not None
    assert searched.importances is not None
    np.testing.assert_array_equal(fewer.importances.worse_FSP, searched.importances.worse_FSP[:, :, :2])
    none = run(copy, inspect={"importance": 0})
    assert none.importances is None
    assert none.dependence is None
    assert len(none.importance) == 0
    assert list(none.importance.columns) == list(searched.importance.columns)
    assert {searched.digest, fewer.digest} == {none.digest}


def test_test_rows_change_nothing_of_a_search(searched: Results, tmp_path: Path) -> None:
    train = searched.truth.train_rows
    with Store.open_readonly(searched.folder) as store:
        fact = store.fact("importance")
        arrays = store.arrays(fact["fit"], fact["part"])
    planner = _planner(searched)
    spoilt = np.arange(planner.dataset.rows) >= train
    columns = tuple(
        replace(column, values=np.where(spoilt, 1e3, column.values)) if column.takes == "numbers" else column
        for column in planner.dataset.columns
    )
    targets = np.where(spoilt[:, None], -1e3, planner.dataset.targets)
    other = replace(planner.dataset, columns=columns, targets=targets)
    copy = copy_of(searched, tmp_path)
    with Store.create_or_open(copy, _identity(copy)) as store:
        store._database.execute("DELETE FROM arrays WHERE part LIKE 'importance%'")
        again = Planner(planner.study, other, Trainers().choose)
        winner = next(iter(again.candidates))
        epochs = again.winner_fits(winner, 60)
        fit = next(item.fit for item in epochs if item.entry.stage == "refit")
        assert fit.id == fact["fit"]
        look_at_inputs(again, winner, (fit, store.record(fit.id)), store, Trainers().by_name, Parts())
        same = store.fact("importance")
        assert same == fact
        for name, array in store.arrays(same["fit"], same["part"]).items():
            np.testing.assert_array_equal(array, arrays[name])


def _planner(results: Results) -> Planner:
    return Planner(results.study, load_data(results.study), Trainers().choose)


def test_rows_are_capped_and_work_is_bounded(searched: Results) -> None:
    planner = _planner(searched)
    architecture = planner.search_fits()[0].fit.job.architecture
    rows = max(len(split.validation) for split in planner.folds)
    assert extents.rows_permuted(planner, architecture, 5, 6) == rows
    assert extents.rows_permuted(planner, architecture, 10**9, 6) == 0
    assert list(extents.importance_notes(planner, architecture)) == []
    assert spaced(np.arange(10), 4).tolist() == [0, 3, 6, 9]
    assert spaced(np.arange(3), 4).tolist() == [0, 1, 2]


def test_it_costs_time_in_the_plan(searched: Results) -> None:
    planner = _planner(searched)
    architecture = planner.search_fits()[0].fit.job.architecture
    assert 0.1 < inputs_seconds(planner, architecture) < 2
    none = study_of(searched.folder.parent, inspect={"importance": 0})
    assert inputs_seconds(Planner(none, planner.dataset, Trainers().choose), architecture) == 0


def test_a_table_too_wide_says_so(searched: Results, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(extents, "MOST_WORK", 1.0)
    copy = copy_of(searched, tmp_path)
    results = run(copy)
    assert results.importances is None
    with Store.open_readonly(copy) as store:
        assert store.fact("importance")["why"] == "4 inputs permuted one by one take minutes"
    planner = _planner(searched)
    (note,) = extents.importance_notes(planner, planner.search_fits()[0].fit.job.architecture)
    assert note == "inspect.importance = 5: 4 inputs permuted one by one take minutes, so that none is"


def test_a_stranger_store_is_refused(searched: Results, tmp_path: Path) -> None:
    for number, changes in enumerate(
        ({"metric": "charm"}, {"columns": ["a", "a"]}, {"groups": [[0, 9]]}, {"more": 1})
    ):
        copy = tmp_path / str(number)
        shutil.copytree(searched.folder, copy)
        with Store.create_or_open(copy, _identity(copy)) as store:
            store.put_fact("importance", {**store.fact("importance"), **changes})
        with pytest.raises(RunFolderError, match="the importance of the inputs"):
            _ = Results.open(copy).importances


def test_streams_of_permutations_are_their_own() -> None:
    key = StreamKey(1, 2, 3)
    assert Role.PERMUTE not in (Role.ORDER, Role.SPLIT, Role.INSPECT)
    assert key.words(Role.PERMUTE) != key.words(Role.ORDER)


def test_of_classes_it_is_by_the_score_that_heads_the_run(tmp_path: Path) -> None:
    rows = zip(TABLE["a"], TABLE["kind"], np.where(A + (KIND == "u") > 0.5, "yes", "no"), strict=True)
    (tmp_path / "classes.csv").write_text("\n".join(["a,kind,y", *(",".join(map(str, row)) for row in rows)]))
    results = run(
        tmp_path / "run",
        study={"name": "classes", "task": "classification"},
        data={"train": str(tmp_path / "classes.csv"), "target": "y"},
        search={"folds": 3, "metric": "roc_auc"},
    )
    frame = results.importance
    assert set(frame["score"]) == {results.judged_by} == {"roc_auc"}
    assert frame["importance"][0] > 0


def test_nothing_is_known_of_what_does_not_differ_among_the_rows_permuted(tmp_path: Path) -> None:
    """A trait of groups, each of which a fold holds out, is used, and is the same wherever it is permuted."""
    group = np.arange(ROWS) % 6
    trait = np.array([0.0, 1.0, 5.0, 2.0, 9.0, 4.0])[group]
    table = {"g": group, "trait": trait, "a": A, "y": 3 * trait + A}
    lines = [",".join(map(str, row)) for row in zip(*table.values(), strict=True)]
    (tmp_path / "groups.csv").write_text("\n".join([",".join(table), *lines]))
    data = {"train": str(tmp_path / "groups.csv"), "target": "y", "groups": "g", "test_share": 0.2}
    found = run(tmp_path / "run", data=data, search={"folds": {"kind": "leave-one-group-out"}})
    frame = found.importance
    assert frame["input"].tolist() == ["a", "trait"]
    assert frame["importance"].iloc[0] > 0
    assert frame.iloc[1][["importance", "std", "ci_low", "ci_high"]].isna().all()
    fact = of_importance(found.importances, "MSE")  # type: ignore[arg-type]
    assert fact is not None
    assert caption(fact).endswith(
        " Nothing is known of what does not differ among the rows that a network held out: trait."
    )
    assert "trait" not in words(fact)
    tested = run(tmp_path / "tested", data=data, search=None)  # one group, all of one trait
    assert tested.importance.set_index("input")["importance"].isna().to_dict() == {"a": False, "trait": True}


def test_a_column_that_differs_in_some_folds_counts_in_all(searched: Results) -> None:
    """Rows that share a rare value are in some folds alone; the others count with what they cost, which is 0."""
    own = asking(COLUMNS)
    few = replace(own, x_ND=own.x_ND[:1].repeat(5, axis=0))
    subjects = [inputs_of(own.trained.preprocessing, [column.name]) for column in COLUMNS]
    assert own.tells([*subjects, []]).tolist() == [True, True, True, True]
    assert few.tells([*subjects, []]).tolist() == [False, False, False, True]
    assert searched.importance["importance"].notna().all()
