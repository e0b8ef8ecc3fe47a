"""Dates: read exactly from every format, refused by name where they are not, and what a fit learns of them."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.data import (
    Column,
    ColumnKind,
    Dataset,
    DateStyle,
    Preprocessing,
    TableSource,
    fit_preprocessing,
    given_columns,
    load_table_dataset,
    read_columns,
)
from shoal.data._date_formats import format_fault, iso_moment, likely_formats, moment_in
from shoal.data._missing import Missing
from shoal.data.encoders.date import DateEncoder
from shoal.errors import DataError, ModelFileError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def seconds(moment: datetime) -> float:
    """Seconds since 1970 by Python's own arithmetic, of a moment in UTC unless it says otherwise."""
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH
    return since.days * 86_400 + since.seconds + since.microseconds * 1000 / 1e9


def load(cells: list[str], file: str = "t.csv", **choices: Any) -> Dataset:
    """Read a table of dates and a target, as both training and test table."""
    rows = [f'"{cell}",{row}' for row, cell in enumerate(cells)]
    Path(file).write_text("\n".join(["day,y", *rows]) + "\n", encoding="utf-8")
    chosen = {"task": "regression", "targets": ("y",), "impute": True, "find_kinds": True, "test": file}
    return load_table_dataset(TableSource(train=file, **{**chosen, **choices}))


def refusal(cells: list[str], **choices: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        load(cells, **choices)
    return list(dict.fromkeys(str(caught.value).splitlines()))


FORMATS = ("%Y-%m-%d", "%d/%m/%Y %H:%M:%S", "%m.%d.%y", "%d %B %Y", "%b %d, %Y %I:%M %p", "%Y%m%d", "%Y %j", "%H:%M",
           "%a %d %b %Y %H:%M:%S.%f %z", "week of %A, %m%%%d of %Y")  # fmt: skip


@given(
    moment=st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30)),
    text=st.sampled_from(FORMATS),
    minutes=st.integers(-1439, 1439),
)
def test_a_stated_format_means_what_strptime_says(moment: datetime, text: str, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    cell = moment.replace(tzinfo=zone).strftime(text)
    expected = datetime.strptime(cell, text)
    read = moment_in(cell, text)
    assert read is not None
    assert read[0] + read[1] / 1e9 == seconds(expected)
    assert read[2] == ("%z" in text)
    assert moment_in(cell.upper(), text) == read
    assert moment_in(f"{cell}x", text) is None


@given(st.text("%YmdHMSbByjfpIaAzQ -/:", max_size=8))
def test_a_format_is_refused_or_understood(text: str) -> None:
    if not format_fault(text):
        moment_in("2024-01-31 12:00", text)


def test_faults_of_formats_are_named() -> None:
    cells = ["01/02/2024"] * 3
    faults = {
        "%d/%m/%Q": "data.columns.day.format: expected directives among %Y %y %m %d %j %H %I %M %S %f %p %b %B %a"
        " %A %z %%, got %Q",
        "plain": "data.columns.day.format: expected directives such as %Y-%m-%d, got none",
        "%d%d": "data.columns.day.format: expected every directive once, got %d 2 times",
        "%Y %y": "data.columns.day.format: expected one of %Y and %y, got both",
        "%I:%M": "data.columns.day.format: expected %I and %p together, got one of them",
        "%j %d": "data.columns.day.format: expected %j without month and day, got both",
    }
    for text, sentence in faults.items():
        assert refusal(cells, columns={"day": ColumnKind("date", format=text)}) == [sentence]


@given(moment=MOMENTS, digits=st.integers(0, 9), zone=st.sampled_from(["", "Z", "+05:30", "-0800", " +01"]),
       joint=st.sampled_from("T "))  # fmt: skip
def test_iso_dates_are_read_as_python_reads_them(
    moment: datetime, digits: int, zone: str, joint: str
) -> None:
    fraction = f".{moment.microsecond:06d}000"[: digits + 1] if digits else ""
    cell = f"{moment.isoformat(timespec='seconds')}{fraction}".replace("T", joint) + zone
    expected = datetime.fromisoformat(cell.replace(" +01", "+01").replace("000000000", "000000"))
    read = iso_moment(cell)
    assert read is not None
    assert read[0] + read[1] / 1e9 == seconds(expected)
    assert read[2] == bool(zone)
    assert iso_moment(cell[:10]) == (
        read[0] - read[0] % 86_400 if not zone else iso_moment(cell[:10])[0],
        0,
        False,
    )  # type: ignore[index]


@settings(max_examples=20)
@given(
    st.lists(st.none() | st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)), min_size=2, max_size=6),
    st.booleans(),
)
def test_the_same_moments_are_the_same_numbers_from_everywhere(
    moments: list[datetime | None], zoned: bool
) -> None:
    moments[0] = datetime(2020, 2, 29, 23, 59, 59, 999_999)
    frame = pd.DataFrame({"day": pd.Series(moments, dtype="datetime64[us]")})
    frame = frame.assign(day=frame["day"].dt.tz_localize("UTC" if zoned else None))
    frame.to_csv("t.csv", index=False)
    frame.to_parquet("t.parquet")
    np.savez("t.npz", day=frame["day"].to_numpy(dtype="datetime64[us]"))
    styles = {"day": DateStyle("", zoned)}
    missing = Missing({"day"})
    files = [read_columns(file, ["day"], None, missing, styles) for file in ("t.csv", "t.parquet", "t.npz")]
    polars = pl.DataFrame({"day": moments}, schema={"day": pl.Datetime("us", "UTC" if zoned else None)})
    text = [None if moment is None else moment.isoformat() + "Z" * zoned for moment in moments]
    objects = [moment and moment.replace(tzinfo=UTC if zoned else None) for moment in moments]
    frames = [frame, polars, {"day": text}, {"day": objects}]
    read = [*files, *(given_columns(x, ["day"], None, missing, styles) for x in frames)]
    expected = np.array([np.nan if moment is None else seconds(moment) for moment in moments])
    for (column,) in read:
        np.testing.assert_array_equal(column.values, expected)
        assert column.takes == "dates"


