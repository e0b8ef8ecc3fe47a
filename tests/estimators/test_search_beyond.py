"""Beside the results: a store, progress, what a notebook shows, and what is refused."""

from __future__ import annotations

import base64
import pickle
import re
import sys
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

import shoal
from estimators.search_cases import LABELS, X, Y, assert_same_results, classifier, regressor
from shoal.estimators import _order, _planning
from shoal.extras import is_there
from shoal.results import RunLock, Store

GRID = {"batch_size": [4, 8]}
WIDER = {"batch_size": [4, 8, 16]}


def known(folder: Path) -> int:
    """Count the networks that a folder holds."""
    with Store.open_readonly(folder) as store:
        return len(store.known())


# -- a store -----------------------------------------------------------------------------------------------------


def test_what_is_stored_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = shoal.GridSearchCV(regressor(), GRID, cv=3, store=tmp_path / "kept").fit(X, Y)
    assert known(tmp_path / "kept") == 6
    monkeypatch.setattr("shoal.engine.workers.threads.train_fit", None)  # whoever trains now fails
    again = shoal.GridSearchCV(regressor(), GRID, cv=3, store=str(tmp_path / "kept")).fit(X, Y)
    assert_same_results(again.cv_results_, first.cv_results_)
    np.testing.assert_array_equal(again.oof_predictions_, first.oof_predictions_)


def test_a_wider_grid_trains_only_what_is_new(tmp_path: Path) -> None:
    shoal.GridSearchCV(regressor(), GRID, cv=3, store=tmp_path).fit(X, Y)
    wider = shoal.GridSearchCV(regressor(), WIDER, cv=3, store=tmp_path).fit(X, Y)
    assert known(tmp_path) == 9
    assert_same_results(wider.cv_results_, shoal.GridSearchCV(regressor(), WIDER, cv=3).fit(X, Y).cv_results_)


