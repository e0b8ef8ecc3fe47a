"""How often the test rows were looked at: a ledger over all runs of a folder, of which network of which settings.

A look is a network of a comparison or of the refit that was scored on the test rows; each network looks once, however
often the study is run. The fact "looks" holds them in the order in which they came, without a date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Final

from shoal.errors import RunFolderError
from shoal.results._record import FitRecord, PlanEntry
from shoal.results._schema import checker, expect, refusing
from shoal.results._store import Store

_FACT: Final = "looks"
_REFUSED: Final = (
    "the ledger of test rows in the results is not what Shoal writes;"
    " move the run folder away and run the study again"
)


@dataclass(frozen=True)
class Look:
    """The test rows, by fingerprint, the settings and the fit that was scored on them.

    The settings are a candidate's id and what else a study chooses of a fit; of earlier versions the id alone.
    """

    rows: str
    settings: str
    fit_id: str


@dataclass(frozen=True)
class _Ledger:
    """Looks, and the test rows and the preparation of the study that was entered last."""

    rows: str
    looks: tuple[Look, ...]
    preparation: str = ""


@dataclass(frozen=True)
class Looks:
    """How often these test rows were scored in all runs of a folder, and by how many settings; `earlier` counts those
    that the study does not have now.
    """

    times: int
    settings: int
    earlier: int


NO_LOOKS: Final = Looks(0, 0, 0)
_ledger: Final = checker(_Ledger)


def note_looks(store: Store, rows: str, preparation: str) -> None:
    """Enter what was scored on the test rows since the last entry; from now on they are those of fingerprint `rows`.

    `preparation` says what names a fit beside its candidate and the rows, so that studies which differ in it alone
    count as different settings. To be called before the plan is replaced, for what an interrupted run has scored, and
    once all is trained.
    """
    with refusing(lambda: RunFolderError(_REFUSED)):
        ledger = _read(store)
    looks = list(ledger.looks)
    if ledger.rows:
        looks = _joined(looks, _looks(ledger, store.plan(), store.summaries()))
    store.put_fact(_FACT, asdict(_Ledger(rows, tuple(looks), preparation)))


def join_looks(store: Store, other: Store) -> None:
    """Enter the looks of another store's ledger, too: of runs that this one takes over."""
    with refusing(lambda: RunFolderError(_REFUSED)):
        ledger, earlier = _read(store), _read(other)
    looks = tuple(_joined(earlier.looks, ledger.looks))
    store.put_fact(_FACT, asdict(_Ledger(ledger.rows, looks, ledger.preparation)))


def read_looks(store: Store, plan: Iterable[PlanEntry], fits: Mapping[str, FitRecord]) -> Looks:
    """Count the looks at the test rows of the study as it is now. ValueError for a ledger that Shoal does not write."""
    ledger = _read(store)
    now = _looks(ledger, plan, fits)
    looks = _joined([look for look in ledger.looks if look.rows == ledger.rows], now)
    settings = {look.settings for look in looks}
    return Looks(len(looks), len(settings), len(settings - {look.settings for look in now}))


def tested_rows(store: Store) -> str:
    """Give the fingerprint of the test rows that the last run scored, empty where no ledger says so."""
    with refusing(lambda: RunFolderError(_REFUSED)):
        return _read(store).rows


def _joined(earlier: Iterable[Look], later: Iterable[Look]) -> list[Look]:
    """Count each network once, in the order in which they came, by the settings that were entered last."""
    return list({(look.rows, look.fit_id): look for look in (*earlier, *later)}.values())


def _looks(ledger: _Ledger, plan: Iterable[PlanEntry], fits: Mapping[str, FitRecord]) -> list[Look]:
    """Give what the plan of the study entered last has scored: a network that stands in two places looked once."""
    tested = {
        entry.fit_id: entry.candidate_id
        for entry in plan
        if entry.stage in ("compare", "refit") and entry.fit_id in fits and fits[entry.fit_id].status == "ok"
    }
    return [
        Look(ledger.rows, f"{candidate} {ledger.preparation}".rstrip(), fit_id)
        for fit_id, candidate in tested.items()
    ]


def _read(store: Store) -> _Ledger:
    fact = store.fact(_FACT)
    if fact is None:
        return _Ledger("", ())
    ledger = _ledger(fact)
    expect(all(len(look) == len(fields(Look)) for look in fact["looks"]))
    expect(len({(look.rows, look.fit_id) for look in ledger.looks}) == len(ledger.looks))
    expect(all(look.rows and look.settings and look.fit_id for look in ledger.looks))
    return ledger