def test_dates_are_found_and_said() -> None:
    dataset = load(["2024-01-31", "", "2024-03-01T12:30:00", "2023-12-31 00:00"])
    (column,) = dataset.columns
    assert column.values[:4].tolist() == pytest.approx(
        [1706659200, np.nan, 1709296200, 1703980800], nan_ok=True
    )
    assert dataset.notes[0] == (
        'column "day": dates from 2023-12-31 to 2024-03-01T12:30:00, read as seconds since the first training row of'
        " a fit, and as month, weekday and hour where they vary; 1 of 4 training cells and 1 of 4 test cells missing;"
        " each fit puts the median of its training rows there, and an input says where"
    )
    assert dataset.facts[0].kind == "date"
    assert load(["2024-01-31", "2024-03-01"], categorical=("day",)).facts[0].kind == "category"
    same = load(["31.01.2024", "", "01.03.2024"], columns={"day": ColumnKind("date", format="%d.%m.%Y")})
    assert same.train_fingerprint == load(["2024-01-31", "", "2024-03-01"]).train_fingerprint


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (
            ["31/12/2024"] * 3 + ["01/02/2024"],
            't.csv, column "day": expected dates of ISO 8601, such as 2024-12-31, got "31/12/2024" on line 2 and others'
            ' in 4 of 4 cells; state how they are written: data.columns.day = { kind = "date", format = "%d/%m/%Y" }',
        ),
        (
            ["1/2/24", "3/4/24", ""],
            't.csv, column "day": expected dates of ISO 8601, such as 2024-12-31, got "1/2/24" on line 2 and others in'
            ' 2 of 2 cells; state how they are written: data.columns.day = { kind = "date", format = "%d/%m/%y" };'
            ' "%m/%d/%y" fits, too',
        ),
        (
            ["12:30", "23:59"],
            't.csv, column "day": expected dates of ISO 8601, such as 2024-12-31, got "12:30" on line 2 and others in'
            ' 2 of 2 cells; state how they are written: data.columns.day = { kind = "date", format = "%H:%M" }',
        ),
        (
            ["2024-12-30T00:00Z", "2024-12-31T00:00"],
            't.csv, column "day": expected dates all with a time zone or all without, got "2024-12-30T00:00Z" and'
            ' "2024-12-31T00:00"',
        ),
    ],
)
def test_dates_that_are_written_otherwise_are_one_sentence(cells: list[str], sentence: str) -> None:
    assert refusal(cells) == [sentence]


MONTHS_OF_OTHERS = {
    "{day}. {month} 2023": ["Januar", "Februar", "März", "Oktober"],
    "{day} {month}. 2023": ["janv", "févr", "juil", "déc"],
    "{day} de {month} de 2023": ["enero", "febrero", "marzo"],
    "{day}-{month}-23": ["ENE", "ABR", "AGO"],
    "{day} {month} 2023 12:30": ["stycznia", "lutego", "września"],
}


