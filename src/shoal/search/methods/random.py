"""Settings drawn from the space by the streams of the study's seed, all in one round."""

from shoal.search._searcher import whole_space

ask = whole_space
