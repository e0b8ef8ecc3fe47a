"""`results.figures`: names, what is gathered and drawn when, figures to work on, files, wrong names."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from look_runs import MadeUp, make_run

from shoal.errors import InputError
from shoal.look import RunFigures, pictures
from shoal.look._figure import Chapter
from shoal.look._gallery import Key, Picture, key_of
from shoal.look._paper import design
from shoal.look.figures import figures_of

REGRESSION = MadeUp(
    names=("SGD", "Adam, dropout 0.25"), space={"network.dropout": [0.0, 0.25]}, epochs=30, hidden=(3,),
    ensemble=True, reference=({"name": "SGD", "metric": "mse", "value": 0.1, "source": "a book"},),
)  # fmt: skip
RUNS = {
    "regression": REGRESSION,
    "several targets": MadeUp(names=("a", "b"), targets=("u", "v"), inputs=("p", "q"), epochs=20, hidden=(3,)),
    "classes": MadeUp(
        task="classification", names=("loss", "roc"), classes=("x", "y", "z"), inputs=("p", "q"), targets=(),
        epochs=20, repeats=2, level=0.4,
    ),
    "images": MadeUp(
        task="classification", names=(), classes=("x", "y", "z"), inputs=(), targets=(), image=(1, 5, 5),
        level=0.4, epochs=20, inside=True,
    ),
    "no comparisons": MadeUp(names=(), epochs=20, hidden=(2,)),
}  # fmt: skip


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> RunFigures:
    return RunFigures(make_run(tmp_path_factory.mktemp("figures"), REGRESSION))


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_every_picture_of_the_report_has_one_name(run: MadeUp, tmp_path: Path) -> None:
    results = make_run(tmp_path, run)
    named, drawn = RunFigures(results), list(pictures(results))
    assert [picture.name for picture in named.values()] == [picture.name for picture in drawn]
    assert len(set(named)) == len(named) == len(drawn)
    for key, picture in zip(named, drawn, strict=True):
        name, *comparison = (key,) if isinstance(key, str) else key
        assert picture.name.endswith(f"-{name}")
        assert bool(comparison) == picture.name.startswith("40-")
        assert comparison in ([], [picture.group])
        assert not re.search(r"^\d|delivered|search", name)


def test_no_two_figures_have_one_name() -> None:
    own = [
        key_of(figure.name, chapter, "")
        for chapter in Chapter
        if chapter is not Chapter.COMPARED
        for figure in figures_of(chapter)
    ]
    assert sorted(map(str, set(own))) == sorted(map(str, own))
    assert {"network", "ranking", "effects", "roc", "weights", "ensemble-votes"} <= set(own)


def test_names_of_files_and_pictures() -> None:
    assert key_of("20-search-ranking", Chapter.SEARCH, "x") == "ranking"
    assert key_of("34-delivered-conv1-maps", Chapter.INSIDE, "x") == "conv1-maps"
    assert key_of("38-ensemble-votes", Chapter.ENSEMBLE, "x") == "ensemble-votes"
    assert key_of("roc", Chapter.TESTED, "delivered network") == "roc"
    assert key_of("loss", Chapter.COMPARED, "Adam") == ("loss", "Adam")


def test_one_picture_gathers_its_own_facts_alone(
    figures: RunFigures, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shoal.look import _run_figures

    names, gathered = list(figures), list[str]()

    def counted(findings: Any) -> Any:
        for name, key, gather in every(findings):

            def noted(name: str = name, gather: Callable[[], Any] = gather) -> Any:
                gathered.append(name)
                return gather()

            yield name, key, noted

    every = _run_figures.gatherings
    monkeypatch.setattr(_run_figures, "gatherings", counted)
    fresh = RunFigures(figures._results)
    assert fresh["weights"] is fresh["weights"]
    assert gathered == ["31-delivered-weights"]
    assert "nothing" not in fresh
    assert len(gathered) == len(set(gathered))
    assert list(fresh) == names
    assert len(gathered) == len(set(gathered))


def test_nothing_is_drawn_before_it_is_asked_for(
    figures: RunFigures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError

    for name in ("png", "worked_on", "vector", "plotly_figure"):
        monkeypatch.setattr(f"shoal.look._gallery.{name}", never)
    assert repr(figures).startswith("RunFigures('network', 'test-scores', 'validation-loss', 'published', ")
    assert repr(figures["ranking"]) == "Picture('ranking': Ranking of the candidates)"
    assert "Ranking of the candidates" in figures._repr_html_()
    with pytest.raises(AssertionError):
        figures["ranking"].png()


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("rankin", "no picture 'rankin' in this run; did you mean 'ranking'?"),
        ("votes of the forest", "no picture 'votes of the forest' in this run"),
        (
            "loss",
            "no picture 'loss' of the delivered network; comparisons have it: ('loss', 'SGD'),"
            " ('loss', 'Adam, dropout 0.25'), ('loss', 'winner')",
        ),
        (("loss", "sgd"), "no picture ('loss', 'sgd') in this run; did you mean ('loss', 'SGD')?"),
        ("20-search-ranking", "no picture '20-search-ranking'; that is the name of its file, the picture is 'ranking'"),
        ("40-01-sgd-loss", "no picture '40-01-sgd-loss'; that is the name of its file, the picture is ('loss', 'SGD')"),
        (3, "no picture 3 in this run"),
        (("loss",), "no picture ('loss',) in this run; did you mean"),
        ("", "no picture '' in this run"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_said(figures: RunFigures, key: Any, sentence: str) -> None:
    with pytest.raises(KeyError) as error:
        figures[key]
    assert error.value.args[0] == sentence or error.value.args[0].startswith(sentence + " ")
    assert key not in figures
    assert figures.get(key) is None


def pixels(picture: Picture) -> np.ndarray:
    """What a figure to work on is saved as."""
    from PIL import Image

    buffer = io.BytesIO()
    picture.matplotlib().savefig(buffer, format="png", dpi=50, facecolor="auto", edgecolor="auto")
    with Image.open(buffer) as image:
        return np.asarray(image.convert("RGB"))


ODD_SETTINGS: dict[str, Any] = {
    "font.size": 20, "font.family": "serif", "xtick.color": "red", "ytick.labelsize": 20, "axes.grid": False,
    "grid.color": "red", "lines.linewidth": 9, "axes.labelcolor": "red", "text.parse_math": True,
    "axes.formatter.limits": (-1, 1), "image.cmap": "jet", "figure.constrained_layout.w_pad": 1, "figure.dpi": 40,
}  # fmt: skip


@pytest.mark.parametrize(
    "key", ["network", "ranking", "effects", "parallel", "curves", "units", ("loss", "SGD")]
)
def test_a_figure_of_matplotlib_keeps_the_design(figures: RunFigures, key: Key) -> None:
    from matplotlib import rc_context

    with design():
        right = pixels(figures[key])
    with rc_context(ODD_SETTINGS):
        assert np.array_equal(pixels(figures[key]), right)
    assert "matplotlib.pyplot" not in sys.modules or sys.modules["matplotlib.pyplot"].get_fignums() == []


def test_a_figure_of_matplotlib_is_the_drawn_picture(figures: RunFigures) -> None:
    from PIL import Image

    picture, buffer = figures["ranking"], io.BytesIO()
    picture.matplotlib().savefig(buffer)
    with Image.open(buffer) as image, Image.open(io.BytesIO(picture.png())) as drawn:
        exact, rounded = (np.asarray(kind.convert("RGB")).astype(int) for kind in (image, drawn))
        assert np.abs(exact - rounded).max() <= 2  # colours of files stand in steps of 5


def test_a_figure_of_matplotlib_is_the_callers_own(figures: RunFigures) -> None:
    picture = figures["loss", "SGD"]
    before = picture.png()
    figure = picture.matplotlib()
    figure.axes[0].set_title("mine")
    assert picture.matplotlib() is not figure
    assert picture.matplotlib().axes[0].get_title() != "mine"
    assert picture.png() == before


def test_a_figure_of_plotly_holds_the_plot(figures: RunFigures) -> None:
    import plotly.graph_objects as go

    live = 0
    for picture in figures.values():
        plot = picture.plot()
        if plot is None:
            with pytest.raises(InputError) as error:
                picture.plotly()
            assert str(error.value) == (
                f"figures[{picture.key!r}]: expected a picture that answers to the pointer, got one that is drawn"
                " alone: matplotlib() gives it"
            )
            continue
        live += 1
        figure = picture.plotly()  # which refuses what plotly does not know
        assert isinstance(figure, go.Figure)
        assert figure.layout.title.text == picture.named
        for trace, given in zip(figure.data, plot["data"], strict=True):
            assert list(trace.y) == list(given["y"])
            if "customdata[" in (trace.hovertemplate or ""):
                assert len(trace.customdata) == len(trace.x)
                assert all(len(texts) == 2 for texts in trace.customdata)
    assert live >= 8
    assert "drag over an axis" in figures["parallel"].plot()["layout"]["legend"]["title"]["text"]
    assert figures["parallel"].plotly().layout.legend.title.text.startswith("from blue")


def test_numbers_at_the_pointer_are_written_as_on_the_page() -> None:
    from shoal.look._plots import live_axis, live_dots, plotly_figure, plotted

    dots = live_dots("rows", np.array([-0.5, 12345.6]), np.array([np.nan, 0.0001234]), "#0072B2")
    axes = {"xaxis": live_axis("x"), "yaxis": live_axis("<b>y", log=True)}
    figure = plotly_figure(plotted([dots], axes, ["a note"]), "<script>")
    assert [list(texts) for texts in figure.data[0].customdata] == [["−0.5000", "–"], ["12,346", "0.0001234"]]
    assert figure.layout.title.text == "&lt;script&gt;"
    assert figure.layout.yaxis.type == "log"


def test_a_picture_is_saved_by_its_ending(figures: RunFigures, tmp_path: Path) -> None:
    network, loss = figures["network"], figures["loss", "SGD"]
    for picture, start in ((network, b"<svg"), (loss, b"<?xml")):
        for ending, head in ((".svg", start), (".pdf", b"%PDF"), (".png", b"\x89PNG")):
            path = tmp_path / f"a{ending}"
            picture.save(path, force=True)
            content = path.read_bytes()
            assert content.startswith(head)
            picture.save(str(path))  # the same again is no other content
            assert path.read_bytes() == content
        assert path.read_bytes() == picture.png()
    with pytest.raises(InputError, match=r"a\.png: expected no file of that name, got one that is not"):
        network.save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"^a\.txt: expected a name that ends in \.svg, \.pdf or \.png$"):
        loss.save("a.txt")
    with pytest.raises(InputError, match="expected a file outside a run folder, got one of its own"):
        loss.save(figures._results.folder / "figures" / "20-search-ranking.png")


def test_facts_that_cannot_be_gathered_are_said_and_the_rest_is_there(
    figures: RunFigures, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shoal.look.figures import weights

    def fails(_: object) -> Any:
        raise ValueError("no such layer")

    broken = type(weights.FIGURE)(**{**vars(weights.FIGURE), "gather": fails})
    monkeypatch.setattr(weights, "FIGURE", broken)
    fresh = RunFigures(figures._results)
    with pytest.warns(
        RuntimeWarning, match="missing: figure 31-delivered-weights: ValueError: no such layer"
    ):
        names = list(fresh)
    assert names == [name for name in figures if name != "weights"]