def test_a_store_knows_where_its_networks_were_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a run folder does: what a later search finds there stays of the environment that trained it."""
    shoal.GridSearchCV(regressor(), GRID, cv=3, store=tmp_path).fit(X, Y)
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    shoal.GridSearchCV(regressor(), WIDER, cv=3, store=tmp_path).fit(X, Y)
    with Store.open_readonly(tmp_path) as store:
        (first, old), (second, new) = store.origins()
        last = store.environment()
        assert old | new == store.known()
    assert (len(old), len(new)) == (6, 3)
    assert (first["python"], second["python"], last["python"]) == (sys.version.split()[0], "3.99.0", "3.99.0")
    here = {name: version(name) for name in ("shoal", "numpy", *["torch"] * is_there("torch"))}
    assert first["versions"] == second["versions"] == here


def test_an_interrupted_search_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = _order.train

    def interrupted(*tasks: Any, **options: Any) -> Any:
        results = train(*tasks, **options)
        yield next(results)
        yield next(results)
        results.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(_order, "train", interrupted)
    search = shoal.GridSearchCV(regressor(), WIDER, cv=3, store=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, Y)
    before = known(tmp_path)
    assert 2 <= before < 9
    assert (search.n_jobs, search.estimator.get_params()) == (None, regressor().get_params())
    monkeypatch.setattr(_order, "train", train)
    assert_same_results(
        search.fit(X, Y).cv_results_, shoal.GridSearchCV(regressor(), WIDER, cv=3).fit(X, Y).cv_results_
    )
    assert known(tmp_path) == 9


def test_a_store_that_cannot_be_used_is_an_error_and_no_score(tmp_path: Path) -> None:
    with RunLock(tmp_path), pytest.raises(shoal.RunFolderBusy):
        shoal.GridSearchCV(regressor(), GRID, cv=2, store=tmp_path).fit(X, Y)
    (tmp_path / "results.sqlite").write_bytes(b"something else entirely, and long enough to be read" * 9)
    with pytest.raises(shoal.RunFolderError, match="another kind of file"):
        shoal.GridSearchCV(regressor(), GRID, cv=2, store=tmp_path).fit(X, Y)


# -- progress ----------------------------------------------------------------------------------------------------


def test_verbose_says_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_planning, "SAY_SECONDS", 0.0)
    shoal.GridSearchCV(regressor(), GRID, cv=2, verbose=2).fit(X, Y)
    said = capsys.readouterr().out
    assert said.startswith("Fitting 2 folds for each of 2 candidates, totalling 4 fits\n")
    assert re.search(r"^4 of 4 networks are trained, about 0 s left$", said, re.MULTILINE)
    assert said.count("[CV] END") == 4
    shoal.GridSearchCV(regressor(), GRID, cv=2).fit(X, Y)
    assert capsys.readouterr().out == ""


# -- what a notebook shows -----------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Reads the piece that a search adds: cells of the table, addresses, tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: set[str] = set()
        self.sources: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def test_a_fitted_search_shows_its_table_curves_and_network() -> None:
    search = shoal.GridSearchCV(regressor(), {"learning_rate_init": [0.001, 0.1], "batch_size": [8]}, cv=3)
    before = search._repr_mimebundle_()["text/html"]
    assert "<table" not in before.split("</style>")[-1].replace('<table class="', "")
    search.fit(X, Y)
    page = search._repr_mimebundle_()["text/html"]
    piece = page[page.index('<table style="border-collapse') :]
    assert search._repr_html_().endswith("</table>" + piece.split("</table>")[1])
    piece, network = piece.split("<svg ")
    assert "<title>The network</title>" in network
    seen = Page(piece)
    assert seen.tags == {"table", "caption", "thead", "tbody", "tr", "th", "td", "img"}
    assert "#" not in piece.split("</table>")[0]  # colours are those of the page around, dark or light
    head, first, second = (seen.cells[start : start + 6] for start in (0, 6, 12))
    assert head == ["", "batch_size", "learning_rate_init", "mean score", "standard error", ""]
    assert first[:4] == ["1", "8", "0.1", f"{search.best_score_:.4g}"]
    assert first[5] == "chosen"
    assert second[:3] == ["2", "8", "0.001"]
    (picture,) = seen.sources
    kind, data = picture.split(",", 1)
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data).startswith(b"\x89PNG")


def test_what_is_shown_is_escaped() -> None:
    class Rate(float):
        def __repr__(self) -> str:
            return "<script>alert(1)</script>"

        __str__ = __repr__
        __format__ = lambda self, spec: repr(self)  # noqa: E731

    search = shoal.GridSearchCV(regressor(), {"learning_rate_init": [Rate(0.01)]}, cv=2).fit(X, Y)
    assert "<script>alert" not in search._shown()
    assert "&lt;script&gt;alert(1)" in search._shown()


def test_a_search_that_chose_nothing_shows_no_table() -> None:
    scoring = ["r2", "neg_mean_squared_error"]
    search = shoal.GridSearchCV(regressor(), GRID, cv=2, scoring=scoring, refit=False).fit(X, Y)
    assert search._shown() == ""
    with pytest.raises(
        AttributeError, match=r"^oof_predictions_: expected a refit that chooses a candidate, got"
    ):
        _ = search.oof_predictions_
    with pytest.raises(AttributeError, match="expected one score that decides, got several and refit=False"):
        _ = search.indistinguishable_


def test_a_fitted_search_travels_whole() -> None:
    search = shoal.GridSearchCV(classifier(), GRID, cv=2).fit(X, LABELS)
    there = pickle.loads(pickle.dumps(search))  # noqa: S301 - our own bytes
    assert (there.fits_ == search.fits_).all(axis=None)
    np.testing.assert_array_equal(there.predict(X), search.predict(X))
    np.testing.assert_array_equal(there.oof_predictions_, search.oof_predictions_)


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "given", "sentence"),
    [
        (regressor(), {"rule": "worst"}, "The 'rule' parameter of GridSearchCV must be a str among"),
        (regressor(), {"store": 3}, "The 'store' parameter of GridSearchCV must be"),
        (regressor(), {"n_jobs": "two"}, "The 'n_jobs' parameter of GridSearchCV must be"),
        (
            regressor(),
            {"rule": "one-standard-error", "refit": lambda results: 0},
            "rule: expected 'best' where refit is a function that chooses, got 'one-standard-error'",
        ),
        (
            Ridge(),
            {"rule": "one-standard-error"},
            "rule: expected 'best' around an estimator that is not one of Shoal's (Ridge), got 'one-standard-error'",
        ),
        (
            Ridge(),
            {"store": "kept"},
            "store: expected None around an estimator that is not one of Shoal's (Ridge), got 'kept'",
        ),
        (regressor(), {"scoring": "nonsense"}, "The 'scoring' parameter of GridSearchCV must be"),
        (regressor(), {"cv": 100}, "Cannot have number of splits n_splits=100 greater than"),
    ],
)
def test_what_is_not_meant_is_refused(estimator: Any, given: dict[str, Any], sentence: str) -> None:
    grid = {"alpha": [1.0]} if isinstance(estimator, Ridge) else GRID
    with pytest.raises(ValueError, match=re.escape(sentence)):
        shoal.GridSearchCV(estimator, grid, **given).fit(X, Y)


def test_no_jobs_are_refused() -> None:
    with pytest.raises(
        shoal.InputError, match=r"^n_jobs: expected None, a number above 0 or one below 0, got 0$"
    ):
        shoal.GridSearchCV(regressor(), GRID, cv=2, n_jobs=0).fit(X, Y)


def test_a_fault_of_the_engine_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        yield from ()
        raise shoal.EnvironmentFault("results.sqlite: the disk is full")

    monkeypatch.setattr(_order, "train", full)
    with pytest.raises(shoal.EnvironmentFault, match="the disk is full"):
        shoal.GridSearchCV(regressor(), GRID, cv=2).fit(X, Y)
