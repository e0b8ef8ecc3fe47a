"""What every section of a study is: frozen, of known keys, every value of its own type.

What checks a section is made when it is first asked for: a whole study needs one check, and not one more a section.
"""

from __future__ import annotations

from typing import Final

from pydantic import ConfigDict

SECTION: Final = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)
