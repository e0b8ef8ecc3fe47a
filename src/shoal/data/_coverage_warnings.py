"""What is said of the coverage of the test rows: before anything is trained, and by the checks of a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final

from shoal.data._coverage import Coverage
from shoal.data._dates import date_text
from shoal.data._row_check import chance_of_count
from shoal.wording import counted, first_few, quoted

LEVEL: Final = 0.01
"""Chance of as many repeated rows in columns of few values, below which it is said."""
MATTERS: Final = 0.01
"""Share of the training rows from which rows that repeat another one are said by themselves."""

Quote = Callable[[str], str]


def repeat_warnings(coverage: Coverage, *, grouped: bool) -> Iterator[str]:
    """Warn of repeated rows. `grouped`: groups keep on one side of a fold what belongs together."""
    if clause := repeated_in_test(coverage):
        yield f"{clause} (take the repeats out)"
    if not grouped and (clause := repeated_in_training(coverage)):
        yield f"{clause} (take the repeats out, or name in data.groups what they have in common)"


def gap_notes(coverage: Coverage, dates: Collection[str]) -> Iterator[str]:
    """Note test rows where no training rows lie: a plan says it, and after a run the checks. `dates` are inputs."""
    if clause := outside_of_training(coverage, dates):
        yield f"{clause} (there a network extrapolates)"
    if clause := in_gaps(coverage, dates):
        yield f"{clause} (there a network bridges a gap by its own shape)"


def repeated_in_test(coverage: Coverage) -> str:
    """Count the test rows that are training rows too, where they are more than chance."""
    count, rows = coverage.repeated_rows, coverage.test_rows
    if not count or chance_of_count(count, rows, coverage.repeated_by_chance / rows) >= LEVEL:
        return ""
    are = "is a training row" if count == 1 else "are training rows"
    return f"{count:,} of {counted(rows, 'test row')} {are} too, with the same inputs and the same target"


def repeated_in_training(coverage: Coverage) -> str:
    """Count the training rows that repeat an earlier one, where they are more than chance and not a few."""
    count, rows = coverage.repeated_train, coverage.train_rows
    by_chance = coverage.repeated_train_by_chance / rows
    if count < max(1, MATTERS * rows) or chance_of_count(count, rows, by_chance) >= LEVEL:
        return ""
    return (
        f"{count:,} of {counted(rows, 'training row')} {'repeats' if count == 1 else 'repeat'} another, with the same"
        " inputs and the same target, so that rows held out are learned too"
    )


def outside_of_training(coverage: Coverage, dates: Collection[str], quote: Quote = quoted) -> str:
    """Count the test rows beyond the training rows: in numbers, in categories, or in inputs that are `dates`."""
    places = [
        f"{region.test_rows:,} {'below' if region.low is None else 'above'}"
        f" {_end(region.high if region.low is None else region.low, region.input in dates)} in {quote(region.input)}"
        for region in coverage.bare
        if not region.inside
    ]
    places += [
        f"{rows:,} with a category of {quote(name)} that no training row has"
        for name, rows in coverage.unseen
    ]
    if not places:
        return ""
    where = first_few(places, 4, joint=", and ")
    return f"of {counted(coverage.test_rows, 'test row')}, outside of all training rows lie {where}"


def in_gaps(coverage: Coverage, dates: Collection[str], quote: Quote = quoted) -> str:
    """Count the test rows in gaps between training rows, some of inputs that are `dates`."""
    gaps = [gap for gap in coverage.bare if gap.inside]
    if not gaps:
        return ""
    places = [
        f"{gap.test_rows:,} between {_end(gap.low, is_date)} and {_end(gap.high, is_date)} in {quote(gap.input)}"
        for gap in gaps
        for is_date in [gap.input in dates]
    ]
    return (
        f"{coverage.gap_rows:,} of {counted(coverage.test_rows, 'test row')} lie where there is no training row:"
        f" {first_few(places, 4, joint=', and ')}"
    )


def _end(value: float | None, is_date: bool) -> str:
    if value is None:
        return "none"
    return date_text(value) if is_date else f"{value:z.4g}".replace("-", "−", int(value < 0))
