"""A table through scikit-learn: estimators in a pipeline, a search whose networks are trained together, a score beside.

    python examples/through_scikit_learn.py

The estimators go wherever scikit-learn's go. In a search, the networks of all candidates and folds are handed to the
engine at once, and `store` keeps them, so that a wider grid trains only what is new.
"""

from sklearn.datasets import load_breast_cancer
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shoal import GridSearchCV, MLPClassifier


def main() -> None:
    """Search, test once, and hold the network against simple models."""
    x, y = load_breast_cancer(return_X_y=True, as_frame=True)
    x, x_test, y, y_test = train_test_split(x, y, stratify=y, random_state=0)

    network = MLPClassifier(max_iter=60, batch_size=50, random_state=0)
    grid = {"mlpclassifier__hidden_layer_sizes": [(), (20,)], "mlpclassifier__dropout": [0.0, 0.25]}
    search = GridSearchCV(
        make_pipeline(StandardScaler(), network), grid, cv=3, rule="one-standard-error", store="cancer.sqlite"
    )
    search.fit(x, y)
    print(search.best_params_, f"selection score {search.best_score_:.3f}")
    print(f"test accuracy {search.score(x_test, y_test):.3f}")

    # The same rows and folds for what is simpler: a network has to be worth its trouble.
    for model in (DummyClassifier(), LogisticRegression(), search.best_estimator_[-1]):
        scores = cross_validate(make_pipeline(StandardScaler(), model), x, y, cv=3)["test_score"]
        print(f"{type(model).__name__:<20} {scores.mean():.3f} ± {scores.std():.3f}")


if __name__ == "__main__":
    main()
