"""Images of your own: a folder for each class, a small convolutional network, and where in an image it sees a class.

    python examples/own_images.py [FOLDER]

leaves the run folder `runs/shapes`, or `runs/FOLDER`, `report.html` in it. FOLDER holds a folder of pictures (PNG, JPEG
and others) for each class, named as the class. Without it, the script draws some into `shapes`.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import shoal

STUDY = """\
[study]
task = "classification"

[data]
train = "{folder}"
resize = [16, 16]          # pictures may have any size

[network]
kind = "cnn"
conv = [
  {{ channels = 8, kernel = 3, padding = 1, pool = {{ size = 2 }} }},
  {{ channels = 16, kernel = 3, padding = 1, pool = {{ size = 2 }} }},
]
hidden = [16]

[training]
epochs = 40
lr = 0.01

[search]
folds = 3

[search.space]
"training.augment.shift" = [0, 2]     # does it help to move training images about?
"""


def draw_shapes(folder: Path, count: int = 40) -> None:
    """Draw rings and crosses of several sizes somewhere in a picture."""
    rng = np.random.default_rng(0)
    for number in range(count):
        for shape in ("cross", "ring"):
            picture = Image.new("L", (20, 20))
            x, y, r = *rng.integers(7, 13, 2), rng.integers(3, 7)
            pen = ImageDraw.Draw(picture)
            if shape == "ring":
                pen.ellipse((x - r, y - r, x + r, y + r), outline=255, width=2)
            else:
                pen.line((x - r, y, x + r, y), fill=255, width=2)
                pen.line((x, y - r, x, y + r), fill=255, width=2)
            (folder / shape).mkdir(parents=True, exist_ok=True)
            picture.save(folder / shape / f"{number:02}.png")


def main() -> None:
    """Train on a folder of pictures, and name one of them."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("shapes")
    if not folder.exists():
        draw_shapes(folder)
    study = Path(f"{folder.resolve().name}.toml")  # its name is that of the study, too
    study.write_text(STUDY.format(folder=folder.as_posix()), encoding="utf-8")
    results = shoal.run(study)
    print(results.candidates[["training.augment.shift", "selection_score", "standard_error", "chosen"]])

    model = shoal.load(results.folder)
    picture = sorted(path for path in folder.rglob("*") if path.is_file())[-1]
    print(picture.as_posix(), model.predict(np.asarray(Image.open(picture))[None]))


if __name__ == "__main__":
    try:
        main()
    except shoal.ShoalError as error:
        sys.exit(str(error))
