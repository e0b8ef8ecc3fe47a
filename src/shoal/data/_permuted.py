"""Training rows whose targets are those of other training rows: what inputs say of targets is lost, all else stays.

Letters: N training rows, K targets.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Dataset
from shoal.streams import Role, StreamKey, permutation


def permuted_rows(dataset: Dataset, key: StreamKey) -> NDArray[np.int64]:
    """Give the training row whose target each training row gets, int64 (N,).

    Every order of rows is as likely as any other. Where rows have groups, every order of the groups is: the targets of
    a group stay together and in order, so that what the rows of a group have in common is not lost. Groups of one size
    change places as wholes; of others the targets are laid one group after the other.
    """
    count, words = dataset.train_rows, key.words(Role.SPLIT)
    if dataset.groups is None:
        return permutation(words, count)
    _, group_N = np.unique(dataset.groups, return_inverse=True)
    rank_G = np.argsort(permutation(words, int(group_N.max()) + 1))
    source_N = np.empty(count, np.int64)
    source_N[np.argsort(group_N, kind="stable")] = np.argsort(rank_G[group_N], kind="stable")
    return source_N


def with_permuted_targets(dataset: Dataset, key: StreamKey) -> Dataset:
    """Give the same rows, the targets of the training rows permuted; those of the test rows stay."""
    targets = dataset.targets.copy()
    targets[: dataset.train_rows] = dataset.targets[permuted_rows(dataset, key)]
    return dataclasses.replace(dataset, targets=targets)
