"""The page of results names every picture that a run may draw, and no other."""

from __future__ import annotations

from shoal.look._figure import Chapter
from shoal.look.figures import figures_of
from test_docs import codes, page, section, tables


def test_every_picture_stands_in_the_table_of_pictures() -> None:
    rows = tables(section(page("results.md"), "Pictures"), "name")
    shown = {code.replace("-LAYER", "") for row in rows for code in codes(row[0])} - {"40-NN-NAME-..."}
    names = {
        figure.name if figure.name[0].isdigit() else f"30-delivered-{figure.name}"
        for chapter in Chapter
        if chapter is not Chapter.COMPARED
        for figure in figures_of(chapter)
    }
    of_measures = {
        "11-validation-loss",
        "12-validation-accuracy",
        "26-search-fold-loss",
        "27-search-fold-accuracy",
    }
    of_mistakes = {"33-delivered-integrated-mistakes", "33-delivered-grad-cam-mistakes"}
    several = of_measures | of_mistakes  # one figure, a picture for each measure, or one of mistakes, too
    assert shown - several == names - {"11-validation", "26-search-fold-curves"}
    assert several <= shown
