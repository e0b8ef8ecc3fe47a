"""Series of your own: three sensors over time, one-dimensional convolutions, and where in time a fault is seen.

    python examples/sensors.py [FILE.npz]

leaves the run folder `runs/sensors`, or `runs/FILE`, `report.html` in it. FILE.npz holds an array `x` (rows, sensors,
times) and one of classes, `y`. Without it, the script draws some into `sensors.npz`: machines of which one sensor rings
for a moment where something is loose, whenever that is.
"""

import sys
from pathlib import Path

import numpy as np

import shoal

STUDY = """\
[study]
task = "classification"

[data]
train = "{file}"
series = "x"               # (rows, sensors, times): series, no grey images
target = "y"

[network]
kind = "cnn"
conv = [
  {{ channels = 8, kernel = 7, padding = 3, pool = {{ size = 2 }} }},
  {{ channels = 8, kernel = 7, padding = 3, pool = {{ kind = "global-average" }} }},
]
hidden = []

[training]
epochs = 30
batch_size = 16
lr = 0.01

[search]
folds = 3

[search.space]
"network.norm" = ["none", "layer"]    # do norms help?

[inspect]
importance = 0                        # single moments mean little: where they are seen is in the report
"""


def draw_machines(file: Path, count: int = 200, times: int = 64) -> None:
    """Draw slow waves with noise; in every second machine one sensor rings for a moment."""
    rng = np.random.default_rng(0)
    at = np.arange(times)
    x = np.sin(at / 9 + rng.uniform(0, 6, (count, 3, 1))) + 0.15 * rng.normal(size=(count, 3, times))
    loose = np.arange(count) % 2 == 1
    for machine in np.flatnonzero(loose):
        moment, sensor = rng.integers(10, times - 10), rng.integers(3)
        x[machine, sensor] += np.sin(2.2 * at) * np.exp(-((at - moment) ** 2) / 12)
    np.savez(file, x=x, y=np.where(loose, "loose", "sound"))


def main() -> None:
    """Train on an array of series, and name some of them."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("sensors.npz")
    if len(sys.argv) == 1:
        draw_machines(file)
    study = Path(f"{file.stem}.toml")  # its name is that of the study, too
    study.write_text(STUDY.format(file=file.as_posix()), encoding="utf-8")
    results = shoal.run(study)
    print(results.candidates[["network.norm", "selection_score", "standard_error", "chosen"]])

    model = shoal.load(results.folder)
    with np.load(file) as arrays:
        print("named:", model.predict(arrays["x"][:4]).tolist())


if __name__ == "__main__":
    try:
        main()
    except shoal.ShoalError as error:
        sys.exit(str(error))
