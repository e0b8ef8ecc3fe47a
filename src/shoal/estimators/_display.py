"""What a fitted search shows in a notebook: its candidates, ranked, the chosen one's curves, and its network.

One piece of HTML that holds all it needs: no script, no address to fetch from, every foreign text escaped.

Letters: C candidates, F folds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from shoal.estimators._cv_results import FoldScores
from shoal.estimators._drawn import ShownBelow
from shoal.estimators._evaluation import SearchRecord
from shoal.estimators._lots import last_of
from shoal.wording import counted, rounded, shorten

_AGAIN: Final = "showing the search"
SHOWN: Final = 12
"""Rows of the table; of more candidates the best are shown."""
LONGEST: Final = 80
"""Letters of a setting."""


class SearchDisplay(ShownBelow):
    """What a fitted search shows: table, curves, and the network of the best candidate."""

    def _shown(self) -> str:
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
            "the network": lambda: network_of(vars(self).get("best_estimator_")),
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
    over = f"{counted(len(order), 'candidate')} on {scores.score_CF.shape[1]} folds"
    caption = f"{shown}{over}, the best first; standard errors and comparisons speak of new rows"
    return table_html(caption, head, lines, [True] * (len(head) - 1) + [False])


def curves_picture(record: SearchRecord, candidate: int) -> str:
    """Give the chosen candidate's curves as a picture within the page."""
    from shoal.look import fold_curves_png, image_html

    folds = {
        fold: (trained.curves, trained.kept_epoch, trained.epochs)
        for number, fold, trained in record.fits
        if number == candidate and trained.status == "ok"
    }
    if not folds:
        return ""
    words = "training and validation loss of the chosen candidate against epochs, fold by fold"
    return image_html(fold_curves_png(folds, "Chosen candidate"), words)


def network_of(estimator: Any) -> str:
    """Draw the network at the end of an estimator; nothing where there is none."""
    network = last_of(estimator)
    return "" if network is None else network.drawn_html()


def _alone(key: str, keys: Sequence[str]) -> bool:
    end = key.rpartition("__")[2]
    return sum(other.rpartition("__")[2] == end for other in keys) == 1


def _number(value: float) -> str:
    return "failed" if np.isnan(value) else rounded(value, 4)


def _text(value: Any) -> str:
    text = rounded(value, 4) if isinstance(value, float) else str(value)
    return shorten(text, LONGEST)
