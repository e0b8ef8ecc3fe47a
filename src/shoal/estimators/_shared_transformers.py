"""Transformers of a Pipeline, fitted once for all candidates that leave them alone.

What a transformer is fitted to depends on the split and on the searched values that touch it or a step before it. So
its *place* is the split, the step, and which objects of the grid stand there: no row and no object is ever
compared or hashed. Candidates whose places agree share one fit, each on copies of its own.

A Pipeline asks its `memory` before it fits a transformer; ours answers by place.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_memory

from shoal.estimators._answers import answered, at_once, warn_again
from shoal.estimators._copies import copied, lies_in
from shoal.estimators._sent import Sent

Place = tuple[Any, ...]
Path = tuple[Place, ...]
"""The places of a candidate's transformers on one split, in the order in which they are fitted."""
_KEPT_BYTES: Final = 1 << 22
FitTransform = Callable[..., tuple[Any, Any]]


def path_of(
    pipelines: Sequence[tuple[str, Pipeline]], network: str, settings: Mapping[str, Any], fold: int
) -> Path:
    """Give the places of the transformers of a candidate.

    `pipelines` stand on the way to the network, with the prefixes of their parameters; `network` is the network's
    prefix, and `settings` are the candidate's, whose values are told apart as objects.
    """
    steps = [
        (f"{prefix}{name}__", step) for prefix, pipeline in pipelines for name, step in pipeline.steps[:-1]
    ]
    keys = sorted(key for key in settings if not f"{key}__".startswith(network))
    touched = [key for key in keys if not any(_touches(key, name) for name, _ in steps)]
    path: list[Place] = []
    for name, step in steps:
        touched += [key for key in keys if _touches(key, name) and key not in touched]
        if is_step(step):
            path.append((fold, name, *((key, id(settings[key])) for key in touched)))
    return tuple(path)


def is_step(step: Any) -> bool:
    """Whether a step of a Pipeline is a transformer, not "passthrough"."""
    return step is not None and not isinstance(step, str)


def _touches(key: str, step: str) -> bool:
    return f"{key}__".startswith(step) or step.startswith(f"{key}__")


@dataclass(eq=False)
class Fitted:
    """What came of the transformers up to a place: they themselves, the rows, and what each warned of.

    `rows` are None once nobody looks at them any more. They are `lent` where they lie in the rows that the first
    transformer was given: who writes into them writes into what is scored, so a copy will not do to go on from.
    `scored` is what the transformers make of the rows that candidates are scored on, where that is known.
    """

    transformers: list[Any] = field(default_factory=list)
    rows: Any = None
    lent: bool = False
    warned: list[list[warnings.WarningMessage]] = field(default_factory=list)
    scored: Sent | None = None

    def copied(self) -> Fitted:
        """Copy all of it at once: a transformer may hold the very rows that it gave."""
        transformers, rows = copied((self.transformers, self.rows))
        return Fitted(transformers, rows, self.lent, list(self.warned))


class SharedTransformers:
    """The transformers of one search, by place."""

    def __init__(self) -> None:
        self._fitted: dict[Place, Fitted] = {}
        self._parting: set[Place] = set()
        self._needs: Counter[Place] = Counter()
        self._ends: set[Place] = set()
        self._written: set[Place] = set()
        self._rows_held_out: dict[Place, Any] = {}
        self._kept_bytes = 0
        self._way: _Planning | _Handing | None = None

    def expect(self, paths: Mapping[Path, int]) -> list[Path]:
        """Hear how many candidates come along which paths; give the paths so that those that begin alike follow."""
        after: dict[Place, set[Place | None]] = {}
        for path in paths:
            for place, following in zip(path, (*path[1:], None), strict=False):
                after.setdefault(place, set()).add(following)
        self._parting |= {place for place, following in after.items() if len(following) > 1}
        for path, candidates in paths.items():
            self._needs.update(self._parting.intersection(path))
            for place in path[-1:]:
                self._needs[place] += candidates
                self._ends.add(place)
        order = {place: number for number, place in enumerate(after)}
        return sorted(paths, key=lambda path: [order[place] for place in path])

    def planned(self, path: Path, *, looked_at: bool) -> None:
        """Hear that all candidates of a path are planned, and whether their rows are looked at once more."""
        for place in self._parting.intersection(path):
            self._let_go(place)
        for place in path[-1:]:
            if not looked_at and place in self._fitted and place not in self._parting:
                self._fitted[place].rows = None

    def done_with(self, path: Path) -> None:
        """Hear that one candidate needs nothing of its path any more."""
        for place in path[-1:]:
            self._let_go(place)

    def wrote(self, path: Path) -> None:
        """Hear that transformers along a path wrote into rows that are looked at again: each candidate fits its own."""
        self._written.update(path)

    def _let_go(self, place: Place) -> None:
        self._needs[place] -= 1
        if self._needs[place] <= 0 and place in self._fitted:
            fitted = self._fitted[place]
            if fitted.scored is not None:
                self.keep((place,), fitted.scored.rows)
            fitted.rows = fitted.scored = None
            if place not in self._ends:
                del self._fitted[place]

    def keep(self, path: Path, rows: Any) -> None:
        """Keep what came of rows held out, while all of it is small: the chosen candidate predicts from it."""
        size = getattr(rows, "nbytes", _KEPT_BYTES)
        if path[-1] not in self._rows_held_out and self._kept_bytes + size <= _KEPT_BYTES:
            self._rows_held_out[path[-1]] = rows
            self._kept_bytes += size

    def rows_held_out(self, path: Path) -> Any:
        """Give what the transformers along a path made of the rows held out; None where it is not kept."""
        return self._rows_held_out.get(path[-1]) if path else None

    def planning(self, path: Path) -> AbstractContextManager[None]:
        """Within, a Pipeline fits what is not fitted yet along a path, and keeps it."""
        return self._along(_Planning(self._fitted, path, self._parting))

    def handing(self, path: Path) -> AbstractContextManager[None]:
        """Within, a Pipeline gets copies of the transformers along a path, and the warnings of their fits."""
        own = not path or not self._written.isdisjoint(path) or self._needs[path[-1]] <= 0
        return self._along(_Handing(None if own else self._fitted.get(path[-1])))

    def __reduce__(self) -> Any:
        """Be empty in another process, which fits its own."""
        return SharedTransformers, ()

    def transformers(self, path: Path) -> list[Any] | None:
        """Give copies of the transformers along a path; None where they were never fitted or cannot be copied."""
        if not path:
            return []
        with suppress(Exception):
            return list(copied(self._fitted[path[-1]].transformers))
        return None

    def never_copied(self, path: Path) -> list[Any] | None:
        """Give the transformers along a path that cannot be copied: each candidate fits its own."""
        return self._fitted[path[-1]].transformers if path and path[-1] in self._fitted else None

    def sends(self, path: Path, sent: Sent) -> None:
        """Hear what the transformers along a path make of rows on which every candidate is scored."""
        for place in path[-1:]:
            self._fitted[place].scored = sent

    def fit(self, fit_transform: FitTransform, *arguments: Any, **named: Any) -> tuple[Any, Any]:
        """Fit one transformer, or answer with what is there."""
        if self._way is None:
            return fit_transform(*arguments, **named)
        return self._way.fit(fit_transform, *arguments, **named)

    @contextmanager
    def _along(self, way: _Planning | _Handing) -> Iterator[None]:
        self._way = way
        try:
            yield
        finally:
            self._way = None


