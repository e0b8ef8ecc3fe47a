"""The one design of every picture, and the only `import matplotlib` of the project.

Colours are those of Okabe and Ito ("Color universal design", 2008): they stay apart for colour-blind readers.
No global state: the design is in force only while a picture is drawn, whatever the user's own settings say,
and the bytes of a picture depend on its facts alone.
"""

from __future__ import annotations

import io
import math
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import numpy as np

from shoal.look._escape import SPACES, isolated
from shoal.look._run_findings import DELIVERED, REFITTED
from shoal.look._text_layout import in_lines, together
from shoal.wording import cut_amid, shorten, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure
    from matplotlib.ft2font import FT2Font
    from numpy.typing import NDArray

    from shoal.look._scene import Mark, Scene

TITLED: Final = 64
"""Letters of networks' names in titles, at most."""
BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
VERMILLION: Final = "#D55E00"
SKY: Final = "#56B4E9"
PURPLE: Final = "#CC79A7"
BLACK: Final = "#222222"
GREY: Final = "#9A9A9A"
SERIES: Final = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
DASHES: Final = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1.5, 1.5)))
"""Line styles: series number `i` has colour `i % 8` and dashes `i // 8 % 4`, so 32 series stay apart."""

TRAINING: Final = BLUE
VALIDATION: Final = VERMILLION
TEST: Final = GREEN
DPI: Final = 120

_DESIGN: Final[dict[str, Any]] = {
    "figure.dpi": DPI,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.title_fontsize": 9,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "axes.formatter.limits": (-4, 6),
    "axes.formatter.useoffset": False,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.5,
    "text.color": BLACK,
    "axes.labelcolor": BLACK,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "text.parse_math": False,  # names may hold `$`; our own labels need no formulas
    "text.usetex": False,
    "pdf.fonttype": 42,  # text stays text
    "svg.hashsalt": "shoal",  # names in a file follow from what is drawn
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
}

_CSS_DPI: Final = 96
_STEP: Final = 5
"""Steps of colours in a file, of 255: 2 beside the drawn ones at most, which nobody sees, for a quarter less bytes."""
_BLACK_SHARES: Final = (0x22 / 255,) * 3
_ANY_LENGTH, _MOST_MARKS = 1000, 2
"""Letters of a text in a drawing, and marks on one of them, at most."""
_WITHOUT_WIDTH: Final = ("Mn", "Me", "Cf")
_UNNAMED: Final = "(unnamed)"
_FACES: Final = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf")
MONOSPACED: Final = ("DejaVu Sans Mono", "DejaVu Sans")
"""The fixed-width font, and which one stands in for it: it has half of the letters (no Hebrew) of the others."""
_FACE_SIZE: Final = 64
_USUAL_ADVANCE: Final = 0.68
_NOTE_LETTERS, _NOTE_WIDTH = 120, 36
"""Letters of a note beside a picture, at most, and of one of its lines."""
_TITLE_LETTERS: Final = 9.2
"""Bold letters of usual width in an inch of a title."""

F = TypeVar("F")
Sheet: TypeAlias = "Figure"
"""A whole picture."""
Panel: TypeAlias = "Axes"
"""One pair of axes in it."""


@contextmanager
def design() -> Iterator[Any]:
    """Put the design in force, and give all settings; the user's own come back afterwards."""
    from matplotlib import rcParams, style

    with style.context(["default", _DESIGN]):
        yield rcParams


def png(draw: Callable[[F], Sheet], fact: F) -> bytes:
    """Draw a fact once (savefig draws twice) and encode it, its colours rounded; without date and software the bytes
    are always the same.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    with design():
        canvas = FigureCanvasAgg(draw(fact))
        canvas.draw()  # type: ignore[no-untyped-call]
    rounded = (np.arange(256) / _STEP).round().astype(np.uint8) * _STEP
    buffer = io.BytesIO()
    drawn_HWC = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    image = Image.fromarray(rounded[drawn_HWC[:, :, :3]])
    image.save(buffer, "PNG", compress_level=3, dpi=(DPI, DPI))
    return buffer.getvalue()


def on_paper(scene: Scene) -> Sheet:
    """Lay a scene out as a picture of ours, black on white: its letters are those of our fonts."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(scene.width / _CSS_DPI, scene.height / _CSS_DPI))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, scene.width), ylim=(scene.height, 0))
    axes.set_axis_off()
    for mark in scene.marks:
        _put(axes, mark)
    return figure


