"""Several labels as a table holds them: what is read, refused, guessed and drafted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import shoal
from labels_cases import LABELS, study, table, written
from shoal.data import load_builtin
from shoal.draft import draft_study
from shoal.errors import DataError, ShoalError
from shoal.planning import plan
from shoal.study import load_study

# -- what is read --------------------------------------------------------------------------------------------


def refusal(folder: Path, frame: pd.DataFrame, **keys: Any) -> str:
    file = folder / "tags.csv"
    frame.to_csv(file, index=False)
    with pytest.raises(ShoalError) as refused:
        plan(load_study(written(folder), [f"{key}={value}" for key, value in keys.items()]))
    return str(refused.value).replace(file.as_posix(), "tags.csv").replace(str(file), "tags.csv")


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (
            {3: 2, 8: 0.5},
            'tags.csv, column "music": expected labels of 0 and 1, got 2 (line 5), 0.5 (line 10)',
        ),
        ({0: -1}, 'tags.csv, column "music": expected labels of 0 and 1, got -1 (line 2)'),
        ({4: "x"}, 'tags.csv, line 6, column "music": expected a number, got "x"'),
        (
            {5: "", 6: ""},
            'tags.csv, column "music": expected a target in each of 260 rows, got none in 2 (lines 7, 8);'
            ' data.missing_targets = "drop" leaves such rows out',
        ),
    ],
)
def test_a_label_that_is_neither_0_nor_1_is_refused_by_its_line(
    tmp_path: Path, cells: dict[int, Any], sentence: str
) -> None:
    frame = table()
    frame["music"] = frame["music"].astype(object)
    for row, cell in cells.items():
        frame.loc[row, "music"] = cell
    assert refusal(tmp_path, frame) == sentence


def test_words_are_no_labels_but_truth_is(tmp_path: Path) -> None:
    frame = table()
    spoken = frame.assign(music=np.where(frame["music"] > 0, "yes", "no"))
    first = "yes" if frame["music"][0] else "no"
    what = f'expected numbers, got text such as "{first}"; a label is 0 or 1, or false or true'
    assert refusal(tmp_path, spoken) == f'tags.csv, column "music": {what}'
    notes = [
        plan(asked, target=LABELS, task="multilabel").columns
        for asked in (frame, frame.assign(music=frame["music"] > 0))
    ]
    assert notes[0] == notes[1]


def test_labels_of_which_nothing_is_learned(tmp_path: Path) -> None:
    frame = table()
    what = "expected a label that some training rows have and others have not, got none"
    same = frame.assign(**dict.fromkeys(LABELS, 1))
    assert refusal(tmp_path, same) == f'tags.csv, columns "sport", "music", "rare": {what}'
    one_same = plan(frame.assign(rare=0), target=LABELS, task="multilabel")
    sentence = 'column "rare": no training row has this label, so that nothing is learned of it'
    assert sentence in one_same.data_notes
    always = plan(frame.assign(rare=1), target=LABELS, task="multilabel")
    assert sentence.replace("no training", "every training") in always.data_notes


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"training.loss": "mse"},
            "training.loss: expected binary-cross-entropy, the loss of several labels, got 'mse'",
        ),
        (
            {"training.class_weight": "{ musc = 2.0 }"},
            'training.class_weight: expected labels ("sport", "music", "rare"), got "musc"; did you mean "music"?',
        ),
        (
            {"data.positive": "sport"},
            "data.positive: expected nothing for several labels: only one of two classes is the positive one;"
            ' got "sport"',
        ),
        (
            {"data.target_transform": "log1p"},
            'data.target_transform: expected "none" with study.task = "multilabel", got "log1p"',
        ),
        (
            {"study.task": "classification", "search.scores": "[]"},
            "data.target: expected one column for classification, got 3; where each holds 0 and 1:"
            ' study.task = "multilabel"',
        ),
    ],
)
def test_what_does_not_go_with_labels_is_refused(tmp_path: Path, keys: dict[str, str], sentence: str) -> None:
    said = refusal(tmp_path, table(), **keys).replace(f"{tmp_path / 'study.toml'}:7", "--set")
    assert said.replace("--set: ", "--set ") == f"--set {sentence}"


def test_images_have_one_class_each() -> None:
    with pytest.raises(ShoalError) as refused:
        plan(load_study("digits", ["study.task=multilabel"]))
    assert str(refused.value) == "--set study.task: expected classification for these data, got multilabel"


def test_a_fold_without_a_label_has_no_area_and_says_so() -> None:
    frame = table()
    asked = study(search={"folds": 3, "metric": "roc_auc", "space": {"training.lr": [0.1, 0.2]}})
    why = "a label is the same in all rows"
    few = plan(frame.assign(rare=(np.arange(len(frame)) == 40).astype(int)), **asked)
    said = re.compile(
        rf"ROC AUC is undefined on the rows of folds ., . of 3 folds \({why}\): they count for no candidate"
    )
    assert len([note for note in few.notes if said.fullmatch(note)]) == 1
    with pytest.raises(DataError) as refused:
        plan(frame.assign(rare=0), **asked)
    what = f"expected folds with rows on which ROC AUC is defined, got none: {why}"
    assert str(refused.value) == f"search.metric: {what}"


# -- drafts and templates ------------------------------------------------------------------------------------


def test_several_targets_of_0_and_1_are_guessed_to_be_labels(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "t.csv", index=False)
    text = draft_study(tmp_path / "t.csv", "sport, music,rare")
    assert 'task = "multilabel"' in text
    assert "a guess: each of the 3 targets holds 0 and 1 alone" in text
    assert 'target = ["sport", "music", "rare"]  # as you said' in text
    assert 'standardize = "inputs"' in text
    numbers = draft_study(tmp_path / "t.csv", "u,v")
    assert 'task = "regression"' in numbers
    assert 'target = ["u", "v"]' in numbers
    said = draft_study(tmp_path / "t.csv", ("sport", "rare"), "regression")
    assert 'task = "regression"' in said


def test_a_label_column_with_another_number_says_why_it_is_none(tmp_path: Path) -> None:
    frame, file = table(), tmp_path / "t.csv"
    frame.loc[6, "music"] = 2
    frame.to_csv(file, index=False)
    why = 'a guess: 3 targets, not all of 0 and 1 alone, as labels are: "music" holds 2 (line 8)'
    assert why in draft_study(file, "sport,music,rare")
    with pytest.raises(DataError) as refused:
        draft_study(file, "sport,music,rare", "multilabel")
    sentence = 'FILE, column "music": expected labels of 0 and 1, got 2 (line 8)'
    assert str(refused.value).replace(str(file), "FILE") == sentence
    frame.loc[9, "music"] = 3
    frame.to_csv(file, index=False)
    assert f"{why}, and 1 other such cell" in draft_study(file, "sport,music,rare")
    spoken = frame.assign(music=np.where(table()["music"] > 0, "yes", "no"))
    spoken.to_csv(file, index=False)
    with pytest.raises(DataError) as refused:
        draft_study(file, "sport,music,rare", "multilabel")
    got = f'expected numbers, got text such as "{spoken["music"][0]}"'
    sentence = f'FILE, column "music": {got}; a label is 0 or 1, or false or true'
    assert str(refused.value).replace(str(file), "FILE") == sentence


def test_a_column_whose_name_has_a_comma_is_one_target(tmp_path: Path) -> None:
    table().rename(columns={"sport": "music, loud"}).to_csv(tmp_path / "t.csv", index=False)
    assert 'target = "music, loud"' in draft_study(tmp_path / "t.csv", "music, loud")


@pytest.mark.parametrize(
    ("target", "task", "sentence"),
    [
        (
            "sport,musc", None,
            '--target: expected a column of FILE ("u", "v", "w", "place", "sport", "music", "rare"), got "musc";'
            ' did you mean "music"?',
        ),
        (
            "sport,music", "classification",
            "--target: expected one column for classification, got 2; where each holds 0 and 1:"
            ' study.task = "multilabel"',
        ),
        ("u,music", "multilabel", None),
    ],
)  # fmt: skip
def test_targets_that_cannot_be_are_refused(
    tmp_path: Path, target: str, task: Any, sentence: str | None
) -> None:
    file = tmp_path / "t.csv"
    table().to_csv(file, index=False)
    with pytest.raises(DataError) as refused:
        draft_study(file, target, task)
    text = str(refused.value).replace(str(file), "FILE")
    if sentence is None:
        assert text.startswith('FILE, column "u": expected labels of 0 and 1, got ')
    else:
        assert text == sentence


@pytest.mark.usefixtures("no_report")
def test_rows_in_memory_need_no_study(tmp_path: Path) -> None:
    results = shoal.run(
        table(), target=LABELS, training={"epochs": 3}, search=None, out=tmp_path, workers=1,
        checks={"baselines": False},
    )  # fmt: skip
    assert results.study.study.task == "multilabel"
    assert results.truth.target_names == tuple(LABELS)


def test_the_commands_write_and_run_a_study_of_labels(tmp_path: Path) -> None:
    def shoal_command(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "shoal", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    text = shoal_command("new", "multilabel")
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    assert "labels left, right, top" in shoal_command("check", "study.toml")
    assert "three-discs    multilabel      300 + 200 rows, 2 inputs, 3 labels  built in" in shoal_command(
        "data", "list"
    )


def test_three_discs_are_three_discs() -> None:
    dataset = load_builtin("three-discs")
    place = np.stack([column.values for column in dataset.columns], axis=1)
    for k, centre in enumerate([(-0.35, -0.2), (0.35, -0.2), (0.0, 0.4)]):
        inside = np.hypot(*(place - centre).T) < 0.6
        assert 0.02 < (inside != dataset.targets[:, k]).mean() < 0.08
    assert (dataset.task, dataset.classes, dataset.outputs) == ("multilabel", (), 3)
    assert (len(dataset.targets), dataset.train_rows) == (500, 300)