class Shelf:
    """What a Pipeline takes as its `memory`, in place of the one that it was given."""

    def __init__(self, shared: SharedTransformers, memory: Any) -> None:
        self.memory, self._shared, self._checked_memory = memory, shared, check_memory(memory)
        # A Pipeline clones transformers before it fits them where its memory has a location.
        self.location = getattr(self._checked_memory, "location", "elsewhere")

    def __repr__(self) -> str:
        return repr(self.memory)

    def __deepcopy__(self, memo: dict[int, Any]) -> Shelf:
        """Stay the same one: clones of a Pipeline share it."""
        return self

    def __reduce__(self) -> Any:
        """Go to another process with what shares transformers there."""
        return Shelf, (self._shared, self.memory)

    def cache(self, fit_transform: FitTransform, **options: Any) -> FitTransform:
        """Give the function by which a Pipeline fits one transformer."""
        cached = self._checked_memory.cache(fit_transform, **options)

        def fitted(*arguments: Any, **named: Any) -> tuple[Any, Any]:
            with answered(at_once):  # a network within a transformer is none of the search's
                rows, done = cached(*arguments, **named)
            return rows, done

        def shared(*arguments: Any, **named: Any) -> tuple[Any, Any]:
            return self._shared.fit(fitted, *arguments, **named)

        return shared


class _Planning:
    """The first to come along a path: goes on from where somebody has been, and leaves behind what others need."""

    def __init__(self, fitted: dict[Place, Fitted], path: Path, parting: set[Place]) -> None:
        self._fitted, self._path, self._parting, self._step = fitted, path, parting, 0
        self._input: Any = None
        there = [
            n for n, place in enumerate(path) if place in fitted and self._goes_on_from(n, fitted[place])
        ]
        self._known, self._so_far = 0, Fitted()
        for last in reversed(there):
            with suppress(Exception):  # what cannot be copied is fitted again
                start = fitted[path[last]]
                self._so_far = start if last == len(path) - 1 else start.copied()
                self._known = last + 1
                break

    def _goes_on_from(self, step: int, fitted: Fitted) -> bool:
        return fitted.rows is not None and (step == len(self._path) - 1 or not fitted.lent)

    def fit(
        self, fit_transform: FitTransform, transformer: Any, x: Any, *rest: Any, **named: Any
    ) -> tuple[Any, Any]:
        step, so_far = self._step, self._so_far
        self._step += 1
        self._input = x if step == 0 else self._input
        if step < self._known:  # nobody looks at the rows between
            return so_far.rows if step == self._known - 1 else None, so_far.transformers[step]
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            rows, done = fit_transform(transformer, x, *rest, **named)
        so_far.transformers.append(done)
        so_far.warned.append(warned)
        so_far.rows = rows
        so_far.lent = self._input is not None and lies_in(rows, self._input)
        place = self._path[step]
        if step == len(self._path) - 1:
            self._fitted[place] = so_far
        elif place in self._parting and not so_far.lent:
            with suppress(Exception):
                self._fitted[place] = so_far.copied()
        return rows, done


class _Handing:
    """One who comes along a path where all is fitted: gets copies, and hears the warnings. Else all is fitted anew."""

    def __init__(self, fitted: Fitted | None) -> None:
        self._fitted, self._step, self._transformers = fitted, 0, None
        if fitted is not None:
            with suppress(Exception):
                known = fitted.scored
                self._transformers = (
                    copied(fitted.transformers) if known is None else known.remembered_by(fitted.transformers)
                )

    def fit(self, fit_transform: FitTransform, *arguments: Any, **named: Any) -> tuple[Any, Any]:
        step = self._step
        self._step += 1
        if self._fitted is None or self._transformers is None or step >= len(self._transformers):
            return fit_transform(*arguments, **named)  # also where who scores fits once more
        for warned in self._fitted.warned[step]:
            warn_again(warned)
        last = step == len(self._transformers) - 1
        return self._fitted.rows if last else None, self._transformers[step]
