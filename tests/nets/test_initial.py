"""Initial parameters: torch's law, and common random numbers among candidates."""

from __future__ import annotations

import numpy as np
import pytest

from shoal.nets import Architecture, build_architecture, initial_buffers, initial_parameters
from shoal.streams import Role, StreamKey, uniform
from shoal.study import Network

KEY = StreamKey(seed=3, split=0, repeat=0)


def build(
    hidden: tuple[int, ...], inputs: int = 7, batch_norm: bool = False, dropout: float = 0.0
) -> Architecture:
    return build_architecture(Network(hidden=hidden, batch_norm=batch_norm, dropout=dropout), (inputs,), 2)


def initial(architecture: Architecture, key: StreamKey = KEY) -> dict[str, np.ndarray]:
    return architecture.named(initial_parameters(architecture, key))


@pytest.mark.parametrize(("name", "fan_in"), [("hidden1", 7), ("hidden2", 400), ("output", 300)])
def test_weights_and_biases_follow_torch_layers_law(name: str, fan_in: int) -> None:
    """Uniform within +-1/sqrt(fan_in): the same bound as torch's layers, the same distribution (KS test)."""
    import torch
    from scipy.stats import ks_2samp

    named = initial(build((400, 300)))
    torch.manual_seed(0)
    units = named[f"{name}.bias"].size
    theirs = torch.nn.Linear(fan_in, units)
    for suffix in ("weight", "bias"):
        ours = named[f"{name}.{suffix}"].reshape(-1)
        assert np.abs(ours).max() <= np.float32(1 / np.sqrt(fan_in))
        assert ks_2samp(ours, getattr(theirs, suffix).detach().numpy().reshape(-1)).pvalue > 1e-3
    assert np.abs(named[f"{name}.weight"]).max() > 0.98 / np.sqrt(fan_in)


def test_the_draws_are_those_of_their_place() -> None:
    architecture = build((4,))
    words = KEY.words(Role.INIT)
    named = initial(architecture)
    for layer, (name, fan_in) in enumerate((("hidden1", 7), ("output", 4))):
        for step, suffix in enumerate(("weight", "bias")):
            slot = named[f"{name}.{suffix}"]
            expected = (2 * uniform(words, slot.size, layer=layer, step=step) - 1) / np.sqrt(fan_in)
            np.testing.assert_allclose(slot.reshape(-1), expected, rtol=1e-6)


def test_layers_of_equal_shape_start_equal_in_every_candidate() -> None:
    small, large = initial(build((20, 10))), initial(build((20, 30), dropout=0.5))
    for name in ("hidden1.weight", "hidden1.bias"):
        assert np.array_equal(small[name], large[name])
    assert not np.array_equal(small["output.bias"], large["output.bias"])


def test_batch_norm_does_not_move_the_other_draws() -> None:
    plain, normed = initial(build((20, 10))), initial(build((20, 10), batch_norm=True))
    for name, values in plain.items():
        assert np.array_equal(values, normed[name])


def test_batch_norm_starts_at_one_and_zero() -> None:
    architecture = build((5,), batch_norm=True)
    named = architecture.named(initial_parameters(architecture, KEY), initial_buffers(architecture))
    assert np.array_equal(named["hidden1_norm.weight"], np.ones(5))
    assert np.array_equal(named["hidden1_norm.bias"], np.zeros(5))
    assert np.array_equal(named["hidden1_norm.running_mean"], np.zeros(5))
    assert np.array_equal(named["hidden1_norm.running_var"], np.ones(5))


@pytest.mark.parametrize("other", [StreamKey(4, 0, 0), StreamKey(3, 1, 0), StreamKey(3, 0, 1)])
def test_another_seed_split_or_repeat_starts_elsewhere(other: StreamKey) -> None:
    here, there = initial(build((6,))), initial(build((6,)), other)
    assert all(not np.array_equal(here[name], there[name]) for name in here)


def test_parameters_are_one_float32_vector() -> None:
    architecture = build((6,))
    parameters_P = initial_parameters(architecture, KEY)
    assert parameters_P.dtype == np.float32
    assert parameters_P.shape == (architecture.parameter_count,)
    assert initial_buffers(architecture).shape == (0,)
