"""Hostile study files: whatever the bytes, one printable line a mistake, with its place, soon, and exit code 2."""

from __future__ import annotations

import os
import random
import re
import time
from pathlib import Path

import pytest

from shoal.errors import StudyError
from shoal.study import builtin_studies, load_study, template, to_toml
from test_cli import shoal as command

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
SECONDS = 2.0
"""Processor seconds, of this process alone: another's work on the machine does not count."""

VALID = """[study]
task = "regression"
name = "s"
[data]
dataset = "two-peaks"
[network]
hidden = [6, 5]
[[compare]]
name = "base"
[search]
folds = 2
[search.space]
"network.hidden[0]" = [4, 6]
"""


def judged(path: Path) -> list[str]:
    """The lines of the refusal; none for a study that is taken. Each has its place and is fit to be printed."""
    start = time.process_time()
    lines: list[str] = []
    try:
        load_study(path)
    except StudyError as refusal:
        lines = list(map(str, refusal.problems))
    assert time.process_time() - start < SECONDS
    for line in lines:
        assert line.startswith(f"{path}:"), line
        assert line.isprintable(), line
        assert len(line) < 800, line
        assert not re.search(r"[Ii]nput should|pydantic|input_type|Traceback", line), line
    return lines


# -- drawn files ---------------------------------------------------------------------------------------------

PIECES = (
    b"[", b"]", b"[[", b"]]", b"{", b"}", b'"', b"'", b'"' * 3, b"'" * 3, b"=", b".", b",", b"#", b"\n", b"\r", b"\0",
    b"\\", b"\\u0000", b"\\ud800", b"\x1b[2J", b"\xff", b"\xc3\x28", "\u202e".encode(), b"\xef\xbb\xbf", b"1e999",
    b"nan", b"-inf", b"0x", b"-", b"0", b"9" * 30, b"9" * 5000, b"1979-05-27T07:32:00Z", b"true", b"a.b.c", b'"a"."b"',
    b"[study]\n", b"[[compare]]\n", b"[search.space]\n", b'task = "classification"\n', b"hidden = ", b"[[[[[[[[",
    b"lr = { low = 1 }\n", b"x" * 300, b"[search]\nfolds = 2\n", b"{ low = 0, high = 1, log = true }", b"[[[]]]",
)  # fmt: skip
POOL = [
    VALID,
    *map(template, ("regression", "classification")),
    *(to_toml(load_study(name)) for name in builtin_studies()),
]
OTHERS = (
    "0", "-1", "1.5", "1e400", "nan", "true", "''", '"x"', "[]", "[[1]]", "{}", "{a = 1}", "2**3", str(2**31),
    str(2**63), "9" * 400, "0.1", "1979-05-27", r'"\u001b[2J"', '"../x"', f'"{"x" * 300}"',
)  # fmt: skip
VALUES = re.compile(r"(?<== ).+")


def drawn(draw: random.Random) -> bytes:
    """A study that was damaged or given hostile values, TOML-like noise, or plain bytes."""
    kind = draw.randrange(20)
    if kind == 0:
        return draw.randbytes(draw.randrange(200))
    if kind <= 3:
        return b"".join(draw.choices(PIECES, k=draw.randrange(30)))
    text = draw.choice(POOL)
    raw = (VALUES.sub(lambda found: _other(found[0], draw), text) if kind <= 11 else text).encode(
        "utf-8", "replace"
    )
    for _ in range(draw.choice([0, 0, 0, 1] if kind <= 11 else [1, 1, 2, 3])):
        start = draw.randint(0, len(raw))
        stop = start + draw.choice([0, 0, 0, 1, 1, draw.randrange(60)])
        raw = raw[:start] + draw.choice([*PIECES, b"", raw[stop : stop + 80]]) + raw[stop:]
    return raw


def _other(value: str, draw: random.Random) -> str:
    """The same value mostly, or one that may not belong here."""
    if draw.random() < 0.85:
        return value
    other = draw.choice(OTHERS)
    return draw.choice(
        [other, other, f"[{value}]", value.upper(), value[:-1], f"[{value}, {value}, {other}]"]
    )


def test_drawn_files_are_taken_or_refused_line_by_line(tmp_path: Path) -> None:
    draw, taken = random.Random(2026), 0  # noqa: S311
    path, again = tmp_path / "drawn.toml", tmp_path / "again.toml"
    for _ in range(20_000 if LONG else 500):
        path.write_bytes(drawn(draw))
        if not judged(path):
            taken += 1
            study = load_study(path)
            again.write_text(to_toml(study), encoding="utf-8")
            assert load_study(again) == study
    assert taken > 0


