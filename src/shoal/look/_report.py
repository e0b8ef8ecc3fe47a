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
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shoal.look import _tables
from shoal.look._alt import in_words
from shoal.look._checks import checks
from shoal.look._csv import fact_csv, frame_csv
from shoal.look._escape import csv_link, data_json, seen
from shoal.look._findings import Findings
from shoal.look._fits_shown import fits_shown
from shoal.look._gallery import Drawn, draw_figures
from shoal.look._plots import plot_of, plotly_source, style_marks
from shoal.look._reasons import reasons
from shoal.look._summary import ADDED_UP, summary
from shoal.look._text import duration
from shoal.look._works import software, trained_where, works
from shoal.parts import REPORT, Parts
from shoal.results import REPORT_NAME, Results, RunFiles, run_files
from shoal.study import passed_on, to_toml

if TYPE_CHECKING:
    from jinja2 import Environment

_WEBP_SIDE: Final = 16_383
_HERE: Final = Path(__file__).parent
_COMPARISON: Final = re.compile(r"4\d-(\d+)-")
_PLACE: Final = re.compile(r"^\d\d-((delivered|search)-)?")
_ENSEMBLE: Final = re.compile(r"3\d-ensemble-")
_INSIDE: Final = re.compile(r"3[1-9]-")
_EMPTY: Final = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
"""SHA-256 of nothing: plotly makes an empty style element, and fills it by script."""


@dataclass(frozen=True)
class Shown:
    """One picture on the page: its bytes, the words around it, its numbers; `live` ones answer to the pointer."""

    name: str
    title: str
    caption: str
    image: str
    width: int
    height: int
    alt: str
    csv: str
    live: bool


@dataclass(frozen=True)
class Compared:
    """One comparison and its pictures."""

    label: str
    pictures: tuple[Shown, ...]


def write_report(results: Results, parts: Parts | None = None, files: RunFiles | None = None) -> Path:
    """Draw the pictures of a run, each once, and write the report beside them; each file whole or not at all.

    `files` are those of the run folder, where it is held already. What cannot be made is noted in `parts`, and the rest
    is made. Gives where the report stands, if it could be made. Raises EnvironmentFault or RunFolderError where the run
    folder cannot be written, RunFolderBusy while a run goes on.
    """
    if files is None:
        with run_files(results.folder) as held:
            return write_report(results, parts, held)
    parts = parts or Parts()
    drawn: tuple[Drawn, ...] = ()
    with parts.attempt("figures", REPORT):
        drawn = draw_figures(results, files, parts)
    with parts.attempt(REPORT_NAME, REPORT, partial(files.remove, REPORT_NAME)):
        files.write(REPORT_NAME, report_html(results, drawn, parts).encode())
    return results.folder / REPORT_NAME


def report_html(results: Results, drawn: Iterable[Drawn], parts: Parts | None = None) -> str:
    """Give the report of a run with these pictures. It says what is missing: of the run, of `parts`, of itself."""
    parts = parts or Parts()
    results = dataclasses.replace(results, study=passed_on(results.study))
    shown, plots = _pictures(drawn, parts)
    fits: dict[str, Any] = {"groups": [], "left_out": 0}
    with parts.attempt(f"{REPORT_NAME}, curves of any network", REPORT):
        fits = fits_shown(results)
    content = _content(results, shown, parts)
    environment = _environment()
    style = environment.get_template("report.css.jinja").render()
    script, plotly = environment.get_template("report.js.jinja").render(), plotly_source()
    data = {"plots": plots, "fits": fits}
    return environment.get_template("report.html.jinja").render(
        policy=_policy(style, (plotly, script)),
        style=_markup(style),
        style_marks=style_marks(plotly),
        plotly=_packed(plotly),
        script=_markup(script),
        data=_markup(data_json(data)),
        explorer=fits,
        results=results,
        study=results.study,
        computing=f"{duration(sum(fit.seconds for fit in results.summaries.values()))} of wall time, {ADDED_UP}",
        steps=sum(fit.steps for fit in results.summaries.values()),
        trainers=sorted({fit.trainer for fit in results.summaries.values()}),
        missing=tuple(dict.fromkeys((*results.missing, *parts.missing))),
        **content,
    )


