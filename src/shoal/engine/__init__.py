"""How: fits, trainers, execution. The only stage that knows data, nets and results."""

from shoal.engine._execute import Executor, entries
from shoal.engine._fits import Fit, PlannedFit, Planner
from shoal.engine._plan import make_plan
from shoal.engine._predict import Trained, answers, trainer_of
from shoal.engine._settle import delivered, fold_preprocessing, save_winner, settle
from shoal.engine._source import environment, load_data, truth_of, with_mistakes
from shoal.engine._train import Ground
from shoal.engine._trainers import DeviceChoice, TrainerChoice, Trainers, pick_device
from shoal.engine._watch import Silent, Watcher

__all__ = [
    "DeviceChoice",
    "Executor",
    "Fit",
    "Ground",
    "PlannedFit",
    "Planner",
    "Silent",
    "Trained",
    "TrainerChoice",
    "Trainers",
    "Watcher",
    "answers",
    "delivered",
    "entries",
    "environment",
    "fold_preprocessing",
    "load_data",
    "make_plan",
    "pick_device",
    "save_winner",
    "settle",
    "trainer_of",
    "truth_of",
    "with_mistakes",
]
