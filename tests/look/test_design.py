"""The design of pictures: names made safe, settings left alone, the same bytes every time."""

from __future__ import annotations

import io
import re
import unicodedata
from typing import Any

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from readable import faults

from shoal.look._paper import (
    DASHES,
    SERIES,
    design,
    drawable,
    heading,
    logarithmic,
    number_text,
    panels,
    plain,
    png,
    series_style,
    whole_numbers,
)
from shoal.look._run_findings import DELIVERED, REFITTED
from shoal.look.figures.scores_on_test_rows import compared_scores, draw_scores

FACT = compared_scores("mse", {"a": np.array([0.1, 0.2]), "b $x$": np.array([0.3, np.nan])})


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("label", "label"),
        ("cost in $", "cost in $"),
        ("a\x00b\x1b[1mc\u202ed\u200f", r"a\x00b\x1b[1mc\u202ed\u200f"),
        ("two\nlines\tand\u2028more", r"two\nlines\tand\u2028more"),
        ("two  lines\u00a0", "two lines"),
        ("naïve Größe, 温度 😀", "naïve Größe, □□ 😀"),
        ("שלום", "שלום"),
        ("e\u0301" + "\u0301" * 50, "é"),
        ("", "(unnamed)"),
        ("  ", "(unnamed)"),
        ("\u0301", "(unnamed)"),
        ("\u200b", r"\u200b"),
        (7, "7"),
    ],
)
def test_a_name_is_made_safe(name: object, shown: str) -> None:
    assert plain(name) == shown


def test_a_long_name_is_cut_by_its_width() -> None:
    assert re.fullmatch("x+…x+", plain("x" * 200))
    assert plain("temperature_at_station_north", 20) == "temperatu…ion_north"
    assert plain("temperature_at_station_south", 20) == "temperatu…ion_south"
    assert len(plain("W" * 200)) < len(plain("i" * 200)) <= 200
    assert plain("i" * 40) == "i" * 40


@given(st.text(max_size=300), st.integers(6, 60))
def test_any_name_becomes_one_short_line_of_visible_letters(name: str, limit: int) -> None:
    shown = plain(name, limit)
    assert shown == shown.strip()
    assert 0 < len(shown) <= 4 * limit
    assert not any(unicodedata.category(letter)[0] == "C" or letter in "\n\r\t" for letter in shown)
    assert plain(shown, 400) == shown


@given(st.text(max_size=300))
def test_any_sentence_is_a_heading_of_visible_letters(sentence: str) -> None:
    figure, _ = panels(1)
    heading(figure, sentence)
    shown = figure.get_suptitle().replace("\n", " ")
    assert drawable(shown) == shown
    assert shown.isprintable()
    assert shown.split()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.01, "0.01"),
        (0.5, "0.5"),
        (999, "999"),
        (10_000, "10,000"),
        (1e9, "1e+09"),
        (1e-7, "1e-07"),
        (-2000, "−2,000"),
    ],
)
def test_numbers_on_axes_are_plain(value: float, text: str) -> None:
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("low", "high"), [(0.2, 0.21), (0.2, 0.6), (0.01, 3), (1e-8, 1e5), (1, 1), (16, 8000), (15, 900)]
)
def test_logarithmic_axes_have_at_least_two_plain_numbers(low: float, high: float) -> None:
    def draw(_: object) -> Any:
        figure, (axes,) = panels(1)
        axes.plot([1, 2], [low, high])
        logarithmic(axes.yaxis, low, high)
        figure.canvas.draw()
        bottom, top = axes.get_ylim()
        shown = [
            label.get_text()
            for place, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
            if bottom <= place <= top
        ]
        assert len(shown) >= 2
        assert all("$" not in text and "^" not in text for text in shown)
        return figure

    assert faults(draw, None) == []


