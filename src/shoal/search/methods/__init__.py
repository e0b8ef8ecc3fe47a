"""The methods of search: one a file, named as in `kinds.SEARCHES`."""
