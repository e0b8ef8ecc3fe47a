"""A dated record: what was run, where, and the tables."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.environment import ROOT, describe

FOLDER = ROOT / "benchmarks" / "records"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out a markdown table; columns of numbers aligned to the right."""
    numbers = [
        all(re.match(r"[-−+<>~]?\s*\d|-$|nan", cell) for cell in column) for column in zip(*rows, strict=True)
    ]
    lines = [" | ".join(head), " | ".join("---:" if right else "---" for right in numbers)]
    return [f"| {line} |" for line in (*lines, *(" | ".join(row) for row in rows))]


def write_record(command: str, sections: Sequence[tuple[str, list[str]]], out: Path | None) -> Path:
    """Write the record, by default to benchmarks/records/<date>-<what>.md; give its path."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    names = "-".join(title.split(":")[0].lower() for title, _ in sections)
    path = out or FOLDER / f"{today}-{names}.md"
    lines = [f"# Benchmarks of {today}", "", f"- command: `{command}`", *describe()]
    for title, body in sections:
        lines += ["", f"## {title}", "", *body]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
