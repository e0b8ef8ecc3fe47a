"""Which candidates are tried next."""

from shoal.search._searcher import History, Trial, next_round

__all__ = ["History", "Trial", "next_round"]
