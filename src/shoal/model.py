"""A trained network as a thing to use: `shoal.load(path).predict(x)`.

Letters: N rows, D inputs, K targets or classes, C channels, H, W height and width.
"""

from __future__ import annotations

import html
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from shoal.answering import Answering, Inputs, misfits
from shoal.data import Preprocessing
from shoal.decisions import named_classes
from shoal.distributions import Distribution, by_target
from shoal.engine import (
    Explanation,
    input_records,
    not_finite,
    read_calibration,
    unknown_intervals,
    without_temperature,
)
from shoal.errors import InputError, ModelFileError, Problem, as_path
from shoal.files import Folder, Unreadable, kind_of, opened, size_of, write
from shoal.kinds import LOSSES, has_classes
from shoal.look import Asked, NetworkFacts, network_facts, network_html, pieces_html
from shoal.model_facts import facts_of
from shoal.nets import MODEL_NAME, OwnModule, Recipe, model_bytes, read_model
from shoal.results import shard_said
from shoal.study import Training
from shoal.wording import counted, listed, visible

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class Model(Answering):
    """A trained network, its preprocessing and where it comes from. Get one with `load`; the page "Model files,
    predictions, export" has examples.

    `parameters` holds float32 arrays by name in torch's shapes, running statistics of batch norm among them.
    """

    @classmethod
    def from_bytes(cls, content: bytes, module: Callable[..., Any] | None = None) -> Model:
        """Make a model from the content of a model file.

        Parameters
        ----------
        content : bytes
        module : class or function, optional
            Makes the torch.nn.Module that was trained, where that was a person's own.

        Raises
        ------
        ModelFileError
            Where it is damaged, foreign, inconsistent or of a newer Shoal.
        """
        return cls.read(BytesIO(content), len(content), module)

    @classmethod
    def read(cls, stream: BinaryIO, size: int, module: Callable[..., Any] | None = None) -> Model:
        """Read a model from an open file.

        Parameters
        ----------
        stream : binary file
        size : int
            Its length in bytes, beyond which nothing is read.
        module : class or function, optional
            Makes the torch.nn.Module that was trained, where that was a person's own.

        Raises
        ------
        ModelFileError
            Where it is damaged, foreign, inconsistent or of a newer Shoal.
        """
        own = None if module is None else OwnModule(Recipe("module", module))
        stored = read_model(stream, size, own)
        described, temperature = stored.facts, None
        if stored.folds:
            described, temperature = without_temperature(stored.facts)
        facts = facts_of(described)
        preprocessing = Preprocessing.from_json(facts.preprocessing)
        calibration = read_calibration(stored, facts.task, temperature) if stored.folds else None
        model = cls(stored.architecture, stored.parameters, preprocessing, facts, calibration)
        for sentence in misfits(model):
            raise ModelFileError(sentence)
        return model

    def to_bytes(self) -> bytes:
        """Give the content of a model file; the same bytes that it was read from."""
        facts, calibration = self.facts.described, self.calibration
        if calibration is None:
            return model_bytes(self.architecture, self.parameters, facts)
        facts["temperature"] = calibration.temperature
        return model_bytes(self.architecture, self.parameters, facts, calibration.stored)

    def save(self, path: Path | str) -> None:
        """Write a model file, whole or not at all.

        Parameters
        ----------
        path : str or path
            Its place; a file that stands there is replaced.
        """
        write(as_path(path, "the path of a model file"), self.to_bytes())

    def __repr__(self) -> str:
        names = len(self.input_names)
        inputs = counted(names, "input") if names else f"images {self.image_shape}"
        count, trainer = self.architecture.parameter_count, visible(self.facts.fit.trainer[:40])
        return f"Model({self.facts.task}: {inputs}, {count} parameters, trained by {trainer})"

    def predict(self, x: NDArray[Any] | Mapping[str, Any] | DataFrame) -> NDArray[Any]:
        """Predict rows.

        The same rows in the same order give the bytes that the run stored for them, if the trainer that
        trained the model is here, on the CPU, in the same versions on the same kind of processor.

        Parameters
        ----------
        x : frame, dict of columns, or array-like
            A frame (pandas', polars' or alike) or a dict of columns, taken by name (others are ignored); or numbers
            (N, D) in the order of `input_names`, where no column holds categories; or images (N, H, W), (N, H, W, C) or
            (N, C, H, W) of bytes, or of other numbers that stand for bytes exactly (after training on two levels alone,
            false and true are 0 and 1 too); of any size where the study has `data.resize`. A category has the spelling
            that was learned, whatever type it comes in (True, 1.0, 01); one that the training rows did not have counts
            as none of them, with a UserWarning. A missing cell (NaN, None, an empty text, a word such as NA) is
            answered as in training; where no training row lacked one, with a UserWarning.

        Returns
        -------
        ndarray
            float64 (N, K) in the targets' units, infinite or NaN, with a UserWarning, where a prediction is too large
            for floating-point numbers; or the names of the likeliest classes, str (N,), of two classes those that
            `decision` names, where the model has one; or of several labels int64 (N, K), 1 where a row is more likely
            to have the label than not, else 0.

        Raises
        ------
        DataError
            For rows that it cannot read: several of which no category of a column is known, a missing cell after
            `data.missing = "refuse"`.
        """
        answer_NA = self._answered(x)
        if not has_classes(self.facts.task):
            predicted_NK = answer_NA[:, : len(self.targets)]
            return (predicted_NK > 0.5).astype(np.int64) if self.labelled else predicted_NK
        return np.asarray(np.array(self.classes, dtype=np.str_)[named_classes(answer_NA, self.decision)])

    def predict_quantiles(self, x: NDArray[Any] | Mapping[str, Any] | DataFrame) -> NDArray[np.float64]:
        """Give the quantiles of every target at `levels` in its units.

        Of a network trained by `training.loss = "quantile"` they are those of `training.quantiles`, none above a later
        one; of "gaussian" those of its normal distribution.

        Parameters
        ----------
        x : frame, dict of columns, or array-like
            See `predict`.

        Returns
        -------
        ndarray of shape (N, K, L)
            float64.

        Raises
        ------
        InputError
            For a model of any other loss.
        """
        return self._distribution.quantiles(by_target(self._answered(x), len(self.targets)))

    def predict_std(self, x: NDArray[Any] | Mapping[str, Any] | DataFrame) -> NDArray[np.float64]:
        """Give how far targets lie from what `predict` gives, as standard deviations in their units.

        Parameters
        ----------
        x : frame, dict of columns, or array-like
            See `predict`.

        Returns
        -------
        ndarray of shape (N, K)
            float64.

        Raises
        ------
        InputError
            For a model that was not trained by `training.loss = "gaussian"`.
        """
        distribution = self._distribution
        if distribution.names != ("std",):
            raise InputError("expected a model of means and standard deviations, got one of quantiles")
        return distribution.shown(by_target(self._answered(x), len(self.targets)))[:, :, 0]

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels of `predict_quantiles`, ascending; none of a model that says one number of a target."""
        distribution = self.preprocessing.distribution
        return () if distribution is None else distribution.levels

    @property
    def _distribution(self) -> Distribution:
        distribution = self.preprocessing.distribution
        if distribution is None:
            losses = listed([f'"{name}"' for name, kind in LOSSES.items() if kind.distribution], "or")
            what = f"expected a model trained by training.loss = {losses}, got one of another loss"
            raise InputError(f"{what}: it says one number of a target")
        return distribution

    def predict_proba(
        self, x: NDArray[Any] | Mapping[str, Any] | DataFrame, *, calibrated: bool = False
    ) -> NDArray[np.float64]:
        """Give the probability of every class or label.

        Parameters
        ----------
        x : frame, dict of columns, or array-like
            See `predict`.
        calibrated : bool, default=False
            Give those at the temperature of the model file (Guo and others 2017), in the same order.

        Returns
        -------
        ndarray of shape (N, K)
            float64, in the order of `classes` or `targets`.

        Raises
        ------
        InputError
            In regression; with `calibrated` for a model of labels, and one without a temperature.
        """
        if self.facts.task == "regression":
            raise InputError("expected a model of classes, got one of numbers: it has no probabilities")
        if calibrated and self.labelled:
            raise InputError("expected a model of classes, got one of labels: it has no temperature")
        answer_NK = self._answered(x)
        return self.at_temperature(answer_NK) if calibrated else answer_NK

    def predict_interval(
        self, x: NDArray[Any] | Mapping[str, Any] | DataFrame, coverage: float = 0.9
    ) -> NDArray[np.float64]:
        """Give the interval of every target in its units.

        Of new rows of the same kind as the training rows, about the share `coverage` lies in theirs, of each target by
        itself; at least 1 - 2 (1 - coverage) of them, less at most sqrt(2 / rows), is guaranteed on average over
        training rows. Where rows have weights it is a share of that of new rows, and none is guaranteed. They come from
        the networks of the folds (CV+: Barber and others 2021), each of which answers the rows, and may leave out what
        `predict` gives.

        Parameters
        ----------
        x : frame, dict of columns, or array-like
            See `predict`.
        coverage : float, default=0.9
            A share from 0.5 on, below 1.

        Returns
        -------
        ndarray of shape (N, K, 2)
            Lower and upper ends, float64; NaN or infinite, with a UserWarning, where the networks' answers are not
            finite.

        Raises
        ------
        InputError
            For a model of classes or labels, one without the networks of the folds, and a coverage that is no such
            share or more than the rows held out can tell.
        """
        if self.facts.task != "regression":
            got = "labels: it has no intervals" if self.labelled else "classes: it has no intervals, but sets"
            raise InputError(f"expected a model of numbers, got one of {got}")
        ends_NK2 = self.intervals(self._warned(x), coverage)
        if unknown := unknown_intervals(ends_NK2):
            warnings.warn(unknown, UserWarning, stacklevel=2)
        return ends_NK2

    def predict_set(
        self, x: NDArray[Any] | Mapping[str, Any] | DataFrame, coverage: float = 0.9
    ) -> NDArray[np.bool_]:
        """Give which classes are in the set of each row.

        Of new rows of the same kind, about the share `coverage` has the true class in its set, with the guarantee of
        `predict_interval`. A set is empty where no class is as likely as true ones usually are.

        Parameters
        ----------
        x : frame, dict of columns, or array-like
            See `predict`.
        coverage : float, default=0.9
            A share from 0.5 on, below 1.

        Returns
        -------
        ndarray of shape (N, K)
            bool, in the order of `classes`.

        Raises
        ------
        InputError
            For a model of numbers or labels, and as `predict_interval` does.
        """
        if not has_classes(self.facts.task):
            got = "labels: it has no sets" if self.labelled else "numbers: it has no sets, but intervals"
            raise InputError(f"expected a model of classes, got one of {got}")
        return self.sets(self._warned(x), coverage)

    def explain(self, x: NDArray[Any] | Mapping[str, Any] | DataFrame) -> Explanation:
        """Say what each input column adds to each prediction, by integrated gradients.

        They add up to the prediction in the target's units (of classes, the log-odds of the class that is named; of
        labels, those of each), less that of a baseline: every number at the mean of the training rows, every category
        a little, and the same.

        Parameters
        ----------
        x : frame, dict of columns, or array-like
            See `predict`.

        Returns
        -------
        Explanation

        Raises
        ------
        InputError
            For a model of images.
        """
        if not self.input_names:
            raise InputError("expected a model of tables, got one of images, which have no columns")
        return self.explanation(self._warned(x))

    def _warned(self, x: Any, depth: int = 3) -> Inputs:
        """Check rows, and warn of what is unknown of them in one sentence, whoever is so many calls above."""
        inputs = self.inputs(x)
        strange = "; ".join(self.unknown(inputs))
        if strange:
            warnings.warn(strange, UserWarning, stacklevel=depth)
        return inputs

    def _answered(self, x: Any) -> NDArray[np.float64]:
        """Check rows and answer them; warn of what is unknown of them, and of answers that are not finite."""
        answer_NA = self.answer(self._warned(x, 4))
        if overflow := not_finite(answer_NA):
            warnings.warn(overflow, UserWarning, stacklevel=3)
        return answer_NA

    def network_facts(self) -> NetworkFacts:
        """Give what is drawn of it."""
        training = self.facts.training.get("training")
        try:
            known = Training.model_validate(training) if training else None
        except ValidationError:  # of another version: it is drawn without its loss
            known = None
        distribution = self.preprocessing.distribution
        asked = Asked("", self.facts.task, self.targets, self.classes, known, distribution)
        return network_facts(self.architecture, input_records(self.preprocessing), asked)

    def _repr_html_(self) -> str:
        """Give its line and its drawing, as a notebook shows it."""
        drawn = pieces_html({"the network": lambda: network_html(self.network_facts())}, "`shoal.draw`")
        return f"<p>{html.escape(repr(self))}</p>{drawn}"


def load(path: Path | str, module: Callable[..., Any] | None = None) -> Model:
    """Read a model file, or the model of a run folder; nothing in it can run, and no more is allocated than it holds.

    Parameters
    ----------
    path : path
        A run folder, or a model file.
    module : class or function, optional
        Of a run with `module=` that class or function, which no file holds.

    Returns
    -------
    Model
        What predicts.

    Raises
    ------
    ModelFileError
        In one sentence, for a file that is missing, damaged, foreign, inconsistent or of a newer Shoal.
    """
    path = as_path(path, "the path of a run folder or a model file")
    file = path / MODEL_NAME if kind_of(path) == "a folder" else path
    try:
        with _opened(path) as stream:
            return Model.read(stream, size_of(stream), module)
    except ModelFileError as error:
        raise ModelFileError(Problem(str(file), str(error))) from error
    except Unreadable as error:
        missing = file != path and kind_of(file) == "nothing"
        why = f": {shard_said(path) or 'a run makes it at its end'}" if missing else ""
        raise ModelFileError(Problem(str(file), error.sentence("a model file") + why)) from error
    except OSError as error:
        raise ModelFileError(Problem(str(file), Unreadable.by(error).sentence())) from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a model file, or that of a run folder, which may be a stranger's: no link leads out of it."""
    if kind_of(path) != "a folder":
        with opened(path) as stream:
            yield stream
        return
    with Folder.open(path) as folder, folder.opened(MODEL_NAME) as stream:
        yield stream
