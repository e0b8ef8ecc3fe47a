"""Workers: who trains fits beside the coordinator. One kind of workers, one file; `kinds.py` is the list of them."""