def _key(text: str) -> str:
    return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in text) + '"'


# -- extremes, as a user meets them --------------------------------------------------------------------------

LINES = 3_000 if LONG else 500
EXTREMES = {
    "500 nested lists": b"a = " + b"[" * 500 + b"]" * 500,
    "500 nested lists, open": b"a = " + b"[" * 500,
    "500 nested lists in a space": b'[search.space]\n"training.lr" = ' + b"[" * 500 + b"1" + b"]" * 500,
    "500 nested tables": b"a = " + b"{b = " * 500 + b"1" + b"}" * 500,
    "50,000 nested lists": b"a = " + b"[" * 50_000,
    "500 dots": b"a" + b".a" * 500 + b" = 1",
    "a header of 30,000 dots": b"[a" + b".a" * 10 * LINES + b"]",
    "10 MB of text": b"# " + b"x" * 10_000_000,
    "10 MB of lists": b"a = [" + b"[]," * 3_333_333 + b"]",
    "latin-1": 'name = "Größe"'.encode("latin-1"),
    "UTF-16": VALID.encode("utf-16"),
    "bytes": bytes(range(256)),
    "nothing but NUL": bytes(5000),
    "an open text": b'[study]\nname = """' + b"x\n" * 20_000,
    "half a code point": b'a = "\xe2\x82',
    "a number of 90,000 digits": b"a = " + b"9" * 90_000,
    "many sections": b"".join(b"[s%d]\n" % number for number in range(3 * LINES)),
    "many keys": b"[study]\n" + b"".join(b"k%d = 1\n" % number for number in range(3 * LINES)),
    "many comparisons": VALID.encode() + b'[[compare]]\nname = "x"\n' * LINES,
    "many tables": VALID.encode() + b"".join(b'[[compare]]\nname = "%d"\nx = 1\n' % number for number in range(LINES)),
    "many strange comparisons": VALID.encode() + b"[[compare]]\nx = 1\n" * LINES,
    "one key often": b"a = 1\n" * 10_000,
    "a long list": b"[network]\nhidden = [" + b"-1," * (10 * LINES) + b"]",
    "a long list of lists": b"[network]\nhidden = [" + b"[]," * (10 * LINES) + b"]",
    "a wide space": VALID.encode() + b"".join(b'"network.hidden[%d]" = [1]\n' % number for number in range(LINES)),
    "a space of near names": VALID.encode() + b"".join(b'"training.lr%d" = [1]\n' % number for number in range(LINES)),
    "quotes": b'"' * 99_999,
    "backslashes": b'a = "' + b"\\" * 99_000 + b'"',
}  # fmt: skip


@pytest.mark.parametrize("name", EXTREMES)
def test_an_extreme_file_is_refused_soon_with_exit_code_2(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.toml").write_bytes(EXTREMES[name])
    start = time.process_time()
    assert command(monkeypatch, "check", "s.toml") == 2
    assert time.process_time() - start < SECONDS
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert (
        len(lines) == 1
        if " nested " in name or " dots" in name or "10 MB" in name
        else 1 <= len(lines) <= 101
    )
    assert all(line.startswith("shoal: s.toml:") and line.isprintable() and len(line) < 800 for line in lines)
    assert [path.name for path in tmp_path.iterdir()] == ["s.toml"]


def test_every_truncation_of_a_study_is_taken_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    taken = 0
    for length in range(0, len(VALID), 1 if LONG else 7):
        path.write_bytes(VALID.encode()[:length])
        taken += not judged(path)
    assert taken > 0


@pytest.mark.parametrize("key", ["study.name", "compare[0].name"])
def test_no_name_of_a_study_leads_out_of_the_run_folder(tmp_path: Path, key: str) -> None:
    """A study's name is a folder under `runs`; a comparison's becomes a part of file names elsewhere."""
    path = tmp_path / "s.toml"
    path.write_text(VALID, encoding="utf-8")
    draw = random.Random(1)  # noqa: S311
    pieces = ("..", "/", "\\", ".", " ", "a", "\u2215", "~", "C:", "\u202e", "%2e", "\u00a0")
    for _ in range(2_000 if LONG else 100):
        name = "".join(draw.choice(pieces) for _ in range(draw.randint(1, 5)))
        literal = _key(name)
        try:
            study = load_study(path, [f"{key}={literal}"])
        except StudyError:
            continue
        if key == "study.name":
            folder = Path("runs") / study.study.name
            assert len(folder.parts) == 2
            assert folder.name not in (".", "..")
            assert not set(study.study.name) & set("/\\:~\u202e")
