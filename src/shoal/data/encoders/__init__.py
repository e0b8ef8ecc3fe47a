"""The kinds of encoders: one a file, named as in `kinds.ENCODERS`."""
