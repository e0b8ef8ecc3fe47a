"""Runs beside each other, as Python users and notebooks see them: `shoal.compare`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shoal.errors import as_path
from shoal.files import write
from shoal.look._notebook import paragraphs_html, pieces_html
from shoal.look._notebook import table as table_of_report
from shoal.look._run_rows import RunRow, heading_of, notes, run_rows
from shoal.look._run_text import comparison_text
from shoal.results import RunsCompared, settings_apart

if TYPE_CHECKING:
    from pandas import DataFrame

AGAIN: Final = "`shoal.compare`"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs of one task, held against each other; frames are pandas', made when asked for.

    `table` has a row a run, best first; `settings` a row a key that differs, a column a run; `differences` a row a pair
    of runs and score. `text` is what `shoal compare` prints, `save(path)` writes one offline page.
    """

    compared: RunsCompared

    def __repr__(self) -> str:
        return f"Comparison({', '.join(map(repr, self.compared.names))})"

    @property
    def text(self) -> str:
        """The tables as a person reads them."""
        return comparison_text(self.compared)

    @cached_property
    def table(self) -> DataFrame:
        """One row a run, best first: run, beside_best ("best", "worse", "unresolved"; empty where it is not known),
        test_M and selection_M with ci_low and ci_high, further test scores, chosen, parameters, networks, seconds (of
        training), unfinished (fits), test_rows and folds (of equal numbers where they are the same), digest, folder.
        """
        import pandas as pd

        return pd.DataFrame([self._numbers(row) for row in run_rows(self.compared)])

    def _numbers(self, row: RunRow) -> dict[str, Any]:
        compared, results = self.compared, row.results
        numbers: dict[str, Any] = {"run": row.name, "beside_best": row.beside_best}
        for scored in ("test", "selection"):
            if metric := compared.metric_of(scored):
                score, name = compared.scores(scored)[row.number], f"{scored}_{metric}"
                ends = {f"{name}_ci_low": score.interval.low, f"{name}_ci_high": score.interval.high}
                numbers |= {name: score.value, **ends}
        return numbers | {
            **{f"test_{name}": value for name, value in row.others.items()},
            "chosen": row.chosen,
            "parameters": row.parameters,
            "networks": row.networks,
            "seconds": row.seconds,
            "unfinished": results.unfinished,
            "test_rows": _number_of(compared.test_rows, row.number),
            "folds": _number_of(compared.folds, row.number) if compared.folds[row.number] else None,
            "digest": results.digest,
            "folder": str(results.folder),
        }

    @cached_property
    def settings(self) -> DataFrame:
        """One row a setting that differs, by its key, and one column a run: values as text."""
        import pandas as pd

        frame = pd.DataFrame(settings_apart(self.compared.runs), index=list(self.compared.names)).T
        return frame.rename_axis("setting")

    @cached_property
    def differences(self) -> DataFrame:
        """One row a pair of runs and score: score ("test_M", "selection_M"), first, second, difference (of the second
        less the first), ci_low and ci_high (95 %), p_value, adjusted_p_value (for all pairs of this score: Holm),
        method ("paired by test row", "paired by row held out", "unpaired", "not compared"), why (there is no interval).
        """
        import pandas as pd

        columns = (
            "score",
            "first",
            "second",
            "difference",
            "ci_low",
            "ci_high",
            "p_value",
            "adjusted_p_value",
        )
        compared, rows = self.compared, []
        for pair in compared.pairs:
            apart, names = pair.difference, (compared.names[pair.first], compared.names[pair.second])
            score = f"{pair.scored}_{compared.metric_of(pair.scored)}"
            rows.append(
                (
                    score,
                    *names,
                    apart.mean,
                    apart.low,
                    apart.high,
                    apart.p,
                    pair.adjusted_p,
                    pair.method,
                    apart.why,
                )
            )
        return pd.DataFrame(rows, columns=[*columns, "method", "why"])

    def save(self, path: Path | str, *, force: bool = False) -> None:
        """Write one offline page. InputError where another file than a page is named, or `path` has other content,
        unless `force`; and for files of a run folder itself.
        """
        from shoal.look.page.runs import comparison_html, page_to_write

        place = page_to_write(as_path(path, "the path of a page to write"))
        table = self.table.drop(columns="folder")  # what is passed on does not name its owner
        write(place, comparison_html(self.compared, table, self.differences).encode(), new=not force)

    def _repr_html_(self) -> str:
        from shoal.look.page.runs import score_table

        pieces = {
            "the runs": lambda: table_of_report(heading_of(self.compared), score_table(self.compared)),
            "notes": lambda: paragraphs_html(notes(self.compared)),
        }
        return f"<div>{pieces_html(pieces, AGAIN)}</div>"


def _number_of(names: tuple[str, ...], place: int) -> int:
    """Number the different names in the order in which they come, from 1."""
    return list(dict.fromkeys(name for name in names if name)).index(names[place]) + 1
