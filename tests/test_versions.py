"""The lower bounds of pyproject.toml, from which `make oldest` makes its environment."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from versions import ROOT, asked_for, lower_bounds, pins, requirements


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_requirement_is_a_lower_bound_that_the_pinned_versions_keep() -> None:
    bounds = lower_bounds(requirements(project()))
    pinned = {canonicalize_name(name): version for name, version in pins().items()}
    assert set(bounds) <= set(pinned)
    assert {name for name, bound in bounds.items() if Version(pinned[name]) < Version(bound)} == set()


def test_all_kinds_of_requirements_are_asked_for() -> None:
    """Of the build, of Shoal, of every extra; torch alone, and with the newest versions nothing else, is given."""
    wanted = requirements(project())
    assert {"setuptools", "numpy", "onnx", "pytest"} <= set(lower_bounds(wanted))
    assert not any(requirement.startswith("shoal") for requirement in wanted)
    assert asked_for("oldest", "9.9") == {**lower_bounds(wanted), "torch": "9.9"}
    assert asked_for("newest", "9.9") == {"torch": "9.9"}


@pytest.mark.parametrize(
    "requirement", ["numpy", "numpy==2.0", "numpy>=2.0,<3", "numpy>2", "numpy[x]>=2", "numpy>=2; a"]
)
def test_anything_but_a_lower_bound_is_refused(requirement: str) -> None:
    with pytest.raises(ValueError, match="expected NAME>=VERSION, got 'numpy"):
        lower_bounds(["pillow>=11.0", requirement])
