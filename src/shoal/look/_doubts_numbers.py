"""What gives reason to doubt the columns of a run, and the answers of the delivered model: the measured sentences.

One function a check of `_checks.py`, as in `_doubts.py`. Letters: V test rows, K outputs or classes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import Doubted, untested
from shoal.look._doubts import in_quotes, phrases
from shoal.look._tables import percent
from shoal.results import Results
from shoal.wording import counted

CONSTANT: Final = 0.01
"""Spread of the answers over that of the targets below which they are said to be the same."""


def no_better_than_a_constant(results: Results) -> str:
    """Hold the delivered model against the one answer that is best for all rows."""
    truth, answer_VK = results.truth, _answers(results)
    if answer_VK is None:
        return ""
    true_V = truth.y[truth.train_rows :]
    if truth.classes:
        rows_K = np.bincount(truth.y[: truth.train_rows], minlength=len(truth.classes))
        common = int(rows_K.argmax())
        right, constant = float(np.mean(answer_VK.argmax(axis=1) == true_V)), float(np.mean(true_V == common))
        if right > constant:
            return ""
        return (
            f"The delivered model is right for {percent(right)} of the test rows; always answering"
            f" {in_quotes(truth.classes[common])}, the commonest class of the training rows, is right for"
            f" {percent(constant)}."
        )
    told = []
    for name, true, answer in zip(truth.target_names, true_V.T, answer_VK.T, strict=True):
        scale = float(np.abs(true).max())
        variance = float(np.var(true / scale)) if scale > 0 else 0.0
        r2 = 1 - float(np.mean(((true - answer) / scale) ** 2)) / variance if variance > 0 else 1.0
        if r2 <= 0:
            told.append(f"{r2:.3g} for {in_quotes(name)}")
    if not told:
        return ""
    better = "always answering their mean is as good or better"
    return f"R2 of the delivered model on the test rows is {phrases(told)}: {better}."


def same_answer(results: Results) -> str:
    """Find a delivered model that answers the same to every test row."""
    truth, answer_VK = results.truth, _answers(results)
    if answer_VK is None:
        return ""
    true_V = truth.y[truth.train_rows :]
    if truth.classes:
        named = np.unique(answer_VK.argmax(axis=1))
        if len(named) > 1 or len(np.unique(true_V)) < 2:
            return ""
        return f"Of {len(true_V):,} test rows, every one is answered with {in_quotes(truth.classes[int(named[0])])}."
    told = []
    for name, true, answer in zip(truth.target_names, true_V.T, answer_VK.T, strict=True):
        spread, wanted = float(answer.std()), float(true.std())
        if wanted > 0 and spread < CONSTANT * wanted:
            told.append(f"{in_quotes(name)} by {spread:.2g}, where the test rows vary by {wanted:.2g}")
    return f"The answers vary (standard deviation) in {phrases(told)}." if told else ""


def never_named(results: Results) -> str:
    """Name the classes of the test rows that the delivered model never gives, where it gives several others."""
    truth, answer_VK = results.truth, _answers(results)
    if answer_VK is None or not truth.classes:
        return ""
    true_V = truth.y[truth.train_rows :]
    rows_K = np.bincount(true_V, minlength=len(truth.classes))
    named_K = np.bincount(answer_VK.argmax(axis=1), minlength=len(truth.classes))
    missed = np.flatnonzero((rows_K > 0) & (named_K == 0))
    if not len(missed) or np.count_nonzero(named_K) < 2:
        return ""
    order = missed[np.argsort(-rows_K[missed], kind="stable")].tolist()
    told = [f"{in_quotes(truth.classes[k])} ({counted(int(rows_K[k]), 'test row')})" for k in order]
    return f"The delivered model never answers {phrases(told)}."


def untested_classes(results: Results) -> str:
    """Name the classes of the training rows that no test row has."""
    truth = results.truth
    if not truth.classes or len(truth.y) == truth.train_rows:
        return ""
    told = untested(truth.classes, truth.y, truth.train_rows)
    return f"No test row is of class {phrases(told)}." if told else ""


def lost_in_32_bits(results: Results) -> str:
    """Name the columns whose values no longer differ as numbers of 32 bits."""
    told = _columns(results).merged()
    return f"In numbers of 32 bits, {phrases(told)}." if told else ""


def not_standardised(results: Results) -> str:
    """Name the columns that are far from 0 and 1 and were not standardised."""
    told = _columns(results).unscaled()
    return f"Not standardised, {phrases(told)}." if told else ""


def numbers_of_rows(results: Results) -> str:
    """Name the inputs that merely number the rows."""
    told = _columns(results).numbering()
    return f"Of the inputs, {phrases(told)}." if told else ""


def _columns(results: Results) -> Doubted:
    """Give the columns of numbers of a run."""
    truth = results.truth
    inputs = list(zip(truth.input_names, truth.x_ND.T, strict=True))
    targets = [] if truth.classes else list(zip(truth.target_names, truth.y.T, strict=True))
    return Doubted(inputs, targets, truth.train_rows, results.study.data.standardize)


def _answers(results: Results) -> NDArray[np.float64] | None:
    """Give what the delivered model, the first healthy refit, answers to the test rows, (V, K); None without one."""
    refits = [results.summaries.get(entry.fit_id) for entry in results.plan if entry.stage == "refit"]
    record = next((fit for fit in refits if fit is None or fit.status == "ok"), None)
    if record is None or len(results.truth.y) == results.truth.train_rows:
        return None
    return results.test_predictions(record.fit_id)
