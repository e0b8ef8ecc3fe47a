"""The scikit-learn face: estimators that stand in for scikit-learn's own."""

from shoal.estimators._cnn import CNNClassifier
from shoal.estimators._mlp import MLPClassifier, MLPRegressor
from shoal.estimators._search import GridSearchCV, RandomizedSearchCV
from shoal.estimators._torch import TorchClassifier, TorchRegressor

__all__ = [
    "CNNClassifier",
    "GridSearchCV",
    "MLPClassifier",
    "MLPRegressor",
    "RandomizedSearchCV",
    "TorchClassifier",
    "TorchRegressor",
]