def _put(axes: Panel, mark: Mark) -> None:
    """Draw one mark of a scene; widths of lines and letters are in points."""
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Circle, Polygon

    from shoal.look._scene import Area, Disc, Label, Stroke

    point = 72 / _CSS_DPI
    match mark:
        case Stroke():
            axes.add_collection(
                LineCollection(mark.lines, linewidths=mark.width * point, colors=BLACK, alpha=mark.ink)
            )
        case Area() | Disc():
            look: dict[str, Any] = {"linewidth": mark.width * point, "edgecolor": BLACK}
            look["facecolor"] = (*_BLACK_SHARES, mark.shade)
            outline = (
                Polygon(mark.points, **look)
                if isinstance(mark, Area)
                else Circle(mark.center, mark.radius, **look)
            )
            axes.add_patch(outline)
        case Label():
            axes.text(
                *mark.place, drawable(mark.text), fontsize=mark.size * point, alpha=mark.ink,
                ha={"start": "left", "middle": "center", "end": "right"}[mark.anchor], va="baseline",
                fontweight="bold" if mark.bold else "normal",
            )  # fmt: skip


def panels(
    count: int, *, columns: int = 2, size: tuple[float, float] = (7.0, 4.6)
) -> tuple[Sheet, list[Panel]]:
    """Lay out `count` panels, each of `size` inches, at most `columns` in a row."""
    from matplotlib.figure import Figure

    columns = min(count, columns)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for spare in grid[count:]:
        spare.set_visible(False)
    return figure, list(grid[:count])


def stacked(
    heights: tuple[float, ...], size: tuple[float, float], *, shared: bool = True
) -> tuple[Sheet, list[Panel]]:
    """Lay out panels above each other, with heights in these proportions; `shared`: with one horizontal axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    ratios = {"height_ratios": heights}
    grid = figure.subplots(len(heights), 1, sharex=shared, squeeze=False, gridspec_kw=ratios)
    return figure, list(grid[:, 0])


def beside(widths: tuple[float, ...], size: tuple[float, float]) -> tuple[Sheet, list[Panel]]:
    """Lay out panels beside each other, with widths in these proportions."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(1, len(widths), squeeze=False, gridspec_kw={"width_ratios": widths})
    return figure, list(grid[0])


def empty(axes: Panel, sentence: str) -> None:
    """Say why there is nothing to see."""
    axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", va="center", color="#666666")
    axes.set(xticks=[], yticks=[])


def image_beside(axes: Panel, pixels_CHW: NDArray[Any], number: int, height: float) -> None:
    """Put image `number` of those to the right of a panel at a `height` of its axis, 40 points wide or high."""
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    pixels = pixels_CHW[0] if len(pixels_CHW) == 1 else pixels_CHW.transpose(1, 2, 0)
    shown = OffsetImage(pixels, zoom=40 / max(pixels.shape[:2]), cmap="gray", interpolation="nearest")
    shown.image.set_clim(0, 255)
    coords: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "boxcoords": "offset points"}
    at: dict[str, Any] = {"xybox": (12 + 46 * number, 0), "box_alignment": (0, 0.5)}
    axes.add_artist(AnnotationBbox(shown, (1.0, height), frameon=False, pad=0, **coords, **at))


def legend_beside(axes: Panel, title: str | None = None) -> None:
    """Put the legend to the right of the panel, where it hides nothing."""
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, title=title, alignment="left")


