"""Films on the page: one slider moves all of them, by pointer, by keys, by itself; without it there are pictures.

Those are dots here: how pictures stand on the page is seen in `test_report_in_a_browser.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from browser import Page, browser, find_browser
from look_runs import MadeUp, make_run

from shoal.look import write_report
from shoal.parts import Parts

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")
IMAGES = MadeUp(
    task="classification", names=("a",), classes=("x", "y </script>", "z"), inputs=(), targets=(),
    image=(3, 5, 5), epochs=20, inside=True,
)  # fmt: skip
CURVE = MadeUp(names=("a",), epochs=20, hidden=(2,), inside=True)
RUNS = {"images": IMAGES, "curve": CURVE}
SLIDER = "document.getElementById('epoch')"
PIXELS = "[...document.querySelectorAll('.film canvas')].map((canvas) => canvas.toDataURL().slice(22))"
MOVED = "((place) => {{ {0}.value = place; {0}.dispatchEvent(new Event('input')); }})({1})"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.fixture(scope="module")
def reports(dots: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give the report of a run, written once."""

    @cache
    def written(name: str) -> Path:
        parts = Parts()
        path = write_report(make_run(tmp_path_factory.mktemp("run"), RUNS[name]), parts)
        assert parts.missing == []
        return path

    return written


@pytest.fixture(params=RUNS)
def report(request: pytest.FixtureRequest, reports: Callable[[str], Path]) -> Path:
    return reports(request.param)


def shown(page: Page) -> list[str]:
    return [str(pixels) for pixels in page.value(PIXELS)]


def move(page: Page, place: int) -> list[str]:
    page.value(MOVED.format(SLIDER, place))
    return shown(page)


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (375, True), (768, False)])
def test_the_slider_moves_every_picture_and_back(page: Page, report: Path, width: int, dark: bool) -> None:
    page.open(report, width, dark=dark)
    page.until("document.querySelectorAll('.film canvas').length > 1")
    assert page.value(f"[{SLIDER}.min, {SLIDER}.max, {SLIDER}.value]") == ["0", "3", "3"]
    last = shown(page)
    first = move(page, 0)
    assert len(first) == len(last)
    assert all(one != other for one, other in zip(first, last, strict=True))
    assert page.value(f"{SLIDER}.getAttribute('aria-valuetext')") == "0 of 3"
    assert page.value("document.getElementById('epoch-said').textContent") == "0 of 3"
    assert move(page, 3) == last
    assert page.value("[document.documentElement.scrollWidth, innerWidth]") == [width, width]
    assert (page.said, [address for address in page.asked if not address.startswith("data:")]) == (
        [],
        [report.resolve().as_uri()],
    )


def test_keys_move_it_and_it_has_a_name(page: Page, report: Path) -> None:
    page.open(report)
    assert page.value(f"{SLIDER}.labels[0].textContent") == "epoch"
    page.value(f"{SLIDER}.focus()")
    for kind in ("keyDown", "keyUp"):
        page.call(
            "Input.dispatchKeyEvent", type=kind, key="ArrowLeft", code="ArrowLeft", windowsVirtualKeyCode=37
        )
    page.until(f"{SLIDER}.value === '2'")
    assert page.value(f"{SLIDER}.getAttribute('aria-valuetext')") == "2 of 3"
    assert page.value("document.querySelector('.film').getAttribute('role')") == "img"
    assert page.value("document.querySelector('.film').getAttribute('aria-label')") != ""


def test_it_plays_from_the_start_and_stops_at_the_end(page: Page, report: Path) -> None:
    page.open(report)
    button = "document.getElementById('play')"
    page.value(f"{button}.click()")
    assert page.value(f"[{button}.textContent, {SLIDER}.value]") == ["Pause", "0"]
    page.value(f"{button}.click()")
    assert page.value(f"{button}.textContent") == "Play"
    page.value(f"{button}.click()")
    page.until(f"{button}.textContent === 'Play'")
    assert page.value(f"{SLIDER}.value") == "3"


def test_who_asked_for_less_motion_has_the_slider_alone(page: Page, report: Path) -> None:
    page.open(report)
    feature = {"name": "prefers-reduced-motion", "value": "reduce"}
    page.call("Emulation.setEmulatedMedia", media="", features=[feature])
    page.until("document.getElementById('play').hidden")
    assert page.value("document.getElementById('reel').hidden") is False


def test_a_dark_page_draws_in_its_own_colours(page: Page, report: Path) -> None:
    page.open(report)
    light = shown(page)
    page.value("document.querySelector('#theme').click()")
    assert all(one != other for one, other in zip(shown(page), light, strict=True))


def test_paper_and_readers_without_scripts_get_pictures(page: Page, report: Path) -> None:
    inside = "[...figure.children].filter((part) => part.checkVisibility())"
    seen = (
        f"[...document.querySelectorAll('figure[data-film]')].map((figure) => {inside}"
        ".map((part) => part.className.split(' ')[0]))"
    )
    page.open(report)
    figures = page.value("document.querySelectorAll('figure[data-film]').length")
    assert page.value(seen) == [["", "film"]] * figures
    page.call("Emulation.setEmulatedMedia", media="print")
    assert page.value(seen) == [["", "sheet"]] * figures
    assert page.value("document.getElementById('reel').checkVisibility()") is False
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.open(report)
    page.call("Emulation.setScriptExecutionDisabled", value=False)
    assert page.value(seen) == [["", "sheet"]] * figures
    assert page.value("document.querySelector('.unplayed').checkVisibility()") is True


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (375, True)])
def test_axe_finds_nothing(page: Page, report: Path, width: int, dark: bool) -> None:
    axe = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
    page.open(report, width, dark=dark)
    page.value(f"{(Path(axe.__file__).parent / 'axe.min.js').read_text(encoding='utf-8')}; true")
    said = "({ id, nodes }) => [id, nodes[0].html, nodes[0].failureSummary]"
    assert page.value(f"axe.run('#epochs').then((all) => all.violations.map({said}))") == []


def test_names_in_films_stay_texts(page: Page, reports: Callable[[str], Path]) -> None:
    report = reports("images")
    page.open(report)
    content = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', report.read_text("utf-8")
    )
    assert content
    films = json.loads(content[1])["films"]
    assert films["35-epochs-classes"]["panels"][0]["names"] == ["x", "y </script>", "z"]
    page.until("document.scripts.length === 4")  # two of data, plotly, the page's own
