"""Pictures on disk: which, under which names, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from look_runs import MadeUp, make_run

from dots import dot
from shoal.errors import EnvironmentFault, RunFolderError
from shoal.look import draw_figures, pictures
from shoal.look._gallery import Drawn, _slug
from shoal.parts import Parts
from shoal.results import Results, run_files

SMALL = MadeUp(
    names=("SGD", "Adam, dropout 0.25"), space={"network.dropout": [0.0, 0.25]}, epochs=30, hidden=(3,),
    ensemble=True, reference=({"name": "SGD", "metric": "mse", "value": 0.1, "source": "a book"},),
)  # fmt: skip


def test_pictures_of_a_regression_study(tmp_path: Path) -> None:
    assert [picture.name for picture in pictures(make_run(tmp_path, SMALL))] == [
        "01-network", "10-test-scores", "11-validation-loss", "13-published",
        "20-search-ranking", "21-search-effects", "22-search-variance", "23-search-parallel", "24-search-curves",
        "26-search-fold-loss",
        "30-delivered-fit", "30-delivered-predicted", "30-delivered-residuals", "30-delivered-residual-distribution",
        "31-delivered-weights", "32-delivered-units",
        "35-ensemble-scores", "36-ensemble-curve", "37-ensemble-spread",
        "40-01-sgd-loss", "40-01-sgd-fit", "40-01-sgd-predicted",
        "40-02-adam-dropout-0-25-loss", "40-02-adam-dropout-0-25-fit", "40-02-adam-dropout-0-25-predicted",
        "40-03-winner-loss", "40-03-winner-fit", "40-03-winner-predicted",
    ]  # fmt: skip


def test_pictures_of_a_classification_study(tmp_path: Path) -> None:
    run = MadeUp(
        task="classification", names=("a",), classes=("x", "y"), inputs=("p", "q"), targets=(), epochs=20
    )
    found = [picture.name for picture in pictures(make_run(tmp_path, run))]
    assert found == [
        "01-network", "10-test-scores", "11-validation-loss", "12-validation-accuracy",
        "30-delivered-confusion", "30-delivered-class-scores", "30-delivered-roc", "30-delivered-calibration",
        "30-delivered-calibration-by-class", "31-delivered-weights", "32-delivered-units",
        "40-01-a-loss", "40-01-a-accuracy", "40-01-a-confusion", "40-01-a-calibration",
        "40-02-winner-loss", "40-02-winner-accuracy", "40-02-winner-confusion", "40-02-winner-calibration",
    ]  # fmt: skip


def test_pictures_of_an_image_study(tmp_path: Path) -> None:
    run = MadeUp(
        task="classification", names=(), classes=("x", "y", "z"), inputs=(), targets=(), image=(1, 5, 5),
        level=0.5, epochs=20,
    )  # fmt: skip
    found = {picture.name: picture for picture in pictures(make_run(tmp_path, run))}
    assert [name for name in found if name.startswith("3")] == [
        "30-delivered-confusion", "30-delivered-class-scores", "30-delivered-confused", "30-delivered-roc",
        "30-delivered-calibration", "30-delivered-calibration-by-class", "31-delivered-weights",
        "33-delivered-mistakes",
        "34-delivered-kernels",
    ]  # fmt: skip
    assert found["33-delivered-mistakes"].png().startswith(b"\x89PNG")


def test_pictures_of_the_inside_of_a_convolutional_network(tmp_path: Path) -> None:
    run = MadeUp(
        task="classification", names=(), classes=("x", "y", "z"), inputs=(), targets=(), image=(1, 5, 5),
        level=0.1, epochs=20, inside=True,
    )  # fmt: skip
    found = {picture.name: picture for picture in pictures(make_run(tmp_path, run))}
    inside = [name for name in found if name[:2] in ("31", "32", "34")]
    assert inside == [
        "31-delivered-weights", "31-delivered-weights-history", "32-delivered-units", "32-delivered-map",
        "34-delivered-kernels", "34-delivered-classes", "34-delivered-conv1-maps", "34-delivered-conv2-maps",
        "34-delivered-conv1-exciting", "34-delivered-conv2-exciting",
    ]  # fmt: skip
    for name in inside[4:]:
        assert found[name].png() == found[name].png()


def test_pictures_of_an_ensemble_of_classifiers(tmp_path: Path) -> None:
    run = MadeUp(
        task="classification", names=(), classes=("x", "y", "z"), inputs=(), targets=(), image=(1, 5, 5),
        level=0.5, epochs=20, space={"network.dropout": [0.0, 0.25]}, ensemble=True,
    )  # fmt: skip
    found = {picture.name: picture for picture in pictures(make_run(tmp_path, run))}
    assert [name for name in found if name[:2] in ("35", "36", "37", "38", "39")] == [
        "35-ensemble-scores", "38-ensemble-votes", "39-ensemble-disputed",
    ]  # fmt: skip
    assert found["39-ensemble-disputed"].png().startswith(b"\x89PNG")


def test_failed_fits_and_missing_validation_rows_leave_the_other_pictures(tmp_path: Path) -> None:
    failed = frozenset({("compare", "b", 0)})
    found = {
        p.name: p
        for p in pictures(make_run(tmp_path, MadeUp(names=("a", "b"), validation=0.0, failed=failed)))
    }
    assert "11-validation-loss" not in found
    assert "40-02-b-predicted" not in found
    assert found["40-02-b-loss"].fact.lines == ()
    assert found["10-test-scores"].fact.failed == (0, 1, 0)
    assert found["40-02-b-loss"].png().startswith(b"\x89PNG")


def test_every_picture_says_what_to_see(tmp_path: Path) -> None:
    for picture in pictures(make_run(tmp_path, SMALL)):
        assert picture.caption.endswith(".")
        assert 30 < len(picture.caption) < 250


def drawn_again(results: Results) -> tuple[Drawn, ...]:
    with run_files(results.folder) as files:
        return draw_figures(results, files)


def test_pictures_on_disk_are_those_of_the_run_and_other_files_stay(tmp_path: Path) -> None:
    results = make_run(tmp_path / "run", MadeUp(names=(), epochs=20, hidden=(2,)))
    figures = results.folder / "figures"
    with run_files(results.folder) as files:
        files.write("figures/40-07-old-loss.png", b"ours, of an earlier run")
    for name in ("40-08-old-loss.png", "notes.png", "40-07-old-loss.txt", "Mine.png"):
        (figures / name).write_bytes(b"x")
    written = [results.folder / drawn.name for drawn in drawn_again(results)]
    assert {path.name for path in figures.iterdir()} - {path.name for path in written} == {
        "01-network.svg", "40-08-old-loss.png", "notes.png", "40-07-old-loss.txt", "Mine.png",
    }  # fmt: skip
    found = list(pictures(results))
    assert [path.name for path in written] == [f"{picture.name}.png" for picture in found]
    for path, picture in list(zip(written, found, strict=True))[::6]:
        assert path.read_bytes() == picture.png()


def test_a_picture_of_somebody_else_under_our_name_stays_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.look._gallery.png", dot)
    results = make_run(tmp_path / "run", MadeUp(names=(), epochs=20, hidden=(2,)))
    first, *others = (picture.name for picture in pictures(results))
    (results.folder / "figures").mkdir()
    theirs = results.folder / "figures" / f"{first}.png"
    theirs.write_bytes(b"theirs")
    parts = Parts(lambda _: None)
    with run_files(results.folder) as files:
        drawn = draw_figures(results, files, parts)
    assert [one.picture.name for one in drawn] == others
    assert theirs.read_bytes() == b"theirs"
    (missing,) = parts.missing
    what = "expected no such file, or it as Shoal wrote it, found another; move it away"
    assert (missing.part, missing.reason) == (f"figure {first}", f"InputError: {theirs}: {what}")


def test_names_become_safe_file_names(tmp_path: Path) -> None:
    hostile = ("../../etc/passwd", "CON", "a" * 200, "漢字 😀", "..", "<b>&amp;\"'", "Adam $x$")
    results = make_run(tmp_path / "run", MadeUp(names=hostile, epochs=10, hidden=(2,)))
    found = [picture.name for picture in pictures(results)]
    assert len(set(found)) == len(found)
    assert [name for name in found if name.endswith("-loss") and name.startswith("40")] == [
        "40-01-etc-passwd-loss", "40-02-con-loss", f"40-03-{'a' * 40}-loss", "40-04-unnamed-loss", "40-05-unnamed-loss",
        "40-06-b-amp-loss", "40-07-adam-x-loss", "40-08-winner-loss",
    ]  # fmt: skip
    assert _slug("a" * 39 + " b") == "a" * 39


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    results = make_run(tmp_path / "run", MadeUp(names=(), epochs=10, hidden=(2,)))
    figures = results.folder / "figures"
    figures.write_text("a file")
    with pytest.raises(RunFolderError) as caught:
        drawn_again(results)
    what = "expected a folder of this run folder, found a file; move it away"
    assert str(caught.value) == f"{figures}: {what}"


def test_a_picture_that_fails_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = make_run(tmp_path / "run", MadeUp(names=(), epochs=10, hidden=(2,)))

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(EnvironmentFault, match="No space left on device"):
        drawn_again(results)
    assert list((results.folder / "figures").iterdir()) == []


def test_pictures_of_the_winner_beside_the_comparisons_say_that_it_is_not_delivered(tmp_path: Path) -> None:
    run = MadeUp(
        task="classification", names=("a",), classes=("x", "y"), inputs=("p", "q"), targets=(), epochs=20
    )
    is_not = "trained without 5 rows, not the delivered network"
    for picture in pictures(make_run(tmp_path, run)):
        winner = picture.name.startswith("40-02-winner")
        assert picture.caption.endswith(f" This is the winner {is_not}.") == winner, picture.name
        if winner and not picture.name.endswith(("-loss", "-accuracy")):
            assert picture.fact.name == f"winner ({is_not})"
        elif picture.name.startswith(("30-delivered-confusion", "40-01-a-confusion")):
            assert "not the delivered" not in picture.fact.name
