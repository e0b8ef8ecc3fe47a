"""Other models on the same rows: boosted trees and a linear model, from the shipped file, by scikit-learn alone.

Letters: N rows with a known target.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import accuracy_score, balanced_accuracy_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks.real_tables.draw import Table
from benchmarks.real_tables.shipped import MISSING, kind_of, number_of, read
from shoal import Results
from shoal.data._holdout import draw_test_rows

MOST_CATEGORIES = 250


@dataclass(frozen=True)
class Scores:
    """R² of the test rows, or accuracy and balanced accuracy, by model: ours first."""

    names: tuple[str, ...]
    ours: tuple[float, ...]
    trees: tuple[float, ...]
    linear: tuple[float, ...]
    train_rows: int
    test_rows: int


def beside(table: Table, run: Path) -> Scores:
    """Score the delivered network, boosted trees and a linear model on the test rows of a run.

    Raises ValueError where the rows that were read here are not those of the run.
    """
    results = Results.open(run)
    cells = read(table.file).cells
    cells = cells[~cells[table.target].isin(MISSING)].reset_index(drop=True)
    target_N = _target(cells[table.target], results)
    test_N = _test_rows(target_N, results)
    x = _typed(cells.drop(columns=table.target))
    train, test = ~test_N, test_N
    predicted = [_ours(results), *_predictions(x[train], target_N[train], x[test], results)]
    names = ("accuracy", "balanced accuracy") if results.truth.classes else ("R²",)
    ours, trees, linear = (_scores(target_N[test], each, bool(results.truth.classes)) for each in predicted)
    return Scores(names, ours, trees, linear, int(train.sum()), int(test.sum()))


def _target(cells: pd.Series, results: Results) -> NDArray[Any]:
    """Read the target: numbers, or numbers of classes (N,)."""
    if not results.truth.classes:
        return cells.map(number_of).to_numpy(np.float64)
    places = {_spelled(text): place for place, text in enumerate(results.truth.classes)}
    return np.array([places.get(_spelled(cell), -1) for cell in cells], np.int64)


def _spelled(text: str) -> str:
    """Give one spelling to 1, 1.0 and 1.00; texts stay."""
    value = number_of(text)
    return text.strip() if np.isnan(value) else f"{value:.12g}"


def _test_rows(target_N: NDArray[Any], results: Results) -> NDArray[np.bool_]:
    """Draw the run's test rows again, and hold the targets against those that the run keeps."""
    truth, study = results.truth, results.study
    labels = target_N if truth.classes else None
    if len(target_N) != len(truth.y):
        raise ValueError(f"{len(target_N):,} rows here, {len(truth.y):,} in the run")
    test_N = draw_test_rows(len(target_N), study.data.test_share or 0.0, study.study.seed, labels, None)
    in_order = np.concatenate((target_N[~test_N], target_N[test_N]))
    if not np.allclose(in_order, truth.y.reshape(len(target_N), -1)[:, 0], rtol=1e-9, atol=0):
        raise ValueError("other targets here than in the run, or in another order")
    return test_N


def _ours(results: Results) -> NDArray[Any]:
    answers = results.test_predictions(results.delivered_id)
    return answers.argmax(axis=1) if results.truth.classes else answers[:, 0]


def _typed(cells: pd.DataFrame) -> pd.DataFrame:
    """Give the columns that a person would use: numbers, dates as seconds, texts that come twice on average.

    Constants, ids and free text are out.
    """
    columns = {}
    for place, (name, column) in enumerate(cells.items()):
        kind = kind_of(str(name), column)
        known = column.where(~column.isin(MISSING))
        numbers = known.map(number_of, na_action="ignore").astype(np.float64)
        if kind == "date" and numbers.isna().all():
            times = pd.to_datetime(known, errors="coerce", format="mixed", utc=True)
            columns[f"number {place}"] = times.astype("int64").where(times.notna()) / 1e9
        elif kind in ("number", "date"):
            columns[f"number {place}"] = numbers
        elif kind in ("category", "text") and known.nunique() <= known.count() / 2:
            columns[f"category {place}"] = known.fillna("missing").astype(str)
    return pd.DataFrame(columns)


def _predictions(
    x_train: pd.DataFrame, target_N: NDArray[Any], x_test: pd.DataFrame, results: Results
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Fit boosted trees and a linear model with the settings that scikit-learn gives them; predict the test rows."""
    names = list(x_train.columns)
    categories = [name for name in names if name.startswith("category")]
    numbers = [name for name in names if name.startswith("number") and x_train[name].notna().any()]
    places = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=MOST_CATEGORIES
    )
    for_trees = ColumnTransformer([("categories", places, categories), ("numbers", "passthrough", numbers)])
    scaled = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5)
    for_linear = ColumnTransformer([("categories", one_hot, categories), ("numbers", scaled, numbers)])
    classes = bool(results.truth.classes)
    boosting = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    linear = LogisticRegression(max_iter=2_000) if classes else RidgeCV(np.logspace(-3, 3, 13))
    trees = boosting(categorical_features=list(range(len(categories))), random_state=0)
    with threadpool_limits(1), warnings.catch_warnings():  # threads that wait for each other take longer
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)  # categories that only test rows have
        return tuple(
            make_pipeline(columns, model).fit(x_train, target_N).predict(x_test)
            for columns, model in ((for_trees, trees), (for_linear, linear))
        )


def _scores(true_N: NDArray[Any], predicted_N: NDArray[Any], classes: bool) -> tuple[float, ...]:
    if not classes:
        return (float(r2_score(true_N, predicted_N)),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class that is predicted, and in no test row
        balanced = float(balanced_accuracy_score(true_N, predicted_N))
    return (float(accuracy_score(true_N, predicted_N)), balanced)