def _pictures(drawn: Iterable[Drawn], parts: Parts) -> tuple[list[Shown], dict[str, Any]]:
    """Give the pictures as the page shows them, and the plots of those that answer to the pointer, by name."""
    shown: list[Shown] = []
    plots: dict[str, Any] = {}
    for one in drawn:
        name = one.picture.name
        with parts.attempt(f"{REPORT_NAME}, live form of figure {name}", REPORT):
            plot = plot_of(one.picture.fact)
            plots |= {name: plot} if plot else {}
        with parts.attempt(f"{REPORT_NAME}, figure {name}", REPORT):
            shown.append(_shown(one, name in plots))
    return shown, plots


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
    findings = Findings(results)
    delivered = findings.delivered.healthy
    return {
        "summary": lambda: summary(findings),
        "checks": lambda: checks(results),
        "variables": lambda: _tables.variable_table(results),
        "class_counts": lambda: _tables.class_count_table(results),
        "data_facts": lambda: _tables.data_facts(results),
        "comparisons": lambda: _tables.comparison_table(results),
        "comparisons_csv": lambda: csv_link(frame_csv(_tables.comparisons_on_test_rows(results))),
        "published": lambda: _tables.published_table(results),
        "candidates": lambda: _tables.candidate_table(results),
        "filters": lambda: _tables.filtered_columns(results),
        "candidates_csv": lambda: csv_link(frame_csv(results.candidates)),
        "settings": lambda: _tables.settings_table(results),
        "layers": lambda: _tables.layer_table(results.parameters(delivered[0].fit_id)) if delivered else None,
        "refit": lambda: _tables.refit_table(results),
        "class_scores": lambda: (
            _tables.class_table(findings.confusion(findings.delivered))
            if delivered and findings.classes
            else None
        ),
        "class_networks": lambda: (
            findings.confusion(findings.delivered).repeats if delivered and findings.classes else 0
        ),
        "delivered_one": lambda: _tables.delivered_one(results),
        "held_out": lambda: _tables.held_out(results),
        "same_settings": lambda: _tables.same_settings(results),
        "reasons": lambda: reasons(results),
        "overview": lambda: [one for one in shown if one.name.startswith("1")],
        "search_pictures": lambda: [one for one in shown if one.name.startswith("2")],
        "tested": lambda: [one for one in shown if one.name.startswith("30")],
        "ensemble": lambda: [one for one in shown if _ENSEMBLE.match(one.name)],
        "inside": lambda: [one for one in shown if _INSIDE.match(one.name) and not _ENSEMBLE.match(one.name)],
        "compared": lambda: _by_comparison(findings, shown),
        "study_lines": lambda: to_toml(results.study).splitlines(),
        "software": lambda: software(results.environment),
        "trained_where": lambda: trained_where(results),
        "works": lambda: works(results, frozenset(one.name for one in shown)),
    }


def _by_comparison(findings: Findings, shown: list[Shown]) -> list[Compared]:
    found: dict[int, list[Shown]] = {}
    for one in shown:
        if match := _COMPARISON.match(one.name):
            found.setdefault(int(match[1]), []).append(one)
    names = [group.name for group in findings.comparisons]
    return [Compared(names[number - 1], tuple(pictures)) for number, pictures in found.items()]


def _shown(drawn: Drawn, live: bool) -> Shown:
    picture = drawn.picture
    image, width, height = _webp(drawn.content)
    title = _title(picture.name)
    alt, csv = f"{title}: {in_words(picture.fact) or picture.caption}", csv_link(fact_csv(picture.fact))
    return Shown(picture.name, title, picture.caption, image, width, height, alt, csv, live)


def _title(name: str) -> str:
    """Give the words of a picture's name that its place on the page does not say already."""
    kind = name.rpartition("-")[2] if _COMPARISON.match(name) else _PLACE.sub("", name)
    return kind.replace("-", " ").capitalize()


def _webp(png: bytes) -> tuple[str, int, int]:
    """Give a picture as an address that holds it, dot for dot the same at half the size, and its sides in dots.

    One beyond the sides of WebP stays as it is.
    """
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        if max(image.size) > _WEBP_SIDE:
            return f"data:image/png;base64,{base64.b64encode(png).decode()}", *image.size
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "WEBP", lossless=True, method=1, quality=0)
        return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}", *image.size


@cache
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


def _environment() -> Environment:
    """Give the templates; every value that a page shows passes through `seen` and is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def finalize(value: Any) -> Any:
        return value if isinstance(value, Markup) else seen(value)

    return Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )


def _markup(text: str) -> Any:
    """Mark a text of our own, or of plotly, as one that is not to be escaped."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704
