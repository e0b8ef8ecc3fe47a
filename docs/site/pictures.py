"""The pictures of the README, light and dark: the report of `two-peaks`, and the network of `digits`.

    python docs/site/pictures.py

leaves docs/pictures. Times and the date of the run are fixed, so that the same versions of Shoal, of its libraries and
of the browser give the same bytes.
"""

from __future__ import annotations

import dataclasses
import io
import sys
import tempfile
from base64 import b64decode
from pathlib import Path
from typing import Final

from PIL import Image

import shoal
from shoal.look import SecondProcess, draw_figures, report_html
from shoal.parts import Parts
from shoal.results import run_files

ROOT: Final = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests"))

from look.browser import Page, browser  # noqa: E402 - the tests have it

PICTURES: Final = ROOT / "docs" / "pictures"
SUMMARY, ROOM = 860, 16
"""Pixels: width of the window in which the summary is taken, and of what parts it from the figures."""
SHOWN: Final = ("36-ensemble-curve", "20-search-ranking", "10-test-scores")
"""Figures beside the summary, as many as have room."""
SCHEMES: Final = {"light": "#222", "dark": "#e6edf3"}
"""Ink of the network on the pages of a code host."""


def main() -> None:
    """Make all pictures anew."""
    PICTURES.mkdir(exist_ok=True)
    drawing = shoal.draw("digits").svg
    for scheme, ink in SCHEMES.items():
        svg = drawing.replace('color="#222"', f'color="{ink}"').replace('fill="#fff"', 'fill="none"')
        (PICTURES / f"network-{scheme}.svg").write_text(f"{svg}\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report = write_report(folder)
        with browser(folder / "browser") as page:
            for scheme in SCHEMES:
                page.open(report, SUMMARY, dark=scheme == "dark")
                save(beside(summary(page), figures(page)), PICTURES / f"report-{scheme}.png")


def write_report(folder: Path) -> Path:
    """Run the study, and write its report as if it had been run on a fixed day in a fixed time."""
    run = shoal.run("two-peaks", out=folder / "two-peaks")
    summaries = {key: dataclasses.replace(fit, seconds=0.25) for key, fit in run.summaries.items()}
    environment = {**run.environment, "date": "2026-01-01"}
    run = dataclasses.replace(run, summaries=summaries, environment=environment)
    path = folder / "report.html"
    with run_files(run.folder) as files:
        drawn = draw_figures(run, files, Parts(), SecondProcess(allowed=False))
    path.write_text(report_html(run, drawn), encoding="utf-8")
    return path


def summary(page: Page) -> Image.Image:
    """Take the head of the report with its summary."""
    end = page.value("document.getElementById('data-chapter').getBoundingClientRect().top")
    return taken(page, 0, 0, SUMMARY, end)


def figures(page: Page) -> list[Image.Image]:
    """Take some figures, without their captions."""
    parts = []
    for name in SHOWN:
        page.value(f"document.getElementById('{name}').scrollIntoView()")
        page.until(f"document.querySelector('[id=\"{name}\"] :is(.main-svg, img)') !== null")
        shown = f"document.querySelector('[id=\"{name}\"] :is(.plot, .sheet)')"
        box = page.value(f"{shown}.getBoundingClientRect().toJSON()")
        top = box["y"] + page.value("scrollY")
        parts.append(taken(page, box["x"], top, box["width"], box["height"]))
    return parts


def taken(page: Page, x: float, y: float, width: float, height: float) -> Image.Image:
    """Take a part of the page, twice as fine as its pixels."""
    clip = {"x": x, "y": y, "width": width, "height": height, "scale": 2}
    answer = page.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
    return Image.open(io.BytesIO(b64decode(answer["data"]))).convert("RGB")


def beside(left: Image.Image, right: list[Image.Image]) -> Image.Image:
    """Put pictures below each other beside a first one, as high as that."""
    left.thumbnail((SUMMARY, left.height))
    room = left.height - ROOM * (len(right) - 1)
    width = int(room / sum(part.height / part.width for part in right))
    sheet = Image.new("RGB", (left.width + ROOM + width + ROOM, left.height), left.getpixel((0, 0)))
    sheet.paste(left, (0, 0))
    y = 0
    for part in right:
        small = part.resize((width, round(width * part.height / part.width)), Image.Resampling.LANCZOS)
        sheet.paste(small, (left.width + ROOM, y))
        y += small.height + ROOM
    return sheet


def save(picture: Image.Image, path: Path) -> None:
    """Write a picture in 64 colours: text and plots have few."""
    few = picture.quantize(64, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


if __name__ == "__main__":
    main()
