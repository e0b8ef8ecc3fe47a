"""Bytes of a text file to text: UTF-8, with or without its mark, or as a study says; what else they are is named."""

from __future__ import annotations

import codecs
import re
from typing import Final

import numpy as np

from shoal.data._findings import Findings

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
UTF_8: Final = "utf-8"
_NAMES: Final = {
    "UTF-16LE": "utf-16-le",
    "UTF-16BE": "utf-16-be",
    "UTF-16": "utf-16",
    "UTF-32": "utf-32",
    "Windows-1252": "cp1252",
}
"""What Python calls an encoding that is seen in bytes."""
_OTHER_FILES: Final = (
    (b"\x1f\x8b\x08", b"", "a file packed by gzip; its name should end in .gz, as in t.csv.gz"),
    (b"PK\x03\x04", b"", "a zip file; a workbook should end in .xlsx, arrays of numpy in .npz"),
    (b"PAR1", b"PAR1", "a Parquet file; its name should end in .parquet"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", "an older workbook (XLS); save it as XLSX or CSV"),
    (b"%PDF-", b"", "a PDF file"),
)
"""Files that are no text, by their first and last bytes."""
_WINDOWS: Final = "Windows-1252"
_UNKNOWN: Final = "an older encoding of its script"
_HALF: Final = re.compile("[\ud800-\udfff]")
"""Halves of letters (surrogates), which some encodings let stand by themselves."""
_LOOKED_AT: Final = 1000
_MANY: Final = 0.2
"""Share of bytes beyond ASCII from which a text is hardly one of Western Europe."""


def in_utf_8(raw: bytes | bytearray, findings: Findings, encoding: str = UTF_8) -> bytes | bytearray | None:
    """Give a text in UTF-8, without the mark at its start; None where the bytes are no such text."""
    if encoding == UTF_8 and _is_plain(raw) and not _other_file(raw):
        return raw  # as it is
    text = decode(raw, findings, encoding)
    return None if text is None else text.encode()


def _is_plain(raw: bytes | bytearray) -> bool:
    """Whether bytes are ASCII without a NUL: greater than 0, where the highest bit is a sign."""
    return not raw or bool(np.frombuffer(raw, np.int8).min() > 0)


def decode(raw: bytes | bytearray, findings: Findings, encoding: str = UTF_8) -> str | None:
    """Turn bytes to text, without the mark at their start; None where they are no such text."""
    if other := _other_file(raw):
        findings.add(f"expected text, got {other}")
        return None
    text = _as_utf_8(raw, findings) if encoding == UTF_8 else _as_named(raw, findings, encoding)
    if text is not None and "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        findings.add("expected text, got a NUL byte", f"line {line}")
        return None
    # UTF-8 itself has no halves of letters: it refuses them.
    if text is not None and encoding != UTF_8 and (half := _HALF.search(text)) is not None:
        line = text.count("\n", 0, half.start()) + 1
        what = f"expected {encoding} text (data.encoding), got U+{ord(half[0]):04X}, half a letter"
        findings.add(what, f"line {line}")
        return None
    return text


def _other_file(raw: bytes | bytearray) -> str:
    """Name what a file is by its first and last bytes; "" for what may be text."""
    kinds = (kind for start, end, kind in _OTHER_FILES if raw.startswith(start) and raw.endswith(end))
    return next(kinds, "")


def _as_utf_8(raw: bytes | bytearray, findings: Findings) -> str | None:
    other = _other_unicode(raw)
    if other:
        findings.add(f"expected UTF-8 text, got what looks like {other}{_remedy(other, findings)}")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + (len(codecs.BOM_UTF8) if raw.startswith(codecs.BOM_UTF8) else 0)
        line = raw.count(b"\n", 0, start) + 1
        byte = f"byte 0x{raw[start]:02x} at offset {start}"
        if raw.startswith(codecs.BOM_UTF8):
            findings.add(f"expected UTF-8 text, as its mark says, got {byte}: damaged", f"line {line}")
        else:
            likely = _one_byte_encoding(raw)
            what = f"expected UTF-8 text, got {byte}, most likely {likely}{_remedy(likely, findings)}"
            findings.add(what, f"line {line}")
        return None


def _as_named(raw: bytes | bytearray, findings: Findings, encoding: str) -> str | None:
    """Read an encoding that was named; the mark of another one is a mistake, not a letter."""
    of_unicode = encoding.lower().replace("_", "-").startswith(("utf", "u8", "u16", "u32"))
    other = "UTF-8" if raw.startswith(codecs.BOM_UTF8) else _other_unicode(raw)
    if other and not of_unicode:
        findings.add(f"expected {encoding} text (data.encoding), got what looks like {other}")
        return None
    try:
        return raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeError as error:
        place = f" at offset {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        got = f"byte 0x{raw[error.start]:02x}" if isinstance(error, UnicodeDecodeError) else str(error)
        findings.add(f"expected {encoding} text (data.encoding), got {got}{place}")
        return None


def encoding_of(raw: bytes | bytearray) -> str:
    """Name the encoding that the bytes of a text are most likely of, as Python calls it."""
    other = _other_unicode(raw)
    if other:
        return _NAMES[other]
    decoder = codecs.getincrementaldecoder(UTF_8)()  # bytes may end within a letter
    try:
        decoder.decode(bytes(raw))
    except UnicodeDecodeError:
        return "" if _one_byte_encoding(raw) == _UNKNOWN else _NAMES[_WINDOWS]
    return UTF_8


def _other_unicode(raw: bytes | bytearray) -> str:
    """Name UTF-16 or UTF-32 by its mark or, without one, by the zeros in every second byte; "" for neither."""
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return name
    head = raw[: _LOOKED_AT - _LOOKED_AT % 2]
    even, odd = head[::2], head[1::2]
    for zeros, others, name in ((odd, even, "UTF-16LE"), (even, odd, "UTF-16BE")):
        if len(head) >= 8 and zeros.count(0) > 0.9 * len(zeros) and not others.count(0):
            return name
    return ""


def _one_byte_encoding(raw: bytes | bytearray) -> str:
    """Name the encoding that Western European programs write; the two differ in bytes 0x80 to 0x9f alone."""
    if len(raw.translate(None, bytes(range(0x80)))) > _MANY * len(raw):
        return _UNKNOWN
    controls = any(0x80 <= byte <= 0x9F for byte in set(raw))
    return _WINDOWS if controls else f"{_WINDOWS} or Latin-1"


def _remedy(encoding: str, findings: Findings) -> str:
    """Say which key reads it, and how to make UTF-8 of it: Python's name for the encoding, and that of iconv."""
    if encoding == _UNKNOWN:
        key, way = findings.remedy("data.encoding"), 'save it as UTF-8 (in a spreadsheet: "CSV UTF-8")'
        return f"{key}, or {way}" if key else f"; {way}"
    name = next(known for known in _NAMES if encoding.startswith(known))
    iconv = _NAMES[name] if name == _WINDOWS else name
    key = findings.remedy(f'data.encoding = "{_NAMES[name]}"')
    way = f'save it as UTF-8 (in a spreadsheet: "CSV UTF-8"; else: iconv -f {iconv} -t utf-8)'
    return f"{key}, or {way}" if key else f"; {way}"
