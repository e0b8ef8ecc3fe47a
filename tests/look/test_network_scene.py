"""Drawn networks: every text on the sheet, none over another, well-formed, the same bytes, seen by everybody."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from network_cases import CASES, HOSTILE, case, drawn
from readable import faults

from shoal.look import NetworkFacts, NetworkPicture
from shoal.look._network_scene import network_scene
from shoal.look._paper import on_paper, text_width
from shoal.look._scene import NARROW, SOFT, WIDE, Area, Disc, Label, Mark, Scene, Stroke, svg
from shoal.look.figures.network import draw_network
from shoal.look.page.network import network_table
from shoal.nets import Architecture

SVG = "{http://www.w3.org/2000/svg}"


def parsed(text: str) -> ET.Element:
    """Read what we wrote."""
    return ET.fromstring(text)  # noqa: S314


def reach(mark: Mark) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a mark."""
    if isinstance(mark, Label):
        return mark.box
    if isinstance(mark, Disc):
        (x, y), radius = mark.center, mark.radius
        return x - radius, y - radius, x + radius, y + radius
    points = [*mark.points] if isinstance(mark, Area) else [*itertools.chain(*mark.lines)]
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)


def mistakes(scene: Scene) -> Iterator[str]:
    """Say what leaves the sheet, and which texts share more than nothing."""
    for mark in scene.marks:
        left, top, right, bottom = reach(mark)
        if left < 0 or top < 0 or right > scene.width + 1e-6 or bottom > scene.height + 1e-6:
            yield f"{mark} leaves the sheet"
    for one, other in itertools.combinations(scene.labels, 2):
        a, b = one.box, other.box
        if min(a[2], b[2]) - max(a[0], b[0]) > 1e-6 and min(a[3], b[3]) - max(a[1], b[1]) > 1e-6:
            yield f"{one.text!r} over {other.text!r}"


@given(drawn())
def test_no_text_leaves_the_sheet_or_lies_over_another(network: tuple[Architecture, NetworkFacts]) -> None:
    for width in (WIDE, NARROW):
        scene = network_scene(network[1], width)
        assert list(mistakes(scene)) == []
        assert scene.width <= width
        parsed(svg(scene, "a", "b"))


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_network_is_readable_on_a_page_and_on_a_phone(name: str) -> None:
    _, fact = CASES[name]()
    for width in (WIDE, NARROW):
        assert list(mistakes(network_scene(fact, width))) == []
    assert faults(draw_network, fact) == []


def test_the_check_finds_what_is_wrong() -> None:
    over = Scene(40, 20, (Label((0, 10), "aaa", 30, anchor="start"), Label((20, 10), "b", 9, anchor="start")))
    assert list(mistakes(over)) == ["'aaa' over 'b'"]
    outside = Scene(40, 20, (Stroke((((0, 0), (41, 0)),)),))
    assert [sentence.endswith("leaves the sheet") for sentence in mistakes(outside)] == [True]


@pytest.mark.parametrize("name", CASES)
def test_a_file_is_well_formed_small_and_the_same_each_time(name: str) -> None:
    picture = NetworkPicture(CASES[name]()[1])
    text = picture.svg
    assert NetworkPicture(CASES[name]()[1]).svg == text
    root = parsed(text)
    assert len(text.encode()) < 60_000
    assert root.get("role") == "img"
    assert [child.tag.removeprefix(SVG) for child in root][:2] == ["title", "desc"]
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "desc", "path", "circle", "g", "text",
    }  # fmt: skip
    assert not re.search(r"style=|href|url\(|<script|on\w+=", text)


def test_foreign_names_are_text_and_nothing_else() -> None:
    root = parsed(NetworkPicture(CASES["hostile"]()[1]).svg)
    elements = [*root.iter(f"{SVG}text")]
    texts = ["".join([element.text or "", *(title.tail or "" for title in element)]) for element in elements]
    assert texts.count(HOSTILE[0]) == 2
    assert texts.count("(unnamed)") == texts.count(r"\n") == 2
    assert texts.count("\u2068\\u202eلا مرحبا\u2069") == 2
    assert all(text_width(text, 11) <= 132.1 for text in texts)
    words = root.findtext(f"{SVG}desc") or ""
    assert "\\u202e" in words
    assert "\\x00" in words


