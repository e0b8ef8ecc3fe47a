"""Measurements of Shoal beside its peers, in one run, with dated records. `python -m benchmarks --help`."""
