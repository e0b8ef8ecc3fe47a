"""Runs held against each other: statistics by hand, relations, refusals to the letter, text and page."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from browser import Page, browser, find_browser
from look_runs import MadeUp, make_run
from scipy import stats

import shoal
from shoal import cli
from shoal.errors import InputError, RunFolderError
from shoal.look import Comparison
from shoal.results import Results

KEPT = Path(__file__).parent.parent / "assets" / "0.1.0" / "run"
RUN = MadeUp(space={"network.hidden[0]": [2, 3]}, names=(), hidden=(3,), epochs=20, folds=4, validation=0)
NAMES = ("<b>x", "bob", "=1+1", "dora-with-a-name-that-is-longer-than-a-column-of-a-terminal-may-be")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of four: the same rows, folds and settings, answers that are farther and farther off."""
    above = tmp_path_factory.mktemp("class")
    for number, name in enumerate(NAMES):
        make_run(above / name, replace(RUN, level=0.1 + 0.15 * number, epochs=20 + number))
    (above / "notes").mkdir()
    (above / "notes" / "list.txt").write_text("no run", encoding="utf-8")
    return above


@pytest.fixture(scope="module")
def both(folder: Path) -> Comparison:
    return shoal.compare(folder / "<b>x", folder / "bob")


def row_errors(run: Results) -> np.ndarray:
    answers = run.test_predictions(str(run.delivered_id))
    return ((answers - run.truth.y[run.truth.train_rows :]) ** 2).mean(axis=1)


def test_the_difference_on_test_rows_is_that_of_a_paired_test_by_hand(folder: Path, both: Comparison) -> None:
    first, second = (row_errors(Results.open(folder / name)) for name in NAMES[:2])
    apart_V, rows = second - first, len(first)
    error, reach = stats.sem(apart_V), stats.t.ppf(0.975, rows - 1)
    skewness = stats.skew(apart_V, bias=False) / np.sqrt(rows)  # of the mean
    further = abs(skewness) * (1 + 8 * abs(skewness)) * (1 + 2 * reach**2) / 6  # Johnson's
    shown = both.differences.set_index("score").loc["test_mse"]
    assert shown["difference"] == pytest.approx(apart_V.mean(), rel=1e-12)
    assert shown["ci_low"] == pytest.approx(
        apart_V.mean() - error * (reach + further * (skewness < 0)), rel=1e-9
    )
    assert shown["ci_high"] == pytest.approx(
        apart_V.mean() + error * (reach + further * (skewness > 0)), rel=1e-9
    )
    assert (shown["method"], shown["first"], shown["second"]) == ("paired by test row", "<b>x", "bob")
    assert shown["adjusted_p_value"] == shown["p_value"] < 0.05  # a single pair


def test_the_difference_of_selection_scores_is_that_of_a_corrected_paired_test_by_hand(
    folder: Path, both: Comparison
) -> None:
    runs = [Results.open(folder / name) for name in NAMES[:2]]
    cells = []
    for fold in range(RUN.folds):
        errors = []
        for run in runs:
            assert run.choice is not None
            frame = run.predictions_of("search")
            rows = frame[(frame["candidate_id"] == run.choice.candidate_id) & (frame["fold"] == fold)]
            errors.append(((rows["predicted"] - rows["true"]) ** 2).to_numpy())
        cells.append(errors[1] - errors[0])
    means, count = np.array([cell.mean() for cell in cells]), len(cells)
    own = [(cell - cell.mean()) / len(cell) * np.sqrt(len(cell) / (len(cell) - 1)) for cell in cells]
    within, of_rows = (
        np.mean([(each**2).sum() for each in own]),
        sum((each**2).sum() for each in own) / count**2,
    )
    beyond = means.var(ddof=1) / count - (within - of_rows) / (count - 1)
    share, units = max(0.0, beyond / of_rows), sum(map(len, cells))
    most = max(np.abs(each).max() for each in own) / count
    error = np.sqrt(of_rows * (1 + share) + most**2)
    freedom = (1 + share) ** 2 / (1 / (units - 1) + share**2 / (count - 1))
    shown = both.differences.set_index("score").loc["selection_loss"]
    assert shown["difference"] == pytest.approx(means.mean(), rel=1e-12)
    assert shown["ci_low"] == pytest.approx(means.mean() - stats.t.ppf(0.975, freedom) * error, rel=1e-9)
    assert shown["p_value"] == pytest.approx(2 * stats.t.sf(abs(means.mean()) / error, freedom), rel=1e-9)
    assert shown["method"] == "paired by row held out"


