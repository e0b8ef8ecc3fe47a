"""What every section of a study is: frozen, of known keys, every value of its own type."""

from __future__ import annotations

from typing import Final

from pydantic import ConfigDict

SECTION: Final = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)
