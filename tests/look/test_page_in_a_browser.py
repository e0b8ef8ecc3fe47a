"""The page in headless Chromium: what the eye meets in the dark, at the ends of axes, on a phone and on paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from browser import Page, browser, find_browser
from look_runs import MadeUp, make_run
from numpy.typing import NDArray
from test_report import undrawn

from shoal.look._paper import SERIES

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")

SPACE = {
    "network.hidden[0]": [80, 100], "network.hidden[1]": [80, 100], "network.dropout": [0, 0.25],
    "training.weight_decay": [0, 1e-5], "training.batch_size": [2, 3],
}  # fmt: skip
RUN = MadeUp(names=("SGD",), space=SPACE, epochs=1000, hidden=(80, 80))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    path = folder / "report.html"
    path.write_text(undrawn(make_run(folder, RUN), folder), encoding="utf-8")
    return path


def drawn(page: Page, name: str) -> str:
    """Bring a plot into sight, wait for it, and give what selects it."""
    place = f"document.getElementById('{name}')"
    page.value(f"{place}.scrollIntoView({{block: 'center'}})")
    page.until(f"{place}.querySelector('.main-svg') !== null")
    return place


def lab(color: str) -> NDArray[np.float64]:
    """Give a colour as lightness and two hues (CIE 1976), by hand."""
    share = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(share > 0.04045, ((share + 0.055) / 1.055) ** 2.4, share / 12.92)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]],
    )
    x, y, z = np.cbrt(to_xyz @ linear / (0.9505, 1.0, 1.089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_lines_of_a_dark_page_are_as_far_apart_as_those_of_a_bright_one() -> None:
    """What a colour becomes in the dark is written in the page's script; ink becomes the ink of the page."""
    folder = Path(__file__).parents[2] / "src" / "shoal" / "look" / "page"
    (table,) = re.findall(r"const BRIGHT = \{(.*)\};", (folder / "report.js.jinja").read_text())
    bright = dict(re.findall(r'"(#\w+)": "(#\w+)"', table))
    (ink,) = re.findall(r"--ink: light-dark\(#\w+, (#\w+)\)", (folder / "report.css.jinja").read_text())
    bright |= {"#222222": ink}

    def closest(colors: list[str]) -> float:
        return min(float(np.linalg.norm(lab(one) - lab(other))) for one, other in combinations(colors, 2))

    dark = [bright.get(color, color) for color in SERIES]
    assert len(bright) == 3
    assert closest(dark) >= closest(list(SERIES)) > 20


def test_a_picture_of_a_dark_page_lies_on_the_ground_of_the_page(page: Page, report: Path) -> None:
    page.open(report, dark=True)
    image = "document.querySelector('.sheet:not(.photographs) img')"
    style = page.value(f"[getComputedStyle({image}).filter, getComputedStyle({image}).mixBlendMode]")
    share = float(re.findall(r"invert\(([\d.]+)\)", style[0])[0])
    ground = page.value("getComputedStyle(document.body).backgroundColor")
    assert style[1] == "lighten"
    assert 255 * (1 - share) <= min(map(int, re.findall(r"\d+", ground)))


def test_the_last_epoch_is_named_at_the_end_of_a_curve(page: Page, report: Path) -> None:
    """A power of ten there is no less than the axis, however its logarithm is rounded, and its name is not hidden."""
    page.open(report)
    place = drawn(page, "explorer")
    ticks = page.value(
        f"[...{place}.querySelectorAll('.xtick text')].map((tick) =>"
        f" [tick.textContent, getComputedStyle(tick).opacity, tick.getBoundingClientRect().right])"
    )
    right = page.value(f"{place}.querySelector('.main-svg').getBoundingClientRect().right")
    assert [text for text, *_ in ticks][-1] == "1,000"
    assert ticks[-1][1] == "1"
    assert ticks[-1][2] <= right


def test_names_below_many_axes_are_upright_and_whole(page: Page, report: Path) -> None:
    page.open(report, 768)
    place = drawn(page, "23-search-parallel")
    labels = page.value(
        f"[...{place}.querySelectorAll('.xtick text')].map((tick) => {{"
        " const box = tick.getBoundingClientRect();"
        " return [tick.textContent, box.left, box.right, !/rotate\\((?!0)/.test(tick.getAttribute('transform'))]; })"
    )
    assert [text for text, *_ in labels] == [
        "first hiddenlayer", "second hiddenlayer", "dropout", "weight decay", "batch size", "selection score",
    ]  # fmt: skip
    assert all(left < right <= 768 and upright for _, left, right, upright in labels)
    assert all(one[2] < other[1] for one, other in pairwise(labels))


def test_the_name_of_a_score_fits_beside_many_settings(page: Page, report: Path) -> None:
    page.open(report, 768)
    place = drawn(page, "20-search-ranking")
    title = f"{place}.querySelector('.xtitle')"
    assert "lower" in page.value(f"{title}.textContent")
    assert page.value(f"{title}.getBoundingClientRect().right") <= 768


def test_no_cell_of_text_is_a_word_a_line(page: Page, report: Path) -> None:
    page.open(report, 375)
    page.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    cells = page.value(
        "[...document.querySelectorAll('tbody td:not(.n)')].map((cell) => {"
        " const text = document.createRange(); text.selectNodeContents(cell);"
        " return [cell.textContent.length,"
        " text.getBoundingClientRect().height / parseFloat(getComputedStyle(cell).lineHeight)]; })"
    )
    assert max(length for length, _ in cells) > 12
    assert [(length, lines) for length, lines in cells if lines > 2 + length / 12] == []


def test_paper_repeats_headings_of_candidates_and_has_small_notes(page: Page, report: Path) -> None:
    """Chromium repeats the head of a table that holds no control of its own."""
    page.open(report)
    page.call("Emulation.setEmulatedMedia", media="print")
    style = "getComputedStyle(document.querySelector('{}')).{}"
    assert page.value(style.format("#candidates th button", "display")) == "contents"
    sizes = [page.value(f"parseFloat({style.format(one, 'fontSize')})") for one in (".small", "body")]
    assert sizes[0] < sizes[1]
    assert (
        page.value("getComputedStyle(document.querySelector('th[aria-sort] button'), '::after').content")
        == "none"
    )
