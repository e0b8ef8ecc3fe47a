"""The ensemble that a search leaves behind: what the networks of the chosen candidate's folds answer together.

Letters: M networks, V test rows, G points along the one input, K targets or classes, I images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import Distribution
from shoal.results._asked import scores_of_answers
from shoal.results._brief import Brief
from shoal.results._record import FitRecord, PlanEntry, Truth
from shoal.results._schema import expect
from shoal.results._store import Store

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class Ensemble(Brief):
    """Answers of M networks of one candidate, each trained on other rows or from other weights, float64.

    `test_MVK` for the test rows in the targets' units, or as class probabilities, `said_MVA` with what else is said of
    a target (see `distributions`); `grid_MGK` at `grid_G` where there is one input, a number (else G is 0).
    `image_rows` int64 (I,) and `images` uint8 (I, C, H, W) are the test rows that the networks disagree about most,
    where rows are images.
    """

    members: tuple[PlanEntry, ...]
    test_MVK: NDArray[np.float64]
    grid_G: NDArray[np.float64]
    grid_MGK: NDArray[np.float64]
    image_rows: NDArray[np.int64]
    images: NDArray[np.uint8]
    said_MVA: NDArray[np.float64]

    @property
    def mean_VK(self) -> NDArray[np.float64]:
        """The ensemble's prediction: the mean of the networks' (values, or probabilities)."""
        return np.asarray(self.test_MVK.mean(axis=0))

    @property
    def mean_VA(self) -> NDArray[np.float64]:
        """The ensemble's answer: the mean of the networks', with what else is said of a target.

        The mean of quantiles, level by level, is a distribution's: of normal ones it is normal, too (Ratcliff 1979,
        Psychological Bulletin 86, 446-461).
        """
        return np.asarray(self.said_MVA.mean(axis=0))


def read_ensemble(
    store: Store, plan: Sequence[PlanEntry], truth: Truth, said: Distribution | None
) -> Ensemble | None:
    """Read the ensemble of a run; None where there is none, or where it belongs to an earlier choice.

    ValueError for answers that do not belong together.
    """
    fact, choice = store.fact("ensemble"), store.fact("choice")
    if not fact or not choice or fact["candidate_id"] != choice["candidate_id"]:
        return None
    places = {entry.fit_id: entry for entry in reversed(plan) if entry.stage == "search"}
    names = [str(name) for name in fact["fits"]]
    if not places.keys() >= set(names):
        return None
    expect(len(names) > 1 and isinstance(fact["fits"], list))
    members = [store.arrays(name, str(fact["part"])) for name in names]
    outputs = len(truth.classes or truth.target_names)
    no_grid = np.zeros((0, outputs))
    said_MVA = np.array([arrays["test"] for arrays in members])
    seen = store.arrays(names[0], str(fact["disputed"])) if fact["disputed"] else {}
    ensemble = Ensemble(
        members=tuple(places[name] for name in names),
        test_MVK=said_MVA[..., :outputs],
        grid_G=members[0].get("grid_x", np.zeros(0)),
        grid_MGK=np.array([arrays.get("grid", no_grid) for arrays in members])[..., :outputs],
        image_rows=seen.get("rows", np.zeros(0, np.int64)),
        images=seen.get("images", np.zeros((0, 0, 0, 0), np.uint8)),
        said_MVA=said_MVA,
    )
    _check(ensemble, truth, 1 if said is None else said.outputs)
    return ensemble


def _check(ensemble: Ensemble, truth: Truth, of_target: int) -> None:
    members, outputs = len(ensemble.members), len(truth.classes or truth.target_names)
    rows, images = ensemble.image_rows, ensemble.images
    expect(ensemble.said_MVA.shape == (members, len(truth.y) - truth.train_rows, outputs * of_target))
    expect(ensemble.grid_MGK.shape == (members, len(ensemble.grid_G), outputs))
    for values in (ensemble.said_MVA, ensemble.grid_G, ensemble.grid_MGK):
        expect(values.dtype == np.float64 and np.isfinite(values).all())
    expect(ensemble.grid_G.ndim == 1 and (np.diff(ensemble.grid_G) >= 0).all())
    expect(images.dtype == np.uint8 and images.ndim == 4 and rows.shape == images.shape[:1])
    expect(rows.dtype == np.int64 and ((rows >= truth.train_rows) & (rows < len(truth.y))).all())


def vote_entropy(probability_MVK: NDArray[Any]) -> NDArray[np.float64]:
    """Give how much M networks disagree about each of V rows, in nats: the entropy of their votes, (V,).

    Each votes for its most probable class; 0 where all agree. Dagan and Engelson 1995, "Committee-based sampling for
    training probabilistic classifiers", ICML.
    """
    share_VK = vote_counts(probability_MVK) / len(probability_MVK)
    logarithm_VK = np.log(share_VK, out=np.zeros_like(share_VK), where=share_VK > 0)
    return np.asarray(np.abs((share_VK * logarithm_VK).sum(axis=1)))


def vote_counts(probability_MVK: NDArray[Any]) -> NDArray[np.int64]:
    """Count the votes of M networks for every class, (V, K)."""
    count_VK = np.zeros(probability_MVK.shape[1:], np.int64)
    for answer_VK in probability_MVK:
        count_VK[np.arange(len(count_VK)), np.argmax(answer_VK, axis=1)] += 1
    return count_VK


def ensemble_frame(
    ensemble: Ensemble | None,
    truth: Truth,
    plan: Sequence[PlanEntry],
    fits: Mapping[str, FitRecord],
    said: Distribution | None,
    asked: tuple[str, ...] = (),
) -> DataFrame:
    """One row a network of the ensemble, then one for their mean answer, then one for the delivered network."""
    import pandas as pd

    if ensemble is None:
        return pd.DataFrame(columns=["network", "fit_id", "fold", "repeat"])
    true = truth.y[truth.train_rows :]
    rows = [
        {"network": "member", "fit_id": entry.fit_id, "fold": entry.fold, "repeat": entry.repeat}
        | scores_of_answers(true, answer_VA, truth.test_weights, asked, said)
        for entry, answer_VA in zip(ensemble.members, ensemble.said_MVA, strict=True)
    ]
    rows.append(
        {"network": "ensemble", "fit_id": "", "fold": -1, "repeat": -1}
        | scores_of_answers(true, ensemble.mean_VA, truth.test_weights, asked, said)
    )
    refits = [entry for entry in plan if entry.stage == "refit" and entry.fit_id in fits]
    for entry in [entry for entry in refits if fits[entry.fit_id].status == "ok"][:1]:
        place = {"network": "delivered", "fit_id": entry.fit_id, "fold": -1, "repeat": entry.repeat}
        rows.append(place | fits[entry.fit_id].scores["test"])
    return pd.DataFrame(rows)
