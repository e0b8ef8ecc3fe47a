"""What a process may hold: the kernel's word, the limits of its groups, and the sentence of the refusal."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np
import pytest

from shoal.engine.forecast.available import _resident, available_memory, give_back_memory, refuse_above
from shoal.errors import EnvironmentFault

MIB = 2**20


def machine(root: Path, groups: str = "", **files: str) -> Path:
    """Make a machine with 1,000 MiB available, 24 MiB of swap, and a process that holds 10 pages."""
    told = {
        "proc/meminfo": f"MemTotal: 9999999 kB\nMemAvailable: {1000 * 1024} kB\nSwapFree: {24 * 1024} kB\n",
        "proc/self/statm": "99 10 3 1 0 5 0\n",
        "proc/self/cgroup": groups,
        **files,
    }
    for name, text in told.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="ascii")
    return root


def group(place: str, limit: str, usage: int, cache: int) -> dict[str, str]:
    """Make the files of a group of version 2, in MiB."""
    return {
        f"sys/fs/cgroup/{place}memory.max": f"{limit}\n",
        f"sys/fs/cgroup/{place}memory.current": f"{usage * MIB}\n",
        f"sys/fs/cgroup/{place}memory.stat": f"anon 1\ninactive_file {cache * MIB}\n",
    }


def in_mib(root: Path) -> float | None:
    """What is available beyond what the process holds."""
    found = available_memory(root, {})
    return None if found is None else (found - 10 * os.sysconf("SC_PAGE_SIZE")) / MIB


def test_without_groups_it_is_what_the_kernel_estimates_and_the_free_swap(tmp_path: Path) -> None:
    assert in_mib(machine(tmp_path)) == 1024


def test_a_group_of_version_2_limits_and_gives_pages_of_files_back(tmp_path: Path) -> None:
    files = group("a/b/", str(500 * MIB), 200, 30)
    assert in_mib(machine(tmp_path, "0::/a/b\n", **files)) == 330


def test_the_tightest_group_on_the_way_up_counts(tmp_path: Path) -> None:
    files = (
        group("a/b/", "max", 200, 30) | group("a/", str(260 * MIB), 250, 1) | group("", str(900 * MIB), 1, 0)
    )
    assert in_mib(machine(tmp_path, "0::/a/b\n", **files)) == 11


def test_a_group_that_uses_more_than_its_limit_leaves_nothing(tmp_path: Path) -> None:
    assert in_mib(machine(tmp_path, "0::/\n", **group("", str(100 * MIB), 120, 0))) == 0


def test_a_container_that_does_not_see_its_own_path_is_limited_by_what_it_sees(tmp_path: Path) -> None:
    assert in_mib(machine(tmp_path, "0::/host/path\n", **group("", str(400 * MIB), 100, 0))) == 300


def test_a_group_of_version_1_limits(tmp_path: Path) -> None:
    place = "sys/fs/cgroup/memory/job/memory."
    files = {
        f"{place}limit_in_bytes": f"{64 * MIB}",
        f"{place}usage_in_bytes": f"{40 * MIB}",
        f"{place}stat": f"cache 9\ntotal_inactive_file {8 * MIB}",
    }
    groups = "9:name=systemd:/x\n4:cpu,memory:/job\n0::/\n"
    assert in_mib(machine(tmp_path, groups, **files)) == 32


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ("Max address space         unlimited            unlimited            bytes     \n", 1024),
        (f"Max address space         {200 * MIB}            unlimited            bytes     \n", 100),
        (f"Max data size             {300 * MIB}            {400 * MIB}            bytes     \n", 250),
        (f"Max data size             {20 * MIB}            unlimited            bytes     \n", 0),
    ],
)
def test_the_limits_of_the_process_itself_count(tmp_path: Path, limits: str, left: int) -> None:
    """It has an address space of 100 MiB, 50 MiB of it data."""
    pages = MIB // os.sysconf("SC_PAGE_SIZE")
    there = machine(
        tmp_path,
        **{"proc/self/limits": limits, "proc/self/statm": f"{100 * pages} 10 3 1 0 {50 * pages} 0\n"},
    )
    assert in_mib(there) == left


def test_the_variable_is_believed_before_all_else(tmp_path: Path) -> None:
    assert available_memory(machine(tmp_path), {"SHOAL_MEMORY_MB": "123"}) == 123e6
    assert available_memory(tmp_path, {"SHOAL_MEMORY_MB": "9" * 5000}) == float("inf")
    assert available_memory(machine(tmp_path), {"SHOAL_MEMORY_MB": "much"}) == available_memory(tmp_path, {})


def test_elsewhere_it_is_the_machines_memory(tmp_path: Path) -> None:
    assert available_memory(tmp_path, {}) == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("phase", "less"),
    [
        ("reading", "fewer rows or columns need less, and an NPZ file less than a text file"),
        (
            "training",
            "fewer --workers, a smaller training.batch_size and smaller networks (network.hidden; channels, stride and"
            " pool in network.conv) need less",
        ),
        ("drawing", "fewer rows and fewer comparisons need less"),
    ],
)
def test_what_cannot_fit_is_refused_in_one_line(phase: str, less: str) -> None:
    peaks = {"reading": 1e8, "training": 1e8, "drawing": 1e8, phase: 2.5e9}
    with pytest.raises(EnvironmentFault) as caught:
        refuse_above(peaks, 1.25e9)
    assert str(caught.value) == (
        f"memory: expected 2,500 MB for the run (its peak is while {phase}), got 1,250 MB available; {less}"
    )
    assert caught.value.exit_code == 3


def test_what_fits_or_cannot_be_known_is_not_refused() -> None:
    refuse_above({"reading": 1e9, "training": 2e9}, 2e9)
    refuse_above({"reading": 1e9, "training": 2e9}, None)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are left alone")
def test_holes_between_blocks_in_use_are_given_back() -> None:
    blocks = [np.ones(12_000) for _ in range(1000)]  # 96 kB each: of the heap, not mapped
    del blocks[:-1]
    before = _resident(Path("/"))
    give_back_memory()
    assert before - _resident(Path("/")) > 60e6
    assert blocks[0].sum() == 12_000
