"""Films: what moves over the epochs, on paper, on the page and in a file of its own."""

from __future__ import annotations

import base64
import weakref
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from look_runs import MadeUp, make_run
from PIL import Image

from dots import dot
from shoal.cli import main
from shoal.errors import InputError
from shoal.look import Results, pictures, write_animation
from shoal.look import _animation as animation
from shoal.look._figure import Chapter
from shoal.look._film import Bars, Dots, Film, Points, Tiles, on_one_scale
from shoal.look._film_sheet import TILE, draw_film, in_box
from shoal.look._gallery import pictures_of
from shoal.look._paper import design
from shoal.look.figures.moving_classes import MOST_NAMED, named_bars
from shoal.look.figures.moving_fit import moving_agreement, moving_curve
from shoal.look.figures.moving_kernels import moving_kernels
from shoal.look.figures.moving_weights import moving_weights
from shoal.look.page.films import film_json, in_16_bits
from shoal.look.page.spreadsheet import fact_csv
from shoal.wording import listed

CURVE = MadeUp(names=(), epochs=20, hidden=(2,), inside=True)
TABLE = replace(CURVE, inputs=("a", "b"), targets=("y", "z"))
IMAGES = MadeUp(
    task="classification", names=(), classes=("x", "y", "z"), inputs=(), targets=(), image=(1, 5, 5),
    epochs=20, inside=True,
)  # fmt: skip
EPOCHS = np.array([0, 5, 10])


def films(folder: Path, run: MadeUp) -> dict[str, Film]:
    return {picture.name: picture.fact for picture in pictures_of(Chapter.EPOCHS, make_run(folder, run))}


@pytest.mark.parametrize(
    ("run", "names"),
    [
        (CURVE, ["predictions", "weights"]),
        (TABLE, ["predictions", "weights"]),
        (IMAGES, ["classes", "weights", "kernels", "maps"]),
        (replace(IMAGES, image=(3, 5, 5)), ["classes", "weights", "kernels", "maps"]),
        (replace(CURVE, inside=False), []),
    ],
    ids=["curve", "table", "images", "colours", "no history"],
)
def test_what_moves_is_what_a_run_keeps(tmp_path: Path, run: MadeUp, names: list[str]) -> None:
    shown = films(tmp_path, run)
    assert [*shown] == [f"35-epochs-{name}" for name in names]
    for picture in pictures_of(Chapter.EPOCHS, Results.open(tmp_path)):
        assert len({picture.png() for _ in range(1 + (run is IMAGES))}) == 1
        assert picture.words().endswith(" epochs up to 3." if "Mean" not in picture.words() else "\u00a0%.")
        assert picture.fact.few == [0, 1, 3]
        lines = fact_csv(picture.fact).splitlines()
        assert len(lines) > 5


def test_facts_are_those_of_the_snapshots(tmp_path: Path) -> None:
    results = make_run(tmp_path / "run", TABLE)
    assert results.inside is not None
    frames = results.inside.frames
    shown = films(tmp_path / "again", TABLE)
    assert [panel.title for panel in shown["35-epochs-predictions"].panels] == ["y", "z"]
    for k, panel in enumerate(shown["35-epochs-predictions"].panels):
        assert isinstance(panel, Points)
        np.testing.assert_array_equal(panel.at_N, results.truth.y[frames["rows"], k])
        np.testing.assert_array_equal(panel.height_SN, frames["answers"][:, :, k])
    titles = [panel.title for panel in shown["35-epochs-weights"].panels]
    assert titles == ["weights of hidden1", "weights of output"]
    with design():
        title = draw_film(shown["35-epochs-weights"]).get_suptitle()
    few = [str(shown["35-epochs-weights"].epoch_S[place]) for place in shown["35-epochs-weights"].few]
    assert " ".join(title.split()) == f"Delivered network at epochs {listed(few)}"


