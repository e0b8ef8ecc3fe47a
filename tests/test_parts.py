"""What is made after training: a fault anywhere costs its own part alone, is told in one line, and is mended."""

from __future__ import annotations

import os
import shutil
import sqlite3
import warnings
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shoal
from dots import dot
from shoal.engine import Silent
from shoal.errors import EnvironmentFault, Interrupted, RunFolderError
from shoal.look import _gallery
from shoal.look._gallery import Picture
from shoal.look.figures import ranking
from shoal.look.page import report as page_report
from shoal.parts import REPORT, RUN, Missing, Parts
from shoal.results import Results, Store
from shoal.study import Study
from test_cli import shoal as command

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
FAULTS = (
    IndexError("shape mismatch: (4,32) (1,33)"),
    ValueError("two\nlines \x1b[2J"),
    KeyError("conv1"),
    AssertionError(),
    RecursionError("too deep"),
    OSError("cannot identify image file"),
)
TOLD = (
    "IndexError: shape mismatch: (4,32) (1,33)",
    "ValueError: two lines \\x1b[2J",
    "KeyError: 'conv1'",
    "AssertionError",
    "RecursionError: too deep",
    "OSError: cannot identify image file",
)


# -- the policy alone ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "told"), list(zip(FAULTS, TOLD, strict=True)))
def test_a_fault_is_one_line(fault: Exception, told: str) -> None:
    lines: list[str] = []
    parts = Parts(lines.append)
    with parts.attempt("figure x", REPORT):
        raise fault
    assert lines == [f"missing: figure x: {told}; `shoal report` makes it again"]
    assert [str(one) for one in parts.missing] == lines


def test_without_anyone_to_tell_it_is_a_warning() -> None:
    parts = Parts()
    told = r"missing: the page: ValueError: no; the same `shoal run`"
    with pytest.warns(RuntimeWarning, match=told), parts.attempt("the page", RUN):
        raise ValueError("no")


def test_where_warnings_are_errors_the_other_parts_are_made(capsys: pytest.CaptureFixture[str]) -> None:
    parts = Parts()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with parts.attempt("the page", RUN), parts.attempt("a figure", REPORT):
            raise ValueError("no")
    line = "missing: a figure: ValueError: no; `shoal report` makes it again"
    assert [str(one) for one in parts.missing] == [line]
    assert capsys.readouterr().err == f"{line}\n"


@pytest.mark.parametrize(
    ("fault", "raised", "told"),
    [
        (MemoryError(), EnvironmentFault, "part: out of memory; what is finished is kept"),
        (
            OSError(28, "No space left on device"),
            EnvironmentFault,
            "part: the machine failed: [Errno 28] No space left on device",
        ),
        (EnvironmentFault("the disk is full"), EnvironmentFault, "the disk is full"),
        (RunFolderError("damaged"), RunFolderError, "damaged"),
        (Interrupted("stopped"), Interrupted, "stopped"),
        (KeyboardInterrupt(), KeyboardInterrupt, ""),
    ],
)
def test_the_machine_and_a_wish_to_stop_end_the_command(
    fault: BaseException, raised: type[BaseException], told: str
) -> None:
    parts = Parts(lambda _: None)
    with pytest.raises(raised) as caught, parts.attempt("part", RUN):
        raise fault
    assert str(caught.value) == told
    assert parts.missing == []