def test_the_detector_of_faults_detects() -> None:
    def draw(_: object) -> Any:
        figure, (axes,) = panels(1)
        axes.text(0.5, 0.5, "one", in_layout=False)
        axes.text(0.5, 0.5, "two", in_layout=False)
        axes.text(0.95, 0.2, "a text that leaves the paper", in_layout=False)
        return figure

    assert faults(draw, None) == ["'a text that leaves the paper' leaves the paper", "'one' over 'two'"]

    def covered(_: object) -> Any:
        figure, (axes,) = panels(1)
        axes.plot([0, 1], [0, 1], label="rows")
        axes.legend(loc="upper left")
        return figure

    assert faults(covered, None) == ["a legend of 'rows' over its panel"]


def test_a_long_title_takes_more_lines() -> None:
    def draw(_: object) -> Any:
        figure, _ = panels(1, size=(5, 4))
        heading(figure, " ".join(["Wide words"] * 12))
        assert figure.get_suptitle().count("\n") >= 2
        return figure

    assert faults(draw, None) == []


def test_a_line_of_a_title_ends_between_no_number_and_its_unit() -> None:
    with design():
        for letters in range(20, 60):
            figure, _ = panels(1, size=(5, 4))
            heading(
                figure,
                f"{'m' * (letters % 30)} {'i' * (letters // 2)} error on test rows 3.6\u00a0% of 5.1 % again",
            )
            assert not any(line.startswith("%") for line in figure.get_suptitle().split("\n"))
            assert figure.get_suptitle().count("%") == 2
            assert "\u00a0" not in figure.get_suptitle()


def test_our_own_names_begin_a_title_with_a_capital_and_those_of_a_study_stay() -> None:
    with design():
        figure, _ = panels(1)
        for named, title in (
            (f"{DELIVERED}: x", "Delivered network: x"),
            (f"{REFITTED}: x", "Networks refitted on all training rows: x"),
            ("sgd: x", "sgd: x"),
        ):
            heading(figure, named)
            assert figure.get_suptitle() == title


def test_whole_numbers_are_written_as_everywhere() -> None:
    with design():
        figure, (axes,) = panels(1)
        axes.plot([0, 5000], [0, 1])
        whole_numbers(axes.xaxis)
        figure.canvas.draw()
        ticks = axes.get_xticks().tolist()
        shown = [text.get_text() for text in axes.get_xticklabels()]
    assert max(ticks) > 1000
    assert shown == [f"{tick:,.0f}".replace("-", "−") for tick in ticks]


def test_32_series_stay_apart() -> None:
    styles = {tuple(map(str, series_style(number).values())) for number in range(len(SERIES) * len(DASHES))}
    assert len(styles) == 32


def test_the_same_fact_gives_the_same_bytes() -> None:
    first = png(draw_scores, FACT)
    assert first == png(draw_scores, FACT)
    assert first.startswith(b"\x89PNG")
    assert b"Software" not in first
    assert b"tIME" not in first


def test_colours_in_a_file_are_beside_the_drawn_ones_by_two_of_255_at_most() -> None:
    with design():
        canvas = FigureCanvasAgg(draw_scores(FACT))
        canvas.draw()
    drawn = np.asarray(canvas.buffer_rgba())[:, :, :3].astype(int)
    with Image.open(io.BytesIO(png(draw_scores, FACT))) as image:
        kept = np.asarray(image).astype(int)
        assert image.mode == "RGB"
    assert np.abs(kept - drawn).max() == 2
    assert set(np.unique(kept)) <= set(range(0, 256, 5))
    assert (kept == 255)[drawn == 255].all(), "white stays white"


def test_settings_of_the_user_change_nothing_and_are_left_as_they_were() -> None:
    usual = png(draw_scores, FACT)
    with matplotlib.rc_context({"font.size": 31, "text.usetex": True, "axes.grid": False, "savefig.dpi": 30}):
        before = dict(matplotlib.rcParams)
        assert png(draw_scores, FACT) == usual
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(("low", "high"), [(0.5, 1.95), (0.53, 4.9), (0.3, 3.0), (0.07, 0.9)])
def test_a_short_logarithmic_axis_has_ticks_to_read_it_by(low: float, high: float) -> None:
    with design():
        _, (axes,) = panels(1)
        axes.plot([0, 1], [low, high])
        logarithmic(axes.yaxis, low, high)
        ticks = axes.yaxis.get_majorticklocs()
    assert 3 <= sum(low <= tick <= high for tick in ticks) <= 7
