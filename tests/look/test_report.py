"""The report as a file: the same bytes, whole or not at all, nothing from outside, everything in it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from look_runs import MadeUp, make_run

from shoal.errors import EnvironmentFault
from shoal.look import pictures, report_html, write_report
from shoal.look._escape import data_json, label, seen
from shoal.look._gallery import Drawn
from shoal.look._run_findings import RunFindings
from shoal.look._text_layout import together
from shoal.look.figures import exciting, feature_maps, variance
from shoal.look.page.fit_curves import MOST_POINTS, fits_shown
from shoal.look.page.references import works
from shoal.look.page.spreadsheet import fact_csv
from shoal.look.page.summary import summary
from shoal.look.page.tables import numbers, probabilities, settings_table
from shoal.results import Results
from shoal.study import Study
from shoal.wording import one_number, told_apart

REGRESSION = MadeUp(names=("SGD",), space={"network.dropout": [0.0, 0.25]}, epochs=30, hidden=(3,), repeats=2)
CLASSES = MadeUp(
    task="classification", names=("a",), classes=("x", "y", "z"), inputs=("p", "q"), targets=(), epochs=20,
    space={"network.hidden[0]": [2, 3]}, level=0.4,
)  # fmt: skip


@dataclass
class Read(HTMLParser):
    """What stands in a page: elements with their attributes, and the texts of scripts, styles and cells."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    raw: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style"):
            self.raw.append((self._open, data))
        else:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def read(page: str) -> Read:
    found = Read()
    found.feed(page)
    return found


def undrawn(results: Results, folder: Path) -> str:
    """The report with one small picture in the place of all, so that nothing is drawn."""
    from PIL import Image

    Image.new("RGB", (4, 3), "white").save(folder / "dot.png")
    dot = (folder / "dot.png").read_bytes()
    return report_html(results, [Drawn(picture, "dot.png", dot) for picture in pictures(results)])


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return make_run(tmp_path_factory.mktemp("regression"), REGRESSION)


@pytest.fixture(scope="module")
def page(regression: Results) -> Read:
    report = write_report(regression)
    assert report == regression.folder / "report.html"
    return read(report.read_text(encoding="utf-8"))


# -- the file ------------------------------------------------------------------------------------------------


def test_the_same_results_give_the_same_bytes(regression: Results, tmp_path: Path) -> None:
    """That their pictures are the same is seen where two processes draw them, in `test_second_process.py`."""
    assert undrawn(Results.open(regression.folder), tmp_path) == undrawn(regression, tmp_path)