def test_an_earlier_file_goes_with_the_part(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_text("of earlier results")
    parts = Parts(lambda _: None)
    with parts.attempt(file.name, RUN, file.unlink):
        raise ValueError
    assert not file.exists()
    assert parts.missing == [Missing(file.name, "ValueError", RUN, file=True)]


def test_a_long_message_is_cut() -> None:
    parts = Parts(lambda _: None)
    with parts.attempt("part", RUN):
        raise ValueError("word " * 1000)
    assert len(parts.missing[0].reason) == 300


# -- a whole run ---------------------------------------------------------------------------------------------


def study_of(folder: Path) -> Study:
    """Of everything a little: convolutions, a search, a comparison, a history, mistakes."""
    random = np.random.default_rng(3)
    labels = np.arange(60) % 3
    images = random.integers(0, 256, (60, 8, 8), dtype=np.uint8)
    np.savez(folder / "images.npz", images=images, labels=labels)
    tree: dict[str, Any] = {
        "study": {"name": "parts", "task": "classification", "seed": 1},
        "data": {"train": str(folder / "images.npz"), "test_share": 0.3},
        "network": {"kind": "cnn", "conv": [{"channels": 33}, {"channels": 2}], "hidden": [4]},
        "training": {"epochs": 2, "batch_size": 16},
        "compare": [{"name": "base"}, {"name": "other", "training": {"lr": 0.01}}],
        "search": {"folds": 2, "space": {"training.lr": [0.001, 0.1]}},
        "inspect": {"history": 2},
    }
    return Study.model_validate(tree)


class Heard(Silent):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        """Keep it."""
        self.lines.append(line)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """An undisturbed run of which every test takes a copy."""
    folder = tmp_path_factory.mktemp("parts")
    with pytest.MonkeyPatch.context() as patch:
        quick(patch)
        results = shoal.run(study_of(folder), out=folder / "whole", workers=1)
    assert results.missing == ()
    return results


def copied(whole: Results, folder: Path, kept: bool = False) -> Path:
    """Give a copy of the run, without what was looked up after training unless it is `kept`."""
    shutil.copytree(whole.folder, folder)
    if not kept:
        with closing(sqlite3.connect(folder / "results.sqlite")) as database, database:
            fits = "('curves', 'parameters', 'predictions')"
            database.execute(f"DELETE FROM arrays WHERE part NOT IN {fits}")
            database.execute("DELETE FROM facts WHERE key IN ('ensemble', 'inside')")
    return folder


def files(folder: Path) -> set[str]:
    """The paths of all files of a run but the store."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and ".sqlite" not in path.name
    }


def fits(folder: Path) -> dict[str, bytes]:
    """The truth of every fit."""
    with Store.open_readonly(folder) as store:
        store.verify()
        records = {name: store.record(name) for name in store.known()}
        arrays = {name: sorted(one.parameters.items()) for name, one in records.items()}
        return {name: b"".join(array.tobytes() for _, array in some) for name, some in arrays.items()}


def failing(fault: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise fault

    return fail


ENGINE = {
    "shoal.pipeline.model_file": "model.safetensors",
    "shoal.pipeline.with_images_of_mistakes": "images of the mistakes",
    "shoal.pipeline.ask_ensemble": "ensemble",
    "shoal.pipeline.look_inside": "inside of the network",
    "shoal.engine._inside._History.replay": "inside of the network, history",
    "shoal.engine._inside._unit_outputs": "inside of the network, units",
    "shoal.engine._inside._channel_facts": "inside of the network, channels",
    "shoal.engine._inside._maps": "inside of the network, maps",
}


# Each by itself in a campaign; in short the first four at once, then those within the fourth.
TOGETHER = [[number] for number in range(len(ENGINE))] if LONG else [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize("numbers", TOGETHER, ids=str)
def test_a_fault_where_rows_and_trainer_are_needed(
    whole: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: list[int]
) -> None:
    broken = {number: list(ENGINE.items())[number] for number in numbers}
    quick(monkeypatch)
    folder, heard = copied(whole, tmp_path / "run"), Heard()
    with monkeypatch.context() as patch:
        for number, (place, _) in broken.items():
            patch.setattr(place, failing(FAULTS[number % len(FAULTS)]))
        results = shoal.run(whole.study, out=folder, workers=1, watcher=heard)
    assert sorted(heard.lines) == sorted(
        f"missing: {part}: {TOLD[number % len(FAULTS)]}; the same `shoal run` makes it again"
        for number, (_, part) in broken.items()
    )
    assert [str(one) for one in results.missing] == heard.lines
    assert Results.open(folder).missing == results.missing  # also for `shoal show` and `shoal report`
    assert results.digest == whole.digest
    assert fits(folder) == fits(whole.folder)
    assert (folder / "model.safetensors").exists() == (0 not in broken)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert all(f"<li>{part}: " in page for _, part in broken.values())
    drawn, everyone = files(folder), files(whole.folder)
    assert drawn <= everyone
    assert any(path.startswith("figures/20-search-ranking") for path in drawn)

    again = shoal.run(whole.study, out=folder, workers=1, watcher=heard)
    assert len(heard.lines) == len(broken)
    assert again.missing == Results.open(folder).missing == ()
    assert files(folder) == everyone


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw one and the same dot for all pictures, and compare no rows: what they show is another test's matter."""
    monkeypatch.setattr(_gallery, "png", dot)
    monkeypatch.setattr("shoal.pipeline.drift_of_rows", lambda _: "")


def names(whole: Results) -> list[str]:
    return sorted(path.stem for path in (whole.folder / "figures").iterdir())


def drawn(count: int) -> list[int]:
    """All of them in a campaign, else a few that are drawn anew from the day's seed."""
    return list(range(count)) if LONG else sorted(np.random.default_rng(7).choice(count, 4, replace=False))


def test_a_fault_in_any_picture(whole: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    everyone = names(whole)
    folder = copied(whole, tmp_path / "run", kept=True)
    results, undrawn = Results.open(folder), Picture.png
    for number in drawn(len(everyone)):
        name, fault = everyone[number], number % len(FAULTS)

        def png(picture: Picture, name: str = name, fault: int = fault) -> bytes:
            if picture.name == name:
                raise FAULTS[fault]
            return undrawn(picture)

        parts = Parts(lambda _: None)
        with monkeypatch.context() as patch:
            patch.setattr(Picture, "png", png)
            page = page_report.write_report(results, parts).read_text(encoding="utf-8")
        said = f"figure {name}: {TOLD[fault]}; `shoal report` makes it again"
        assert [str(one) for one in parts.missing] == [f"missing: {said}"]
        assert sorted(path.stem for path in (folder / "figures").iterdir()) == [
            other for other in everyone if other != name
        ]
        assert f"<li>figure {name}: " in page
        assert f'<figure id="{name}"' not in page
        assert all(f'<figure id="{other}"' in page for other in everyone if other != name)
    parts = Parts(lambda _: None)
    page = page_report.write_report(results, parts).read_text(encoding="utf-8")
    assert parts.missing == []
    assert names(whole) == sorted(path.stem for path in (folder / "figures").iterdir())
    assert 'id="missing"' not in page


def test_a_fault_in_the_facts_of_any_picture(
    whole: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(monkeypatch)
    folder = copied(whole, tmp_path / "run", kept=True)
    results, gatherings = Results.open(folder), _gallery.gatherings
    everyone = [name for name, _, _ in gatherings(_gallery.RunFindings(results))]
    undisturbed = [picture.name for picture in _gallery.pictures(results)]
    for number in drawn(len(everyone)):
        name, fault = everyone[number], number % len(FAULTS)

        def some(findings: Any, name: str = name, fault: int = fault) -> Any:
            for kind, key, gather in gatherings(findings):
                yield kind, key, failing(FAULTS[fault]) if kind == name else gather

        parts = Parts(lambda _: None)
        with monkeypatch.context() as patch:
            patch.setattr(_gallery, "gatherings", some)
            left = [picture.name for picture in _gallery.pictures(results, parts)]
        assert [(one.part, one.reason) for one in parts.missing] == [(f"figure {name}", _reason(fault))]
        assert set(left) < set(undisturbed) or name not in " ".join(undisturbed)
        assert len(left) >= len(undisturbed) - 2  # a kind may have two pictures: loss and accuracy, or layers


def _reason(fault: int) -> str:
    return TOLD[fault].replace("\\x1b", "\x1b")


def test_a_fault_in_any_part_of_the_page(
    whole: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(monkeypatch)
    folder = copied(whole, tmp_path / "run", kept=True)
    results, chapters = Results.open(folder), page_report._chapters
    everyone = list(chapters(results, []))
    for number in drawn(len(everyone)):
        name = everyone[number]

        def some(*given: Any, name: str = name) -> Any:
            return {**chapters(*given), name: failing(FAULTS[0])}

        parts = Parts(lambda _: None)
        with monkeypatch.context() as patch:
            patch.setattr(page_report, "_chapters", some)
            page = page_report.report_html(results, (), parts)
        part = f"report.html, {name.replace('_', ' ')}"
        assert [one.part for one in parts.missing] == [part]
        assert f"<li>{part}: IndexError: shape mismatch: (4,32) (1,33); " in page
        assert results.digest in page
        assert "No check of method found anything" not in page or name != "checks"


@pytest.mark.parametrize(("place", "part"), [
    ("shoal.look.page.report.report_html", "report.html"),
    ("shoal.look.page.report.draw_figures", "figures"),
    ("shoal.look.page.report.fits_shown", "report.html, curves of any network"),
])  # fmt: skip
def test_a_fault_of_the_page_itself(
    whole: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, part: str
) -> None:
    quick(monkeypatch)
    folder = copied(whole, tmp_path / "run", kept=True)
    parts = Parts(lambda _: None)
    with monkeypatch.context() as patch:
        patch.setattr(place, failing(FAULTS[0]))
        page = page_report.write_report(Results.open(folder), parts)
    assert [one.part for one in parts.missing] == [part]
    assert page.exists() == (part != "report.html")  # none that belongs to other results


# -- the commands --------------------------------------------------------------------------------------------


def test_commands_tell_it_in_one_line_and_end_well(
    whole: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick(monkeypatch)
    monkeypatch.chdir(tmp_path)
    folder = copied(whole, tmp_path / "run", kept=True)
    shutil.copy(folder / "study.toml", "s.toml")
    run = ("run", "s.toml", "--out", folder, "--workers", "1")
    fault = failing(FAULTS[0])

    def ended(place: str, *arguments: object, broken: object = fault) -> tuple[int, list[str]]:
        with monkeypatch.context() as patch:
            patch.setattr(place, broken)
            code = command(monkeypatch, *arguments)
        lines = capsys.readouterr().err.splitlines()
        return code, [line for line in lines if "missing: " in line]

    reason = "IndexError: shape mismatch: (4,32) (1,33)"
    report, again = "`shoal report` makes it again", "the same `shoal run` makes it again"
    line = f"missing: figure 20-search-ranking: {reason}; {report}"
    figure = "shoal.look.figures.ranking.FIGURE"
    assert ended(figure, *run, broken=replace(ranking.FIGURE, gather=fault)) == (0, [line])
    assert ended(figure, "report", folder, broken=replace(ranking.FIGURE, draw=fault))[0] == 0
    page, line = "shoal.look.page.report.report_html", f"missing: report.html: {reason}; {report}"
    assert ended(page, *run) == (2, [line])
    assert ended(page, "report", folder) == (2, [f"shoal: {line}"])
    assert ended("shoal.pipeline.model_file", *run) == (
        2,
        [f"missing: model.safetensors: {reason}; {again}"],
    )
    assert command(monkeypatch, "show", folder) == 0
    assert f"missing: model.safetensors: {reason}; {again}" in capsys.readouterr().out
    assert ended("shoal.look._text._classes_text", "show", folder) == (
        0, [f"shoal: missing: table of classes: {reason}; `shoal show` makes it again"],
    )  # fmt: skip
    assert command(monkeypatch, *run) == 0
    assert (folder / "model.safetensors").exists()


@pytest.mark.parametrize("place", ["shoal.look.figures.ranking.FIGURE", "shoal.pipeline.ask_ensemble"])
def test_out_of_memory_is_the_machine(
    whole: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    folder = copied(whole, tmp_path / "run", kept=True)
    fault = failing(MemoryError())
    monkeypatch.setattr(place, fault if "ask" in place else replace(ranking.FIGURE, draw=fault))
    if place == "shoal.pipeline.ask_ensemble":
        quick(monkeypatch)
    with pytest.raises(EnvironmentFault, match="out of memory; what is finished is kept"):
        shoal.run(whole.study, out=folder, workers=1)
    assert (folder / "model.safetensors").exists()
    assert fits(folder) == fits(whole.folder)


def test_a_search_in_a_notebook_shows_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(40, 2))
    search = shoal.GridSearchCV(shoal.MLPRegressor(max_iter=3), {"dropout": [0, 0.25]}, cv=2)
    search.fit(x, x.sum(axis=1))
    monkeypatch.setattr("shoal.estimators._display.curves_picture", failing(ValueError("<no>")))
    shown = search._repr_html_()
    told = (
        "missing: curves of the chosen candidate: ValueError: &lt;no&gt;; showing the search makes it again"
    )
    assert f"<p>{told}</p>" in shown
    assert "mean score" in shown


@pytest.mark.parametrize("fault", [MemoryError(), OSError(28, "No space left on device")])
def test_a_machine_that_fails_while_a_search_is_shown_is_one_line(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    x = np.random.default_rng(0).normal(size=(40, 2))
    search = shoal.GridSearchCV(shoal.MLPRegressor(max_iter=3), {"dropout": [0, 0.25]}, cv=2)
    search.fit(x, x.sum(axis=1))
    monkeypatch.setattr("shoal.estimators._display.ranked_table", failing(fault))
    shown = search._repr_html_()
    reason = "out of memory; what is finished is kept" * isinstance(fault, MemoryError)
    assert f"<p>candidates: {escape(reason or f'the machine failed: {fault}')}</p>" in shown
    assert "<img" in shown
