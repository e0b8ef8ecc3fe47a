"""Studies of drawn tables in files: every kind of column, dialect, transform and split; garbage for their test rows.

A case is a number, which draws all of it. Garbage is what a file may hold: numbers of any size, missing cells where no
training row has one, categories that nobody learned, dates of any year, other classes. One case in ten has a fault as
well: a cell of a test row that a reader has to refuse.
"""

from __future__ import annotations

import gzip
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._holdout import draw_test_rows, latest_rows
from shoal.kinds import SPLITTERS, TARGET_TRANSFORMS
from shoal.study import Study

TRAIN: Final = 36
TEST: Final = 10
SIZES: Final = ("small", "middling", "large")
SOILS: Final = ("clay", "loam", "sand", "01", "=rare")
DATES: Final = {"": "%Y-%m-%d", "%d/%m/%Y": "%d/%m/%Y", "%d.%m.%Y %H:%M": "%d.%m.%Y %H:%M"}
"""How dates are written: what a study says of it, and what Python writes."""
DIALECTS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("csv", {}),
    ("csv.gz", {}),
    ("tsv", {"decimal": ","}),
    ("csv", {"delimiter": ";", "decimal": ",", "encoding": "cp1252"}),
    ("txt", {"delimiter": "|", "signs": ["%", "kg"], "units_row": True}),
    ("csv", {"comment": "#", "encoding": "utf-16"}),
    ("csv", {"missing_marks": ["?", "-999"]}),
)
FAULTS_OF_ROWS: Final = ("text", "huge", "size", "date")
"""Text among numbers, what 32 bits do not hold, a value beyond the order, a day that is none."""
FAULTS: Final = (*FAULTS_OF_ROWS, "target", "column")
"""Beside them, where test rows have a file of their own: a target that is none, a column that training rows lack."""

Cells = dict[str, list[str]]


