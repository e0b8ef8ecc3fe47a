"""Is it true what Shoal says of its numbers? Simulated studies whose truth is known. `python -m benchmarks.honesty`."""
