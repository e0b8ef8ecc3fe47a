"""Searches that stand in for scikit-learn's: the same signature, the same results, every network trained at once.

They are scikit-learn's own, and only the training of candidates is done otherwise. Around any other estimator they are
scikit-learn's own altogether.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import copy
from functools import partial
from inspect import signature
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn import model_selection
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from shoal.engine import give_back_memory
from shoal.estimators._cv_results import FoldScores, scores_of
from shoal.estimators._display import SearchDisplay
from shoal.estimators._evaluation import Evaluation, SearchRecord
from shoal.estimators._lots import network_in
from shoal.estimators._order import Options
from shoal.estimators._own_rows import rows_and_targets
from shoal.estimators._parameters import choices
from shoal.estimators._turns import Turns

if TYPE_CHECKING:
    from pandas import DataFrame

CONSTRAINTS: Final[dict[str, list[Any]]] = {
    "rule": [choices("best", "one-standard-error")],
    "store": [str, PathLike, None],
    "cluster": [str, HasMethods(["submit", "scatter"]), HasMethods(["get_client"]), None],
}
"""What scikit-learn's own check of parameters holds ours against."""


_UNDER_WAY: Final = ("_evaluation", "_beginning", "_run_search")


class TrainedTogether(SearchDisplay):
    """What both searches add to scikit-learn's."""

    # Parameters and results of scikit-learn's searches, used here.
    estimator: Any
    n_jobs: int | None
    pre_dispatch: int | str
    cv: Any
    refit: Any
    verbose: int
    store: str | PathLike[str] | None
    cluster: Any
    multimetric_: bool
    best_estimator_: Any
    rule: Literal["best", "one-standard-error"]
    cv_results_: dict[str, Any]
    _run_search: Any
    _evaluation: Evaluation | None = None
    _record: SearchRecord | None = None

    def __sklearn_tags__(self) -> Any:
        """Take missing cells where the estimator does."""
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.allow_nan = get_tags(self.estimator).input_tags.allow_nan
        return tags

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Train every candidate on every fold, choose, and refit the best on all rows.

        Parameters
        ----------
        X : array-like of shape (N, D), or what the estimator takes
        y : array-like of shape (N,) or (N, K), default=None
        **params : dict of str -> object
            Passed to the `fit` of the estimator, to the splitter (`groups`) and to the scorers.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        ValueError
            Where a parameter, X or y is refused, or every fit fails.
        shoal.RunFolderBusy, shoal.RunFolderError
            Where `store` cannot be used.
        """
        self._record = None
        if network_in(self.estimator) is None:
            self._refuse_what_only_networks_have()
            return super().fit(X, y, **params)  # type: ignore[misc, no-any-return]
        X, y = rows_and_targets(X, y)
        self._validate_params()  # type: ignore[attr-defined]
        with self._prepared(X, y) as evaluation:
            super().fit(X, y, **params)  # type: ignore[misc]
            self._record = self._record or evaluation.record(None)
        if self.refit:
            evaluation.restore(self.best_estimator_)
        del evaluation
        give_back_memory()
        return self

    @contextmanager
    def _prepared(self, x: Any, y: Any) -> Iterator[Evaluation]:
        """Within, the estimator is one that shares transformers and seed, and fits come in our turns."""
        originals = {"estimator": self.estimator, "pre_dispatch": self.pre_dispatch, "cv": self.cv}
        say = partial(print, flush=True) if self.verbose else None
        store = None if self.store is None else Path(self.store)
        evaluation = Evaluation.of(self, x, y, Options(self.n_jobs, store, say, self.cluster))
        self._evaluation, self.estimator, self.pre_dispatch = evaluation, evaluation.estimator, "all"
        # Somebody's own class may search in a way of its own.
        self._run_search = partial(self._searched, self._run_search)
        if isinstance(self.cv, Iterator):
            self.cv = list(self.cv)  # it can be read once, and is read twice
        try:
            with ExitStack() as self._beginning:
                self._beginning.enter_context(Turns(evaluation.turns, evaluation.jobs).in_use())
                yield evaluation
        finally:
            vars(self).update(originals)
            evaluation.restore(evaluation.estimator)  # the scorer holds it
            del self._evaluation, self._beginning, self._run_search

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is under way, and a client: scikit-learn sends the search along to other processes."""
        state: dict[str, Any] = super().__getstate__()  # type: ignore[assignment]
        state = {name: value for name, value in state.items() if name not in _UNDER_WAY}
        if not isinstance(self.cluster, str):  # a connection of this process, which no other has
            state["cluster"] = None
        return state

    def __sklearn_clone__(self) -> Self:
        """Clone as scikit-learn does, with the same client, which cannot be copied."""
        twin: Self = super(TrainedTogether, copy(self)).__sklearn_clone__()  # type: ignore[misc]
        twin.cluster = self.cluster
        return twin

    def _refuse_what_only_networks_have(self) -> None:
        for name, usual in (("rule", "best"), ("store", None), ("cluster", None)):
            if (value := getattr(self, name)) != usual:
                kind = type(self.estimator).__name__
                where = f"around an estimator that is not one of Shoal's ({kind})"
                raise ValueError(f"{name}: expected {usual!r} {where}, got {value!r}")

    # -- what scikit-learn's own fit calls ---------------------------------------------------------------------

    def _get_routed_params_for_fit(self, params: dict[str, Any]) -> Any:
        routed = super()._get_routed_params_for_fit(params)  # type: ignore[misc]
        if self._evaluation is not None:
            self._evaluation.routed = routed
        return routed

    def _searched(
        self,
        search: Callable[..., None],
        evaluate_candidates: Callable[..., Any],
        *,
        callback_ctx: Any = None,
    ) -> None:
        """Search as the class does, by what evaluates candidates here."""
        assert self._evaluation is not None  # noqa: S101 - only `_prepared` leads here
        context = {"callback_ctx": callback_ctx} if "callback_ctx" in signature(search).parameters else {}
        self._beginning.close()  # joblib has its backend; whatever else is parallel has its own
        search(partial(self._evaluation.run, evaluate_candidates), **context)

    def _format_results(
        self, candidate_params: Any, n_splits: int, out: Any, more_results: Any = None
    ) -> dict[str, Any]:
        if self._evaluation is not None:
            self._evaluation.put_times(out)
        return super()._format_results(candidate_params, n_splits, out, more_results)  # type: ignore[misc, no-any-return]

    def _select_best_index(self, refit: Any, refit_metric: str, results: Mapping[str, Any]) -> int:
        index = self._chosen(refit, refit_metric, results)
        if self._evaluation is not None:  # before the refit, whose transformers may write into the rows
            self._record = self._evaluation.record(index)
        return index

    def _chosen(self, refit: Any, refit_metric: str, results: Mapping[str, Any]) -> int:
        if self.rule == "best":
            return super()._select_best_index(refit, refit_metric, results)  # type: ignore[misc, no-any-return]
        if callable(refit):
            raise ValueError(
                f"rule: expected 'best' where refit is a function that chooses, got {self.rule!r}"
            )
        assert self._evaluation is not None  # noqa: S101 - other estimators were refused
        scores = FoldScores(scores_of(results, refit_metric), *self._evaluation.fold_rows())
        return scores.simplest_near_best(self._evaluation.parameters())

    # -- beyond scikit-learn -----------------------------------------------------------------------------------

    @property
    def fits_(self) -> DataFrame:
        """Curves of every candidate and fold, one row an evaluated epoch: candidate, fold, status, epoch, train_loss,
        validation_loss (of the rows held out of the fold) and what else was evaluated.
        """
        return self._of_networks("fits_").curves()

    @property
    def oof_predictions_(self) -> NDArray[np.float64]:
        """What the chosen candidate predicted for every row while it was held out.

        Numbers, shape of y; of a classifier probabilities (N, K), columns in the order of the sorted labels.
        The mean where a row is held out several times, NaN where it never is.
        """
        return self._of_the_chosen("oof_predictions_").held_out

    @property
    def fold_modules_(self) -> list[Any]:
        """The chosen candidate's network of every fold, a torch.nn.Module; None of a failed fit."""
        networks = self._of_the_chosen("fold_modules_").fold_networks
        return [None if network is None else network.module_ for network in networks]

    @property
    def indistinguishable_(self) -> NDArray[np.bool_]:
        """Which candidates are indistinguishable from the best at 5 %, in the order of `cv_results_`, bool (C,).

        Of what they score on new rows, trained on so many rows: corrected resampled t-test over the folds (Nadeau and
        Bengio 2003), its variance pooled over candidates. Of fewer than three folds all are.
        """
        record = self._of_networks("indistinguishable_")
        return self._deciding_scores(record).indistinguishable()

    def _deciding_scores(self, record: SearchRecord) -> FoldScores:
        """Give the scores of the one metric that decides."""
        if self.multimetric_ and not isinstance(self.refit, str):
            raise AttributeError(f"expected one score that decides, got several and refit={self.refit!r}")
        score_CF = scores_of(self.cv_results_, self.refit if self.multimetric_ else "score")
        return FoldScores(score_CF, record.train_rows_F, record.test_rows_F)

    def _of_networks(self, name: str) -> SearchRecord:
        check_is_fitted(self)
        if self._record is None:
            kind = type(self.estimator).__name__
            raise AttributeError(
                f"{name}: expected one of Shoal's estimators, alone or last in a Pipeline, got {kind}"
            )
        return self._record

    def _of_the_chosen(self, name: str) -> SearchRecord:
        record = self._of_networks(name)
        if "best_index_" not in vars(self):
            raise AttributeError(f"{name}: expected a refit that chooses a candidate, got {self.refit!r}")
        return record


