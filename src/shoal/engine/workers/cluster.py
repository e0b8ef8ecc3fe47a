"""A Dask cluster that fits are sent to: the client, what its workers are, and the rows that they have.

Workers whose Shoal, Python or trainers are others are refused; what else differs is said.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

from shoal.engine._train import SharedRows
from shoal.engine._trainer import Trainer
from shoal.engine.workers.dask_task import machine, version_of
from shoal.engine.workers.local_workers import LOCAL, LocalWorkers, count_of_local
from shoal.errors import EnvironmentFault, InputError, Problem, kind_of
from shoal.extras import is_there, needed
from shoal.wording import counted

CALL_SECONDS: Final = 10
"""How long a scheduler has to answer, and the first worker to be there."""
LOOK_SECONDS: Final = 1.0
"""How often workers are counted: some may have come, others gone."""
SILENT_SECONDS: Final = 60.0
"""After so long a scheduler that says nothing is no longer there."""
FITS_AT_HAND: Final = 16
"""Fits for each thread of the cluster that are taken from whoever plans them as they are trained."""
_NOT_KEPT: Final = ("host", "able")
"""What is known of a worker and no part of results."""


class Cluster:
    """What is asked for as `cluster`: `width` fits at a time on the `machines` of its workers, by their addresses."""

    def __init__(
        self, client: Any, name: str, note: Callable[[str], None], local: LocalWorkers | None
    ) -> None:
        """Meet the workers that are there. Raises InputError for one that cannot be used."""
        self.client, self.name, self.machines, self.width = client, name, dict[str, dict[str, Any]](), 0
        self._note, self.local = note, local
        self._here, self._required, self._torch = machine(), dict[str, str](), False
        self._sent: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        self._doing: set[Future[None]] = set()
        self._environments: dict[str, dict[str, Any]] = {}
        self._said, self._looked, self._heard = set[str](), 0.0, time.monotonic()
        self.present, self.left_out = set[str](), set[str]()
        self._beginning = True
        self.look(at_once=True)
        self._beginning = False

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done in the client's own thread."""
        done = asyncio.run_coroutine_threadsafe(work, self.client.loop.asyncio_loop)
        self._doing.add(done)  # asyncio itself does not hold what it is to do
        done.add_done_callback(self._doing.discard)

    @property
    def at_hand(self) -> int:
        """How many fits are to be known at a time, so that there is enough for a task of short ones on each thread."""
        return FITS_AT_HAND * max(1, self.width)

    def look(self, *, at_once: bool = False) -> None:
        """Count the workers now and then, and meet those that are new. Raises EnvironmentFault where all is over."""
        if not at_once and time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        if self.local is not None:
            self.local.mend()
        if self.client.status != "running":
            raise self._gone()
        try:
            threads: Mapping[str, int] = within(self.client, LOOK_SECONDS, self.client.nthreads)
        except TimeoutError as error:
            if time.monotonic() - self._heard > SILENT_SECONDS:
                raise self._gone() from error
            return
        except OSError as error:
            raise self._gone() from error
        self._heard = time.monotonic()
        if new := threads.keys() - self.machines.keys() - self.left_out:
            self._meet(new)
        before, self.present = self.present, threads.keys() & self.machines.keys()
        self.width = sum(threads[address] for address in self.present)
        if before and not self.present:
            self._note("no worker at the moment; the run goes on with those that come")

    def _gone(self) -> EnvironmentFault:
        what = "the scheduler is no longer there; what is finished is kept, and the same command goes on"
        return EnvironmentFault(Problem(self.name, what))

    def _meet(self, addresses: Iterable[str]) -> None:
        """Take in workers that can be used. One that cannot is refused at the beginning, and later left out."""
        met = dict[str, dict[str, Any]]()
        for address, facts in sorted(within(self.client, None, lambda: self._answers(addresses)).items()):
            if isinstance(facts, OSError):  # it has gone already
                continue
            try:
                if isinstance(facts, BaseException):
                    got = f"{type(facts).__name__}: {facts}"
                    if "No module named 'shoal'" in got:  # of whatever kind Dask hands it on
                        got = "none"
                    raise InputError(
                        Problem(f"worker {address}", f"expected Shoal to be installed, got {got}")
                    )
                self._refuse_apart(address, facts)
            except InputError as refusal:
                if self._beginning:
                    raise
                self.left_out.add(address)
                self._note(f"{refusal}; it is left out")
                continue
            self._say_apart(facts)
            met[address] = facts
        if self.machines and met:
            self.soon(self._replicated(list(met)))
        self.machines |= met
        for address, facts in met.items():
            self._environments[address] = {key: value for key, value in facts.items() if key not in _NOT_KEPT}

    async def _answers(self, addresses: Iterable[str]) -> dict[str, Any]:
        """Ask each worker by itself what it is: one that hangs is asked again, and keeps nobody waiting for long."""
        seconds = CALL_SECONDS if self._beginning else LOOK_SECONDS

        async def answer(address: str) -> dict[str, Any]:
            try:
                asked = self.client.run(machine, workers=[address], on_error="return")
                return dict(await asyncio.wait_for(asked, seconds))
            except TimeoutError:
                return {}

        answers = await asyncio.gather(*map(answer, addresses))
        return {address: facts for some in answers for address, facts in some.items()}

    async def _replicated(self, workers: list[str]) -> None:
        """Send rows to workers that are new; one without them fetches them itself."""
        for future in list(self._sent.values()):
            with suppress(Exception):
                await self.client.replicate([future], workers=workers)

    @property
    def usable(self) -> list[str] | None:
        """Which workers alone may be sent something; None where all may."""
        return sorted(self.present) if self.left_out else None

    def _refuse_apart(self, address: str, facts: Mapping[str, Any]) -> None:
        for what, here, there in (
            ("Python", _minor(self._here["python"]), _minor(facts["python"])),
            ("Shoal", self._here["versions"]["shoal"], facts["versions"]["shoal"]),
            *(
                (f"the trainer {name}", version, facts["trainers"].get(name, version))
                for name, version in self._here["trainers"].items()
            ),
            *(
                (f"the trainer {name}", version, ", ".join(facts["able"].get(name, ["none"])))
                for name, version in self._required.items()
                if version not in facts["able"].get(name, [])
            ),
        ):
            if here != there:
                raise InputError(
                    Problem(f"worker {address}", f"expected {what} to be {here}, as here, got {there}")
                )

    def _say_apart(self, facts: Mapping[str, Any]) -> None:
        """Say once what differs and is harmless, or is not where torch trains."""
        here, host = self._here, facts["host"]
        numpy, width = facts["versions"]["numpy"], facts.get("vector width")
        said = []
        if numpy != here["versions"]["numpy"]:
            said.append(f"numpy {numpy} on {host}, {here['versions']['numpy']} here")
        if width != here.get("vector width"):
            said.append(
                f"the core works with {width} on {host}, with {here.get('vector width')} here: to the same bytes"
            )
        if self._torch and facts["processor"] != here["processor"]:
            said.append(
                f"{facts['processor']} on {host}, {here['processor']} here: torch promises equal bytes on"
                " equal processors only"
            )
        for sentence in said:
            if sentence not in self._said:
                self._said.add(sentence)
                self._note(sentence)

    def require(self, trainer: Trainer) -> None:
        """Ask for a trainer that all workers must have, as it is here. Raises InputError."""
        if trainer.name in self._required:
            return
        self._required[trainer.name] = version_of(trainer)
        self._torch |= trainer.imports_torch
        for address, facts in self.machines.items():
            self._refuse_apart(address, facts)
            self._say_apart(facts)

    def environment(self, address: str) -> dict[str, Any]:
        """Say where a worker trains, as results tell it, by no name of a host: the same object each time."""
        return self._environments.get(address, {})

    def sent(self, rows: SharedRows) -> Any:
        """Give rows as every worker has them: sent once to each; None where there is no worker at the moment."""
        future = self._sent.get(rows)
        if future is not None and future.status == "finished":
            return future
        try:
            (future,) = self.client.scatter(
                [rows], workers=self.usable, broadcast=True, hash=False, timeout=1
            )
        except OSError:  # the last worker has gone
            self.width = 0
            return None
        self._sent[rows] = future
        return future


