"""Groups of images: folders inside the classes, a table of paths, an array; folds and test rows keep them whole."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shoal.data import Dataset, FoldOptions, ImageSource, load_image_dataset, make_folds
from shoal.engine import load_data
from shoal.errors import DataError, StudyError
from shoal.study import load_study

PERSONS = ("ann", "bob", "cy", "di")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def saved(name: str, level: int = 0) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 5), level, np.uint8)).save(name)


def nested(root: str = "d") -> None:
    """Pictures of two classes, three of each of four persons; their grey says whose they are."""
    for label, (level, person), number in product(("cat", "dog"), enumerate(PERSONS), range(3)):
        saved(f"{root}/{label}/{person}/{number}.png", level)


def refusal(groups: str, train: str = "d") -> list[str]:
    with pytest.raises(DataError) as caught:
        load_image_dataset(ImageSource(train, groups=groups))
    return str(caught.value).splitlines()


def check(dataset: Dataset) -> None:
    """Every row has the group that its grey says, and no group stands on two sides of a split."""
    assert dataset.images is not None
    assert dataset.groups is not None
    level = dataset.images[:, 0, 0, 0]
    assert [PERSONS[number] for number in level[: dataset.train_rows]] == dataset.groups.tolist()
    assert not set(level[: dataset.train_rows]) & set(level[dataset.train_rows :])
    for split in make_folds(dataset, FoldOptions(n=2)):
        assert not set(level[split.train]) & set(level[split.validation])


def test_folders_inside_the_classes() -> None:
    nested()
    dataset = load_image_dataset(ImageSource("d", groups="folder"))
    check(dataset)
    assert (dataset.train_rows, dataset.rows, dataset.classes) == (18, 24, ("cat", "dog"))
    assert refusal("", "d") == [
        'd, "cat/ann" and 7 more: expected a picture, got a folder; data.groups = "folder" takes folders inside a'
        " class for groups"
    ]
    saved("d/cat/stray.png")
    assert refusal("folder") == [
        'd, "cat/stray.png": expected one folder per group inside each class, got a file'
    ]


def test_parts_with_groups() -> None:
    nested("d/train")
    saved("d/test/cat/zoe/0.png", 9)
    dataset = load_image_dataset(ImageSource("d", groups="folder"))
    assert (dataset.train_rows, dataset.rows) == (24, 25)
    assert dataset.test_groups is not None
    assert dataset.test_groups.tolist() == ["zoe"]
    check(dataset)


def table(rows: list[str], head: str = "path,group") -> None:
    Path("groups.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")


def flat() -> list[str]:
    """The same without folders of persons; gives the rows of the table."""
    rows = []
    for label, (level, person), number in product(("cat", "dog"), enumerate(PERSONS), range(3)):
        saved(f"d/{label}/{level}{number}.png", level)
        rows.append(f"{label}/{level}{number}.png,{person}")
    return rows


def test_a_table_of_paths_and_groups() -> None:
    rows = flat()
    table(rows[::-1])
    dataset = load_image_dataset(ImageSource("d", groups="groups.csv"))
    check(dataset)
    table([row.replace("/", "\\") for row in rows])
    assert (
        load_image_dataset(ImageSource("d", groups="groups.csv")).train_fingerprint
        == dataset.train_fingerprint
    )


def test_tables_of_groups_that_are_refused() -> None:
    rows = flat()
    table(rows[1:])
    assert refusal("groups.csv") == [
        'groups.csv: expected a row for every picture, got none for "cat/00.png"'
    ]
    table([*rows, "cat/lost.png,ann"])
    assert refusal("groups.csv") == ['groups.csv: expected paths of pictures in "d", got "cat/lost.png"']
    table([*rows, rows[0]])
    assert refusal("groups.csv") == ['groups.csv: expected every picture once, got "cat/00.png" more often']
    table(rows, "file,group")
    assert refusal("groups.csv") == [
        'groups.csv: expected the columns "path" and "group", got "file", "group": no "path"'
    ]
    assert refusal("no.csv") == ["no.csv: expected a file, got nothing there"]


def test_an_array_of_groups() -> None:
    level = np.repeat(np.arange(4, dtype=np.uint8), 6)
    images = np.tile(level[:, None, None], (1, 4, 5))
    np.savez("d.npz", images=images, labels=np.tile([0, 1], 12), person=np.array(PERSONS)[level])
    dataset = load_image_dataset(ImageSource("d.npz", groups="person"))
    check(dataset)
    assert dataset.notes == ()
    assert refusal("who", "d.npz")[0] == 'd.npz: expected the array "who" that data.groups names, got none'


def study(**changes: str) -> str:
    lines = {"train": '"d"', "groups": '"folder"'} | changes
    text = "\n".join(f"{key} = {value}" for key, value in lines.items())
    Path("s.toml").write_text(f'[study]\ntask = "classification"\n[data]\n{text}\n')
    return "s.toml"


def test_the_key_of_the_study() -> None:
    nested()
    check(load_data(load_study(study())))
    rows = flat()
    table(rows)
    Path("deep").mkdir()
    asked = load_study(study(groups='"groups.csv"'))
    assert asked.data.groups == str(Path.cwd() / "groups.csv")
    for person in PERSONS:
        for label in ("cat", "dog"):
            for file in Path("d", label, person).iterdir():
                file.unlink()
            Path("d", label, person).rmdir()
    check(load_data(asked))


@pytest.mark.parametrize(("key", "value"), [("resize", "[4, 5]"), ("join_validation", "true")])
def test_keys_of_images_are_refused_for_other_data(key: str, value: str) -> None:
    Path("t.csv").write_text("a,y\n" + "1,u\n2,v\n" * 9)
    for data, came in (
        ('train = "t.csv"\ntarget = "y"', "a table"),
        ('dataset = "digits"', "a built-in data set"),
    ):
        Path("s.toml").write_text(f'[study]\ntask = "classification"\n[data]\n{data}\n{key} = {value}\n')
        with pytest.raises(StudyError) as caught:
            load_data(load_study("s.toml"))
        assert str(caught.value) == f"data.{key}: expected nothing for {came}: it is for images from files"