def test_a_report_that_cannot_be_written_leaves_the_earlier_one(
    regression: Results, page: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (regression.folder / "report.html").read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shoal.look.page.report.draw_figures", lambda *_: ())
    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(EnvironmentFault, match="No space left on device"):
        write_report(regression)
    assert (regression.folder / "report.html").read_bytes() == first


def test_the_policy_allows_what_stands_in_the_page_and_nothing_else(page: Read) -> None:
    metas = page.all("meta")
    (policy,) = (one["content"] for one in metas if one.get("http-equiv") == "Content-Security-Policy")
    rules = {part.split(" ")[0]: part.split(" ")[1:] for part in policy.split("; ")}
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == ["'none'"]
    assert rules["img-src"] == ["data:"]
    data, packed, own = (text for tag, text in page.raw if tag == "script")
    assert json.loads(data).keys() == {"plots", "fits"}
    assert rules["script-src"] == [_hash(gzip.decompress(base64.b64decode(packed)).decode()), _hash(own)]
    assert rules["style-src"] == [*(_hash(text) for tag, text in page.raw if tag == "style"), _hash("")]
    kinds = ("application/json", "data"), ("application/octet-stream", "plotly")  # data, which nothing runs
    assert page.all("script") == [*({"type": kind, "id": name} for kind, name in kinds), {}]


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_nothing_in_the_page_asks_for_anything(page: Read) -> None:
    for tag, attributes in page.elements:
        assert tag not in ("iframe", "object", "embed", "form", "base")
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("src", "href", "srcset", "action", "poster"):
            assert re.match(r"data:|#|$", attributes.get(name, "")), (tag, attributes[name][:80])


def test_every_link_inside_the_page_leads_somewhere(page: Read) -> None:
    there = [one["id"] for _, one in page.elements if "id" in one]
    assert len(there) == len(set(there))
    assert {one["href"][1:] for one in page.all("a") if one["href"].startswith("#")} <= set(there)


def test_every_picture_stands_in_it_with_words_and_numbers(regression: Results, page: Read) -> None:
    found = {picture.name: picture for picture in pictures(regression)}
    assert {one["id"] for one in page.all("figure")} == set(found)
    assert all(len(one["alt"]) > 20 for one in page.all("img"))
    for one in found.values():
        assert together(one.caption) in page.text
    saved = {one["download"]: one["href"] for one in page.all("a") if "download" in one}
    for name, picture in found.items():
        head, _, body = saved[f"{name}.csv"].partition(",")
        assert head == "data:text/csv;charset=utf-8"
        assert unquote(body) == fact_csv(picture.fact)
        assert "#" not in body
    assert set(saved) - {f"{name}.csv" for name in found} == {
        "comparisons.csv",
        "candidates.csv",
        "simple-models.csv",
    }


def test_no_line_ends_between_a_number_and_its_unit(page: Read) -> None:
    """Words of the template and of values alike; what a reader copies stays as it is."""
    assert re.findall(r"[^\n]*\d (?:%|s|min)(?!\w)[^\n]*", page.text) == []
    assert len(re.findall(r"\d\u00a0%", page.text)) > 20
    study = page.text[page.text.index("[study]") : page.text.index("References\nWhat this run used")]
    assert "\u00a0" not in study


def test_pictures_are_those_on_disk_dot_for_dot(regression: Results, page: Read) -> None:

    from PIL import Image

    name, image = page.all("figure")[1]["id"], page.all("img")[0]
    with Image.open(regression.folder / "figures" / f"{name}.png") as file:
        drawn = np.asarray(file.convert("RGB"))
    with Image.open(io.BytesIO(base64.b64decode(image["src"].partition(",")[2]))) as shown:
        np.testing.assert_array_equal(np.asarray(shown), drawn)
        assert (image["width"], image["height"]) == tuple(map(str, shown.size))


def test_the_chapters_stand_in_their_order(page: Read) -> None:
    chapters = [one["id"] for one in page.all("section")]
    assert chapters == [
        "summary", "data-chapter", "network", "comparisons", "search", "chosen", "inside", "checks", "reproduce",
        "references",
    ]  # fmt: skip
    first, *links = page.all("a")[: len(chapters) + 1]
    assert first["href"] == "#main"  # past the links to the chapters
    assert [one["href"][1:] for one in links] == chapters


def test_the_page_says_how_to_make_it_again(regression: Results, page: Read) -> None:
    for told in (regression.digest, "shoal run study.toml --out again", 'name = "made-up"', "Philox 4x32-10"):
        assert told in page.text


def test_checks_and_summary_tell_the_same_doubts(tmp_path: Path) -> None:
    from shoal.look import checks

    results = make_run(tmp_path, replace(REGRESSION, failed=frozenset({("search", 0, 0)})))
    found = read(undrawn(results, tmp_path))
    doubts = checks(results)
    assert "SH004" in {check.code for check in doubts}
    assert [
        one["id"] for tag, one in found.elements if tag == "div" and one.get("id", "").startswith("SH")
    ] == [check.code for check in doubts]
    assert all(found.text.count(check.title) == 2 for check in doubts)


# -- runs of all kinds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "run",
    [
        MadeUp(names=(), epochs=5, hidden=(2,)),
        MadeUp(names=("a",), epochs=5, hidden=(2,), validation=0.0),
        MadeUp(names=("a",), epochs=5, hidden=(2,), targets=("s", "t"), inputs=("p", "q")),
        MadeUp(names=("a",), epochs=5, failed=frozenset({("compare", "a", 0), ("refit", "winner", 0)})),
        CLASSES,
        MadeUp(
            task="classification", names=(), classes=("x", "y"), inputs=(), targets=(), image=(1, 5, 5), epochs=5
        ),
    ],
    ids=["bare", "no validation", "targets", "failed", "classes", "images"],
)  # fmt: skip
def test_every_kind_of_run_has_a_report(run: MadeUp, tmp_path: Path) -> None:
    found = read(undrawn(make_run(tmp_path, run), tmp_path))
    there = [one["id"] for _, one in found.elements if "id" in one]
    assert {one["href"][1:] for one in found.all("a") if one["href"].startswith("#")} <= set(there)
    assert not re.search(r"\b(nan|None|Undefined)\b", found.text)


