"""`draw(study)`: a network drawn from its inputs to its loss; of a study nothing is trained for that."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Unpack

from shoal.errors import InputError, Problem, StudyError
from shoal.files import Unreadable, kind_of, opened
from shoal.look import NetworkPicture, Plan, RunFindings, delivered_network, refuse_other_endings
from shoal.model import Model, load
from shoal.planning import lay_out, study_network
from shoal.request import Keywords, request_of
from shoal.results import Results, refuse_shard, refuse_to_replace
from shoal.study import Study, builtin_studies, load_study

if TYPE_CHECKING:
    from shoal.request import StudyOrRows

_HEAD = 9
"""Bytes of a model file until its description begins: the length of that, and a brace."""
_SOURCES: Final = (
    "a Study, the path of a study file, a run folder or a model file, the name of a built-in study, rows in memory,"
    " Results, a Model or a Plan (a fitted estimator has draw() of its own)"
)


def draw(source: StudyOrRows | Results | Model | Plan, **keywords: Unpack[Keywords]) -> NetworkPicture:
    """Draw the network of a study, of its plan, of a run or of a model.

    Parameters
    ----------
    source : Study, path, name of a built-in study, rows, Results, Model or Plan
        Of a study, given in any way that `plan` takes, the rows are read, since they say how many inputs there are, and
        the network is its own, not one that a search may choose. A run is `Results` or its folder, whose delivered
        network is drawn; a model is a `Model` or its file.
    **keywords
        Of a study, as `run` takes them.

    Returns
    -------
    NetworkPicture
        Shows itself in a notebook; `svg` is its text, `save` writes SVG, PDF or PNG.

    Raises
    ------
    InputError
        For a source that is none of these, or that has no network yet.

    Examples
    --------
    >>> import shoal
    >>> picture = shoal.draw("two-peaks", network={"hidden": [8, 4]})
    >>> picture
    NetworkPicture(two-peaks: 3 layers, 57 parameters)
    >>> picture.save("two-peaks.svg")
    """
    if isinstance(source, str | os.PathLike) and not keywords:
        source = _opened(Path(source), str(source))
    if isinstance(source, Model):
        return NetworkPicture(source.network_facts())
    if isinstance(source, Results):
        refuse_shard(source.folder, source.shard)
        if source.module:
            title, _, _ = source.module.partition(",")
            what = f"expected a network of Shoal's layers, got {title}, a module of one's own, which no folder holds"
            hint = f"in Python, shoal.draw(shoal.load(run, module={title})) draws it"
            raise InputError(Problem(str(source.folder), f"{what}; {hint}"))
        fact = delivered_network(RunFindings(source))
        if fact is None:
            what = "expected a run that has a delivered network, got one without; draw its study"
            raise InputError(Problem(str(source.folder), what))
        return NetworkPicture(fact)
    if isinstance(source, Plan):
        if source.network is None:
            raise InputError(
                "expected a plan that shoal.plan made, got one without a network; draw its study"
            )
        return NetworkPicture(source.network)
    _, planner = lay_out(request_of(source, keywords, _SOURCES), "auto", "auto")
    return NetworkPicture(study_network(planner))


def write_drawing(source: str, out: Path | None, overrides: Sequence[str], *, force: bool) -> str:
    """Draw what a command names to a file, which has the name of that where none is named; say so in a line.

    `overrides` are `KEY=VALUE` of a study. Raises InputError, beside the errors of `draw`, for an ending that is that
    of no picture and, unless `force`, where `out` has other content.
    """
    path = Path(source)
    if out is not None:
        refuse_other_endings(out)
        refuse_to_replace(out, path)
    named = _opened(path, source, overrides)
    if overrides and not isinstance(named, Study):
        raise InputError(Problem("--set", f"expected it with a study, got it with {source}"))
    picture = draw(named)
    out = out or Path(f"{picture.name or path.stem}-network.svg")
    refuse_to_replace(out, path)
    picture.save(out, force=force)
    return f"{out}: {picture.said}"


def _opened(path: Path, name: str, overrides: Sequence[str] = ()) -> Study | Results | Model:
    """Read what stands at a path, or a built-in study: a folder is that of a run, a file a model's or a study's."""
    if not name:
        what = "expected a study, a run folder or a model file, got an empty name"
        raise InputError(Problem("SOURCE", what))
    kind = kind_of(path)
    if name in builtin_studies() or kind not in ("a folder", "a file"):
        return load_study(name, overrides)
    if kind == "a folder":
        return Results.open(path)
    if path.suffix == ".safetensors" or _is_model(path):
        return load(path)
    try:
        return load_study(path, overrides)
    except StudyError:
        if path.suffix == ".toml":
            raise
        what = "expected a study file (.toml), a run folder or a model file (.safetensors), got another file"
        raise InputError(Problem(str(path), what)) from None


def _is_model(path: Path) -> bool:
    """Whether a file begins as model files do."""
    try:
        with opened(path) as stream:
            return stream.read(_HEAD)[_HEAD - 1 :] == b"{"
    except (Unreadable, OSError):
        return False
