"""The scikit-learn face: estimators that stand in for scikit-learn's own."""

from shoal.estimators._cnn import CNNClassifier
from shoal.estimators._mlp import MLPClassifier, MLPRegressor
from shoal.estimators._search import GridSearchCV, RandomizedSearchCV

__all__ = ["CNNClassifier", "GridSearchCV", "MLPClassifier", "MLPRegressor", "RandomizedSearchCV"]