class Case:
    """A study with its table, whose test rows are a file of their own or drawn from the one file.

    `fault` names what a reader has to refuse; none where it is empty.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.draw = draw = np.random.default_rng([16, self.number])
        task = str(draw.choice(["regression", "classification"]))
        transform = str(draw.choice(list(TARGET_TRANSFORMS))) if task == "regression" else "none"
        self.ending, dialect = DIALECTS[draw.integers(len(DIALECTS))]
        columns = {
            "size": {"kind": "ordered", "order": list(SIZES)},
            "sown": {"kind": "date", "format": str(draw.choice(list(DATES)))},
        }
        data = {
            "target": "y",
            "standardize": str(draw.choice(["inputs", "both"] if task == "regression" else ["inputs"])),
            "rare_below": int(draw.choice([1, 4])),
            "target_transform": transform,
            "missing_targets": str(draw.choice(["refuse", "drop"])),
            "columns": {name: {k: v for k, v in kind.items() if v} for name, kind in columns.items()},
            "test_share": TEST / (TRAIN + TEST),
            **dialect,
        }
        if draw.random() < 0.3:
            data["groups"] = "farm"
        if self.timed:
            data |= {"time": "when", "gap": self.number % (2 if "groups" in data else 3)}
        self.fault = str(draw.choice(FAULTS_OF_ROWS if self.drawn else FAULTS)) if draw.random() < 0.1 else ""
        self.tree = {
            "study": {"task": task, "name": "drawn", "seed": self.number, "repeats": 1},
            "data": data,
            **_learning(draw, task, grouped="groups" in data, timed=self.timed),
        }
        self.cells = self._table()

    @property
    def drawn(self) -> bool:
        """Whether test rows are drawn from the one file."""
        return self.number % 3 == 0

    @property
    def timed(self) -> bool:
        """Whether a column orders the rows."""
        return self.number % 5 == 4

    def study(self, folder: Path, cells: Cells) -> Study:
        """Write the rows into a folder, and give the study that reads them."""
        folder.mkdir()
        paths = {"train": folder / f"rows.{self.ending}"}
        if self.drawn:
            self._write(paths["train"], cells)
        else:
            paths["test"] = folder / f"later.{self.ending}"
            self._write(paths["train"], {name: column[:TRAIN] for name, column in self.cells.items()})
            self._write(paths["test"], {name: column[TRAIN:] for name, column in cells.items()})
        named = {part: str(path) for part, path in paths.items()}
        return Study.model_validate({**self.tree, "data": {**self.tree["data"], **named}})

    def test_rows(self) -> NDArray[np.int64]:
        """Give the numbers of the test rows."""
        if not self.drawn:
            return np.arange(TRAIN, TRAIN + TEST)
        known = np.flatnonzero([cell != "" for cell in self.cells["y"]])
        labels = np.array(self.cells["y"])[known] if self.tree["study"]["task"] == "classification" else None
        groups = np.array(self.cells["farm"])[known] if "groups" in self.tree["data"] else None
        share = self.tree["data"]["test_share"]
        if self.timed:
            times = np.array(self.cells["when"])[known].astype(np.float64)
            return np.asarray(known[latest_rows(times, share, groups, self.tree["data"]["gap"])[1]])
        return np.asarray(known[draw_test_rows(len(known), share, self.number, labels, groups)])

    def names_test_rows(self, problem: str) -> bool:
        """Whether a sentence of a refusal says that it speaks of test rows: by their file, their line or in words."""
        if "in test rows" in problem or "later." in problem:
            return True
        line = re.search(r"\bline (\d+)", problem)
        above = 2 + ("units_row" in self.tree["data"]) + ("comment" in self.tree["data"])
        return line is not None and int(line[1]) - above in self.test_rows()

    def _table(self) -> Cells:
        """Draw rows in which every column has its kind, in training as in test rows."""
        draw, count = self.draw, TRAIN + TEST
        gaps = float(draw.choice([0.0, 0.2]))
        moments = 1.6e9 + draw.uniform(0, 10.0 ** draw.integers(5, 9), count)
        written = DATES[self.tree["data"]["columns"]["sown"].get("format", "")]
        cells = {
            "plot_id": [str(1000 + number) for number in draw.permutation(count)],
            "heat": self._numbers(draw.normal(2000, 900, count)),
            "rain": self._numbers(draw.normal(0, 1e-3, count)),
            "soil": [str(text) for text in draw.choice(SOILS, count, p=[0.4, 0.3, 0.2, 0.07, 0.03])],
            "code": [f"{number:02}" for number in draw.integers(1, 12, count)],
            "size": [str(text) for text in draw.choice(SIZES, count)],
            "sown": [datetime.fromtimestamp(moment).strftime(written) for moment in moments],
            "wet": [str(text) for text in draw.choice(["true", "False"], count)],
            "same": ["here"] * count,
            "farm": [f"farm {number // 3}" for number in range(count)],
        }
        if self.timed:
            place = np.argsort(np.random.default_rng(self.number).permutation(count // 3 + 1))
            cells["when"] = [str(10 * place[row // 3] + row % 3 // 2) for row in range(count)]
        for name in ("heat", "rain", "soil", "size", "sown"):
            cells[name] = ["" if draw.random() < gaps else cell for cell in cells[name]]
        if self.tree["study"]["task"] == "classification":
            cells["y"] = [f"class {number % 3}" for number in range(count)]
        else:
            cells["y"] = self._numbers(np.exp(draw.normal(1, 1, count)))
        if self.tree["data"]["missing_targets"] == "drop":
            cells["y"][5] = cells["y"][11] = ""
        return cells

    def _numbers(self, values: NDArray[np.float64]) -> list[str]:
        """Write numbers as the study's files have them."""
        data = self.tree["data"]
        sign = f" {data['signs'][1]}" if "signs" in data else ""
        return [repr(float(value)).replace(".", data.get("decimal", ".")) + sign for value in values]

    def _write(self, path: Path, cells: Cells) -> None:
        data = self.tree["data"]
        between = data.get("delimiter", "\t" if path.suffix == ".tsv" else ",")
        rows = [list(cells), *zip(*cells.values(), strict=True)]
        if data.get("units_row"):
            rows.insert(1, ["units"] * len(cells))
        if "comment" in data:
            rows.insert(1, ["# a remark"])
        raw = "".join(between.join(row) + "\n" for row in rows).encode(data.get("encoding", "utf-8"))
        path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)

    def poisoned(self) -> Cells:
        """Give the same rows with garbage in the test rows, and the case's fault in one of them.

        A file of test rows is longer, too: by a training row and by copies of its own.
        """
        cells = {name: list(column) for name, column in self.cells.items()}
        rows = self.test_rows()
        for name, column in cells.items():
            for row in rows:
                column[row] = self._garbage(name, column[row])
        if self.fault:
            self._break(cells, int(self.draw.choice(rows)))
        if not self.drawn:
            again = [0, *self.draw.integers(TRAIN, TRAIN + TEST, self.draw.integers(0, 4))]
            cells = {name: [*column, *(column[row] for row in again)] for name, column in cells.items()}
        return cells

    def _garbage(self, name: str, cell: str) -> str:
        """Give what stands in the place of a test row's cell and can be read."""
        draw, data = self.draw, self.tree["data"]
        labelled = self.tree["study"]["task"] == "classification"
        if self.drawn and (name == "farm" or (name == "y" and labelled)):
            return cell  # which rows are test rows hangs on the groups and classes of all
        if name == "y" and not cell:
            return cell
        if name not in ("y", "when") and draw.random() < 0.25:
            return str(draw.choice(["", "NA", *data.get("missing_marks", [])]))
        size = float(10.0 ** draw.uniform(-8, 34) * draw.choice([-1, 1]))
        written = DATES[data["columns"]["sown"].get("format", "")]
        number = self._numbers(np.array([size, min(abs(size), 1e12)]))
        garbage = {
            "plot_id": "7",
            "heat": number[0],
            "rain": number[0],
            "soil": str(draw.choice([*SOILS, "new", "=1+1", "02"])),
            "code": str(draw.choice(["01", "99", "1"])),
            "size": str(draw.choice(SIZES)),
            "sown": datetime(int(draw.integers(1000, 9999)), 2, 3, 4, 5).strftime(written),
            "wet": "false" if cell == "true" else "TRUE",
            "same": "elsewhere",
            "farm": "farm elsewhere",
            "when": str(int(cell) + 1000) if name == "when" else "",
            "y": f"class {draw.integers(3)}" if labelled else number[1],
        }
        return garbage[name]

    def _break(self, cells: Cells, row: int) -> None:
        """Put the fault into a test row."""
        task, transform = self.tree["study"]["task"], self.tree["data"]["target_transform"]
        target = "class 9" if task == "classification" else "-5" if transform in ("log", "log1p") else "tall"
        faults = {
            "text": ("heat", "hot"),
            "huge": ("heat", "1e300"),
            "size": ("size", "giant"),
            "date": ("sown", "the day after"),
            "target": ("y", target),
        }
        if self.fault == "column":
            cells["more"] = ["1"] * len(cells["y"])
            return
        name, cell = faults[self.fault]
        cells[name][row] = cell


