"""Tables that are too wide, too long or too large for the memory there is: one sentence before they are read."""

from __future__ import annotations

import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shoal.data import TableSource, load_table_dataset, read_table
from shoal.data._table_format import MOST_COLUMNS
from shoal.errors import DataError, EnvironmentFault, ShoalError

LESS = "fewer rows or columns need less, and an NPZ file less than a text file"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(read: Callable[[], object], kind: type[ShoalError] = DataError) -> str:
    with pytest.raises(kind) as caught:
        read()
    return str(caught.value)


def test_more_columns_than_anybody_means_are_refused() -> None:
    names = [f"c{number}" for number in range(MOST_COLUMNS + 1)]
    Path("t.csv").write_text(",".join(names) + "\n")
    assert (
        refusal(lambda: read_table("t.csv")) == "t.csv, line 1: expected at most 100,000 columns, got 100,001"
    )
    np.savez("t.npz", x=np.zeros((2, MOST_COLUMNS)), y=np.zeros(2))
    assert refusal(lambda: read_table("t.npz")) == "t.npz: expected at most 100,000 columns, got 100,001"
    without_rows = pa.schema([(name, pa.int8()) for name in names]).empty_table()
    pq.write_table(without_rows, "t.parquet", store_schema=False, use_dictionary=False)
    assert (
        refusal(lambda: read_table("t.parquet")) == "t.parquet: expected at most 100,000 columns, got 100,001"
    )


def test_as_many_columns_as_are_allowed_are_read() -> None:
    Path("t.csv").write_text(
        "\n".join(",".join(row) for row in (map(str, range(MOST_COLUMNS)), ["1"] * MOST_COLUMNS))
    )
    table = read_table("t.csv")
    assert len(table.names) == MOST_COLUMNS
    assert table[str(MOST_COLUMNS - 1)] == ("1",)
    wrong = TableSource("t.csv", "regression", ("y",), inputs=tuple(f"x{number}" for number in range(1000)))
    assert refusal(lambda: load_table_dataset(wrong)).count("\n") == 1000


def test_columns_that_an_array_declares_are_counted_before_they_are_named() -> None:
    head = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2000000000)}".ljust(117) + "\n"
    with zipfile.ZipFile("t.npz", "w") as file:
        file.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode())
    assert (
        refusal(lambda: read_table("t.npz")) == "t.npz: expected at most 100,000 columns, got 2,000,000,000"
    )


@pytest.mark.parametrize("content", ["a,b\n1," + "x" * 200_000 + "\n", 'a,b\n1,"' + "1,2\n" * 50_000])
def test_a_cell_that_is_a_book_is_called_so(content: str) -> None:
    Path("t.csv").write_text(content)
    assert refusal(lambda: read_table("t.csv")) == (
        "t.csv, line 2: expected cells of at most 131,072 characters, got a longer one; perhaps a quote is never closed"
    )


def test_a_text_file_that_would_not_fit_is_refused_before_it_is_read() -> None:
    Path("t.csv").write_text("x,y\n" + "1.5,2\n" * 200_000)
    source = TableSource("t.csv", "regression", ("y",))
    tracemalloc.start()
    try:
        sentence = refusal(lambda: load_table_dataset(source, room=20e6), EnvironmentFault)
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()
    assert sentence == (
        "memory: expected 35 MB to read t.csv, got 20 MB available;"
        " fewer rows or columns need less, and an NPZ file less than a text file"
    )
    assert load_table_dataset(source, room=40e6).rows == 200_000


def test_arrays_and_parquet_that_would_not_fit_are_refused_before_they_are_read() -> None:
    np.savez_compressed("t.npz", x=np.zeros((1000, 100)), y=np.zeros(1000), unused=np.zeros((1000, 2000)))
    source = TableSource("t.npz", "regression", ("y",), inputs=("x[0]",))
    assert refusal(lambda: load_table_dataset(source, room=1e6), EnvironmentFault) == (
        f"memory: expected 2 MB to read t.npz, got 1 MB available; {LESS}"
    )
    pq.write_table(pa.table({"x": [1.0] * 1_000_000, "y": [2.0] * 1_000_000}), "t.parquet")
    assert Path("t.parquet").stat().st_size < 100_000
    source = TableSource("t.parquet", "regression", ("y",))
    assert refusal(lambda: load_table_dataset(source, room=1e6), EnvironmentFault) == (
        f"memory: expected 16 MB to read t.parquet, got 1 MB available; {LESS}"
    )


@pytest.mark.parametrize("stored", [pa.string(), pa.dictionary(pa.int32(), pa.string())])
def test_one_long_text_in_every_row_is_weighed_in_each(stored: pa.DataType) -> None:
    """The file, and what it declares of its size, hold the text once; numbers beside it stay numbers."""
    texts = pa.array(["z" * 10_000] * 5_000).cast(stored)
    pq.write_table(pa.table({"x": range(5_000), "c": texts}), "t.parquet")
    assert Path("t.parquet").stat().st_size < 200_000
    assert refusal(lambda: read_table("t.parquet", room=45e6), EnvironmentFault).startswith(
        "memory: expected 82 MB to read t.parquet, got 45 MB available"
    )
    table = read_table("t.parquet", room=200e6)
    assert list(table["x"]) == list(range(5_000))
    assert set(table["c"]) == {"z" * 10_000}


@pytest.mark.parametrize("error", [MemoryError(), pa.ArrowMemoryError("malloc of size 8 failed")])
def test_memory_that_ends_while_reading_is_called_so(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    pq.write_table(pa.table({"x": [1.0], "y": [2.0]}), "t.parquet")
    monkeypatch.setattr(pq.ParquetFile, "read", fail)
    assert refusal(lambda: read_table("t.parquet"), EnvironmentFault) == (
        f"memory: expected enough to read t.parquet, got no more from the system; {LESS}"
    )


def test_a_pipe_is_not_waited_for() -> None:
    os.mkfifo("p.csv")
    assert refusal(lambda: read_table("p.csv")) == "p.csv: expected a file, got a pipe"


def test_a_header_is_not_unpacked_before_its_length_is_known() -> None:
    size = 50_000_000
    with zipfile.ZipFile("t.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x.npy", b"\x93NUMPY\x02\x00" + size.to_bytes(4, "little") + b" " * size)
    tracemalloc.start()
    try:
        assert refusal(lambda: read_table("t.npz")).endswith(f"got a damaged one (a header of {size} bytes)")
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()
