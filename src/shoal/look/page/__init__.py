"""The report: one offline page of a run, its tables, numbers and references."""
