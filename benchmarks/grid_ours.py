"""The published grid in Shoal: `python -m benchmarks.grid_ours FOLDER EPOCHS`, a whole run with its report."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import shoal
from benchmarks import published


def main(folder: Path, epochs: int) -> None:
    """Search, refit, test and draw, into a folder that is thrown away."""
    path = folder / f"study-{epochs}.toml"
    path.write_text(published.STUDY.format(epochs=epochs), encoding="utf-8")
    with tempfile.TemporaryDirectory() as out:
        shoal.run(shoal.load_study(path), out=Path(out) / "run")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
