"""The layers: one kind a file, named as in `kinds.LAYERS`; and what several kinds have: norm, pooling."""
