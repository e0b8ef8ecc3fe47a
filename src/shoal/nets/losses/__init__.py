"""The losses: one a file, named as in `kinds.LOSSES`."""
