"""A figure is one file: what stands in `look/figures/` is drawn, shown and told; nothing else lists it."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest
from look_runs import MadeUp, make_run

from dots import dot, dots_but
from shoal.look import figures, pictures, write_report
from shoal.look._figure import GROUPED, Chapter
from shoal.look._gallery import _subjects
from shoal.look._run_findings import RunFindings
from shoal.look.figures import figures_of
from shoal.results import Results

TOY = """
from dataclasses import dataclass

from shoal.look._figure import Chapter, Figure, Gathered
from shoal.look._paper import heading, panels
from shoal.look._work import Work


@dataclass(frozen=True)
class Toy:
    name: str
    fits: int


def gather(subject):
    fits = len(subject.findings.results.summaries)
    if fits > 1:
        yield Gathered(Toy("=toy", fits))


def draw(toy):
    figure, (axes,) = panels(1)
    axes.bar([0], [toy.fits])
    heading(figure, f"{toy.fits} networks")
    return figure


FIGURE = Figure(
    chapters=(Chapter.SEARCH,),
    order=25,
    name="29-search-toy",
    title="Toy",
    caption="A toy that counts <networks>.",
    gather=gather,
    draw=draw,
    words=lambda toy: f"{toy.fits} networks were trained.",
    plot=lambda toy: {"data": [], "layout": {"title": {"text": "live toy"}}},
    works=(Work("toys", "Nobody (2000): On toys."),),
)
"""


@pytest.fixture
def run(tmp_path: Path) -> Results:
    return make_run(
        tmp_path / "run", MadeUp(names=("a",), epochs=5, hidden=(2,), space={"training.lr": [0.1, 0.2]})
    )


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more file beside those of the package."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "toy.py").write_text(TOY, encoding="utf-8")
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, "shoal.look.figures.toy", raising=False)


def test_a_figure_is_added_by_one_file(run: Results, toy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoal.look._gallery.png", dots_but("29-search-toy"))
    page = write_report(run).read_text(encoding="utf-8")
    drawn = (run.folder / "figures" / "29-search-toy.png").read_bytes()
    assert drawn.startswith(b"\x89PNG")
    assert drawn != dot()
    names = [picture.name for picture in pictures(run)]
    place = names.index("29-search-toy")
    assert names[place - 1 : place + 2] == ["21-search-effects", "29-search-toy", "22-search-variance"]
    start, end = page.index('<section id="search">'), page.index('<section id="chosen">')
    assert start < page.index('<figure id="29-search-toy" data-plot="29-search-toy">') < end
    assert "<strong>Toy.</strong> A toy that counts &lt;networks&gt;." in page
    assert f'alt="Toy: {len(run.summaries)} networks were trained."' in page
    assert "live toy" in page
    assert 'download="29-search-toy.csv"' in page
    assert '<span class="soft">toys:</span> Nobody (2000): On toys.' in page


def test_without_the_file_there_is_no_such_figure(run: Results) -> None:
    assert "29-search-toy" not in [picture.name for picture in pictures(run)]


def test_every_file_of_the_room_is_a_figure_with_a_place_of_its_own() -> None:
    room = Path(figures.__file__).parent
    files = {path.stem for path in room.glob("*.py")} - {"__init__"}
    found = {chapter: figures_of(chapter) for chapter in Chapter}
    assert len({figure for kinds in found.values() for figure in kinds}) == len(files)
    for chapter, kinds in found.items():
        assert kinds, chapter
        orders = [figure.order for figure in kinds]
        assert orders == sorted(set(orders)), chapter


@pytest.mark.parametrize(
    ("name", "chapters", "sentence"),
    [
        ("30-delivered-toy", (Chapter.TESTED,), "a name without a number, since a stem is put before it"),
        (
            "40-01-toy",
            (Chapter.COMPARED, Chapter.TESTED),
            "a name without a number, since a stem is put before it",
        ),
        ("toy", (Chapter.SEARCH,), "a name such as 29-search-toy"),
        ("toy", (Chapter.SEARCH, Chapter.TESTED), "chapters that all put a stem before names, or none"),
    ],
)
def test_a_name_has_one_number(name: str, chapters: tuple[Chapter, ...], sentence: str) -> None:
    votes = next(figure for figure in figures_of(Chapter.ENSEMBLE) if figure.name == "38-ensemble-votes")
    with pytest.raises(ValueError, match=f"^figure '{name}': expected {sentence}$"):
        dataclasses.replace(votes, name=name, chapters=chapters)


def test_stems_are_put_before_names_in_grouped_chapters_alone(run: Results) -> None:
    findings = RunFindings(run)
    stems = {chapter: {bool(subject.stem) for subject in _subjects(chapter, findings)} for chapter in Chapter}
    assert stems == {chapter: {chapter in GROUPED} for chapter in Chapter}
