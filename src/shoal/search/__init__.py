"""Which candidates are tried next."""

from typing import TYPE_CHECKING

from shoal.contents import contents

if TYPE_CHECKING:  # read by type checkers, and by `contents`
    from shoal.search._searcher import History as History
    from shoal.search._searcher import Trial as Trial
    from shoal.search._searcher import next_round as next_round
else:
    __getattr__, __all__ = contents(__name__)