def test_a_histogram_ends_where_weights_end() -> None:
    counts = np.zeros((3, 64), np.int64)
    counts[0, 30:34], counts[2, 20] = 5, 20
    (bars,) = moving_weights("a", EPOCHS, [("output", counts, -2)]).panels
    assert isinstance(bars, Bars)
    assert (bars.edge_E[0], bars.edge_E[-1]) == ((20 - 32) / 4, (34 - 32) / 4)
    assert bars.length_SB.sum(axis=1).tolist() == [20, 0, 20]
    assert bars.longest == pytest.approx(21)


def test_the_axis_of_a_curve_holds_rows_and_the_last_curve() -> None:
    x_N = np.arange(5.0)
    height_SN = np.array([np.full(5, 900.0), np.full(5, -3.0), np.full(5, 2.0)])
    points = moving_curve(("input", "y"), Dots("training rows", x_N, x_N), x_N, height_SN)
    assert points.y_ends[0] == pytest.approx(-0.32)
    assert points.y_ends[1] == pytest.approx(4.32)
    many = np.arange(5000.0)
    assert points.still is not None
    still = moving_curve(("input", "y"), Dots("rows", many, many), x_N, height_SN).still
    assert still is not None
    assert 500 <= len(still.x_N) <= 600
    missing = moving_agreement("y", np.array([1.0, 2.0]), np.full((3, 2), np.nan))
    assert missing.y_ends == pytest.approx((0.92, 2.08))


def test_many_classes_are_counted() -> None:
    names = [f"class {number}" for number in range(40)]
    bars = named_bars("rows of each class", names, np.ones((3, 40)))
    assert (len(bars.names), bars.length_SB.shape, bars.longest) == (MOST_NAMED, (3, MOST_NAMED), 1)
    assert bars.title == "rows of each class (the first 30 of 40)"


@pytest.mark.parametrize(("inputs", "channels"), [(1, 3), (1, 20), (3, 20), (12, 2)])
def test_kernels_are_laid_out_in_rows(inputs: int, channels: int) -> None:
    draw = np.random.default_rng(0)
    byte = draw.integers(0, 256, (3, channels, inputs, 2, 3), dtype=np.uint8)
    ends = np.array([[-1.0, 1.0], [-2.0, 1.0], [-0.5, 0.5]])
    (tiles,) = moving_kernels("a", "conv1", EPOCHS, byte, ends).panels
    assert isinstance(tiles, Tiles)
    assert (tiles.low, tiles.high) == (-2, 2)
    rows, columns = tiles.byte_SRCHW.shape[1:3]
    assert (len(tiles.rows), len(tiles.columns)) == (rows, columns)
    first = ends[2, 0] + byte[2, 1, 0] / 255
    shown = tiles.low + tiles.byte_SRCHW[2, 0, 1] / 255 * 4
    np.testing.assert_allclose(shown, first, atol=4 / 255)
    assert tiles.missing == (rows * columns - channels if inputs == 1 else 0)
    if (inputs, channels) == (1, 20):
        assert tiles.rows == ("1–8", "9–16", "17–20")


@given(
    byte=arrays(np.uint8, (3, 4)),
    ends=st.lists(st.tuples(st.floats(-9, 0), st.floats(0, 9)), min_size=3, max_size=3),
)
def test_bytes_of_snapshots_keep_their_numbers_on_one_scale(byte: Any, ends: Any) -> None:
    ends_S2 = np.array(ends)
    low, high = float(ends_S2.min()), float(ends_S2.max())
    again = low + on_one_scale(byte, ends_S2, low, high) / 255 * (high - low)
    values = ends_S2[:, :1] + byte / 255 * (ends_S2[:, 1:] - ends_S2[:, :1])
    np.testing.assert_allclose(again, values, atol=(high - low) / 509 + 1e-9)


