"""Forty real tables, drawn beforehand: each from `shoal new --data` to a report, beside other models."""
