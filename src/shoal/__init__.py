"""Shoal trains, cross-validates, tunes and opens up small neural networks.

A study goes in; every candidate is trained on every fold, one is chosen, refitted and tested:

    import shoal
    results = shoal.run(shoal.load_study("two-peaks"))
    results.candidates      # the search, ranked
    results.comparisons     # the named variants, with their spread
    shoal.load(results.folder).predict(x)

Names are looked up when first used, so that `import shoal` does no work; editors and type checkers see them at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.contents import contents

if TYPE_CHECKING:  # read by type checkers, and by `contents`
    from shoal.comparing import compare as compare
    from shoal.drawing import draw as draw
    from shoal.errors import DataError as DataError
    from shoal.errors import EnvironmentFault as EnvironmentFault
    from shoal.errors import InputError as InputError
    from shoal.errors import Interrupted as Interrupted
    from shoal.errors import ModelFileError as ModelFileError
    from shoal.errors import RunFolderBusy as RunFolderBusy
    from shoal.errors import RunFolderError as RunFolderError
    from shoal.errors import ShoalError as ShoalError
    from shoal.errors import StudyError as StudyError
    from shoal.errors import TrainingError as TrainingError
    from shoal.estimators import CNNClassifier as CNNClassifier
    from shoal.estimators import GridSearchCV as GridSearchCV
    from shoal.estimators import MLPClassifier as MLPClassifier
    from shoal.estimators import MLPRegressor as MLPRegressor
    from shoal.estimators import RandomizedSearchCV as RandomizedSearchCV
    from shoal.estimators import TorchClassifier as TorchClassifier
    from shoal.estimators import TorchRegressor as TorchRegressor
    from shoal.look import Plan as Plan
    from shoal.look import Results as Results
    from shoal.merging import merge as merge
    from shoal.model import Model as Model
    from shoal.model import load as load
    from shoal.pipeline import run as run
    from shoal.planning import plan as plan
    from shoal.study import Study as Study
    from shoal.study import load_study as load_study
else:  # for a type checker, what is not there is not there
    __getattr__, _names = contents(__name__)
    __all__ = sorted([*_names, "__version__"])  # noqa: PLE0605 - the imports above are the promise

    def __dir__() -> list[str]:
        return __all__


__version__ = "0.1.0"
