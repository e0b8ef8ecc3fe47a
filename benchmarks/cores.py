"""One build of the native core beside another: microseconds a step, and the share of the processor's own peak.

Run as `python -m benchmarks.cores OTHER.so [--pairs N] [--quick]`, where OTHER.so is another build, as
`src/shoal/_core*.so` of an older commit; its interface has to have the same number. Both train the same networks in
turn, on every vector width that this processor runs but the portable one; ratios are made turn by turn. Seconds are
those of the thread on its core, the FLOPs those of the products alone (`benchmarks/native_step.py`).
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.native_step import BATCHES, NETWORKS, flops, name_of, peak, step
from benchmarks.pairs import in_turns, ratios, spread
from benchmarks.record import table, write_record
from shoal.core import load_core
from shoal.engine.trainers.native import NativeTrainer
from shoal.engine.trainers.native_core import runnable_targets


def beside(other: Path, target: str, pairs: int, seconds: float) -> list[str]:
    """Table of one vector width."""
    peaks, rows = [peak(target)], []
    trainers = {"other": NativeTrainer(target, other), "this": NativeTrainer(target)}
    for network in NETWORKS:
        for batch in BATCHES:
            measures = {
                name: partial(step, trainer, network, batch, seconds) for name, trainer in trainers.items()
            }
            times = in_turns(measures, pairs)
            peaks.append(peak(target))
            rate = flops(network, batch) / median(times["this"]) * 1e-9
            cells = [spread([1e6 * each for each in times[name]]) for name in trainers]
            faster = spread(ratios(times["other"], times["this"]))
            rows.append(
                [f"{name_of(network)}, batch {batch}", *cells, faster, f"{100 * rate / max(peaks):.0f} %"]
            )
    head = [
        f"{target}, peak {max(peaks):.0f} GFLOP/s",
        "other, µs",
        "this, µs",
        "times as fast",
        "of the peak",
    ]
    return [*table(head, rows), ""]


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cores", description=__doc__)
    parser.add_argument("other", type=Path, help="another build of the core")
    parser.add_argument("--pairs", type=int, default=5, help="turns of every comparison (5)")
    parser.add_argument(
        "--quick", action="store_true", help="two turns of a few milliseconds, no record kept"
    )
    asked = parser.parse_args()
    if load_core(asked.other) is None:
        parser.error(f"expected a build of the core with this interface, got {asked.other}")
    pairs, seconds = (2, 0.01) if asked.quick else (asked.pairs, 0.2)
    lines = ["Steps with sigmoid, dropout 0.25, adam: the median (smallest to largest) over the turns.", ""]
    for target in runnable_targets():
        if target != "portable":
            lines += beside(asked.other, target, pairs, seconds)
    print("\n".join(lines))
    if not asked.quick:
        command = f"python -m benchmarks.cores {asked.other.name} {' '.join(sys.argv[2:])}".strip()
        print(
            f"written: {write_record(command, [('Cores: a step of one build beside another', lines)], None)}"
        )


if __name__ == "__main__":
    main()
