"""Every combination of the listed values, all in one round."""

from shoal.search._searcher import whole_space

ask = whole_space
