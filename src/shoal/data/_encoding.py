"""Bytes of a text file to text: UTF-8, with or without its mark; anything else is named, with a way to UTF-8."""

from __future__ import annotations

import codecs
from typing import Final

from shoal.data._findings import Findings

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_WINDOWS: Final = "Windows-1252"
_UNKNOWN: Final = "an older encoding of its script"
_LOOKED_AT: Final = 1000
_MANY: Final = 0.2
"""Share of bytes beyond ASCII from which a text is hardly one of Western Europe."""


def decode(raw: bytes, findings: Findings) -> str | None:
    """Turn bytes to text, without the mark at their start; None where they are no UTF-8 or hold a NUL."""
    other = _other_unicode(raw)
    if other:
        findings.add(f"expected UTF-8 text, got what looks like {other}; {_remedy(other)}")
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + (len(codecs.BOM_UTF8) if raw.startswith(codecs.BOM_UTF8) else 0)
        line = raw.count(b"\n", 0, start) + 1
        byte = f"byte 0x{raw[start]:02x} at offset {start}"
        if raw.startswith(codecs.BOM_UTF8):
            findings.add(f"expected UTF-8 text, as its mark says, got {byte}: damaged", f"line {line}")
        else:
            likely = _one_byte_encoding(raw)
            findings.add(
                f"expected UTF-8 text, got {byte}, most likely {likely}; {_remedy(likely)}", f"line {line}"
            )
        return None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        findings.add("expected text, got a NUL byte", f"line {line}")
        return None
    return text


def _other_unicode(raw: bytes) -> str:
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


def _one_byte_encoding(raw: bytes) -> str:
    """Name the encoding that Western European programs write; the two differ in bytes 0x80 to 0x9f alone."""
    if len(raw.translate(None, bytes(range(0x80)))) > _MANY * len(raw):
        return _UNKNOWN
    controls = any(0x80 <= byte <= 0x9F for byte in set(raw))
    return _WINDOWS if controls else f"{_WINDOWS} or Latin-1"


def _remedy(encoding: str) -> str:
    """Say how to make UTF-8 of it; one of Python's names for the encoding is in the sentence."""
    name = "cp1252" if encoding.startswith(_WINDOWS) else encoding
    if encoding == _UNKNOWN:
        return 'save it as UTF-8 (in a spreadsheet: "CSV UTF-8")'
    return f'save it as UTF-8 (in a spreadsheet: "CSV UTF-8"; else: iconv -f {name} -t utf-8)'