def _learning(draw: np.random.Generator, task: str, *, grouped: bool, timed: bool) -> dict[str, Any]:
    """Draw what learns and how: all sections of a study but its rows."""
    kinds = [
        kind
        for kind, row in SPLITTERS.items()
        if (task == "classification" or not row.by_class) and (grouped or not row.by_group)
        if row.draws != "column" and row.by_time == timed
    ]
    kind = str(draw.choice(kinds))
    times = {"times": 2} if SPLITTERS[kind].repeats else {}
    tree: dict[str, Any] = {
        "network": {"hidden": [int(draw.integers(2, 5))], "activation": str(draw.choice(["tanh", "relu"]))},
        "training": {
            "epochs": int(draw.integers(1, 3)),
            "batch_size": int(draw.integers(5, 30)),
            "lr": 0.01,
            "early_stopping": str(draw.choice(["none", "inner"])),
            "inner_share": 0.3,
            "keep": str(draw.choice(["last", "best"])),
        },
        "checks": {"baselines": False},
    }
    if draw.random() < 0.8:
        tree["search"] = {
            "folds": {"kind": kind, "n": 2, **times},
            "rule": str(draw.choice(["best", "one-standard-error"])),
            "space": {"training.lr": [0.01, 0.1]},
        }
        if draw.random() < 0.1 and not timed:  # of so few rows, too few are early in both
            tree["nested"] = {"folds": 2}
    if draw.random() < 0.3:
        tree["compare"] = [{"name": "other", "training": {"lr": 0.02}}]
    return tree
