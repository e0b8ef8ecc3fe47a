"""What public objects show in a notebook: whole HTML, foreign text escaped, nothing fetched, the ink of the page."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pytest

import shoal

ASSETS: Final = Path(__file__).parent / "assets"
HOSTILE: Final = '<script>alert("&1")</script>\u202e'
VOID: Final = frozenset({"img", "br", "hr", "circle", "path", "input"})
INK: Final = re.compile(r'(?:color|background|fill|stroke)(?::|=")\s*(#\w+|black|white|rgb)')


class Page(HTMLParser):
    """Reads a display: every element is closed, in order; scripts, handlers and addresses are noted."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        self.wrong += self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag in ("script", "link", "iframe", "object"):
            self.wrong.append(tag)
        self.wrong += [name for name in attributes if name.startswith("on")]
        self.wrong += [
            f"{name}={value}"
            for name in ("src", "href", "xlink:href")
            if (value := attributes.get(name))
            and re.match(r"\w+:|//", value)
            and not value.startswith("data:image/")
        ]
        if tag == "img" and not attributes.get("alt"):
            self.wrong.append("a picture that nobody describes")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(thing: Any) -> Page:
    """Hold a display to the contract."""
    page = thing._repr_html_()
    assert page
    read = Page(page)
    assert read.wrong == []
    assert INK.findall(page) == []  # colours are those of the page around, dark or light
    assert "\u202e" not in page
    return read


@pytest.mark.parametrize(
    ("page", "wrong"),
    [
        ("<p><b></p>", ["/p", "p"]),
        ("<script>1</script>", ["script"]),
        ('<p onclick="1">a</p>', ["onclick"]),
        ('<a href="https://a.b">a</a>', ["href=https://a.b"]),
        ('<img alt="a" src="//a.b/c.png">', ["src=//a.b/c.png"]),
        ('<img src="data:image/png;base64,AA==">', ["a picture that nobody describes"]),
        ('<p><a href="runs/a/report.html">a</a><br></p>', []),
    ],
)
def test_the_contract_can_be_broken(page: str, wrong: list[str]) -> None:
    assert Page(page).wrong == wrong
    assert INK.findall('<p style="color:#111">') == ["#111"]