@pytest.mark.parametrize("form", MONTHS_OF_OTHERS)
def test_names_of_months_in_other_languages_are_no_categories_and_no_guess(form: str) -> None:
    months = MONTHS_OF_OTHERS[form]
    cells = [form.format(day=row + 1, month=months[row % len(months)]) for row in range(24)]
    remedy = (
        "names of months are read in English alone: write months as numbers in the file, or, where these are no dates,"
        " name the column in data.categorical"
    )
    assert refusal(cells) == [
        f't.csv, column "day": expected dates of ISO 8601, such as 2024-12-31, got "{cells[0]}" on line 2 and others in'
        f" 24 of 24 cells; {remedy}"
    ]
    stated = {"columns": {"day": ColumnKind("date", format="%d %B %Y")}}
    foreign = f'got "{cells[0]}" and others in 24 of 24 cells'
    assert refusal(cells, **stated) == [
        f't.csv, column "day": expected a date written as %d %B %Y, its month in English or as a number, {foreign},'
        " first on line 2"
    ]
    assert load(cells, categorical=("day",), keep=("day",)).facts[0].kind == "category"


def test_the_sentences_on_months_in_german() -> None:
    months = MONTHS_OF_OTHERS["{day}. {month} 2023"]
    cells = [f"{row + 1}. {months[row % 4]} 2023" for row in range(24)]
    assert refusal(cells) == [
        't.csv, column "day": expected dates of ISO 8601, such as 2024-12-31, got "1. Januar 2023" on line 2 and others'
        " in 24 of 24 cells; names of months are read in English alone: write months as numbers in the file, or, where"
        " these are no dates, name the column in data.categorical"
    ]
    assert refusal(cells, columns={"day": ColumnKind("date", format="%d %B %Y")}) == [
        't.csv, column "day": expected a date written as %d %B %Y, its month in English or as a number, got "1. Januar'
        ' 2023" and others in 24 of 24 cells, first on line 2'
    ]


def test_what_is_like_a_month_and_none_stays_a_category() -> None:
    cells = [f"{3 + row % 3} {('Series', 'Golf')[row % 2]} {2019 + row % 2}" for row in range(24)]
    assert load(cells).facts[0].kind == "category"
    streets = [f"{row} Street{chr(97 + row)} 1234" for row in range(24)]
    assert load([*streets, *streets], keep=("day",)).facts[0].kind == "category"


def test_durations_and_dates_of_other_programs() -> None:
    assert refusal(["75:12", "80:30", "9:59"]) == [
        't.csv, column "day": expected dates of ISO 8601, such as 2024-12-31, got "75:12" on line 2 and others in 3 of'
        " 3 cells; there is no such time of day: write durations as numbers in the file, such as seconds"
    ]
    assert likely_formats(["01JAN2023", "28FEB2023"]) == ("%d%b%Y",)
    assert likely_formats(["01JAN2023:07:30:00"]) == ("%d%b%Y:%H:%M:%S",)
    assert likely_formats(["Jan 01 2023 12:00AM"]) == ("%b %d %Y %I:%M%p",)


def test_cells_that_are_no_dates_are_named_few_by_line_many_by_count() -> None:
    good = [f"2024-01-{day:02d}" for day in range(1, 21)]
    assert refusal([*good, "2023-02-29", "soon"]) == [
        't.csv, line 22, column "day": expected a day of the calendar, got "2023-02-29"',
        't.csv, line 23, column "day": expected a date of ISO 8601, got "soon"',
    ]
    assert refusal([*good, "x", "y", "z", "x"]) == [
        't.csv, column "day": expected a date of ISO 8601, got "x" and others in 4 of 24 cells, first on line 22'
    ]
    stated = {"columns": {"day": ColumnKind("date", format="%d/%m/%Y")}}
    assert refusal(["31/12/2024", "12/31/2024", "01/01/2024"], **stated) == [
        't.csv, line 3, column "day": expected a date written as %d/%m/%Y, got "12/31/2024"'
    ]
    assert refusal(["", *good], impute=False) == [
        't.csv, line 2, column "day": expected a date, got an empty cell'
    ]


def test_a_zone_that_was_not_learned_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        given_columns({"day": ["2024-01-01T00:00Z"]}, ["day"], dates={"day": DateStyle("", zoned=False)})
    assert str(caught.value) == (
        'x, column "day": expected dates without a time zone, as those learned from, got "2024-01-01T00:00Z", with one'
    )
    with pytest.raises(DataError) as caught:
        given_columns(
            pd.DataFrame({"day": [pd.Timestamp(0)]}), ["day"], dates={"day": DateStyle("", zoned=True)}
        )
    assert str(caught.value) == (
        'x, column "day": expected dates with a time zone, as those learned from, got without one'
    )


def test_likely_formats_fit_every_cell() -> None:
    assert likely_formats(["01/13/2024", "12/31/2024"]) == ("%m/%d/%Y",)
    assert likely_formats(["01/02/2024"]) == ("%d/%m/%Y", "%m/%d/%Y")
    assert likely_formats(["5 May 2024 10:00", "6 May 2024 23:59"]) == ("%d %b %Y %H:%M", "%d %B %Y %H:%M")
    assert likely_formats(["red"]) == ()


