"""How much memory this process may come to hold, in bytes, and the refusal of a run that needs more.

Asked are, in this order: the environment variable SHOAL_MEMORY_MB; on Linux the kernel's estimate of what can be
had without swapping, the free swap, and the limits of the control groups (versions 1 and 2) that the process is
in and its own (ulimit -v, ulimit -d); elsewhere the machine's memory. What the process holds already counts as
available to it.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from shoal.data import LESS_TO_READ
from shoal.errors import EnvironmentFault, Problem

OVERRIDE: Final = "SHOAL_MEMORY_MB"
_FILES: Final = {
    "": ("memory.max", "memory.current", "inactive_file"),  # version 2, whose controller has no name
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
_LESS: Final = {
    "reading": LESS_TO_READ,
    "training": "fewer --workers, a smaller training.batch_size and smaller networks (network.hidden; channels,"
    " stride and pool in network.conv) need less",
    "drawing": "fewer rows and fewer comparisons need less",
}


def refuse_above(memory: Mapping[str, float], available: float | None) -> None:
    """Raise EnvironmentFault where the highest peak (bytes by phase) is above what is available, if that is known."""
    phase = max(memory, key=lambda name: memory[name])
    if available is None or memory[phase] <= available:
        return
    need, there = (f"{size / 1e6:,.0f} MB" for size in (memory[phase], available))
    what = f"expected {need} for the run (its peak is while {phase}), got {there} available; {_LESS[phase]}"
    raise EnvironmentFault(Problem("memory", what))


def give_back_memory() -> None:
    """Give the system what was freed and what glibc keeps between blocks in use (malloc_trim(3)); elsewhere nothing."""
    with suppress(AttributeError, OSError, TypeError):  # no such function, no such library, Windows
        ctypes.CDLL(None).malloc_trim(0)


def available_memory(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> float | None:
    """Give what this process may hold in all, or None where nobody knows. `root` is that of /proc and /sys."""
    override = environ.get(OVERRIDE, "")
    if override.isdecimal():
        return 1e6 * float(override)
    free = _free(root)
    if free is not None:
        return min([free, *_left_by_groups(root), *_left_by_limits(root)]) + _resident(root)
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # not on every system
        return None


def _free(root: Path) -> float | None:
    """Give MemAvailable and SwapFree of proc(5)."""
    try:
        lines = (root / "proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    sizes = {name: 1024.0 * int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return sizes["MemAvailable"] + sizes.get("SwapFree", 0.0) if "MemAvailable" in sizes else None


def _left_by_limits(root: Path) -> Iterator[float]:
    """Give what the process's own limits leave, of its address space and of its data; see proc(5) and getrlimit(2)."""
    try:
        limits = (root / "proc/self/limits").read_text(encoding="ascii")
        counts = (root / "proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        return
    for name, place in (("address space", 0), ("data size", 5)):
        if match := re.search(rf"^Max {name} +(\d+) ", limits, re.MULTILINE):
            yield max(0.0, float(match[1]) - int(counts[place]) * os.sysconf("SC_PAGE_SIZE"))


def _resident(root: Path) -> float:
    """Give what this process holds in memory now."""
    try:
        pages = int((root / "proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


def _left_by_groups(root: Path) -> Iterator[float]:
    """Give what every control group leaves: its limit less what it uses, but for pages of files it can give back.

    A limit holds for all groups inside; a container sees its own group as the topmost, whatever it is called.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        controllers, _, path = line.partition(":")[2].partition(":")
        for name in {"", "memory"} & set(controllers.split(",")):
            mount = root / "sys/fs/cgroup" / name
            group = mount / path.lstrip("/")
            for folder in (group, *group.parents):
                if folder.is_relative_to(mount):
                    yield from _left_by_group(folder, *_FILES[name])


def _left_by_group(folder: Path, limit_file: str, usage_file: str, cache: str) -> Iterator[float]:
    try:
        limit, usage = (
            (folder / name).read_text(encoding="ascii").strip() for name in (limit_file, usage_file)
        )
        counts = dict(
            line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines()
        )
    except (OSError, ValueError):
        return
    if limit.isdecimal() and usage.isdecimal():  # "max" is no limit
        yield float(max(0, int(limit) - int(usage) + int(counts.get(cache, 0))))
