"""Lack of memory is called so by whatever name it comes, and a limit in which nothing can work is refused at once."""

from __future__ import annotations

import errno
import sys

import pytest

from shoal import cli
from shoal.errors import EnvironmentFault
from shoal.parts import REPORT, Parts
from test_cli_ends import ended

NOT_LOADED = (
    ImportError("/usr/lib/x.so: failed to map segment from shared object"),
    ImportError("/usr/lib/x.so: cannot map zero-fill pages: Cannot allocate memory"),
    MemoryError(),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
)


@pytest.mark.parametrize("fault", NOT_LOADED)
@pytest.mark.parametrize("wrapped", [False, True])
def test_lack_of_memory_by_any_name_ends_the_command(fault: Exception, wrapped: bool) -> None:
    """Packages wrap what their library says: "C extension: ... not built"."""
    parts, raised = Parts(), ImportError("C extension: x not built") if wrapped else fault
    with pytest.raises(EnvironmentFault) as caught, parts.attempt("figure x", REPORT):
        raise raised from (fault if wrapped else None)
    assert str(caught.value) == "figure x: out of memory; what is finished is kept"
    assert not parts.missing


@pytest.mark.parametrize("reason", ["Operation not permitted", "Permission denied"])
def test_a_library_that_may_not_be_run_is_no_lack_of_memory(reason: str) -> None:
    parts = Parts([].append)
    with parts.attempt("figure x", REPORT):
        raise ImportError(f"x.so: failed to map segment from shared object: {reason}")
    assert len(parts.missing) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are kept as Linux keeps them")
@pytest.mark.parametrize(("name", "option"), [("RLIMIT_AS", "v"), ("RLIMIT_DATA", "d")])
def test_a_limit_that_the_libraries_do_not_fit_into_is_refused(name: str, option: str) -> None:
    """Below it, loading them was seen to crash, and to wait for ever."""
    script = f"""
import resource, sys
from shoal import cli
resource.setrlimit(resource.{name}, (300 << 20, resource.RLIM_INFINITY))
sys.argv = ["shoal", "data", "list"]
cli.main()"""
    done = ended(script)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"shoal: memory: expected a limit of at least 1,024 MiB (ulimit -{option}), got 300 MiB;"
        " the libraries need that much to be loaded\n"
    )


def test_a_library_that_cannot_be_loaded_for_lack_of_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def loading(**_: object) -> None:
        raise ImportError("libtorch_cpu.so: failed to map segment from shared object")

    monkeypatch.setattr(cli, "app", loading)
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 3
    assert capsys.readouterr().err == "shoal: out of memory; fewer --workers need less\n"
