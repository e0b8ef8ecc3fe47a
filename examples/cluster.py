"""A cluster: a study trained by the workers of Dask, here two processes on this machine.

    python examples/cluster.py                    or, with a scheduler that runs somewhere:
    python examples/cluster.py tls://ada:8786

leaves the run folder `runs/peaks-on-a-cluster`, `report.html` in it. It needs `pip install "shoal[cluster]"`.
"""

import sys

import shoal


def main() -> None:
    """Train there, then here: the digest is the same."""
    keys = {"training": {"epochs": 20}, "compare": [], "repeats": 1, "inspect": {"history": 0}}
    cluster = sys.argv[1] if len(sys.argv) > 1 else "local:2"
    there = shoal.run("two-peaks", out="runs/peaks-on-a-cluster", cluster=cluster, **keys)
    here = shoal.run("two-peaks", out="runs/peaks-here", **keys)
    print(f"there {there.digest}\nhere  {here.digest}")

    # Which machines trained how many networks; their names are no part of what is passed on.
    for machine, networks in there.origins:
        print(f"{networks} networks on machine {machine['machine']}, {machine['processor']}")


if __name__ == "__main__":
    main()