def column(values: list[float], *, impute: bool = True) -> Column:
    return Column("day", np.array(values), "date", impute=impute)


@given(
    st.lists(st.none() | MOMENTS.map(lambda moment: moment.replace(microsecond=0)), min_size=1, max_size=8),
    st.data(),
    st.booleans(),
)
def test_a_fit_learns_of_its_rows_alone_and_reads_the_calendar(
    moments: list[datetime | None], data: st.DataObject, standardize: bool
) -> None:
    values = [np.nan if moment is None else seconds(moment) for moment in moments]
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, len(values) - 1), min_size=1))))
    encoder = DateEncoder.fit(column(values), rows, standardize=standardize)
    other = [
        value if row in rows else data.draw(st.sampled_from([np.nan, 0.0, 1e9]))
        for row, value in enumerate(values)
    ]
    again = DateEncoder.fit(column(other), rows, standardize=standardize)
    assert again == encoder
    assert DateEncoder.from_json(encoder.to_json()) == encoder
    assert not list(encoder.misfits())
    known = [moments[row] for row in rows if moments[row] is not None]
    if not known:
        assert encoder.names == ()
        return
    x_ND = np.zeros((len(values), len(encoder.names)), np.float32)
    encoder.encode(np.array(values), x_ND)
    parts = {
        "month": (12, lambda at: at.month - 1),
        "weekday": (7, datetime.weekday),
        "hour": (24, lambda at: at.hour),
    }
    varying = [name for name, (_, part) in parts.items() if len({part(at) for at in known}) > 1]
    assert list(encoder.cycles) == varying
    for row, moment in enumerate(moments):
        if moment is None:
            continue
        assert x_ND[row, 0] == np.float32(
            (values[row] - encoder.first - encoder.scale.mean) / encoder.scale.scale
        )
        for number, name in enumerate(varying):
            count, part = parts[name]
            angle = 2 * np.pi * part(moment) / count
            np.testing.assert_allclose(
                x_ND[row, 1 + 2 * number : 3 + 2 * number], [np.sin(angle), np.cos(angle)], atol=1e-7
            )
    first = min(known)
    assert encoder.first == seconds(first)
    if encoder.missing:
        assert x_ND[:, -1].tolist() == [float(moment is None) for moment in moments]


def test_what_is_learned_of_dates_has_names() -> None:
    days = [seconds(datetime(2024, 1, 1) + timedelta(days=day)) for day in range(40)]
    encoder = DateEncoder.fit(column([*days, np.nan]), np.arange(41), standardize=False)
    assert encoder.names == (
        "day", "day month sin", "day month cos", "day weekday sin", "day weekday cos", "day is missing"
    )  # fmt: skip
    full = DateEncoder.fit(column(days), np.arange(5), standardize=False)
    assert full.names == ("day", "day weekday sin", "day weekday cos")
    assert full.unknown(np.array([np.nan])) == (
        "1 missing cell, which no training row had, read as their median, 2024-01-03"
    )
    assert calendar.day_name[date(2024, 1, 1).weekday()] == "Monday"


def test_a_foreign_description_of_dates_is_refused() -> None:
    days = [seconds(datetime(2024, 1, 1)), seconds(datetime(2024, 5, 1))]
    good = DateEncoder.fit(column(days), np.arange(2), standardize=True).to_json()

    def described(**changes: Any) -> Preprocessing:
        return Preprocessing.from_json({"inputs": [{**good, **changes}], "targets": [], "channels": []})

    assert list(described().misfits()) == []
    assert list(described(format="%Q").misfits()) != []
    assert list(described(first=-1e300).misfits()) == [
        "expected dates of the years 1 to 9999, got -1e+300 seconds since 1970"
    ]
    for wrong in ({"cycles": ["year"]}, {"zoned": 1}, {"median": "x"}, {"first": None}, {"extra": 1}):
        with pytest.raises(ModelFileError):
            described(**wrong)


def test_large_seconds_keep_their_differences() -> None:
    base = seconds(datetime(2024, 1, 1))
    fitted = fit_preprocessing(
        Dataset(
            name="", task="regression", columns=(column([base, base + 1, base + 2]),), target_names=("y",),
            targets=np.zeros((3, 1)), classes=(), train_rows=3, groups=None, given_folds=None,
            train_fingerprint="", test_fingerprint="", source="",
        ),
        np.arange(3), "none",
    )  # fmt: skip
    assert fitted.inputs([column([base, base + 1, base + 2])])[:, 0].tolist() == [0, 1, 2]
