"""Named data sets: our own two-peaks and three-discs, scikit-learn's digits, Fashion-MNIST.

`two-peaks`: a smooth curve of one variable on [-5, 5], with noise, of which the training rows show
nothing where it has its two peaks. `three-discs`: which of three discs that overlap a point of the square [-1, 1]
lies in, 5 % of the labels wrong. Draws are rounded to 6 decimals, so that they are the same everywhere.
"""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._classes import sorted_texts
from shoal.data._dataset import Column, Dataset
from shoal.data._fashion import ADDRESS, FASHION, DownloadProgress, fetch_fashion, find_fashion, load_fashion
from shoal.data._fingerprint import fingerprint
from shoal.data._holdout import draw_test_rows
from shoal.data._images import image_dataset
from shoal.data._reading import Labelled
from shoal.errors import DataError, Problem
from shoal.files import kind_of, opened
from shoal.streams import Role, StreamKey, uniform
from shoal.wording import did_you_mean, few_quoted, quoted

BUILTIN: Final = ("two-peaks", "three-discs", "digits", FASHION)

_SEEN = ((-5.0, -2.9), (-1.1, 1.1), (2.9, 5.0))
_NOISE = (0.5, 0.02)
_ROWS = 100
_DISCS = {"left": (-0.35, -0.2), "right": (0.35, -0.2), "top": (0.0, 0.4)}
_RADIUS = 0.6
_WRONG = 0.05
_POINTS = (300, 200)


def load_builtin(name: str) -> Dataset:
    """Give the data set called `name`, always the same rows.

    Raises DataError for an unknown name, or files that are not here.
    """
    if name == "two-peaks":
        return _two_peaks()
    if name == "three-discs":
        return _three_discs()
    if name == "digits":
        return _digits()
    if name == FASHION:
        return load_fashion()
    raise DataError(Problem("data.dataset", f"expected a built-in data set, {_unknown(name)}"))


def fetch(name: str, address: str = ADDRESS, progress: DownloadProgress | None = None) -> Path:
    """Fetch the files of a built-in data set from `address`; give the folder they are in.

    Raises DataError for a name with nothing to fetch or a file that is not the published one, and
    EnvironmentFault where network or disk fail.
    """
    if name != FASHION:
        what = "nothing to fetch" if name in BUILTIN else f"expected a built-in data set, {_unknown(name)}"
        raise DataError(Problem(name, what))
    return fetch_fashion(address, progress)


def describe_builtin() -> list[str]:
    """Say of every built-in data set what it is and whether it is here, a line each."""
    folder = find_fashion()
    here = f"in {folder}" if folder else f"not here; shoal data fetch {FASHION}"
    return [
        "two-peaks      regression      100 + 100 rows, 1 input              built in",
        "three-discs    multilabel      300 + 200 rows, 2 inputs, 3 labels  built in",
        "digits         classification  1,438 + 359 images of 8 x 8         built in",
        f"fashion-mnist  classification  60,000 + 10,000 images of 28 x 28   {here}",
    ]


def _unknown(name: str) -> str:
    return f"one of {few_quoted(BUILTIN)}, got {quoted(name)}{did_you_mean(name, BUILTIN, quoted)}"