def legend_above(axes: Panel) -> None:
    """Put a legend of a name or two above the panel, where it hides nothing."""
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2)


def noted(notes: Sequence[str]) -> str | None:
    """Make the title of a legend of notes, a line each, long ones over several; None without any."""
    return "\n".join(in_lines(plain(note, _NOTE_LETTERS), _NOTE_WIDTH) for note in notes) or None


def series_style(number: int) -> dict[str, Any]:
    """Colour and dashes of series `number`."""
    return {
        "color": SERIES[number % len(SERIES)],
        "linestyle": DASHES[number // len(SERIES) % len(DASHES)],
    }


def shades() -> Colormap:
    """Give the colours of a count or a share: white to dark blue, readable in grey too."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("shoal", ["#FFFFFF", "#C6DFF0", SKY, BLUE, "#00314F"])


def diverging() -> Colormap:
    """Give the colours of numbers around 0: blue below, white at 0, vermillion above."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(
        "shoal-signed", ["#00314F", BLUE, "#FFFFFF", VERMILLION, "#5A2600"]
    )


def square_root_scale(high: float) -> Normalize:
    """Spread small values over more colours than large ones."""
    from matplotlib.colors import PowerNorm

    return PowerNorm(0.5, vmin=0, vmax=high)


def sequence_colors(count: int) -> NDArray[Any]:
    """Give `count` colours in an order seen also without colour vision (viridis), float (count, 4)."""
    from matplotlib import colormaps

    return np.asarray(colormaps["viridis"](np.linspace(0, 0.9, count)))


def hexadecimal(colors: NDArray[Any]) -> list[str]:
    """Write colours as a page does."""
    from matplotlib.colors import to_hex

    return [to_hex(color) for color in colors]


def bar_of_order(figure: Sheet, axes: Panel, colors: NDArray[Any], what: str, *, best_at_top: bool) -> None:
    """Draw a bar of colours that stand for an order, from the best to the worst: `best_at_top` or the other way."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap

    colors_up = ListedColormap(colors[::-1] if best_at_top else colors)
    bar = figure.colorbar(ScalarMappable(cmap=colors_up), ax=axes, label=what, aspect=30, pad=0.02)
    bar.set_ticks([0, 1], labels=["worst", "best"] if best_at_top else ["best", "worst"])


def with_room(low: float, high: float, share: float = 0.04) -> tuple[float, float]:
    """Give the ends of an axis beyond what it shows; they differ where all that it shows is one number, too."""
    size = max(abs(low), abs(high))
    room = share * (high - low) if high - low > 1e-9 * size else share * (size or 1.0)
    return low - room, high + room


def logarithmic(axis: Any, low: float, high: float) -> None:
    """Make an axis logarithmic with plain numbers at its ticks (0.01, 0.1, 1): no powers to decode."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    wide = low <= 0 or math.floor(math.log10(high)) - math.ceil(math.log10(low)) >= 2  # three powers of ten
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    narrow = (1.0, 2.0, 5.0) if high >= 10 * low else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    axis.set_major_locator(LogLocator(subs=(1.0,) if wide else narrow))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number_text(value)))
    axis.set_minor_locator(LogLocator(subs=range(2, 10)) if wide else NullLocator())
    axis.set_minor_formatter(NullFormatter())


def whole_numbers(axis: Any) -> None:
    """Put the ticks of an axis at whole numbers, round and few enough to be read, written as everywhere (1,000)."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True))
    axis.set_major_formatter(lambda value, _: number_text(value))


def number_text(value: float) -> str:
    """Write a number for an axis: 10,000 and 0.01 in full, only very large and very small ones with powers."""
    return (f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:zg}").replace("-", "−", int(value < 0))


def heading(figure: Sheet, sentence: str) -> None:
    """Put the picture's title at the top left, in lines, names made safe; a word wider than the paper is cut."""
    if sentence.startswith((DELIVERED, REFITTED)):  # ours; names of a study's comparisons stay as they are
        sentence = sentence[0].upper() + sentence[1:]
    room = figure.get_figwidth() * _TITLE_LETTERS
    lines, words = [""], together(drawable(_line(sentence))).split(" ")
    for word in (cut_amid(word, lambda cut: _letters(cut) <= room) for word in words):
        longer = f"{lines[-1]} {word}".strip()
        if _letters(longer) > room and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    figure.suptitle(
        "\n".join(lines).replace("\u00a0", " "), x=0.01, ha="left", fontsize=11, fontweight="bold"
    )


