"""A PyTorch module of your own: searched on folds, looked at, saved, and loaded by its own class.

    python examples/own_module.py

It needs `pip install "shoal[torch]"`. Waves are told apart by an LSTM, which is given series beside two numbers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from shoal import GridSearchCV, TorchClassifier


class Waves(nn.Module):
    """An LSTM over a series (steps, 1), whose last state stands beside two numbers."""

    def __init__(self, n_classes: int, units: int = 8) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, units, batch_first=True)
        self.head = nn.Linear(units + 2, n_classes)

    def forward(self, series: Tensor, numbers: Tensor) -> Tensor:
        """Give logits, (rows, classes)."""
        states, _ = self.lstm(series)
        logits: Tensor = self.head(torch.cat([states[:, -1], numbers], dim=1))
        return logits


def waves(rows: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Draw series of two frequencies, and numbers that say a little of them."""
    draw = np.random.default_rng(0)
    kind = draw.integers(2, size=rows)
    step = np.arange(24) * (0.3 + 0.25 * kind[:, None]) + draw.uniform(0, 6, (rows, 1))
    series = np.sin(step) + draw.normal(0, 0.3, step.shape)
    numbers = np.stack([kind + draw.normal(0, 1.5, rows), draw.normal(size=rows)], axis=1)
    return {"series": series[:, :, None], "numbers": numbers}, np.array(["slow", "fast"])[kind]


def main() -> None:
    """Search, save, load."""
    rows, kinds = waves(180)
    network = TorchClassifier(Waves, learning_rate_init=0.02, max_iter=12, batch_size=24, random_state=0)
    search = GridSearchCV(network, {"module__units": [4, 12]}, cv=3).fit(rows, kinds)
    print(f"best: {search.best_params_}, accuracy on rows held out {search.best_score_:.2f}")
    print(f"indistinguishable from the best: {search.indistinguishable_.tolist()}")

    file, units = Path("waves.safetensors"), search.best_params_["module__units"]
    search.best_estimator_.save(file)
    again = TorchClassifier.load(file, Waves, module__units=units)
    print(f"loaded: the same answers {bool((again.predict(rows) == search.predict(rows)).all())}")
    plain = Waves(2, units=units)
    plain.load_state_dict(load_file(file))
    print(f"loaded by its own class: {sum(array.numel() for array in plain.parameters()):,} parameters")


if __name__ == "__main__":
    main()
