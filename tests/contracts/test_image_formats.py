"""The suite that every format of files with many images passes, and a toy of one from outside of the package."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_formats import TOY, WRITERS, Images

from dots import end_with_the_model
from shoal.data import ImageSource, holds_images, image_files, load_image_dataset, read_images
from shoal.data._image_format import image_format
from shoal.errors import DataError, EnvironmentFault, ShoalError, StudyError
from shoal.kinds import IMAGE_FORMATS, ImageKind
from test_cli import shoal as command

LABELS: Final = [0, 1, 2, 1] * 6
IMAGES: Final[Images] = np.random.default_rng(0).integers(0, 256, (24, 4, 5), np.uint8)
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, so that sentences hold bare names."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def toy(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more file beside those of the package, and one more row in the table."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "pixels.py").write_text(TOY, encoding="utf-8")
    monkeypatch.setattr(image_files, "__path__", [*image_files.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, "shoal.data.image_files.pixels", raising=False)
    monkeypatch.setitem(IMAGE_FORMATS, "pixels", ImageKind("a toy", (".pix",)))


@pytest.fixture(params=WRITERS)
def name(request: pytest.FixtureRequest, toy: None) -> str:
    """Every format in turn."""
    return str(request.param)


def written(name: str, images: Images = IMAGES, labels: list[int] = LABELS, stem: str = "d") -> str:
    return WRITERS[name](images, labels, stem)


def refusal(read: Any, kind: type[ShoalError] = DataError) -> str:
    with pytest.raises(kind) as caught:
        read()
    return str(caught.value)


def test_every_format_is_in_the_suite_and_has_its_file() -> None:
    assert set(WRITERS) == {*IMAGE_FORMATS, "pixels"}
    room = Path(image_files.__path__[0])
    assert {path.stem for path in room.glob("*.py")} - {"__init__"} == set(IMAGE_FORMATS)


def test_the_same_images_have_the_same_fingerprints(name: str) -> None:
    plain, other = (
        load_image_dataset(ImageSource(file, seed=1)) for file in (written("npz", stem="e"), written(name))
    )
    assert other.images is not None
    assert (other.train_fingerprint, other.test_fingerprint, other.classes) == (
        plain.train_fingerprint,
        plain.test_fingerprint,
        ("0", "1", "2"),
    )
    assert sorted(image.tobytes() for image in other.images) == sorted(image.tobytes() for image in IMAGES)


def test_new_images_are_those_of_the_file_in_the_size_that_is_wished(name: str) -> None:
    file = written(name)
    assert read_images(file, (1, 4, 5)).images[:, 0].tolist() == IMAGES.tolist()
    wide = read_images(file, (3, 8, 10), resize=True)
    assert wide.images.shape == (24, 3, 8, 10)
    assert wide.names == tuple(map(str, range(1, 25)))


def test_images_that_would_not_fit_are_refused_before_they_are_read(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("an image was read")

    file = written(name, np.zeros((60, 50, 50), np.uint8), [0, 1] * 30)
    monkeypatch.setattr("shoal.data._reading.Reading.levelled", fail)
    for what in (
        lambda: load_image_dataset(ImageSource(file), room=1e5),
        lambda: read_images(file, (1, 50, 50), room=1e5),
    ):
        sentence = refusal(what, EnvironmentFault)
        assert re.match(rf"memory: expected [01] MB for the images of {file}, got 0 MB available; ", sentence)


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(cut=st.floats(0, 1), put=st.binary(max_size=3), kept=st.booleans())
def test_a_damaged_file_is_read_or_refused(name: str, cut: float, put: bytes, kept: bool) -> None:
    file = Path(written(name))
    raw = file.read_bytes()
    place = int(cut * len(raw))
    file.write_bytes(raw[:place] + put + raw[place + len(put) :] * kept)
    said = ""
    for read in (
        lambda: load_image_dataset(ImageSource(file)),
        lambda: read_images(file, (1, 4, 5)),
    ):
        try:
            read()
        except DataError as error:
            said += f"{error}\n"
    assert all(line.startswith(file.name) and line.isprintable() for line in said.splitlines())


def test_a_table_in_a_format_of_both_holds_no_images() -> None:
    np.savez("t.npz", x=np.zeros((3, 2)), y=np.zeros(3))
    Path("t.csv").write_text("x,y\n1,2\n")
    assert [holds_images(file) for file in ("t.npz", "t.csv", written("npz"), written("idx"), "no")] == [
        False,
        False,
        True,
        True,
        False,
    ]


def test_an_unknown_format_raises_and_refusals_name_those_of_the_table(toy: None) -> None:
    assert refusal(lambda: image_format("hdf5"), StudyError) == (
        "image format: expected one of idx, npz, pixels, got 'hdf5'"
    )
    assert refusal(lambda: load_image_dataset(ImageSource("no"))) == (
        "no: expected a folder of images, an IDX, an NPZ or a toy file, got nothing there"
    )


STUDY: Final = """
[study]
name = "toy"
task = "classification"

[data]
train = "FILE"

[network]
kind = "cnn"
conv = [{channels = 2, kernel = 3}]
hidden = []

[training]
epochs = 2
"""


def test_a_format_from_outside_is_checked_trained_and_predicted(
    toy: None, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """A file and a row; the same study of an NPZ file has the same fits and answers."""
    end_with_the_model(monkeypatch)
    said = []
    for name in ("pixels", "npz"):
        Path(f"{name}.toml").write_text(STUDY.replace("FILE", written(name)))
        new = written(name, IMAGES[:3], LABELS[:3], "new")
        for words in (
            ("check", f"{name}.toml"),
            ("run", f"{name}.toml", "--out", name, "--workers", "1"),
            ("show", name),
            ("predict", name, new),
        ):
            assert command(monkeypatch, *words) == 0
            printed = capsys.readouterr().out
            said += [line for line in printed.splitlines() if words[0] == "predict" or "digest" in line]
    assert said[: len(said) // 2] == said[len(said) // 2 :]
    assert len([line for line in said if line.startswith("image,predicted_class")]) == 2
