"""The formats of tables: one a file, named as in `kinds.TABLE_FORMATS`; `separated.py` is what two of them have."""