class GridSearchCV(TrainedTogether, model_selection.GridSearchCV):  # type: ignore[misc]
    """Exhaustive search over a grid: scikit-learn's `GridSearchCV`, every network trained at once.

    All of scikit-learn's parameters mean what they mean there, and `cv_results_` and `best_*` are the same to the
    last key. Around Shoal's estimators, alone or as the last step of a Pipeline, the networks of all
    candidates and folds go to the engine together; transformers that no searched parameter touches are fitted
    once a fold. Any other estimator is searched by scikit-learn itself.

    Parameters
    ----------
    estimator : estimator object
    param_grid : dict or list of dict
        Parameter names with lists of values to try, or a list of such grids.
    scoring : str, callable, list, tuple or dict, default=None
    n_jobs : int, default=None
        Networks trained at a time; None is one a core, as is -1. No result depends on it.
    refit : bool, str or callable, default=True
    cv : int, splitter or iterable, default=None
        5 folds by default.
    verbose : int, default=0
        Above 0 also says every ten seconds how many networks are trained.
    pre_dispatch : int or str, default="2*n_jobs"
        Of no use around Shoal's estimators.
    error_score : "raise" or number, default=nan
        The score of a fit that diverges or fails.
    return_train_score : bool, default=False
    rule : {"best", "one-standard-error"}, default="best"
        How `best_index_` is chosen: the best mean score, or, of the candidates within one standard error of
        it, the network of the fewest parameters.
    store : str or path, default=None
        A folder that keeps every trained network. What is there already is not trained again, so that an
        interrupted search goes on and a wider grid trains only what is new.
    cluster : str, distributed.Client or a cluster of Dask, default=None
        Where networks are trained in place of this machine: the address of a Dask scheduler, a Client, a cluster such
        as LocalCluster, or "local:N". Clones share it; pickles and deep copies go without, but for addresses.

    Attributes
    ----------
    fits_ : DataFrame
        Curves of every candidate and fold.
    oof_predictions_ : ndarray of shape (N,) or (N, K)
        What the chosen candidate predicted for rows held out.
    fold_modules_ : list of torch.nn.Module
        The chosen candidate's network of every fold.
    indistinguishable_ : ndarray of bool, shape (C,)
        Which candidates are statistically indistinguishable from the best.

    Examples
    --------
    >>> import numpy as np
    >>> import shoal
    >>> x = np.linspace(-1, 1, 60).reshape(-1, 1)
    >>> network = shoal.MLPRegressor((8,), activation="tanh", learning_rate_init=0.02, random_state=0)
    >>> search = shoal.GridSearchCV(network, {"max_iter": [1, 300]}, cv=3).fit(x, x.ravel() ** 2)
    >>> search.best_params_
    {'max_iter': 300}
    >>> search.fits_.groupby("candidate")["epoch"].max().to_dict()
    {0: 1, 1: 300}
    >>> search.oof_predictions_.shape
    (60,)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **model_selection.GridSearchCV._parameter_constraints,
        **CONSTRAINTS,
    }

    def __init__(  # noqa: PLR0913 - scikit-learn's way
        self,
        estimator: Any,
        param_grid: Any,
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        error_score: Any = np.nan,
        return_train_score: bool = False,
        rule: Literal["best", "one-standard-error"] = "best",
        store: str | PathLike[str] | None = None,
        cluster: Any = None,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.rule = rule
        self.store = store
        self.cluster = cluster


class RandomizedSearchCV(TrainedTogether, model_selection.RandomizedSearchCV):  # type: ignore[misc]
    """Search over candidates drawn at random: scikit-learn's `RandomizedSearchCV`, every network trained at once.

    See `GridSearchCV`: what it says of parameters, attributes and other estimators holds here too.

    Parameters
    ----------
    estimator : estimator object
    param_distributions : dict or list of dict
        Parameter names with lists of values or distributions to draw from (objects with `rvs`).
    n_iter : int, default=10
        Candidates drawn.
    scoring : str, callable, list, tuple or dict, default=None
    n_jobs : int, default=None
        Networks trained at a time; None is one a core, as is -1. No result depends on it.
    refit : bool, str or callable, default=True
    cv : int, splitter or iterable, default=None
    verbose : int, default=0
    pre_dispatch : int or str, default="2*n_jobs"
        Of no use around Shoal's estimators.
    random_state : int, RandomState or None, default=None
        Of the candidates; that of the networks is the estimator's.
    error_score : "raise" or number, default=nan
    return_train_score : bool, default=False
    rule : {"best", "one-standard-error"}, default="best"
    store : str or path, default=None

    Examples
    --------
    >>> import numpy as np
    >>> import shoal
    >>> from scipy.stats import loguniform
    >>> x = np.linspace(-1, 1, 60).reshape(-1, 1)
    >>> network = shoal.MLPClassifier((8,), max_iter=40, random_state=0)
    >>> drawn = {"learning_rate_init": loguniform(1e-3, 1e-1)}
    >>> search = shoal.RandomizedSearchCV(network, drawn, n_iter=4, cv=3, random_state=0)
    >>> search.fit(x, np.where(x.ravel() > 0, "right", "left")).predict([[-0.9], [0.9]]).tolist()
    ['left', 'right']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **model_selection.RandomizedSearchCV._parameter_constraints,
        **CONSTRAINTS,
    }

    def __init__(  # noqa: PLR0913 - scikit-learn's way
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        n_iter: int = 10,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        rule: Literal["best", "one-standard-error"] = "best",
        store: str | PathLike[str] | None = None,
        cluster: Any = None,
    ) -> None:
        super().__init__(
            estimator,
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.rule = rule
        self.store = store
        self.cluster = cluster
