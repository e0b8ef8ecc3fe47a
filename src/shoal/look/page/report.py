"""One offline file that says it all: `report.html`, from the results and the pictures that are drawn already.

The file asks for nothing: no address, no font, no script but the two in it, each allowed by its SHA-256. The
same results give the same bytes.
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shoal.look._certainty import certainty_sentences
from shoal.look._chance import differences_sentences, ece_sentence, published_sentence
from shoal.look._checks import GRAVEST, checks
from shoal.look._columns import notes_beside
from shoal.look._escape import csv_link, data_json, seen
from shoal.look._figure import Chapter
from shoal.look._gallery import Drawn, Picture, draw_figures
from shoal.look._outer_folds import nested_sentences
from shoal.look._own_module import handed_over
from shoal.look._plots import plotly_source, style_marks
from shoal.look._reasons import reasons
from shoal.look._run_findings import RunFindings
from shoal.look._scene import NARROW, WIDE
from shoal.look._second_process import SecondProcess
from shoal.look._tested_rows import tested_rows
from shoal.look._text_layout import duration, together
from shoal.look._threshold import TOGETHER, where_decided
from shoal.look._time_folds import ageing_sentence
from shoal.look._trust import looks_sentence, permutation_sentence
from shoal.look._work import Work
from shoal.look.figures.confusion import Confusion, confusion_of
from shoal.look.figures.network import delivered_network
from shoal.look.page import tables
from shoal.look.page.beside import simple_model_frame, simple_model_note, simple_model_table
from shoal.look.page.columns import column_table
from shoal.look.page.course import course_sentences
from shoal.look.page.decided import threshold_part
from shoal.look.page.films import film_json, palettes
from shoal.look.page.fit_curves import fits_shown
from shoal.look.page.in_time import time_fold_table
from shoal.look.page.labels import label_table
from shoal.look.page.levels import level_table
from shoal.look.page.network import network_table
from shoal.look.page.ranges import class_count_table, variable_table
from shoal.look.page.references import software, trained_where, works
from shoal.look.page.spreadsheet import fact_csv, frame_csv
from shoal.look.page.summary import ADDED_UP, summary
from shoal.look.page.tables import ReportTable
from shoal.parts import REPORT, Parts
from shoal.results import REPORT_NAME, Results, RunFiles, reading, refuse_shard, run_files
from shoal.study import keys_in_memory, passed_on, to_toml
from shoal.wording import counted

if TYPE_CHECKING:
    from jinja2 import Environment

_WEBP_SIDE: Final = 16_383
_EXPONENT: Final = re.compile(
    r"<(script|style|svg|pre|title)\b.*?</\1>|<[^>]*>|\b([0-9][0-9.]*e-[0-9]+)", re.DOTALL
)
"""A number with an exponent, where tags, and what is no text of lines, are passed over."""
_LARGE: Final = 100_000
"""Bytes of a picture from which it is packed with more effort: up to a quarter less, for three times the time."""
_LITTLE_EFFORT: Final[dict[str, Any]] = {"method": 1, "quality": 0}
_MORE_EFFORT: Final[dict[str, Any]] = {"method": 3, "quality": 30}
_HERE: Final = Path(__file__).parent
_PICTURES: Final = {
    "network": Chapter.NETWORK,
    "overview": Chapter.OVERVIEW,
    "search_pictures": Chapter.SEARCH,
    "tested": Chapter.TESTED,
    "ensemble": Chapter.ENSEMBLE,
    "inside": Chapter.INSIDE,
    "epochs": Chapter.EPOCHS,
}
"""Pictures of which chapter stand where on the page, by their name in the template."""
_EMPTY: Final = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
"""SHA-256 of nothing: plotly makes an empty style element, and fills it by script."""


@dataclass(frozen=True)
class Shown:
    """A picture on the page: its bytes, its words and numbers; a `live` one answers to the pointer."""

    picture: Picture
    image: str
    width: int
    height: int
    text_alternative: str
    csv: str
    live: bool
    svg: tuple[str, str] | None = None
    """The picture as SVG, for a page and for a phone, where it has such a form."""

    @property
    def moves(self) -> bool:
        """Whether it moves over the epochs, where there are scripts."""
        return self.picture.chapter is Chapter.EPOCHS

    @property
    def named(self) -> str:
        """What the links and groups of the page call it."""
        return self.picture.named


@dataclass(frozen=True)
class Compared:
    """One comparison and its pictures."""

    label: str
    pictures: tuple[Shown, ...]


def write_report(
    results: Results,
    parts: Parts | None = None,
    files: RunFiles | None = None,
    second: SecondProcess | None = None,
) -> Path:
    """Draw the pictures of a run, each once, and write the report beside them; each file whole or not at all.

    `files` are those of the run folder, where it is held already; `second` draws beside this process. What cannot be
    made is noted in `parts`, and the rest is made. Gives where the report stands, if it could be made. Raises
    EnvironmentFault or RunFolderError where the run folder cannot be written, RunFolderBusy while a run goes on.
    """
    if files is None:
        refuse_shard(results.folder, results.shard)
        with run_files(results.folder) as locked_files:
            return write_report(results, parts, locked_files, second)
    parts, second = parts or Parts(), second or SecondProcess(allowed=False)
    second.start()
    drawn: tuple[Drawn, ...] = ()
    with reading(results.folder):
        with parts.attempt("figures", REPORT):
            drawn = draw_figures(results, files, parts, second)
        with parts.attempt(REPORT_NAME, REPORT, partial(files.remove, REPORT_NAME)):
            files.write(REPORT_NAME, report_html(results, drawn, parts, second).encode())
    return results.folder / REPORT_NAME


def report_html(
    results: Results,
    drawn: Sequence[Drawn],
    parts: Parts | None = None,
    second: SecondProcess | None = None,
) -> str:
    """Give the report of a run with these pictures. It says what is missing: of the run, of `parts`, of itself."""
    parts = parts or Parts()
    results = dataclasses.replace(results, study=passed_on(results.study))
    shown, plots = pictures_shown(drawn, parts, second)
    fits: dict[str, Any] = {"groups": [], "left_out": 0}
    with parts.attempt(f"{REPORT_NAME}, curves of any network", REPORT):
        fits = fits_shown(results)
    content, in_memory = _content(results, shown, parts), keys_in_memory(vars(results.study.data))
    about = {
        "results": results,
        "study": results.study,
        "gravest": GRAVEST,
        "computing": f"{duration(sum(fit.seconds for fit in results.summaries.values()))} of wall time, {ADDED_UP}",
        "trained": ", ".join(
            counted(number, noun)
            for number, noun in (
                (len(results.summaries), "network"),
                (sum(fit.steps for fit in results.summaries.values()), "step"),
            )
        ),
        "trainers": sorted({fit.trainer for fit in results.summaries.values()}),
        "in_memory": in_memory,
        "handed": handed_over(results, bool(in_memory)),
        "missing": tuple(dict.fromkeys((*results.missing, *parts.missing))),
    }
    return page_html(
        "report.html.jinja",
        {"plots": plots, "fits": fits, **films_shown(shown, parts)},
        {"explorer": fits, **about, **content},
    )


def page_html(template: str, data: dict[str, Any], content: dict[str, Any]) -> str:
    """Fill a template of this folder: `data` is what its script reads, `content` what it says."""
    page = _environment().get_template(template)
    return _unbroken(page.render(data=_markup(data_json(data)), **_of_every_page(), **content))


@cache
def _of_every_page() -> dict[str, Any]:
    """Give what is the same on every page, by its names in the template: style, scripts, and the policy for them."""
    style, script = (_environment().get_template(f"report.{kind}.jinja").render() for kind in ("css", "js"))
    plotly = plotly_source()
    return {
        "policy": _policy(style, (plotly, script)),
        "style": _markup(style),
        "style_marks": style_marks(plotly),
        "plotly": _packed(plotly),
        "script": _markup(script),
    }


def pictures_shown(
    drawn: Sequence[Drawn], parts: Parts, second: SecondProcess | None = None
) -> tuple[list[Shown], dict[str, Any]]:
    """Give the pictures as the page shows them, and the plots of those that answer to the pointer, by name.

    `second` packs some of them.
    """
    shown: list[Shown] = []
    plots: dict[str, Any] = {}
    with (second or SecondProcess(allowed=False)).ahead(
        [(_webp, (drawing.content,)) for drawing in drawn]
    ) as made:
        for drawing, image_there in zip(drawn, made, strict=True):
            name = drawing.picture.name
            with parts.attempt(f"{REPORT_NAME}, live form of figure {name}", REPORT):
                plot = drawing.picture.plot()
                plots |= {name: plot} if plot else {}
            with parts.attempt(f"{REPORT_NAME}, figure {name}", REPORT):
                shown.append(_shown(drawing, image_there, name in plots))
    return shown, plots


def films_shown(shown: Iterable[Shown], parts: Parts) -> dict[str, Any]:
    """Give what the page needs to move the pictures that move; nothing where none does."""
    films: dict[str, Any] = {}
    for entry in shown:
        if entry.moves:
            with parts.attempt(f"{REPORT_NAME}, moving form of figure {entry.picture.name}", REPORT):
                films[entry.picture.name] = film_json(entry.picture.fact)
    return {"films": films, "palettes": palettes()} if films else {}


def _content(results: Results, shown: list[Shown], parts: Parts) -> dict[str, Any]:
    """Give everything that the page says, under the names of the template; what could not be made is False."""
    content: dict[str, Any] = {}
    for name, make in _chapters(results, shown).items():
        content[name] = False
        with parts.attempt(f"{REPORT_NAME}, {name.replace('_', ' ')}", REPORT):
            content[name] = make()
    return content


def _chapters(results: Results, shown: list[Shown]) -> dict[str, Callable[[], Any]]:
    """Give what makes each part of the page, by its name in the template."""
    findings = RunFindings(results)
    return {
        "summary": lambda: summary(findings),
        "checks": lambda: checks(results),
        "variables": lambda: variable_table(findings),
        "columns": lambda: column_table(results),
        "data_notes": lambda: notes_beside(results.data_notes, results.columns),
        "class_counts": lambda: class_count_table(results),
        "data_facts": lambda: tables.data_facts(results),
        "comparisons": lambda: tables.comparison_table(results),
        "alone": lambda: tables.alone(results),
        "comparisons_csv": lambda: csv_link(frame_csv(tables.comparisons_on_test_rows(results))),
        "published": lambda: tables.published_table(results),
        "candidates": lambda: tables.candidate_table(results),
        "filters": lambda: tables.filtered_columns(results),
        "candidates_csv": lambda: csv_link(frame_csv(results.candidates)),
        "ageing": lambda: ageing_sentence(results),
        "time_folds": lambda: time_fold_table(results),
        "outer_folds": lambda: tables.outer_fold_table(results),
        "nested_scores": lambda: tables.nested_score_table(results),
        "nested_sentences": lambda: nested_sentences(results),
        "conclusion": lambda: results.conclusion,
        "settings": lambda: tables.settings_table(results),
        "layers": lambda: _layers(findings),
        "refit": lambda: tables.refit_table(results),
        "class_scores": lambda: _class_scores(findings),
        "class_networks": lambda: counts.repeats if (counts := _class_counts(findings)) else 0,
        "label_scores": lambda: label_table(findings),
        "simple_models": lambda: simple_model_table(results),
        "simple_models_csv": lambda: csv_link(frame_csv(simple_model_frame(results))),
        "simple_models_note": lambda: simple_model_note(results),
        "looks_sentence": lambda: looks_sentence(results),
        "permutation_sentence": lambda: permutation_sentence(results),
        "delivered_one": lambda: tables.delivered_one(results),
        "held_out": lambda: tables.held_out(results),
        "same_settings": lambda: tables.same_settings(results),
        "differences_sentences": lambda: differences_sentences(results),
        "published_sentence": lambda: published_sentence(results),
        "certainty": lambda: tables.certainty_table(results),
        "certainty_sentences": lambda: certainty_sentences(results),
        "levels": lambda: level_table(results),
        "threshold": lambda: threshold_part(results),
        "class_coverage": lambda: tables.class_coverage_table(results),
        "temperature": lambda: tables.temperature_table(results),
        "ece_sentence": lambda: ece_sentence(results),
        "reasons": lambda: reasons(results),
        "network_layers": lambda: network_table(delivered_network(findings)),
        "course": lambda: tuple(course_sentences(findings)),
        "ensemble_note": lambda: where_decided(results, TOGETHER),
        **{name: partial(_of_chapter, chapter, shown) for name, chapter in _PICTURES.items()},
        "compared": lambda: _by_comparison(shown),
        "study_lines": lambda: [_as_written(line) for line in to_toml(results.study).splitlines()],
        "software": lambda: software(results.environment),
        "trained_where": lambda: trained_where(results),
        "works": lambda: works(results, _works_behind(shown)),
    }


def _works_behind(shown: list[Shown]) -> list[Work]:
    return [work for picture in reversed(shown) for work in picture.picture.figure.works]


def _class_counts(findings: RunFindings) -> Confusion | None:
    """Count which class the delivered network and its repeats predicted for which; None where there is no class."""
    delivered = findings.delivered
    return confusion_of(findings, delivered) if delivered.healthy and findings.classes else None


def _class_scores(findings: RunFindings) -> ReportTable | None:
    group = findings.delivered
    tested = tested_rows(findings, group) if findings.classes else None
    if tested is None:
        return None
    named_RV = findings.judged(group)[:, tested.row_V].argmax(axis=2)
    return tables.class_table(findings.truth.classes, tested, named_RV)


def _layers(findings: RunFindings) -> ReportTable | None:
    delivered = findings.delivered.healthy
    return tables.layer_table(findings.results.parameters(delivered[0].fit_id)) if delivered else None


def _of_chapter(chapter: Chapter, shown: list[Shown]) -> list[Shown]:
    return [picture for picture in shown if picture.picture.chapter is chapter]


def _by_comparison(shown: list[Shown]) -> list[Compared]:
    groups: dict[str, list[Shown]] = {}
    for picture in _of_chapter(Chapter.COMPARED, shown):
        groups.setdefault(picture.picture.group, []).append(picture)
    return [Compared(name, tuple(pictures)) for name, pictures in groups.items()]


def _shown(drawn: Drawn, image_there: Callable[[], tuple[str, int, int] | None], live: bool) -> Shown:
    picture = drawn.picture
    vector = (picture.svg(WIDE), picture.svg(NARROW)) if picture.figure.scene else None
    image = ("", 0, 0) if vector else image_there() or _webp(drawn.content)
    return Shown(picture, *image, picture.words(), csv_link(fact_csv(picture.fact)), live, vector)


def _webp(png: bytes) -> tuple[str, int, int]:
    """Give a picture as an address that holds it, dot for dot the same at half the size, and its sides in dots.

    One beyond the sides of WebP stays as it is.
    """
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        if max(image.size) > _WEBP_SIDE:
            return f"data:image/png;base64,{base64.b64encode(png).decode()}", *image.size
        buffer = io.BytesIO()
        effort = _MORE_EFFORT if len(png) > _LARGE else _LITTLE_EFFORT
        image.convert("RGB").save(buffer, "WEBP", lossless=True, **effort)
        return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}", *image.size


def _packed(script: str) -> str:
    """Give a script as the page's own script unpacks it, at two fifths of its size."""
    return base64.b64encode(gzip.compress(script.encode(), 6, mtime=0)).decode()


def _policy(style: str, scripts: Iterable[str]) -> str:
    """Give the content security policy: this file's own scripts and style, pictures that stand in it, nothing else."""
    allowed = " ".join(_sha256(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_sha256(style)} {_EMPTY};"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )


def _sha256(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _environment() -> Environment:
    """Give the templates, each read once; every value that a page shows passes through `seen` and is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def finalize(value: Any) -> Any:
        return value if isinstance(value, Markup) else together(seen(value))

    return Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )


def _unbroken(page: str) -> str:
    """Let no line of a page end within a number: browsers take the hyphen of 1e-4 for the end of a word."""
    return _EXPONENT.sub(lambda at: f'<span class="whole">{at[2]}</span>' if at[2] else at[0], page)


def _as_written(line: str) -> Any:
    """Mark a line that a reader copies: no space of it is another one."""
    from markupsafe import escape

    return escape(seen(line))


def _markup(text: str) -> Any:
    """Mark a text of our own, or of plotly, as one that is not to be escaped."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704
