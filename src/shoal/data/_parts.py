"""What the names of arrays, files and folders say: training, validation or test images; images or labels."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

Part = Literal["", "train", "validation", "test"]
"""Which rows a name stands for; "" where it does not say."""
Kind = Literal["images", "labels"]

IN_WORDS: Final[dict[Part, str]] = {
    "": "plain",
    "train": "training",
    "validation": "validation",
    "test": "test",
}
_PARTS: Final[dict[str, Part]] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
_T10K: Final = "t10k"
"""What MNIST calls its test images, 10,000 of them."""
_KINDS: Final[dict[str, Kind]] = {
    **dict.fromkeys(("x", "image", "images", "img", "imgs"), "images"),
    **dict.fromkeys(("y", "label", "labels", "target", "targets"), "labels"),
}


def _one_of(words: Iterable[str]) -> str:
    return f"({'|'.join(sorted(words, key=len, reverse=True))})"


_SAID: Final = re.compile(rf"{_one_of(_PARTS)}[ _.-]?{_one_of(_KINDS)}", re.IGNORECASE)
_TURNED: Final = re.compile(rf"{_one_of(_KINDS)}[ _.-]?{_one_of(_PARTS)}", re.IGNORECASE)
_FOLDER: Final = re.compile(rf"{_one_of(_PARTS)}([ _.-]?(set|data|images|imgs))?", re.IGNORECASE)
_SAYS_PART: Final = re.compile(r"(?<![A-Za-z]{2})((?i:train|test|valid)|(?i:val)(?![a-z]))")
_IDX_IMAGES: Final = re.compile(rf"{_one_of((*_PARTS, _T10K))}[ _.-]images", re.IGNORECASE)


def part_of_folder(name: str) -> Part:
    """Say which rows a folder of this name holds: `train`, `Test`, `training_set` ...; "" for other names."""
    said = _FOLDER.fullmatch(name)
    return "" if said is None else _PARTS[said[1].lower()]


def part_of_idx(name: str) -> Part:
    """Say which images an IDX file of this name holds; "" for a file that is not called so."""
    said = _IDX_IMAGES.match(name)
    if said is None:
        return ""
    return "test" if said[1].lower() == _T10K else _PARTS[said[1].lower()]


def says_part(name: str) -> bool:
    """Whether an array's name speaks of training, validation or test rows, in whatever words: `train_set_x`."""
    return _SAYS_PART.search(name) is not None


def role_of_array(name: str) -> tuple[Part, Kind] | None:
    """Say what an array of this name holds: `train_images`, `X_train`, `labels` ...; None for other names."""
    if name.lower() in _KINDS:
        return "", _KINDS[name.lower()]
    if said := _SAID.fullmatch(name):
        return _PARTS[said[1].lower()], _KINDS[said[2].lower()]
    if said := _TURNED.fullmatch(name):
        return _PARTS[said[2].lower()], _KINDS[said[1].lower()]
    return None
