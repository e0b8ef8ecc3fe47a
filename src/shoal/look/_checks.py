"""Coded checks of method: what in a run gives reason to doubt it, how much, why that matters and what to do.

`checks` looks for each in turn; a check that finds nothing says nothing. Every code has its section in
docs/checks.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from shoal.look import _doubts, _doubts_numbers
from shoal.results import Results

Severity = Literal["warning", "note"]


@dataclass(frozen=True)
class Check:
    """One reason to doubt a run: `what` was measured, `why` it matters, the `remedy`, the `reference` in full.

    A warning: a conclusion may be wrong. A note: it stands, but is to be read with this in mind.
    """

    code: str
    title: str
    what: str
    why: str
    remedy: str
    reference: str
    severity: Severity


@dataclass(frozen=True)
class _Rule:
    """A check before it is looked for: `find` gives the measured sentence, empty where there is no doubt."""

    code: str
    severity: Severity
    title: str
    find: Callable[[Results], str]
    why: str
    remedy: str
    reference: str
    alarming: bool = False
    """Whether it is said before all others: what was trained is of no use as it stands."""


def checks(results: Results) -> tuple[Check, ...]:
    """Give every doubt that the results themselves raise, from the run folder alone: the most alarming first, then
    the other warnings, then notes, each by code.

    Raises RunFolderError where what the folder holds is not what Shoal writes.
    """
    ordered = sorted(RULES, key=lambda rule: (rule.severity == "note", not rule.alarming, rule.code))
    return tuple(
        Check(rule.code, rule.title, what, rule.why, rule.remedy, rule.reference, rule.severity)
        for rule in ordered
        if (what := rule.find(results))
    )


RULES: Final[tuple[_Rule, ...]] = (
    _Rule(
        "SH001", "warning", "The best candidate lies on the edge of the grid", _doubts.on_the_edge,
        "The score may go on improving beyond the values that were tried.",
        "Widen the grid on that side; candidates that were trained already are not trained again.",
        "Bergstra, J., Bengio, Y. (2012). Random search for hyper-parameter optimization."
        " Journal of Machine Learning Research 13, 281-305.",
    ),
    _Rule(
        "SH002", "warning", "The validation loss is still falling at the last epoch", _doubts.still_falling,
        "Training stopped before the network had learned what it can, so candidates are compared by how fast"
        " they learn, not by where they arrive.",
        "Raise training.epochs, or the learning rate, or let a schedule bring it down towards the end.",
        "Bengio, Y. (2012). Practical recommendations for gradient-based training of deep architectures."
        " In: Neural Networks: Tricks of the Trade, LNCS 7700, 437-478. Springer.",
    ),
    _Rule(
        "SH003", "note", "The chosen candidate cannot be told from others", _doubts.not_distinguishable,
        "Other rows or other initial weights might have chosen another candidate; nothing follows from the order"
        " of these.",
        "Take the smallest of them, or at least the smallest within one standard error (search.rule ="
        ' "one-standard-error"), or tell them apart with repeated folds (search.folds = { kind = "repeated",'
        " times = 5 }).",
        "Nadeau, C., Bengio, Y. (2003). Inference for the generalization error."
        " Machine Learning 52, 239-281.",
    ),
    _Rule(
        "SH004", "warning", "Some networks diverged or failed", _doubts.sick,
        "A candidate with such a network is never chosen, however good its other networks are; settings close"
        " to it may be unstable too.",
        "Lower the learning rate, standardise the inputs (data.standardize), or leave these values out.",
        "Bengio, Y. (2012). Practical recommendations for gradient-based training of deep architectures."
        " In: Neural Networks: Tricks of the Trade, LNCS 7700, 437-478. Springer.",
    ),
    _Rule(
        "SH005", "warning", "The network overfits its training rows", _doubts.overfits,
        "It has learned its training rows more closely than what they have in common with others.",
        'Train for fewer epochs or keep the best one (training.keep = "best"), add weight decay or dropout, take'
        " a smaller network, or more rows.",
        "Prechelt, L. (1998). Early stopping - but when? In: Neural Networks: Tricks of the Trade,"
        " LNCS 1524, 55-69. Springer.",
    ),
    _Rule(
        "SH006", "note", "The classes are uneven", _doubts.uneven_classes,
        "Accuracy rewards the large classes: a network may be right often and never on a small class.",
        "Read precision, recall and F1 of every class and macro F1 beside accuracy; collect more of the rare"
        " classes.",
        "He, H., Garcia, E. A. (2009). Learning from imbalanced data."
        " IEEE Transactions on Knowledge and Data Engineering 21(9), 1263-1284.",
    ),
    _Rule(
        "SH007", "warning", "Test rows are training rows too", _doubts.repeated_rows,
        "A network can know these by heart, so the test score is better than it will be on new rows.",
        "Take the repeated rows out of the test rows, or out of the training rows.",
        "Barz, B., Denzler, J. (2020). Do we train on test data? Purging CIFAR of near-duplicates."
        " Journal of Imaging 6(6), 41.",
    ),
    _Rule(
        "SH008", "warning", "Test rows lie outside the range of the training inputs", _doubts.outside,
        "There the network extrapolates, and nothing it learned says how the target goes on.",
        "Draw training and test rows from the same range, or read the test score inside and outside of it"
        " apart.",
        "Barnard, E., Wessels, L. F. A. (1992). Extrapolation and interpolation in neural network classifiers."
        " IEEE Control Systems Magazine 12(5), 50-53.",
    ),
    _Rule(
        "SH009", "warning", "Test rows lie in gaps between the training inputs", _doubts.in_a_gap,
        "There the network bridges a gap by its own shape; validation rows, which lie where training rows do,"
        " say nothing of the error there, so the test score is worse than the selection score.",
        "Collect training rows in the gap, or look at the spread of the ensemble there, and read the test score"
        " inside and outside the gaps apart.",
        "Shimodaira, H. (2000). Improving predictive inference under covariate shift by weighting the"
        " log-likelihood function. Journal of Statistical Planning and Inference 90(2), 227-244.",
    ),
    _Rule(
        "SH010", "note", "The test score was looked at for many variants", _doubts.many_variants,
        "The best of many test scores is optimistic, since the test rows helped to pick it.",
        "Report the winner of the search, which was chosen without the test rows; let test scores of"
        " comparisons explain, not choose.",
        "Cawley, G. C., Talbot, N. L. C. (2010). On over-fitting in model selection and subsequent selection"
        " bias in performance evaluation. Journal of Machine Learning Research 11, 2079-2107.",
    ),
    _Rule(
        "SH011", "warning", "Chance between repeats is larger than the differences compared", _doubts.seed_noise,
        "With one repeat each, the order of these would often have been another.",
        "Compare means over more repeats (study.repeats) and read the 95 % intervals of the differences, or call"
        " them equal.",
        "Bouthillier, X., et al. (2021). Accounting for variance in machine learning benchmarks."
        " Proceedings of Machine Learning and Systems 3, 747-769.",
    ),
    _Rule(
        "SH012", "note", "Each comparison rests on one initialisation", _doubts.one_repeat,
        "Other initial weights give other scores; a difference between single runs may be chance.",
        "Set study.repeats to 5 or more: every comparison is then repeated with other initial weights and other"
        " held-out rows.",
        "Henderson, P., Islam, R., Bachman, P., Pineau, J., Precup, D., Meger, D. (2018). Deep reinforcement"
        " learning that matters. Proceedings of the AAAI Conference on Artificial Intelligence 32(1), 3207-3214.",
    ),
    _Rule(
        "SH013", "warning", "The model is no better than a constant answer", _doubts_numbers.no_better_than_a_constant,
        "Nothing that it learned of the inputs helps on the test rows.",
        'Standardise inputs and targets (data.standardize = "both", or "inputs" for classes), change the learning'
        " rate, train for longer, or ask whether the inputs say anything of the target.",
        "Kvålseth, T. O. (1985). Cautionary note about R². The American Statistician 39(4), 279-285.",
        alarming=True,
    ),
    _Rule(
        "SH014", "warning", "The model answers the same to every row", _doubts_numbers.same_answer,
        "It does not look at its inputs: units that are dead or saturated, or inputs or targets far from 0 and 1.",
        "Standardise the inputs (data.standardize), lower the learning rate, or take another activation; the inside"
        " of the network shows which units are dead.",
        "Glorot, X., Bengio, Y. (2010). Understanding the difficulty of training deep feedforward neural networks."
        " Proceedings of Machine Learning Research 9, 249-256.",
        alarming=True,
    ),
    _Rule(
        "SH015", "warning", "Some classes are never answered", _doubts_numbers.never_named,
        "Rows of these classes are always wrong, however high the accuracy over all rows.",
        "Collect more rows of these classes, train for longer, or leave them out; read recall of every class beside"
        " accuracy.",
        "He, H., Garcia, E. A. (2009). Learning from imbalanced data."
        " IEEE Transactions on Knowledge and Data Engineering 21(9), 1263-1284.",
    ),
    _Rule(
        "SH016", "warning", "Numbers lose their differences in 32 bits", _doubts_numbers.lost_in_32_bits,
        "Networks are trained in 32 bits, which keep about 7 digits: values that differ later in the row of digits"
        " become equal.",
        'Standardise them (data.standardize = "inputs", or "both" for targets too), which is computed in 64 bits, or'
        " subtract what is common to all.",
        "Goldberg, D. (1991). What every computer scientist should know about floating-point arithmetic."
        " ACM Computing Surveys 23(1), 5-48.",
        alarming=True,
    ),
    _Rule(
        "SH017", "warning", "Numbers far from 0 and 1 are not standardised", _doubts_numbers.not_standardised,
        "First weights and learning rates are made for inputs and targets near 0 with a spread near 1; with others"
        " training is slow, diverges, or never arrives.",
        'Set data.standardize = "inputs", or "both" for targets too; predictions and scores stay in the target\'s'
        " units.",
        "LeCun, Y., Bottou, L., Orr, G. B., Müller, K.-R. (1998). Efficient BackProp."
        " In: Neural Networks: Tricks of the Trade, LNCS 1524, 9-50. Springer.",
    ),
    _Rule(
        "SH018", "warning", "An input numbers the rows", _doubts_numbers.numbers_of_rows,
        "A mere number of the rows says nothing in new ones, and gives the target away where the rows are sorted by it."
        " A time that is counted so (a year, a day) may carry a trend, but new rows lie beyond all that was learned.",
        "Leave a mere number out: name the other columns in data.inputs. Keep a time whose trend is wanted, and test on"
        " the latest rows (data.test), since test rows drawn between training rows are easier than new ones.",
        "Kaufman, S., Rosset, S., Perlich, C., Stitelman, O. (2012). Leakage in data mining: formulation, detection,"
        " and avoidance. ACM Transactions on Knowledge Discovery from Data 6(4), 15.",
    ),
    _Rule(
        "SH019", "warning", "Some classes have no test rows", _doubts_numbers.untested_classes,
        "Whether the model knows these classes was never tested: its accuracy is that on the others.",
        "Add rows of these classes to the test rows; where test rows are drawn, more rows of the class, or a larger"
        " data.test_share, bring some.",
        "Forman, G., Scholz, M. (2010). Apples-to-apples in cross-validation studies: pitfalls in classifier"
        " performance measurement. ACM SIGKDD Explorations 12(1), 49-57.",
    ),
)  # fmt: skip
"""Every check, in the order of its code."""