def test_a_name_that_is_cut_keeps_its_end_and_is_whole_beside() -> None:
    names = ("temperature_at_station_north", "temperature_at_station_south", "x\x07")
    root = parsed(NetworkPicture(case({"hidden": [2]}, (3,), None, names=names)[1]).svg)
    north, south, bell = [*root.iter(f"{SVG}text")][:3]
    for element, name in ((north, names[0]), (south, names[1])):
        assert element.findtext(f"{SVG}title") == name
        shown = element[0].tail or ""
        begin, end = shown.split("…")
        assert name.startswith(begin) and name.endswith(end) and begin and end  # noqa: PT018
    assert north[0].tail != south[0].tail
    assert bell.text == r"x\x07"


def test_what_is_drawn_are_the_first_and_the_last_units() -> None:
    def units(name: str) -> list[int]:
        scene = network_scene(CASES[name]()[1])
        columns: dict[float, int] = {}
        for mark in scene.marks:
            if isinstance(mark, Disc) and mark.width:
                columns[mark.center[0]] = columns.get(mark.center[0], 0) + 1
        return [columns[x] for x in sorted(columns)]

    assert units("two-peaks") == [1, 7, 7, 1]
    assert units("mnist") == [7, 7, 7, 10]
    assert units("linear") == [1, 1]


def test_texts_say_what_there_is() -> None:
    texts = [label.text.replace("\u00a0", " ") for label in network_scene(CASES["groups"]()[1]).labels]
    said = " ".join(texts)
    for words in (
        "images", "3 × 64 × 48", "32 × 32 × 24",
        "5 × 5 stride 2 padding 2 batch norm relu dropout 0.1 2,496 parameters",
        "3 × 3 padding 1 32 groups", "average pooling", "flat: 10,560", "100 units", "1,056,300 parameters", "class 29",
        "softmax", "probabilities", "loss: cross-entropy in nats",
    ):  # fmt: skip
        assert words in said, words


def test_a_skip_with_a_convolution_of_its_own_is_drawn_and_said_with_it() -> None:
    architecture, fact = CASES["skips"]()
    projections = [(layer.source, layer.projection) for layer in architecture.convolutions if layer.skip]
    said = [step.entered_text for step in fact.steps if step.added]
    for text, (source, projection) in zip(said, projections, strict=True):
        strided = f" stride {projection[2]}" if projection and projection[2] != 1 else ""
        assert text == f"what entered {source}" + (f" through 1 × 1{strided}" if projection else "")
    passed = [projection for _, projection in projections if projection]
    assert 0 < len(passed) < len(projections)
    small = [mark for mark in network_scene(fact).marks if isinstance(mark, Area) and _width(mark) == 7]
    assert len(small) == len(passed)
    rows = network_table(fact)
    assert rows is not None
    (added,) = (column.cells for column in rows.columns if column.heading == "adds")
    assert [text for text in added if text] == said


def _width(mark: Mark) -> float:
    left, _, right, _ = reach(mark)
    return round(right - left, 6)


def test_one_ink_is_enough_on_light_and_on_dark() -> None:
    """Texts in soft ink keep 4.5 to 1 (WCAG 2.2, 1.4.3) on the report's grounds and on a file's."""

    def light(shares: tuple[float, ...]) -> float:
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    def shares(color: str) -> tuple[float, ...]:
        return tuple(int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))

    for ink, ground in (("#1d1f23", "#ffffff"), ("#e3e5e8", "#15171a"), ("#222222", "#ffffff")):
        mixed = tuple(SOFT * a + (1 - SOFT) * b for a, b in zip(shares(ink), shares(ground), strict=True))
        dark, bright = sorted((light(mixed), light(shares(ground))))
        assert (bright + 0.05) / (dark + 0.05) > 4.5


def test_a_picture_of_pixels_and_a_pdf_have_the_same_bytes_each_time(tmp_path) -> None:  # type: ignore[no-untyped-def]
    picture = NetworkPicture(CASES["hostile"]()[1])
    for ending, head in ((".png", b"\x89PNG"), (".pdf", b"%PDF"), (".SVG", b"<svg")):
        for name in ("a", "b"):
            picture.save(tmp_path / f"{name}{ending}")
        content = (tmp_path / f"a{ending}").read_bytes()
        assert content.startswith(head)
        assert (tmp_path / f"b{ending}").read_bytes() == content


def test_a_sheet_has_the_marks_of_its_scene() -> None:
    scene = Scene(
        40, 20, (Label((20, 10), "漢 שa", 30), Area(((1, 1), (2, 1), (2, 2)), 0.5), Disc((3, 3), 1))
    )
    (axes,) = on_paper(scene).axes
    assert [text.get_text() for text in axes.texts] == ["□ שa"]
    assert len(axes.patches) == 2