def test_the_order_of_runs_changes_signs_only(folder: Path, both: Comparison) -> None:
    back = shoal.compare(folder / "bob", folder / "<b>x")
    there, turned = both.differences, back.differences
    assert (turned["difference"] == -there["difference"]).all()
    assert (turned["ci_low"] == -there["ci_high"]).all()
    for same in ("p_value", "method", "score"):
        assert (turned[same] == there[same]).all()
    assert back.table.equals(both.table)
    assert back.text == both.text


def test_a_copy_differs_by_exactly_0_and_has_the_same_digest(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "bob", tmp_path / "again")
    copied = shoal.compare(folder / "bob", tmp_path / "again")
    assert copied.differences["difference"].tolist() == [0.0, 0.0]
    assert copied.differences["why"].tolist() == [
        "they differ on no row", "they answer every row held out alike",
    ]  # fmt: skip
    assert copied.table["digest"].nunique() == 1
    assert sorted(copied.table["beside_best"]) == ["best", "unresolved"]
    assert '"bob" and "again" have the same results (equal digests).' in copied.text.splitlines()
    assert not len(copied.settings)
    assert "No setting differs: studies, rows, trainer and versions are the same." in copied.text


def test_other_rows_are_compared_unpaired_and_other_folds_too(folder: Path, tmp_path: Path) -> None:
    make_run(tmp_path / "rows", replace(RUN, rows=(40, 31)))
    make_run(tmp_path / "folds", replace(RUN, folds=5))
    rows, folds = (shoal.compare(folder / "bob", tmp_path / name) for name in ("rows", "folds"))
    assert rows.differences["method"].tolist() == ["unpaired", "unpaired"]
    assert folds.differences["method"].tolist() == ["paired by test row", "unpaired"]
    score = {row["run"]: row for row in rows.table.to_dict("records")}
    for each in rows.differences.to_dict("records"):
        name, second, first = each["score"], score["rows"], score["bob"]
        assert each["difference"] == second[name] - first[name]
        down = np.hypot(second[name] - second[f"{name}_ci_low"], first[f"{name}_ci_high"] - first[name])
        assert each["ci_low"] == pytest.approx(each["difference"] - down, rel=1e-12)
    assert "No two runs have the same test rows: differences are unpaired, as if" in rows.text
    assert "All runs have the same test rows: differences are paired, row by row." in folds.text


def test_a_folder_of_run_folders_stands_for_all_of_them(folder: Path) -> None:
    whole = shoal.compare(folder)
    assert sorted(whole.table["run"]) == sorted(NAMES)
    assert whole.table["test_mse"].is_monotonic_increasing
    assert whole.table["beside_best"].tolist()[0] == "best"
    assert len(whole.differences) == 2 * 6
    assert (whole.differences["adjusted_p_value"] >= whole.differences["p_value"]).all()
    assert "p corrected for all 6 pairs of runs (Holm)" in " ".join(whole.text.split())
    assert list(whole.settings.index) == ["training.epochs"]
    assert whole.settings.loc["training.epochs", "bob"] == "21"


def test_paths_and_names_count_for_nothing_and_what_is_the_same_is_not_shown(
    folder: Path, both: Comparison
) -> None:
    run = Results.open(folder / "bob")
    data = run.study.data.model_copy(update={"train": "/elsewhere/mine.csv", "standardize": "both"})
    named = run.study.study.model_copy(update={"name": "another name"})
    study = run.study.model_copy(update={"data": data, "study": named})
    moved = replace(run, study=study, environment={"python": "3.99"})
    apart = shoal.compare(folder / "<b>x", moved).settings
    assert apart.loc["data.standardize"].tolist() == ["none", "both"]
    assert apart.loc["python"].tolist()[1] == "3.99"
    assert set(apart.index) == {"data.standardize", "python", "training.epochs"}
    assert set(both.settings.index) == {"training.epochs"}