def test_a_network_alone_is_no_comparison(tmp_path: Path) -> None:
    """One dot is no picture: a sentence says it, and the curves of the one network stand open."""
    results = make_run(tmp_path, MadeUp(names=(), epochs=5, hidden=(2,), repeats=2))
    assert {picture.name[:2] for picture in pictures(results)} == {"01", "30", "31", "32", "40"}
    found = read(undrawn(results, tmp_path))
    mse = one_number(float(results.comparisons["mse_mean"].iloc[0]), 4)
    said = r"No variants are compared\. The winner, trained without 12\u00a0% \(5\) of the training rows, has"
    match = re.search(
        said + r" test (\S+) (\S+), the mean of 2 initialisations; it is not the delivered network\.",
        found.text,
    )
    assert match
    assert match.groups() == (results.truth.title_of("mse"), mse)
    assert "Each comparison" not in found.text


def test_captions_are_sentences(tmp_path: Path) -> None:
    """They begin with a capital letter, have a verb that is no participle, and name no file."""
    space: dict[str, list[Any]] = {"network.dropout": [0.0, 0.25]}
    run = replace(CLASSES, image=(1, 5, 5), inputs=(), inside=True, ensemble=True, space=space)
    for picture in pictures(make_run(tmp_path, run)):
        assert picture.caption[0].isupper()
        assert picture.caption[-1] == "."
        assert not re.match(
            r"(How|What|Where|Which|Curves|Bands|Images|Of|Blue:|Grey:) [^,:]*[.:]", picture.caption
        )
        assert picture.name not in picture.title


def test_a_run_on_its_way_says_what_is_missing(regression: Results, tmp_path: Path) -> None:
    last = regression.plan[-1].fit_id
    left = {fit_id: fit for fit_id, fit in regression.summaries.items() if fit_id != last}
    found = read(undrawn(replace(regression, summaries=left), tmp_path))
    assert "1 network is not trained yet" in found.text


# -- the curves of all fits ----------------------------------------------------------------------------------


def test_every_fit_has_its_curve_in_few_points(regression: Results) -> None:
    shown = fits_shown(regression)
    titles = [group["title"] for group in shown["groups"]]
    assert titles[:3] == ["comparison: SGD", "comparison: winner", "delivered network"]
    assert [title.partition(":")[0] for title in titles[3:]] == ["candidate 1", "candidate 2"]
    assert [fit["title"] for fit in shown["groups"][0]["fits"]] == ["initialisation 1", "initialisation 2"]
    assert [fit["title"] for fit in shown["groups"][3]["fits"]] == ["fold 1", "fold 2", "fold 3"]
    curves = shown["groups"][0]["fits"][0]["curves"]
    whole = regression.curve(regression.plan[6].fit_id)
    assert regression.plan[6].label == "SGD"
    assert curves["epoch"][0] == whole["epoch"].iloc[0]
    assert curves["epoch"][-1] == whole["epoch"].iloc[-1]
    np.testing.assert_allclose(curves["training loss"][-1], whole["train_loss"].iloc[-1], rtol=1e-3)
    assert shown["left_out"] == 0