def within(client: Any, seconds: float | None, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Have a client answer in its own thread, so that a signal is heard here. Raises TimeoutError."""

    async def answered() -> Any:
        return await asyncio.wait_for(call(), seconds)

    return asyncio.run_coroutine_threadsafe(answered(), client.loop.asyncio_loop).result()


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


@contextmanager
def open_cluster(cluster: object, note: Callable[[str], None]) -> Iterator[Cluster | None]:
    """Give the cluster that is meant: "local:N", the address of a scheduler, a client or a cluster; none for None.

    What is handed over stays open. Raises InputError for anything else, and where nobody answers.
    """
    if cluster is None:
        yield None
        return
    if not is_there("cluster"):
        raise InputError(f"cluster: {needed('cluster')}")
    with ExitStack() as stack:
        count = count_of_local(cluster)
        local = stack.enter_context(LocalWorkers(count)) if count else None
        name = cluster if isinstance(cluster, str) else "the cluster"
        client = _client(local.scheduler if local else cluster, stack)
        _refuse_other_scheduler(client, name)
        seconds = 4 * CALL_SECONDS if local else CALL_SECONDS
        try:
            client.wait_for_workers(count or 1, timeout=seconds)
        except TimeoutError:
            expected = counted(count, "worker") if count else "a worker"
            what = f"expected {expected}, got {len(client.nthreads()) or 'none'} in {seconds} seconds"
            raise InputError(Problem(name, what)) from None
        yield Cluster(client, name, note, local)


def _client(cluster: object, stack: ExitStack) -> Any:
    """Give the client that is meant, or connect one; of TLS, Dask's own configuration says which certificates."""
    from distributed import Client
    from distributed.deploy.cluster import Cluster as Deployed

    if isinstance(cluster, Client):
        if cluster.asynchronous or cluster.status != "running":
            raise InputError("cluster: expected a Client that is connected and not asynchronous")
        return cluster
    if isinstance(cluster, str):
        _refuse_silent(cluster)
    elif not isinstance(cluster, Deployed):
        what = f"expected the address of a scheduler, {LOCAL}N or a Client of dask.distributed, got {kind_of(cluster)}"
        raise InputError(f"cluster: {what}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what differs is asked for below
        return stack.enter_context(Client(cluster, timeout=CALL_SECONDS, set_as_default=False))


def _refuse_silent(address: str) -> None:
    """Ask whoever listens at an address who it is, before a client waits for them. Raises InputError."""
    from distributed.comm.addressing import parse_address, parse_host_port
    from distributed.comm.registry import backends

    try:
        scheme, place = parse_address(address)
        if scheme not in backends:
            raise ValueError(scheme)
        if scheme != "inproc" and not all(parse_host_port(place)):
            raise ValueError(place)
    except ValueError:
        what = f"expected an address such as tcp://ada:8786, or {LOCAL}N, got {address!r}"
        raise InputError(f"cluster: {what}") from None
    with ThreadPoolExecutor(1) as apart:  # a notebook has a loop of its own in this thread
        got = apart.submit(asyncio.run, _who(address)).result()
    if got != "a scheduler":
        raise InputError(Problem(f"cluster {address}", f"expected a scheduler, got {got}"))


async def _who(address: str) -> str:
    from distributed import Security
    from distributed.core import rpc

    async def kind() -> str:
        arguments = Security().get_connection_args("client")
        async with rpc(address, timeout=CALL_SECONDS, connection_args=arguments) as there:
            return str((await there.identity())["type"])

    try:
        return f"a {(await asyncio.wait_for(kind(), CALL_SECONDS)).lower()}"
    except OSError:
        return f"no answer in {CALL_SECONDS} seconds"
    except Exception as error:  # whatever is made of an answer that is none
        return f"{type(error).__name__}: {error}"


def _refuse_other_scheduler(client: Any, name: str) -> None:
    """Refuse a scheduler, or a worker, of another version of Dask: what one says the other may not understand."""
    try:
        versions = within(client, CALL_SECONDS, client.get_versions)
    except TimeoutError:
        what = f"expected every worker to answer, got nothing of some in {CALL_SECONDS} seconds"
        raise InputError(Problem(name, what)) from None
    here = versions["client"]["packages"]["distributed"]
    named = {"the scheduler": versions["scheduler"]}
    named |= {f"worker {address}": facts for address, facts in versions["workers"].items()}
    for who, facts in named.items():
        there = facts["packages"]["distributed"] if facts else here
        if there != here:
            what = f"expected distributed to be {here} at {who}, as here, got {there}"
            raise InputError(Problem(name, what))
