"""Journals, logs and indexes beside a store from a stranger; see SQLite's file format, sections 3 and 4."""

from __future__ import annotations

import random
import struct
from pathlib import Path

PAGE = 4096
MAGIC = bytes.fromhex("d9d505f920a163d7")
STORE = "results.sqlite"


def journal(
    victim: Path | None, pages: int, records: tuple[tuple[int, bytes], ...] = (), sector: int = 512
) -> bytes:
    """A hot rollback journal; a victim is named in it as the super-journal, to be deleted once it is played."""
    head = MAGIC + struct.pack(">IIIII", len(records), 7, pages, sector, PAGE)
    body = b"".join(
        struct.pack(">I", number)
        + content
        + struct.pack(">I", (7 + sum(content[PAGE - 200 :: -200])) & 0xFFFFFFFF)
        for number, content in records
    )
    return head.ljust(sector, b"\0") + body + (b"" if victim is None else super_journal(victim))


def super_journal(victim: Path) -> bytes:
    """The end of a journal: the page that holds the lock, the name, its length, its sum, the magic number."""
    name = str(victim).encode()
    total = sum(byte - 256 if byte > 127 else byte for byte in name) & 0xFFFFFFFF
    return struct.pack(">I", 0x40000000 // PAGE + 1) + name + struct.pack(">II", len(name), total) + MAGIC


def log(frames: list[tuple[int, int, bytes]], salt: bytes = b"saltsalt") -> bytes:
    """A write-ahead log with right checksums: (page number, pages after a commit or 0, content) a frame."""
    head = struct.pack(">IIII", 0x377F0683, 3007000, PAGE, 0) + salt
    sums = _sums(head, (0, 0))
    whole = head + struct.pack(">II", *sums)
    for number, after, content in frames:
        frame = struct.pack(">II", number, after)
        sums = _sums(content, _sums(frame, sums))
        whole += frame + salt + struct.pack(">II", *sums) + content
    return whole


def _sums(data: bytes, start: tuple[int, int]) -> tuple[int, int]:
    one, other = start
    words = struct.unpack(f">{len(data) // 4}I", data)
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = (one + first + other) & 0xFFFFFFFF
        other = (other + second + one) & 0xFFFFFFFF
    return one, other


def crafted(store: bytes, victim: Path, draw: random.Random) -> dict[str, bytes]:
    """Up to three files to lay beside a store, by the ends of their names."""
    pages = len(store) // PAGE
    page = draw.randrange(pages)
    content = bytearray(store[page * PAGE : (page + 1) * PAGE])
    for _ in range(draw.choice((0, 1, 8))):
        content[draw.randrange(PAGE)] = draw.randrange(256)
    found: dict[str, bytes] = {}
    if draw.random() < 0.5:
        records = ((page + 1, bytes(content)),) * draw.randrange(3)
        sector = draw.choice((512, 4096, 32, 0, 65536))
        whole = journal(
            draw.choice((victim, victim, None)), draw.choice((0, 1, pages, 2**31)), records, sector
        )
        found["-journal"] = _cut(whole, draw)
    if draw.random() < 0.6:
        after = draw.choice((0, pages, pages, pages, 1, 2**31))
        frames = [(page + 1, after, bytes(content))] * draw.choice((0, 1, 1, 2))
        found["-wal"] = _cut(log(frames), draw)
    if draw.random() < 0.6:
        found["-shm"] = _cut(draw.choice((bytes(32768), draw.randbytes(32768), b"\xff" * 32768, b"")), draw)
    return found


def log_of(store: bytes, other: bytes) -> bytes:
    """A log with right checksums that makes one store of another: what differs between them, in one commit."""
    pages = [(at // PAGE + 1, other[at : at + PAGE]) for at in range(0, len(other), PAGE)]
    changed = [(number, page) for number, page in pages if store[(number - 1) * PAGE : number * PAGE] != page]
    last = len(changed) - 1
    return log([(number, len(pages) if at == last else 0, page) for at, (number, page) in enumerate(changed)])


def _cut(content: bytes, draw: random.Random) -> bytes:
    """The whole, mostly; else a part of it, or with one byte changed."""
    what = draw.random()
    if what < 0.15 and content:
        return content[: draw.randrange(len(content))]
    if what < 0.3 and content:
        changed = bytearray(content)
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
        return bytes(changed)
    return content
