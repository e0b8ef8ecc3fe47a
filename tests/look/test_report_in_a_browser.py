"""The report in headless Chromium: silent, alone, within its window, and answering to the pointer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from itertools import product
from pathlib import Path

import pytest
from browser import Page, browser, find_browser, wait
from look_runs import MadeUp, make_run
from test_report import undrawn

from shoal.look import pictures, report_html
from shoal.look._gallery import Drawn
from shoal.results import Results
from shoal.wording import one_number

CURVES = "11-validation-loss"
AXES = 4  # three settings and the score
pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")

RUN = MadeUp(
    names=("SGD", "Adam, with a name as long as the names of comparisons may well be in a study"),
    space={"network.dropout": [0.0, 0.1, 0.25], "network.hidden[0]": [2, 3]}, epochs=1200, repeats=2, hidden=(3,),
)  # fmt: skip

# What a name may try: to end an element, an attribute or a script, to run, to ask, to turn the reading direction.
PARTS = (
    "<script>alert(1)</script>", "</script><script>alert(2)</script>", "<img src=x onerror=alert(3)>",
    "\"><svg onload=alert(4)>", "' onmouseover='alert(5)", "javascript:alert(6)", "<a href=http://x.invalid/>a</a>",
    "</title></style><b>b</b>", "<!--", "]]>", "&lt;i&gt;&amp;&#60;", "{{ 7 * 7 }}{% raw %}", "${alert(8)}",
    "%{x}<br><b>c</b>", "\u202eevil\u202c", "\u2066\u200f\u061c", "\u2028\u2029", "\x00\x07\x1b[31m", "=cmd|' /C'!A0",
    "שלום עולם",
)  # fmt: skip
HOSTILE = tuple("".join(pair) for pair in product(PARTS[:10], PARTS))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return make_run(tmp_path_factory.mktemp("run"), RUN)


@pytest.fixture(scope="module")
def report(results: Results) -> Path:
    path = results.folder / "report.html"
    path.write_text(undrawn(results, results.folder), encoding="utf-8")
    return path


def silent_and_alone(page: Page, report: Path) -> bool:
    """Nothing was said on the console, and nothing was asked for but the file and what stands in it."""
    asked = [address for address in page.asked if not address.startswith("data:")]
    return (page.said, asked) == ([], [report.resolve().as_uri()])


def by_id(name: str) -> str:
    return f"document.getElementById('{name}')"


def show(page: Page, name: str) -> None:
    """Bring an element into sight and wait for its plot."""
    page.value(f"{by_id(name)}.scrollIntoView({{block: 'center'}})")
    page.until(f"{by_id(name)}.querySelector('.main-svg') !== null")


def change(page: Page, element: str, value: object, event: str = "change") -> None:
    """Give a control a value, as a reader would."""
    page.value(f"((one) => {{ one.value = '{value}'; one.dispatchEvent(new Event('{event}')); }})({element})")


@pytest.mark.parametrize(
    ("width", "dark"), [(375, True), (768, False), (1440, True)]
)  # no width hangs on a colour
def test_nothing_is_said_or_asked_and_nothing_leaves_the_window(
    page: Page, report: Path, width: int, dark: bool
) -> None:
    page.open(report, width, dark=dark)
    page.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for element in (CURVES, "explorer", "30-delivered-fit"):
        show(page, element)
    assert page.value("[document.documentElement.scrollWidth, innerWidth]") == [width, width]
    ground = page.value("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(21, 23, 26)" if dark else "rgb(255, 255, 255)")
    assert silent_and_alone(page, report)


def test_the_candidates_are_sorted_by_a_click(page: Page, report: Path) -> None:
    page.open(report)
    column = (
        "[...document.querySelectorAll('#candidates tbody tr')].map((row) => Number(row.cells[{}].dataset.v))"
    )
    heads = "[...document.querySelectorAll('#candidates th button')]"
    assert page.value(column.format(0)) == [1, 2, 3, 4, 5, 6]
    page.value(f"{heads}[0].click()")
    assert page.value(column.format(0)) == [6, 5, 4, 3, 2, 1]
    page.value(f"{heads}[1].click()")
    assert page.value(column.format(1)) == [0, 0, 0.1, 0.1, 0.25, 0.25]
    assert page.value(f"{heads}[1].parentElement.ariaSort") == "ascending"


def test_the_candidates_are_filtered_by_value_and_by_word(page: Page, report: Path) -> None:
    page.open(report)
    shown = "[...document.querySelectorAll('#candidates tbody tr')].filter((row) => !row.hidden).length"
    select, words = (f"document.querySelector('#filters {kind}')" for kind in ("select", "input"))
    change(page, select, 0.25)
    assert page.value(shown) == 2
    assert page.value("document.querySelector('.count').textContent") == "2 of 6 shown"
    change(page, words, "nothing like it", "input")
    assert page.value(shown) == 0
    change(page, words, "", "input")
    change(page, select, "")
    assert page.value(shown) == 6


def test_a_plot_answers_to_the_pointer(page: Page, report: Path) -> None:
    page.open(report)
    show(page, CURVES)
    page.until(f"getComputedStyle({by_id(CURVES)}.querySelector('.sheet')).visibility === 'hidden'")
    middle = page.value(
        "((path) => (({x, y}) => [x, y])(path.getPointAtLength(path.getTotalLength() / 2)"
        f".matrixTransform(path.getScreenCTM())))({by_id(CURVES)}.querySelector('.js-line'))"
    )

    def answered() -> bool:
        page.point(middle[0] - 1, middle[1])
        page.point(*middle)
        return bool(page.value("document.querySelector('.hoverlayer .hovertext') !== null"))

    wait(answered, "the plot to answer")
    assert re.search(r"\d: \d", page.value("document.querySelector('.hoverlayer').textContent"))


def test_a_curve_that_is_not_drawn_yet_says_so(page: Page, report: Path) -> None:
    """Unpacking what draws takes a moment, and a picture of the page may be taken before that is over."""
    page.open(report, height=400)
    said = f"getComputedStyle({by_id('explorer-plot')}, '::before').content"
    assert page.value(said) == '"The curve is being drawn …"'
    show(page, "explorer")
    assert page.value(said) == "none"


def test_numbers_at_the_pointer_are_written_as_on_the_page(page: Page, tmp_path: Path) -> None:
    wide = (lambda done: 3e7 * 10 ** (-14 * done) - 1e-4, lambda done: 2000.3 - 4e3 * done)
    made = make_run(tmp_path, replace(RUN, losses=wide, epochs=40, space={"network.dropout": [0.0, 0.1]}))
    path = tmp_path / "report.html"
    path.write_text(undrawn(made, tmp_path), encoding="utf-8")
    page.open(path)
    traces = []
    for name in (CURVES, "explorer"):
        show(page, name)
        shown = f"[...{by_id(name)}.querySelectorAll('.js-plotly-plot')].flatMap((plot) => plot.data)"
        fields = "({ x, y, customdata, hovertemplate }) => ({ x, y, customdata, hovertemplate })"
        traces += json.loads(page.value(f"JSON.stringify({shown}.map({fields}))"))
    traces = [trace for trace in traces if trace.get("hovertemplate")]
    written = {text for trace in traces for _, text in trace["customdata"]}
    for trace in traces:
        assert "customdata[1]" in trace["hovertemplate"]
        assert [text for text, _ in trace["customdata"]] == [f"{epoch:,.0f}" for epoch in trace["x"]]
        assert [text for _, text in trace["customdata"]] == [one_number(value, 4) for value in trace["y"]]
    assert any(text.count(",") == 2 for text in written)
    assert any("e−0" in text for text in written)
    assert any(text.startswith("−1,") for text in written)
    assert silent_and_alone(page, path)


def test_a_row_shows_its_own_curves(page: Page, report: Path) -> None:
    page.open(report)
    show(page, "explorer")
    page.value("document.querySelectorAll('tr[data-place]')[2].click()")
    chosen = "document.querySelector('#group').selectedOptions[0].textContent"
    assert page.value(chosen).startswith("candidate 3: ")
    assert page.value("document.querySelector('tr[aria-current=true]').dataset.place") == "3"
    lines = "document.querySelectorAll('#explorer-plot .scatterlayer .trace').length"
    page.until(f"{lines} === 6")  # training and validation on three folds
    change(page, by_id("fit"), 1)
    page.until(f"{lines} === 2")
    assert silent_and_alone(page, report)


def test_curves_that_hide_each_other_are_named(page: Page, tmp_path: Path) -> None:
    same = (lambda done: 1 - done / 2, lambda done: 1 - done / 2)
    made = make_run(tmp_path, replace(RUN, losses=same, epochs=40))
    path = tmp_path / "report.html"
    path.write_text(undrawn(made, tmp_path), encoding="utf-8")
    page.open(path)
    show(page, "explorer")
    page.value("document.querySelectorAll('tr[data-place]')[0].click()")
    change(page, by_id("fit"), 1)
    told = "document.querySelector('#explorer-plot .legendtitletext')?.textContent"
    page.until(f"{told} === 'fold 2, training and fold 2, validation coincide'")
    assert silent_and_alone(page, path)


def test_the_switch_changes_page_and_plots(page: Page, report: Path) -> None:
    page.open(report)
    show(page, CURVES)
    ink = f"getComputedStyle({by_id(CURVES)}.querySelector('.xtitle')).fill"
    before = page.value(ink)
    page.value("document.querySelector('#theme').click()")
    page.until(f"{ink} !== '{before}'")
    assert page.value("document.documentElement.dataset.theme") == "dark"


def test_paper_has_everything_unfolded(page: Page, report: Path) -> None:
    page.open(report)
    folded = "document.querySelectorAll('details:not([open])').length"
    assert page.value(folded) > 0
    page.value(f"addEventListener('beforeprint', () => {{ window.folded = {folded}; }})")
    assert page.printed().startswith(b"%PDF-")
    assert page.value("window.folded") == 0
    assert page.value("document.querySelectorAll('details[open]').length") == 0
    assert silent_and_alone(page, report)


@pytest.fixture(scope="module")
def drawn_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with pictures of the usual size, of a network of images with a search, four comparisons, its inside."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("drawn")
    run = MadeUp(
        task="classification", names=("SGD", "Adam", "AdamW"), classes=("x", "y", "z"), inputs=(), targets=(),
        image=(1, 5, 5), level=0.5, epochs=40, repeats=2, inside=True, ensemble=True,
        space={"network.dropout": [0.0, 0.25], "training.batch_size": [2, 3, 4], "training.lr": [0.1, 0.2]},
    )  # fmt: skip
    results = make_run(folder, run)
    files = []
    for size in ((1000, 620), (1400, 868)):
        files.append(BytesIO())
        Image.new("RGB", size, "white").save(files[-1], "PNG")
    shown = [
        Drawn(picture, "white.png", files[number % 7 == 4].getvalue())
        for number, picture in enumerate(pictures(results))
    ]
    path = folder / "report.html"
    path.write_text(report_html(results, shown), encoding="utf-8")
    return path


NAMED = """
[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
  .filter((one) => one.checkVisibility())
  .map((one) => [one.tagName, one.getAttribute('aria-label') || one.labels?.[0]?.textContent || one.textContent.trim()])
"""


def test_whoever_has_no_pointer_or_no_eyes_gets_everywhere(page: Page, drawn_report: Path) -> None:
    """Every control has a name of its own, no stop of the tab is in vain, and counts are announced."""
    page.open(drawn_report)
    named = page.value(NAMED)
    assert [tag for tag, name in named if not name] == []
    links = page.value("[...document.querySelectorAll('a.csv')].map((link) => link.textContent)")
    assert len(links) > 20
    assert len(set(links)) == len(links)
    assert all(link.startswith("Numbers as CSV: ") for link in links)
    assert page.value("document.querySelectorAll('tr[tabindex=\"0\"]').length") == 1
    assert (
        page.value("document.querySelectorAll('.sheet[tabindex]').length") == 0
    )  # none is wider than the window
    assert page.value("document.querySelector('.count').getAttribute('role')") == "status"
    assert page.value("document.querySelector('#summary h2').textContent") == "Summary"
    page.value("document.body.focus()")
    reached = "((one) => [one.tagName, one.textContent.trim(), one.dataset.place])(document.activeElement)"
    press(page, "Tab")
    assert page.value(reached)[:2] == ["A", "Skip to the content"]
    page.value("document.querySelector('tr[tabindex=\"0\"]').focus()")
    for key, place in (("ArrowDown", "2"), ("ArrowDown", "3"), ("ArrowUp", "2")):
        press(page, key)
        assert page.value(reached)[2] == place
    press(page, "Enter")
    assert page.value("document.querySelector('#group').selectedOptions[0].textContent").startswith(
        "candidate 2: "
    )
    wanted = page.value("document.querySelectorAll('#candidates tbody tr')[4].cells[1].textContent")
    change(page, "document.querySelector('#filters select')", wanted)
    stop = "document.querySelector('tr[tabindex=\"0\"]')"
    assert not page.value(f"{stop}.hidden")


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (375, True)])
def test_axe_finds_nothing(page: Page, drawn_report: Path, width: int, dark: bool) -> None:
    """Names, roles, order of headings and contrast, by the rules of axe-core."""
    axe = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
    script = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    page.open(drawn_report, width, dark=dark)
    page.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.value(f"{script}; true")
    said = "({ id, nodes }) => [id, nodes[0].html, nodes[0].failureSummary]"
    assert page.value(f"axe.run().then((all) => all.violations.map({said}))") == []


def test_what_is_wider_than_a_phone_says_so_and_moves(page: Page, drawn_report: Path) -> None:
    page.open(drawn_report, 375)
    sheet = f"{by_id('30-delivered-calibration')}.querySelector('.sheet')"
    page.until(f"{sheet}.classList.contains('wider')")
    cue = f"{sheet}.previousElementSibling"
    assert page.value(f"[{cue}.textContent, {cue}.hidden]") == [
        "Wider than the window: scroll sideways →",
        False,
    ]
    assert page.value(f"{sheet}.tabIndex") == 0
    assert "2.5rem" in page.value(f"getComputedStyle({sheet}).getPropertyValue('--right')")
    page.value(f"{sheet}.scrollTo(10000, 0)")
    page.until(f"{sheet}.classList.contains('ended')")
    page.resize(1440)
    page.until(f"{cue}.hidden && !{sheet}.hasAttribute('tabindex')")


def test_on_a_phone_candidates_are_named_by_their_ranks(page: Page, drawn_report: Path) -> None:
    """The settings beside them, and the lines of their header, have no room there."""
    page.open(drawn_report, 375)
    figure = by_id("20-search-ranking")
    page.value(f"{figure}.scrollIntoView({{block: 'center'}})")
    page.until(f"{figure}.classList.contains('live')")
    texts = f"[...{figure}.querySelectorAll('.ytick text')].map((one) => one.textContent)"
    assert page.value(texts)[:3] == ["rank", "1", "2"]


def test_a_plot_has_its_room_before_it_is_drawn(page: Page, drawn_report: Path) -> None:
    page.open(drawn_report)
    heights = "[...document.querySelectorAll('section > .gallery > figure[data-plot]')].map((one) => one.offsetHeight)"
    before = page.value(heights)
    for name in ("11-validation-loss", "20-search-ranking", "23-search-parallel"):
        page.value(f"{by_id(name)}.scrollIntoView({{block: 'center'}})")
        page.until(f"{by_id(name)}.classList.contains('live')")
    assert page.value(heights) == before
    assert silent_and_alone(page, drawn_report)


def test_candidates_are_brushed_by_an_axis_and_by_the_filters(page: Page, drawn_report: Path) -> None:
    page.open(drawn_report)
    figure = by_id("23-search-parallel")
    page.value(f"{figure}.scrollIntoView({{block: 'center'}})")
    page.until(f"{figure}.classList.contains('live')")
    lines = f"{figure}.querySelector('.js-plotly-plot').data"
    faded = f"{lines}.flatMap((line, at) => line.opacity < 0.5 ? [at] : [])"
    box = f"{figure}.querySelector('.nsewdrag').getBoundingClientRect()"
    x, y, wide, high = page.value(f"(({{ x, y, width, height }}) => [x, y, width, height])({box})")
    left = x + wide * 0.45 / (AXES - 0.25)  # the first axis; the upper half of it
    page.point(left - 15, y + 2)
    page.point(left - 15, y + 2, "mousePressed")
    for step in range(1, 6):
        at = {"x": left - 15 + 6 * step, "y": y + 2 + high * 0.1 * step}
        page.call("Input.dispatchMouseEvent", type="mouseMoved", button="left", buttons=1, **at)
    page.point(left + 15, y + 2 + high / 2, "mouseReleased")
    page.until(f"{faded}.length > 0")
    passing = page.value(f"{lines}.map((line) => line.y[0] > 0.52)")
    assert page.value(faded) == [at for at, passes in enumerate(passing) if not passes]
    change(page, "document.querySelector('#filters select')", "0.25")
    rows = (
        "[...document.querySelectorAll('#candidates tbody tr')].flatMap((row, at) => row.hidden ? [at] : [])"
    )
    assert page.value(faded) == page.value(rows)


def test_a_dark_page_turns_charts_and_leaves_photographs(page: Page, drawn_report: Path) -> None:
    page.open(drawn_report, dark=True)
    turned = "getComputedStyle({}.querySelector('img')).filter"
    assert "invert(0.918)" in page.value(turned.format(by_id("30-delivered-calibration")))
    assert page.value(turned.format(by_id("34-delivered-conv1-exciting"))) == "none"
    page.value("document.querySelector('#theme').click()")
    assert page.value(turned.format(by_id("30-delivered-calibration"))) == "none"


def test_paper_takes_few_pages(page: Page, drawn_report: Path) -> None:
    """Over thirty pictures two in a row; what would stand alone in a row leaves half of the pages white."""
    page.open(drawn_report)
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", page.printed()))
    assert page.value("document.querySelectorAll('figure').length") > 30
    assert 8 < pages <= 16


def test_the_letters_of_a_large_picture_stay_half_as_large(page: Page, drawn_report: Path) -> None:
    page.open(drawn_report, 768)
    width = "document.querySelector('{} .sheet:not(.plotted > *) img').getBoundingClientRect().width"
    assert page.value("document.querySelectorAll('.large').length") > 3
    assert page.value(width.format("figure:has(.large):not(.plotted)")) == 896
    assert page.value(width.format("figure:not(:has(.large), .plotted)")) < 768
    assert page.value("document.querySelector('.large.wider').previousElementSibling.className") == "cue"


def test_a_map_of_one_scale_leaves_no_gap_on_a_narrow_screen(page: Page, drawn_report: Path) -> None:
    page.open(drawn_report, 375)
    plot = f"{by_id('32-delivered-map')}.querySelector('.plot')"
    page.value(f"{plot}.scrollIntoView()")
    page.until(f"{plot}.querySelector('.xtitle') !== null")
    ends = [
        page.value(f"{one}.getBoundingClientRect().bottom")
        for one in (f"{plot}.querySelector('.xtitle')", plot)
    ]
    assert 0 < ends[1] - ends[0] < 60


def press(page: Page, key: str) -> None:
    """Press a key and let it go."""
    code = {"Tab": 9, "Enter": 13, "ArrowDown": 40, "ArrowUp": 38}[key]
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)


def test_hostile_names_do_nothing(page: Page, tmp_path: Path) -> None:
    assert len(HOSTILE) == 200
    labels = tuple(re.sub(r"[\x00-\x1f\x7f-\x9f]", "", name) for name in HOSTILE)  # as a study admits them
    run = MadeUp(
        task="classification", names=labels[::20], classes=HOSTILE[:40], inputs=HOSTILE, targets=(), epochs=3,
        hidden=(2,), space={"network.dropout": [0.0, 0.25]}, folds=2, rows=(50, 45),
    )  # fmt: skip
    results = make_run(tmp_path, run)
    report = tmp_path / "report.html"
    report.write_text(undrawn(results, tmp_path), encoding="utf-8")
    page.open(report)
    page.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for element in (CURVES, "explorer"):
        show(page, element)
    change(page, by_id("group"), 3)
    assert page.value("document.scripts.length") == 4  # two of data, plotly, the page's own
    injected = "iframe, object, embed, form, svg a, i, [onerror], [onload], [onmouseover], a[href^=http], a[href^=java]"
    assert page.value(f"document.querySelectorAll('{injected}').length") == 0
    assert page.value("document.querySelectorAll('img:not([src^=\"data:image/webp\"])').length") == 0
    unseen = "[\u202a-\u202e\u2066\u2067\u200e\u200f\u061c\u2028\u2029\x00-\x08\x0b-\x1f]"
    assert not re.search(unseen, page.value("document.querySelector('.page').textContent"))
    assert page.value("document.documentElement.scrollWidth") == 1440
    assert silent_and_alone(page, report)