def _digits() -> Dataset:
    """Give the 8 x 8 digits that come with scikit-learn, values 0 to 16 spread over 0 to 255.

    A fifth of every class, drawn at seed 0, are test rows.
    """
    table_ND = _digit_table()
    images = ((table_ND[:, :-1] * 255 + 8) // 16).astype(np.uint8).reshape(-1, 1, 8, 8)
    labels = table_ND[:, -1].astype(np.str_)
    held_out = draw_test_rows(len(labels), 0.2, 0, labels, None)
    train, test = (Labelled(images[rows], labels[rows], "digits") for rows in (~held_out, held_out))
    return image_dataset("digits", "built-in", sorted_texts(labels.tolist()), train, test)


def _digit_table() -> NDArray[np.int64]:
    """Read scikit-learn's file, (N, 65) with the class last, without the second that importing it costs."""
    package = importlib.util.find_spec("sklearn")
    file = Path(package.origin if package and package.origin else "").parent / "datasets/data/digits.csv.gz"
    if kind_of(file) == "a file":
        with opened(file) as stream, gzip.open(stream, "rt", encoding="ascii") as lines:
            return np.array([line.split(",") for line in lines], dtype=np.float64).astype(np.int64)
    from sklearn.datasets import load_digits

    x_ND, y_N = load_digits(return_X_y=True)
    return np.column_stack((x_ND, y_N)).astype(np.int64)


def two_peaks_curve(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The curve itself, without noise: two bells near -2 and 2 upon a rising cubic."""
    bells = 3.5 * np.exp(-(((x + 2) / 1.5) ** 2)) + 2 * np.exp(-((x - 2) ** 2))
    return np.asarray(1 + 0.03 * x**3 + bells)


def _two_peaks() -> Dataset:
    """Draw 100 noisy rows with gaps around the peaks, and 100 nearly exact ones over the whole interval."""
    words = StreamKey(0, 0, 0).words(Role.SPLIT)
    place, other, angle = (uniform(words, 2 * _ROWS, layer=layer).reshape(2, _ROWS) for layer in range(3))
    places = (_spread(place[0], _SEEN), _spread(place[1], ((-5.0, 5.0),)))
    x_2N = np.stack(places).round(6)
    normal_2N = np.sqrt(-2 * np.log(1 - other)) * np.cos(2 * np.pi * angle)  # Box and Muller 1958
    y_2N = (two_peaks_curve(x_2N) + np.array(_NOISE)[:, None] * normal_2N).round(6)
    train, test = (fingerprint([Column("input", x_2N[i])], ["label"], y_2N[i][:, None]) for i in (0, 1))
    return Dataset(
        name="two-peaks",
        task="regression",
        columns=(Column("input", x_2N.reshape(-1)),),
        target_names=("label",),
        targets=y_2N.reshape(-1, 1),
        classes=(),
        train_rows=_ROWS,
        groups=None,
        given_folds=None,
        train_fingerprint=train,
        test_fingerprint=test,
        source="built-in",
    )


def _three_discs() -> Dataset:
    """Draw 300 points to learn from and 200 to be tested on, and say of each in which discs it lies."""
    words, rows = StreamKey(1, 0, 0).words(Role.SPLIT), sum(_POINTS)
    x_2N = np.stack([2 * uniform(words, rows, layer=layer) - 1 for layer in range(2)]).round(6)
    inside = [np.hypot(x_2N[0] - x, x_2N[1] - y) < _RADIUS for x, y in _DISCS.values()]
    wrong = [uniform(words, rows, layer=2 + number) < _WRONG for number in range(len(_DISCS))]
    y_NK, names = np.stack(inside, axis=1) ^ np.stack(wrong, axis=1), tuple(_DISCS)
    columns = tuple(Column(name, values_N) for name, values_N in zip(("x", "y"), x_2N, strict=True))
    sides = (slice(_POINTS[0]), slice(_POINTS[0], None))
    train, test = (
        fingerprint([column.take(side) for column in columns], names, y_NK[side]) for side in sides
    )
    return Dataset(
        name="three-discs",
        task="multilabel",
        columns=columns,
        target_names=names,
        targets=y_NK,
        classes=(),
        train_rows=_POINTS[0],
        groups=None,
        given_folds=None,
        train_fingerprint=train,
        test_fingerprint=test,
        source="built-in",
    )


def _spread(draws_N: NDArray[np.float64], pieces: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """Lay draws of [0, 1) evenly over several intervals."""
    ends = np.cumsum([0.0, *(high - low for low, high in pieces)])
    where = draws_N * ends[-1]
    piece_N = np.searchsorted(ends, where, side="right") - 1
    return np.asarray(np.array([low for low, _ in pieces])[piece_N] + where - ends[piece_N])
