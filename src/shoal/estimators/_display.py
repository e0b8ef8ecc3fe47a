"""What a fitted search shows in a notebook: its candidates, ranked, and the chosen one's curves.

One piece of HTML that holds all it needs: no script, no address to fetch from, every foreign text escaped.

Letters: C candidates, F folds.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from shoal.estimators._cv_results import FoldScores
from shoal.estimators._evaluation import SearchRecord
from shoal.wording import rounded, shorten

_AGAIN: Final = "showing the search"
SHOWN: Final = 12
"""Rows of the table; of more candidates the best are shown."""
LONGEST: Final = 80
"""Letters of a setting."""


class SearchDisplay:
    """The notebook's side of a search."""

    def _repr_html_inner(self) -> str:
        return f"{super()._repr_html_inner()}{self._shown()}"  # type: ignore[misc]

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        if "text/html" in bundle:
            bundle["text/html"] += self._shown()
        return bundle

    def _shown(self) -> str:
        """Give table and picture; nothing before there are any."""
        from shoal.look import pieces_html

        record: SearchRecord | None = vars(self).get("_record")
        if record is None or "best_index_" not in vars(self):
            return ""
        try:
            scores = self._deciding_scores(record)  # type: ignore[attr-defined]
        except AttributeError:
            return ""
        settings, best = self.cv_results_["params"], self.best_index_  # type: ignore[attr-defined]
        pieces: dict[str, Callable[[], str]] = {
            "candidates": lambda: ranked_table(settings, scores, best),
            "curves of the chosen candidate": lambda: curves_picture(record, best),
        }
        return pieces_html(pieces, _AGAIN)


def ranked_table(settings: Sequence[dict[str, Any]], scores: FoldScores, chosen: int) -> str:
    """Give the candidates as an HTML table, the best first, the failed last."""
    from shoal.look import table_html

    (mean_C, error_C), alike_C = scores.means_and_errors(), scores.indistinguishable()
    order = np.argsort(-mean_C, kind="stable")
    rows = order[:SHOWN].tolist()
    if chosen not in rows:
        rows[-1] = chosen
    keys = list(dict.fromkeys(key for setting in settings for key in setting))
    head = [
        "",
        *(key.rpartition("__")[2] if _alone(key, keys) else key for key in keys),
        "mean score",
        "standard error",
        "",
    ]
    lines = []
    for place in rows:
        mark = (
            "chosen"
            if place == chosen
            else "statistically indistinguishable from the best"
            if alike_C[place]
            else ""
        )
        numbers = [_number(mean_C[place]), _number(error_C[place])]
        rank = str(int(np.flatnonzero(order == place)[0]) + 1)
        lines.append([rank, *(_text(settings[place].get(key)) for key in keys), *numbers, mark])
    shown = f"{len(rows)} of " if len(rows) < len(order) else ""
    over = f"{len(order)} candidates on {scores.score_CF.shape[1]} folds"
    caption = f"{shown}{over}, the best first; standard errors and comparisons speak of new rows"
    return table_html(caption, head, lines, [True] * (len(head) - 1) + [False])


def curves_picture(record: SearchRecord, candidate: int) -> str:
    """Give the chosen candidate's curves as a picture within the page."""
    from shoal.look import fold_curves_png

    folds = {
        fold: (trained.curves, trained.kept_epoch, trained.epochs)
        for number, fold, trained in record.fits
        if number == candidate and trained.status == "ok"
    }
    if not folds:
        return ""
    data = base64.b64encode(fold_curves_png(folds, "Chosen candidate")).decode()
    words = "training and validation loss of the chosen candidate against epochs, fold by fold"
    return f'<img alt="{words}" style="max-width:100%" src="data:image/png;base64,{data}">'


def _alone(key: str, keys: Sequence[str]) -> bool:
    end = key.rpartition("__")[2]
    return sum(other.rpartition("__")[2] == end for other in keys) == 1


def _number(value: float) -> str:
    return "failed" if np.isnan(value) else rounded(value, 4)


def _text(value: Any) -> str:
    text = rounded(value, 4) if isinstance(value, float) else str(value)
    return shorten(text, LONGEST)