@given(values=arrays(np.float64, (3, 5), elements=st.floats(-1e6, 1e6) | st.just(np.nan)))
def test_numbers_on_the_page_are_those_of_the_film(values: Any) -> None:
    packed = in_16_bits(values)
    codes = np.frombuffer(base64.b64decode(str(packed["codes"])), "<u2").reshape(values.shape)
    again = float(packed["low"]) + codes / 65534 * float(packed["span"])
    missing = codes == 65535
    np.testing.assert_array_equal(missing, np.isnan(values))
    np.testing.assert_allclose(again[~missing], values[~missing], atol=float(packed["span"]) / 65534)


def test_heights_far_off_the_picture_do_not_coarsen_it() -> None:
    values = np.array([[1e30, -1e30], [0.25, 0.75]])
    packed = in_16_bits(values, (0.0, 1.0))
    assert (packed["low"], packed["span"]) == (-1.0, 3.0)


@given(high=st.integers(1, 90), wide=st.integers(1, 90))
def test_every_small_image_fills_a_box_of_one_size(high: int, wide: int) -> None:
    box = in_box(np.ones((high, wide, 3)))
    assert box.shape == (TILE + 6, TILE + 6, 3)
    filled = (box == 1).all(axis=2)
    longer, shorter = max(high, wide), min(high, wide)
    assert sorted([filled.any(axis=0).sum(), filled.any(axis=1).sum()]) == [
        -(-shorter * TILE // longer),
        TILE,
    ]


def test_the_page_gets_every_film(tmp_path: Path) -> None:
    for name, film in films(tmp_path, IMAGES).items():
        shown = film_json(film)
        assert shown["epochs"] == [0, 1, 2, 3]
        assert [panel["title"] for panel in shown["panels"]] == [panel.title for panel in film.panels]
        if name == "35-epochs-maps":
            for panel, tiles in zip(shown["panels"], film.panels, strict=True):
                assert isinstance(tiles, Tiles)
                assert base64.b64decode(panel["moving"]) == tiles.byte_SRCHW.tobytes()


@pytest.mark.parametrize(
    ("run", "ending"), [(CURVE, ".gif"), (IMAGES, ".webp"), (CURVE, ".png")], ids=["gif", "webp", "png"]
)
def test_an_animation_has_an_image_for_every_epoch(tmp_path: Path, run: MadeUp, ending: str) -> None:
    results = make_run(tmp_path / "run", run)
    path = tmp_path / f"film{ending}"
    said = write_animation(results, path, 2)
    assert said == f"{path}: 4 epochs, 3.5 s"
    with Image.open(path) as image:
        assert image.n_frames == 4  # type: ignore[attr-defined]
        seen = []
        for place in range(4):
            image.seek(place)
            seen.append(image.convert("RGB").tobytes())
            if ending != ".webp":
                assert image.info["duration"] == (500 if place < 3 else 2000)
    assert len(set(seen)) == 4


def test_an_animation_is_a_film_too(tmp_path: Path) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg is not installed")
    results = make_run(tmp_path / "run", CURVE)
    path = tmp_path / "film.mp4"
    write_animation(results, path, 2)
    frames, seconds = ffmpeg.count_frames_and_secs(path)
    assert (frames, seconds) == (7, pytest.approx(3.5, abs=0.1))


def test_what_cannot_be_animated_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = make_run(tmp_path / "run", CURVE)
    cases = {
        ("a.bmp", 8.0): "a.bmp: expected a name that ends in .gif, .webp, .png or .mp4",
        ("a.gif", 0.2): "seconds: expected a number from 0.5 to 600, got 0.2",
        ("a.gif", float("nan")): "seconds: expected a number from 0.5 to 600, got nan",
        ("a.mp4", 8.0): (
            'a.mp4: needs the package imageio-ffmpeg: pip install "shoal[video]"; .gif, .webp and .png need'
            " nothing more"
        ),
        ("no/a.gif", 8.0): "no/a.gif: expected a folder that exists, got none",
    }
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("shoal.extras.find_spec", lambda _: None)
    monkeypatch.setattr(animation, "png", lambda *_: pytest.fail("drawn before it was refused"))
    for (name, seconds), sentence in cases.items():
        with pytest.raises(InputError) as caught:
            write_animation(results, Path(name), seconds)
        assert str(caught.value) == sentence
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    without = make_run(tmp_path / "without", replace(CURVE, inside=False))
    with pytest.raises(InputError) as caught:
        write_animation(without, Path("a.gif"))
    assert str(caught.value) == (
        f"{tmp_path / 'without'}: expected a run that kept its network epoch by epoch, got one without; run its study"
        " again into the same folder with --set inspect.history=40"
    )


def test_a_file_of_other_content_stays_and_a_stop_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(animation, "png", dot)
    results = Results.open(make_run(tmp_path / "run", CURVE).folder)
    path = tmp_path / "film.gif"
    path.write_bytes(b"mine")
    with pytest.raises(InputError):
        results.animate(path)
    assert path.read_bytes() == b"mine"
    results.animate(path, seconds=1, force=True)
    assert path.read_bytes().startswith(b"GIF89a")
    results.animate(path, seconds=1)  # the same content

    def stopped(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(animation, "png", stopped)
    with pytest.raises(KeyboardInterrupt):
        results.animate(tmp_path / "other.gif")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["film.gif", "run"]


def test_a_history_without_frames_is_no_film(tmp_path: Path) -> None:
    results = make_run(tmp_path, CURVE)
    names = [picture.name for picture in pictures(results)]
    assert "31-delivered-weights-history" in names
    assert results.inside is not None
    old = replace(results.inside, frames={})
    object.__setattr__(results, "inside", old)
    names = [picture.name for picture in pictures(results)]
    assert "31-delivered-weights-history" in names
    assert not any(name.startswith("35-epochs") for name in names)


def test_the_command_says_what_it_wrote_and_refuses_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path / "run", CURVE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(animation, "png", dot)
    cases = {
        (): (0, "made-up-epochs.gif: 4 epochs, 9.5 s\n", ""),
        ("--out", "a.webp", "--seconds", "1"): (0, "a.webp: 4 epochs, 2.5 s\n", ""),
        ("--seconds", "x"): (2, "", "shoal: --seconds: expected a number of seconds such as 8, got 'x'\n"),
        ("--seconds", "0"): (2, "", "shoal: seconds: expected a number from 0.5 to 600, got 0\n"),
    }
    for options, (code, said, refused) in cases.items():
        monkeypatch.setattr("sys.argv", ["shoal", "animate", "run", *options])
        with pytest.raises(SystemExit) as end:
            main()
        assert (end.value.code, *capsys.readouterr()) == (code, said, refused)


@pytest.mark.parametrize("ending", [".gif", ".webp", ".png"])
def test_frames_are_written_one_by_one_to_what_they_are_written_to_together(ending: str) -> None:
    """To the byte what Pillow makes of a list of them, of which no more than the last is there meanwhile."""
    make, rng = animation._maker(Path(f"film{ending}")), np.random.default_rng(1)
    pixels = rng.integers(0, 256, (6, 40, 50, 3), np.uint8)
    alive: list[weakref.ref[Image.Image]] = []

    def frames() -> Iterator[Image.Image]:
        for frame in pixels:
            assert sum(frame_there() is not None for frame_there in alive) <= 1
            image = Image.fromarray(frame)
            alive.append(weakref.ref(image))
            yield image

    first, *more = map(Image.fromarray, pixels)
    options = {".gif": {"optimize": False}, ".webp": {"quality": 85, "method": 4}}.get(ending, {})
    together = BytesIO()
    first.save(together, ending[1:], save_all=True, append_images=more, duration=[50] * 6, loop=0, **options)
    assert make(frames(), [50] * 6) == together.getvalue()