def fan(count: int) -> NDArray[Any]:
    """Heights that keep equal dots of one row apart: the same ones at every drawing."""
    return np.asarray(((np.arange(count) * 0.618034 + 0.5) % 1 - 0.5) * 0.44)


def plain(text: object, limit: int = 40) -> str:
    """Make any name safe to draw: one line, what cannot be seen as escapes, only glyphs that exist.

    It is cut where it gets wider than `limit` letters of usual width.
    """
    return cut_amid(drawable(_line(text)) or _UNNAMED, lambda line: _letters(line) <= limit)


def drawable(line: str) -> str:
    """Put a box for every letter that our fonts lack, and leave out marks on letters and of direction."""
    letters = (letter for letter in line if unicodedata.category(letter) not in _WITHOUT_WIDTH)
    return "".join(letter if ord(letter) in _glyphs() else "□" for letter in letters)


def shown_name(name: object, width: float, size: float, *, bold: bool = False) -> str:
    """Make any name safe to stand in a drawing, and no wider than so much: one line, what cannot be seen as escapes.

    Letters that our fonts lack stay as they are, for whoever has some that have them; of marks on a letter two stay.
    A name with letters that run from right to left is isolated, so that what stands beside it stays in order.
    """
    letters: list[str] = []
    marks = 0
    for letter in _line(name):
        marks = marks + 1 if unicodedata.category(letter) in _WITHOUT_WIDTH else 0
        if marks <= _MOST_MARKS:
            letters.append(letter)
    return isolated(cut_amid("".join(letters), lambda line: text_width(line, size, bold=bold) <= width))


def _line(text: object) -> str:
    line = visible(unicodedata.normalize("NFC", shorten(str(text), _ANY_LENGTH)), keep=SPACES)
    return " ".join(line.split()) or _UNNAMED


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Give how wide a text is at most, in the unit of its size, in our fonts and in those that are no wider.

    A letter that our fonts lack is as wide as the widest of its kind; marks on letters have no width of their own.
    """
    return size * sum(_em(letter, _FACES[bold]) for letter in text)


@cache
def _em(letter: str, face: str) -> float:
    if unicodedata.category(letter) in _WITHOUT_WIDTH:
        return 0.0
    if ord(letter) in _glyphs():
        return _width(letter, face)
    return 1.3 if unicodedata.east_asian_width(letter) in "WF" else 1.0


def _letters(text: str) -> float:
    """Width in letters of usual width: an `m` counts more than an `i`."""
    return sum(_advance(letter) for letter in text) / _USUAL_ADVANCE


@cache
def _advance(letter: str) -> float:
    """Width of a letter in the widest of our fonts that have it, in ems."""
    return max(_width(letter, name) for name in _FACES if ord(letter) in _charmap(name))


def _width(letter: str, face: str) -> float:
    return _face(face).load_char(ord(letter)).linearHoriAdvance / 2**16 / _FACE_SIZE


@cache
def _glyphs() -> frozenset[int]:
    """Code points that our fonts can draw, upright and bold."""
    return _charmap(_FACES[0]) & _charmap(_FACES[1])


@cache
def _charmap(face: str) -> frozenset[int]:
    return frozenset(_face(face).get_charmap())


@cache
def _face(name: str) -> FT2Font:
    """Open one of the fonts that travel with matplotlib."""
    import matplotlib
    from matplotlib.ft2font import FT2Font

    face = FT2Font(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name))
    face.set_size(_FACE_SIZE, 72)
    return face