def frame(rows: int = 60) -> pd.DataFrame:
    x = [(7 * row) % rows / rows for row in range(rows)]
    category = pd.Categorical(["<b>", "&amp;", "“"] * (rows // 3))
    return pd.DataFrame({HOSTILE: x, "c": category, "y": ["<i>a", "b&"] * (rows // 2)})


KEYS: Final[dict[str, Any]] = {
    "target": "y",
    "name": "hostile",
    "network": {"hidden": [3]},
    "training": {"epochs": 2},
    "search": {"folds": 2, "space": {"training.lr": [0.01, 0.1]}},
    "compare": [{"name": HOSTILE.strip("\u202e")}],
    "checks": {"baselines": False},
    "trainer": "native",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, dots: None) -> shoal.Results:
    return shoal.run(frame(), out=tmp_path_factory.mktemp("displays") / "run", **KEYS)


def made(run: shoal.Results) -> dict[str, Callable[[], Any]]:
    """Give every public object that shows itself."""
    x = frame()[[HOSTILE, "c"]]
    settings: dict[str, Any] = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}
    fitted = shoal.MLPClassifier(**settings).fit(x, frame()["y"])
    search = shoal.GridSearchCV(shoal.MLPClassifier(**settings), {"weight_decay": [0.1, 0.2]}, cv=2)
    return {
        "results": lambda: run,
        "figures": lambda: run.figures,
        "a drawing": lambda: run.figures["network"],
        "a picture": lambda: run.figures["ranking"],
        "a picture of a comparison": lambda: run.figures["loss", KEYS["compare"][0]["name"]],
        "study": lambda: run.study,
        "plan": lambda: shoal.plan(frame(), **KEYS),
        "model": lambda: shoal.load(run.folder),
        "network": lambda: shoal.draw(run),
        "comparison": lambda: shoal.compare(
            run.folder, shutil.copytree(run.folder, run.folder.parent / "other")
        ),
        "a fitted estimator": lambda: Below(fitted),
        "a fitted search": lambda: Below(search.fit(x, frame()["y"])),
    }


class Below:
    """What we show below scikit-learn's diagram, which is its own."""

    def __init__(self, estimator: Any) -> None:
        before = shoal.MLPClassifier()._repr_mimebundle_()["text/html"]
        page = estimator._repr_mimebundle_()["text/html"]
        assert "sk-top-container" in before
        assert page.endswith(estimator._shown())
        assert estimator._repr_html_().endswith(estimator._shown())
        self._repr_html_ = estimator._shown


def test_every_public_object_shows_itself(run: shoal.Results) -> None:
    pages = {name: shown(make()) for name, make in made(run).items()}
    for kind in ("figures", "a picture of a comparison", "study", "results", "network", "plan", "model"):
        assert "<script>" in pages[kind].text, kind
    assert "\\u202e" in pages["study"].text


def test_what_is_not_fitted_shows_scikit_learns_diagram_alone() -> None:
    from sklearn import config_context

    network = shoal.MLPClassifier()
    search = shoal.GridSearchCV(network, {"weight_decay": [0.1]})
    assert (network._shown(), search._shown()) == ("", "")
    with config_context(display="text"):
        assert set(network._repr_mimebundle_()) == {"text/plain"}
        assert not hasattr(network, "_repr_html_")


@pytest.mark.parametrize("kept", sorted(ASSETS.glob("*/*/results.sqlite")), ids=lambda path: path.parent.name)
def test_what_earlier_versions_wrote_shows_itself(kept: Path, tmp_path: Path) -> None:
    results = shoal.Results.open(shutil.copytree(kept.parent, tmp_path / "run"))
    shown(results)
    shown(results.study)
    assert "ranking" in shown(results.figures).text or results.study.search is None


def test_runs_that_came_to_nothing_show_what_there_is(tmp_path: Path, dots: None) -> None:
    lost = {
        **KEYS,
        "compare": [],
        "training": {"epochs": 20, "optimizer": "sgd"},
        "search": {"folds": 2, "space": {"training.lr": [1e30, 1e35]}},
    }
    with pytest.raises(shoal.TrainingError):
        shoal.run(frame(), out=tmp_path / "lost", **lost)
    results = shoal.Results.open(tmp_path / "lost")
    assert "Not tested yet" in shown(results).text
    assert "name" in shown(results.figures).text


def test_a_study_shows_what_it_asks_and_reads_no_row(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(
        '[study]\nname = "s"\ntask = "regression"\n\n[data]\ntrain = "missing.csv"\ntarget = "y"\n\n[nested]\n\n'
        '[training]\nepochs = 7\nlr = 0.001\n\n[search]\n[search.space]\n"network.hidden" = [[3], [4]]\n'
    )
    study = shoal.load_study(file)
    text = shown(study).text
    assert "epochs = 7" in text
    assert "[nested]" in text
    assert '"network.hidden" = [[3], [4]]' in text
    for key in ("momentum", "[checks]", "lr = "):  # as by default
        assert key not in text
    assert text.endswith(
        "What is not here has its default; shoal.plan(study) reads its rows, says what it costs and draws its network."
    )


def test_a_study_of_very_many_inputs_stays_short() -> None:
    names = [f"a column with a long name {number}" for number in range(5000)]
    data = {"train": "t.csv", "target": "y", "inputs": names}
    study = shoal.Study.model_validate({"study": {"name": "s", "task": "regression"}, "data": data})
    text = shown(study).text
    assert "a column with a long name 0" in text
    assert len(text) < 2000


def test_a_drawing_that_fails_takes_nothing_else_with_it(
    run: shoal.Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> str:
        raise ValueError("no such layer")

    plan, model = shoal.plan(frame(), **KEYS), shoal.load(run.folder)
    monkeypatch.setattr("shoal.look._network_picture.network_html", fails)
    monkeypatch.setattr("shoal.model.network_html", fails)
    line = "missing: the network: ValueError: no such layer; `shoal.draw` makes it again"
    assert line in shown(plan).text
    assert line in shown(model).text
    assert "Model(classification" in shown(model).text
