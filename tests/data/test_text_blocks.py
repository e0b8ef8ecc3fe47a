"""A text is read and cut in blocks, side by side: what is read is what one thread reads of the whole, refusals too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal import cores
from shoal.data import _table_format, _text_column, read_table
from shoal.data._dataset import Column
from shoal.data._dialect import Dialect
from shoal.data._encoding import in_utf_8
from shoal.data._findings import Findings
from shoal.data._fingerprint import fingerprint
from shoal.data._table_format import EVERYTHING, TableFile
from shoal.data._text_column import _blocks, plain_columns
from shoal.errors import DataError

CELLS = st.sampled_from(
    ["", "1", "-2.5", "007", "red", "é", " x ", '"a"', '"b,c"', '"d\ne"', '"f""g"', '"', "h\ri", "2020-01-01"]
)
PLAIN = st.sampled_from(["", "1", "-2.5", "007", "red", "é", " x ", "12345678901234567890"])


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Draw a text of some lines: plain or not, ragged or not, with whatever ends lines and stands before the first."""
    width, cells = draw(st.integers(2, 4)), draw(st.sampled_from([PLAIN, PLAIN, CELLS]))
    widths = st.just(width) if draw(st.integers(0, 3)) else st.integers(1, 5)
    rows = draw(
        st.lists(widths.flatmap(lambda size: st.lists(cells, min_size=size, max_size=size)), max_size=12)
    )
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    mark = draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"]))
    lines = [",".join(f"n{place}" for place in range(width)), *map(",".join, rows)]
    return mark + (end.join(lines) + end * draw(st.integers(0, 2))).encode()


@contextmanager
def in_parts(block: int, read_at_once: int, count: int) -> Iterator[None]:
    """Have texts read and cut in so small parts, by so many threads."""
    with ExitStack() as patches:
        for owner, name, value in (
            (_text_column, "_BLOCK", block),
            (_text_column, "_ROWS_AT_ONCE", 2),
            (_table_format, "_AT_ONCE", read_at_once),
            (_table_format, "_SAMPLE", 3),
            (cores, "MANY", 1),
            (cores, "core_count", lambda: count),
        ):
            patches.enter_context(patch.object(owner, name, value))
        yield


def said_of(path: Path) -> object:
    """Read a table; give all that is read of it, or every line of its refusal."""
    try:
        table = read_table(path)
    except DataError as error:
        return str(error)
    return table.names, [list(cells) for cells in table.columns], list(table.lines or ()), table.text_bytes


@given(
    content=documents(), block=st.integers(1, 40), read_at_once=st.integers(1, 30), count=st.integers(1, 3)
)
def test_parts_read_side_by_side_are_the_whole(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, block: int, read_at_once: int, count: int
) -> None:
    path = tmp_path_factory.mktemp("text") / "t.csv"
    path.write_bytes(content)
    whole = said_of(path)
    with in_parts(block, read_at_once, count):
        assert said_of(path) == whole
    with (
        patch.object(_text_column, "function_of_core", return_value=None),
        in_parts(block, read_at_once, count),
    ):
        assert said_of(path) == whole
    with patch.object(_table_format, "_READ_AT", None):
        assert said_of(path) == whole


@given(content=documents(), block=st.integers(1, 60))
def test_blocks_are_whole_lines_and_all_of_the_text(content: bytes, block: int) -> None:
    content += b"\n"
    with patch.object(_text_column, "_BLOCK", block):
        blocks = _blocks(content, len(content))
    parts = [content[part] for part in blocks]
    assert b"".join(parts) == content
    assert all(part.endswith(b"\n") for part in parts)
    assert all(
        part.count(b"\n", 0, block - 1) == 0 or len(part) >= block or part is parts[-1] for part in parts
    )


def test_a_plain_text_is_cut_in_blocks_and_a_ragged_one_in_any_of_them_is_not() -> None:
    lines = [f"{number},{number * 7}" for number in range(500)]
    with in_parts(64, 1000, 2):
        plain = plain_columns("\n".join(["a,b", *lines]).encode(), ",")
        assert plain is not None
        assert list(plain[1][1]) == [str(number * 7) for number in range(500)]
        for place in (0, 250, 499):
            ragged = [*lines[:place], lines[place] + ",1", *lines[place + 1 :]]
            assert plain_columns("\n".join(["a,b", *ragged]).encode(), ",") is None
            split = [*lines[:place], "1", "2,3,4", *lines[place + 1 :]]  # as many cells in all
            assert plain_columns("\n".join(["a,b", *split]).encode(), ",") is None


@given(data=st.data(), content=st.binary(min_size=1, max_size=200), at_once=st.integers(1, 40))
def test_what_a_system_gives_in_pieces_is_read_whole(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, content: bytes, at_once: int
) -> None:
    """A read may give less than was asked for, at any place; the rest is read behind it."""
    path = tmp_path_factory.mktemp("pieces") / "t.csv"
    path.write_bytes(content)
    given_back = {start: data.draw(st.integers(0, at_once)) for start in range(3, 203, at_once)}

    def pieces(_: int, rooms: list[memoryview], place: int) -> int:
        (room,) = rooms
        part = content[place : place + min(len(room), given_back.get(place, at_once))]
        room[: len(part)] = part
        return len(part)

    with (
        in_parts(8, at_once, 2),
        patch.object(_table_format, "_READ_AT", pieces),
        path.open("rb") as stream,
    ):
        file = TableFile(path, stream, len(content), Findings("t"), EVERYTHING, Dialect())
        assert bytes(file._as_declared(stream.read(3))) == content
        assert stream.tell() == len(content)


@given(content=st.binary(max_size=30) | st.text(max_size=10).map(str.encode))
def test_plain_bytes_are_taken_as_they_are(content: bytes) -> None:
    findings = Findings("t")
    read = in_utf_8(content, findings)
    assert (read is content) <= (content.isascii() and b"\0" not in content)
    if content.isascii() and b"\0" not in content and not findings.found:
        assert read is content


@given(texts=st.lists(st.sampled_from(["a", 'b"', "é", "\\", "", "long " * 20]), min_size=1))
def test_a_column_of_texts_is_named_by_its_list_in_json(texts: list[str]) -> None:
    """The digest is that of the text that Python writes of the list itself."""
    values = np.array(texts, np.object_)
    target_N1 = np.arange(len(texts), dtype=np.float64)[:, None]
    digest = hashlib.sha256(b"shoal table 1\0" + json.dumps(["y"]).encode())
    digest.update(json.dumps(["c", "input", "text", len(texts)]).encode() + json.dumps(texts).encode())
    digest.update(json.dumps(["", "targets", "number", len(texts), 1]).encode() + target_N1.tobytes())
    assert fingerprint([Column("c", values)], ["y"], target_N1) == digest.hexdigest()