def test_an_unfinished_run_is_taken_as_what_it_has(folder: Path) -> None:
    run = Results.open(folder / "bob")
    missing = replace(run.plan[-1], fit_id="f" * 64, repeat=9)
    early = [entry for entry in run.plan if entry.stage != "refit"]
    kept = {entry.fit_id: run.summaries[entry.fit_id] for entry in early}
    unfinished = replace(run, plan=(*early, missing), summaries=kept)
    compared = shoal.compare(folder / "<b>x", unfinished)
    assert compared.table["run"].tolist() == ["<b>x", "bob"]
    assert compared.table["unfinished"].tolist() == [0, 1]
    assert '"bob" is taken as what it has: 1 fit not trained yet.' in compared.text.splitlines()
    tested = compared.differences.set_index("score").loc["test_mse"]
    assert (tested["method"], tested["why"]) == ("not compared", "no network is delivered")
    assert compared.table["beside_best"].tolist() == ["best", ""]


def test_a_run_of_an_earlier_version_is_compared_with_its_copy(tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(KEPT, tmp_path / name)
    assert set(shoal.compare(tmp_path).differences["difference"]) == {0.0}


def refused(*runs: object) -> list[str]:
    with pytest.raises(InputError) as caught:
        shoal.compare(*runs)  # type: ignore[arg-type]
    return str(caught.value).splitlines()


def test_refusals_say_what_to_do(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    shutil.copytree(folder / "bob", tmp_path / "solo" / "bob")
    make_run(tmp_path / "classes", replace(RUN, task="classification", classes=("a", "b")))
    make_run(tmp_path / "others", replace(RUN, task="classification", classes=("a", "c")))
    make_run(tmp_path / "targets", replace(RUN, targets=("u",)))
    more = "name another run folder, or a folder that holds several"
    learn = "compare runs that learn the same"
    assert refused("bob") == [f"bob: expected two runs or more, got one; {more}"]
    assert refused() == [f"RUN: expected two runs or more, got none; {more}"]
    assert refused("bob", Path("notes") / ".." / "bob") == [
        "notes/../bob: expected every run once, got it twice; name another run folder"
    ]
    assert refused("bob", tmp_path / "classes", tmp_path / "targets") == [
        f"{tmp_path / 'classes'}: expected the task of bob (regression), got classification; {learn}",
        f'{tmp_path / "targets"}: expected the targets of bob ("label"), got "u"; {learn}',
    ]
    assert refused(tmp_path / "classes", tmp_path / "others") == [
        f'{tmp_path / "others"}: expected the classes of classes ("a", "b"), got "a", "c"; {learn}'
    ]
    with pytest.raises(RunFolderError) as caught:
        shoal.compare("bob", "notes", "nowhere")
    assert str(caught.value).splitlines() == [
        f"{name}: expected a run folder (with results.sqlite in it), found none"
        for name in ("notes", "nowhere")
    ]


def test_what_does_not_go_with_the_others_in_a_folder_is_left_out_and_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in NAMES[:2]:
        shutil.copytree(folder / name, name)
    make_run(Path("a"), replace(RUN, targets=("u",)))
    Path("broken").mkdir()
    Path("broken/results.sqlite").write_text("none")
    with pytest.raises(RunFolderError) as caught:
        shoal.compare(".", "broken")
    whole = shoal.compare(".")
    assert sorted(whole.table["run"]) == sorted(NAMES[:2])
    said = " ".join(whole.text.split())
    assert f"Left out is {caught.value}." in said
    assert f'Left out is a: expected the targets of {sorted(NAMES[:2])[0]} ("label"), got "u";' in said
    assert f"Left out is {caught.value}." in whole._repr_html_()
    assert refused("a", ".")[0] == "a: expected every run once, got it twice; name another run folder"
    for name in NAMES[:2]:
        shutil.rmtree(name)
    more = "name another run folder, or a folder that holds several"
    assert refused(".") == [f"a: expected two runs or more, got one; {more}", str(caught.value)]


def test_runs_without_a_score_in_common_are_refused(folder: Path) -> None:
    bare = [replace(Results.open(folder / name), summaries={}, choice=None) for name in NAMES[:2]]
    nothing = [replace(run, study=run.study.model_copy(update={"search": None})) for run in bare]
    assert refused(*nothing) == [
        "expected runs that share a test score or a selection score, got none that all have; train them to the end, or"
        " name the same search.metric in their studies"
    ]


def test_no_line_is_wider_than_a_terminal_and_no_name_steers_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shoal.compare(folder).text
    assert "\n\ntest score: MSE\nrun " in text
    title = "a score whose title is as long as those of quantiles and of the positive one of two classes"
    with monkeypatch.context() as patch:
        patch.setattr("shoal.results.Truth.title_of", lambda *_: title)
        long = shoal.compare(folder).text
    assert f" test score: {title} run " in " ".join(long.split())
    assert max(map(len, long.splitlines())) <= 80
    assert max(map(len, text.splitlines())) <= 80
    assert text.splitlines()[0] == "4 runs by MSE on the test rows (lower is better)"


def test_the_page_escapes_names_and_its_numbers_are_safe_in_a_spreadsheet(
    folder: Path, tmp_path: Path
) -> None:
    compared = shoal.compare(folder)
    compared.save(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<b>x" not in page
    assert "&lt;b&gt;x" in page
    assert "%0A'%3D1%2B1" in page
    assert str(folder) not in page
    assert "<b>x" not in compared._repr_html_()
    with pytest.raises(
        InputError,
        match=r'^p\.pdf: expected a page to write, whose name ends in \.html or \.htm, got "p\.pdf"$',
    ):
        compared.save("p.pdf")
    with pytest.raises(InputError, match="expected a file outside a run folder, got one of its own"):
        compared.save(folder / "bob" / "report.html")


def shoal_command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["shoal", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return int(caught.value.code or 0)


def test_the_command_prints_the_tables_and_keeps_a_file_that_is_there(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    both: Comparison,
) -> None:
    monkeypatch.chdir(folder)
    page = tmp_path / "page.html"
    page.write_text("mine", encoding="utf-8")
    assert shoal_command(monkeypatch, "compare", "<b>x", "bob") == 0
    assert capsys.readouterr().out == f"{both.text}\n"
    assert shoal_command(monkeypatch, "compare", "<b>x", "bob", "--out", page) == 2
    kept = "expected no file of that name, got one that is not what would be written; --force replaces it"
    assert capsys.readouterr().err == f"shoal: {page}: {kept}\n"
    assert shoal_command(monkeypatch, "compare", "<b>x", "bob", "--out", page, "--force") == 0
    assert capsys.readouterr().out == f"{both.text}\n\nlook at\n  {page}\n"
    assert re.search(r"<title>made-up: runs compared by Shoal</title>", page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_in_a_browser_the_page_is_silent_alone_and_within_its_window(
    tab: Page, folder: Path, tmp_path: Path, dark: bool
) -> None:
    path = tmp_path / "page.html"
    shoal.compare(folder).save(path)
    tab.open(path, 375, dark=dark)
    tab.value("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    for name in ("01-scores", "02-training-loss"):
        tab.value(f"document.getElementById('{name}').scrollIntoView({{block: 'center'}})")
        tab.until(f"document.getElementById('{name}').querySelector('.main-svg') !== null")
    assert tab.value("[document.documentElement.scrollWidth, innerWidth]") == [375, 375]
    asked = [address for address in tab.asked if not address.startswith("data:")]
    assert (tab.said, asked) == ([], [path.resolve().as_uri()])