def test_too_many_fits_are_left_out_and_counted(
    regression: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.look.page.fit_curves.MOST_FITS", 9)
    shown = fits_shown(regression)
    assert [len(group["fits"]) for group in shown["groups"]] == [2, 2, 2, 3]
    assert shown["left_out"] == 3
    told = "Here are the first 9 networks; the curves of 3 others are in the run folder."
    assert told in read(undrawn(regression, tmp_path)).text


def test_a_long_curve_keeps_its_ends(tmp_path: Path) -> None:
    results = make_run(tmp_path, MadeUp(names=(), epochs=4000, hidden=(2,)))
    for group in fits_shown(results)["groups"]:
        for fit in group["fits"]:
            assert len(fit["curves"]["epoch"]) <= MOST_POINTS
            assert (fit["curves"]["epoch"][0], fit["curves"]["epoch"][-1]) == (1, 4000)


# -- parts ---------------------------------------------------------------------------------------------------


def test_plotly_takes_every_plot_as_it_is(regression: Results, tmp_path: Path) -> None:
    from plotly.graph_objects import Figure

    found = [*pictures(regression), *pictures(make_run(tmp_path, CLASSES))]
    plots = {picture.name: plot for picture in found if (plot := picture.plot())}
    assert {name[:2] for name in plots} == {"11", "12", "20", "23", "26", "27", "30", "40"}
    for plot in plots.values():
        Figure(plot)  # refuses what plotly does not know
        json.loads(data_json(plot))


def test_names_cannot_be_seen_to_do_anything() -> None:
    assert seen("a\u202eb\x00c\n") == r"a\u202eb\x00c\n"
    assert seen("שלום") == "\u2068שלום\u2069"
    assert seen("x" * 2000) == "x" * 999 + "…"
    assert label("<b>a</b>&lt;") == "&lt;b&gt;a&lt;/b&gt;&amp;lt;"
    text = data_json({"</script>": ["\u2028", float("nan"), (1, None)]})
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == {"</script>": ["\u2028", None, [1, None]]}


def test_numbers_have_the_digits_that_tell() -> None:
    assert one_number(0.40912) == "0.409"
    assert one_number(-1234.5) == "−1,234"
    assert one_number(1e-7) == "1.00e−07"
    assert one_number(float("nan")) == "–"
    assert one_number(0.0) == "0"
    assert numbers("", [0.2495, 0.271, -0.5]).cells == ("0.2495", "0.2710", "−0.5000")
    assert numbers("", [1000, 25.0, None]).cells == ("1,000", "25", "–")
    assert numbers("", [1e-5, 0.25]).cells == ("1e−05", "0.25")
    assert numbers("", [1e-16, 0.25]).cells == ("0.0000", "0.2500")
    assert numbers("", [1959.5, -122.25, 0.5]).cells == ("1,960", "−122.2", "0.5")
    assert numbers("", [123_456.5, 0.5, 0.002]).cells == ("123,456", "0.5", "0.002")  # no exponent below 1e6
    assert told_apart([1959.2, 1959.4]) == ("1,959.2", "1,959.4")
    assert told_apart([-122.2512, -122.2513]) == ("−122.2512", "−122.2513")
    assert told_apart([1.0, 1.0]) == ("1.000", "1.000")
    assert probabilities("", [0.0001, 0.05, 1.0, np.nan]).cells == ("< 0.001", "0.050", "1.000", "–")


def test_the_summary_answers_in_sentences(regression: Results, tmp_path: Path) -> None:
    found = summary(RunFindings(regression))
    assert found.asked == (
        "Predict the number “label” from the input “input”: 40 rows to learn from, 30 to be tested on."
        " 2 candidates searched, 1 variant compared with the winner, 12 networks trained in 12 s of wall time,"
        " added up over all networks."
    )
    scores = regression.refit["test_rmse"].tolist()
    assert found.figure == one_number(scores[0])
    assert found.unit == "test RMSE"
    assert (
        "root mean squared error (RMSE, in the unit of “label”) of the delivered network is"
        f" {one_number(scores[0])}, of" in found.good[0]
    )
    low, high = sorted(scores)
    ends = f"{one_number(low)} to\u00a0{one_number(high)}"
    assert (
        f"Refitted 2 times, each with another initialisation and order of rows: test RMSE {ends}."
        in found.sure
    )
    classes = summary(RunFindings(make_run(tmp_path, CLASSES)))
    assert classes.unit == "test accuracy"
    assert classes.sure[1] == "Refitted once: how much the score varies with the initialisation is not known."


def test_references_are_those_of_what_was_used(regression: Results, tmp_path: Path) -> None:
    used = {work.used for work in works(regression, variance.FIGURE.works)}
    assert {
        "dropout",
        "optimiser adam",
        "random numbers: Philox 4x32-10",
        "variance split of the search",
    } <= used
    inside = works(regression, [*exciting.FIGURE.works, *feature_maps.FIGURE.works])
    assert {"feature maps and exciting images", "images made to excite a channel"} <= {
        one.used for one in inside
    }
    assert [one.used for one in inside].count("feature maps and exciting images") == 1
    assert not used & {"optimiser sgd", "batch norm", "expected calibration error", "random search"}
    assert "expected calibration error" in {work.used for work in works(make_run(tmp_path, CLASSES), ())}


def test_published_values_stand_beside_the_measured_ones(regression: Results, tmp_path: Path) -> None:
    content: dict[str, Any] = regression.study.model_dump(exclude_none=True)
    content["reference"] = [
        {"name": "SGD", "metric": "mse", "value": 0.5, "source": "Somebody (1999), table 1"}
    ]
    study = type(regression.study).model_validate(content)
    found = read(undrawn(replace(regression, study=study), tmp_path))
    assert "Published beside measured" in found.text
    assert "Somebody (1999), table 1" in found.text
    mean = regression.comparisons["mse_mean"][0]
    assert one_number(mean, 4) in found.text


def test_settings_are_said_to_be_searched_where_they_are_and_not_where_a_name_begins_alike() -> None:
    study = Study.model_validate({
        "study": {"task": "classification"},
        "data": {"dataset": "digits"},
        "network": {"kind": "cnn", "conv": [{"channels": 2}], "hidden": [4]},
        "search": {"space": {"network.conv_dropout": [0, 0.5], "network.hidden[0]": [4, 8],
                             "training.augment.shift": [0, 1]}},
    })  # fmt: skip
    results: Any = SimpleNamespace(choice=None, study=study, module="")
    keys, _, marks = (column.cells for column in settings_table(results).columns)
    assert [key for key, mark in zip(keys, marks, strict=True) if mark] == [
        "network.hidden",
        "network.conv_dropout",
        "training.augment",
    ]


@pytest.mark.parametrize("network", [{"batch_norm": True}, {"norm": "batch"}, {"norm": "layer"}])
def test_a_norm_has_one_name_among_the_settings(network: dict[str, Any]) -> None:
    study = Study.model_validate({
        "study": {"task": "regression"},
        "data": {"dataset": "two-peaks"},
        "network": {"hidden": [4], **network},
        "search": {"space": {"training.lr": [0.1, 0.2]}},
    })  # fmt: skip
    results: Any = SimpleNamespace(choice=None, study=study, module="")
    keys, values, _ = (column.cells for column in settings_table(results).columns)
    settings = dict(zip(keys, values, strict=True))
    assert settings["network.norm"] == network.get("norm", "batch")
    assert "network.batch_norm" not in settings
