"""Coverage-guided mutations of model files: python fuzz_models.py CORPUS -runs=1000000 (libFuzzer's options).

Needs atheris. Each mutation is read as it is, and with its length and checksum mended. Anything but a ModelFileError,
anything that runs, and memory out of proportion end the process with a report.
"""

from __future__ import annotations

import random
import sys
from itertools import count

import atheris

with atheris.instrument_imports(include=["shoal.model", "shoal.nets", "shoal.data", "shoal.errors"]):
    from hostile_models import REAL, attempt, measured, mutated, nothing_runs, resealed


calls = count()


def one(content: bytes) -> None:
    """Read one mutation in both ways; what memory that takes is measured of every eighth, since measuring is slow."""
    for given in {content, resealed(content)}:
        if next(calls) % 8:
            with nothing_runs():
                attempt(given)
        else:
            measured(given)


def mutate(content: bytes, most: int, seed: int) -> bytes:
    """Change bytes as libFuzzer does, or the JSON inside as only this format allows."""
    draw = random.Random(seed)  # noqa: S311
    if not content or draw.random() < 0.5:
        return atheris.Mutate(content, most)
    return mutated(content, draw)[:most]


def main() -> None:
    """Warm up, so that imports are done; then mutate."""
    for content in REAL.values():
        assert attempt(content)
        assert resealed(content) == content
    atheris.Setup(sys.argv, one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
