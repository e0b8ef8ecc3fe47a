"""The works that a run rests on: what of it was used in this run, and where it was published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from shoal.activations import ACTIVATIONS
from shoal.kinds import LOSSES, NETWORKS, NORMS, OPTIMIZERS, SCHEDULES, SEARCHES, row_of
from shoal.look._work import Work
from shoal.nets import loss_of, optimizer_of, schedule_of
from shoal.results import Results
from shoal.study import Network, Training, base_candidate, comparison_candidates
from shoal.wording import counted, visible

_DATA: Final = {
    "fashion-mnist": "Xiao, Rasul, Vollgraf (2017): Fashion-MNIST: a novel image dataset for benchmarking machine"
    " learning algorithms. arXiv:1708.07747.",
    "digits": "Alpaydin, Kaynak (1998): Optical recognition of handwritten digits. UCI Machine Learning Repository.",
}


def works(results: Results, drawn: Sequence[Work]) -> list[Work]:
    """Give the works behind what this run used, in the order of its way; `drawn` are those of its pictures."""
    networks, trainings = _variants(results)
    cited_works = [
        Work(f"data set {name}", cited) for name, cited in _DATA.items() if name == results.study.data.dataset
    ]
    cited_works += _of_networks(networks)
    cited_works += _of_trainings(trainings)
    cited_works.append(
        Work(
            "random numbers: Philox 4x32-10",
            "Salmon, Moraes, Dror, Shaw (2011): Parallel random numbers: as easy as 1, 2, 3. SC.",
        )
    )
    cited_works += _of_search(results)
    cited_works += _of_certainty(results)
    cited_works += _of_figures(results, drawn)
    return cited_works


def _variants(results: Results) -> tuple[list[Network], list[Training]]:
    """Every network and training that the study can name: the base, the comparisons, the candidates."""
    study = results.study
    candidates = [base_candidate(study), *comparison_candidates(study), *results.tried.values()]
    return [candidate.network for candidate in candidates], [candidate.training for candidate in candidates]


def _of_kinds(what: str, table: Iterable[str], used: set[str], source: Callable[[str], str]) -> list[Work]:
    """Give the works behind the kinds used, in the order of their table; not every kind has one."""
    return [Work(f"{what} {name}", source(name)) for name in table if name in used and source(name)]


def _of_networks(networks: list[Network]) -> list[Work]:
    kinds = {network.activation for network in networks}
    cited_works = _of_kinds("activation", ACTIVATIONS, kinds, lambda name: ACTIVATIONS[name].source)
    built = {network.kind for network in networks}
    cited_works += [
        Work(kind.words, kind.source) for name, kind in NETWORKS.items() if name in built and kind.source
    ]
    normed = {network.normed for network in networks}
    cited_works += [Work(norm.words, norm.source) for name, norm in NORMS.items() if name in normed]
    if any(conv.skip for network in networks for conv in network.conv):
        cited = "He, Zhang, Ren, Sun (2016): Deep residual learning for image recognition. CVPR, 770–778."
        cited_works.append(Work("skips", cited))
    if any(network.dropout or network.conv_dropout for network in networks):
        cited = "Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014): Dropout: a simple way to prevent"
        cited_works.append(Work("dropout", f"{cited} neural networks from overfitting. JMLR 15, 1929–1958."))
    sizes = {network.embedding for network in networks} - {"none"}
    if sizes:
        cited = "Guo, Berkhahn (2016): Entity embeddings of categorical variables. arXiv:1604.06737."
        first = (
            "Gorishniy, Rubachev, Khrulkov, Babenko (2021): Revisiting deep learning models for tabular data."
        )
        cited_works += [
            Work("embeddings", cited),
            Work("first vectors of embeddings", f"{first} NeurIPS 34."),
        ]
    if "auto" in sizes:
        cited = "Howard, Gugger (2020): fastai: A layered API for deep learning. Information 11, 108."
        cited_works.append(Work("lengths of vectors", cited))
    cited = "He, Zhang, Ren, Sun (2015): Delving deep into rectifiers. ICCV, 1026–1034; with a = √5, as torch.nn does."
    return [*cited_works, Work("initialisation: uniform, by fan-in", cited)]


def _of_trainings(trainings: list[Training]) -> list[Work]:
    losses = {training.loss for training in trainings if training.loss}
    cited_works = _of_kinds("loss", LOSSES, losses, lambda name: loss_of(name).source)
    names = {training.optimizer for training in trainings}
    cited_works += _of_kinds("optimiser", OPTIMIZERS, names, lambda name: optimizer_of(name).source)
    if any(training.momentum for training in trainings):
        cited = "Polyak (1964): Some methods of speeding up the convergence of iteration methods. USSR Computational"
        cited_works.append(Work("momentum", f"{cited} Mathematics and Mathematical Physics 4(5), 1–17."))
    if any(training.nesterov for training in trainings):
        cited = "Sutskever, Martens, Dahl, Hinton (2013): On the importance of initialization and momentum in deep"
        cited_works.append(Work("Nesterov’s momentum", f"{cited} learning. ICML, 1139–1147."))
    schedules = {training.schedule for training in trainings}
    cited_works += _of_kinds("schedule", SCHEDULES, schedules, lambda name: schedule_of(name).source)
    if any(training.early_stopping != "none" for training in trainings):
        cited = "Prechelt (1998): Early stopping, but when? Neural Networks: Tricks of the Trade, 55–69."
        cited_works.append(Work("early stopping", cited))
    return cited_works


def _of_search(results: Results) -> list[Work]:
    search = results.study.search
    if search is None:
        return []
    cited = "Hansen, Lunde, Nason (2011): The model confidence set. Econometrica 79, 453–497."
    cited_works = [Work("which candidates may be the best", cited)]
    cited = "Tsamardinos, Greasidou, Borboudakis (2018): Bootstrapping the out-of-sample predictions for efficient and"
    cited_works.append(
        Work("score corrected for the choice", f"{cited} accurate cross-validation. Machine Learning 107.")
    )
    cited = "Bayle, Bayle, Janson, Mackey (2020): Cross-validation confidence intervals for test error. NeurIPS 33."
    cited_works.append(Work("standard error of a selection score", cited))
    if search.rule == "one-standard-error":
        cited = "Breiman, Friedman, Olshen, Stone (1984): Classification and regression trees, section 3.4.3."
        cited_works.append(Work("rule of one standard error", cited))
    if cited := row_of("search.method", SEARCHES, search.method).source:
        cited_works.append(Work(f"{search.method} search", cited))
    if results.study.nested is not None:
        cited = "Varma, Simon (2006): Bias in error estimation when using cross-validation for model selection. BMC"
        cited_works.append(Work("nested search", f"{cited} Bioinformatics 7, 91."))
        cited = "Bates, Hastie, Tibshirani (2024): Cross-validation: what does it estimate and how well does it do it?"
        cited_works.append(Work("interval of a nested score", f"{cited} JASA 119, 1434–1445."))
    return cited_works


def _of_certainty(results: Results) -> list[Work]:
    certainty = results.certainty
    if certainty.why:
        return []
    cited = (
        "Tibshirani, Barber, Candès, Ramdas (2019): Conformal prediction under covariate shift. NeurIPS 32."
    )
    of_weights = [Work("CV+ of weighted rows", cited)] if certainty.worth < certainty.rows else []
    if not results.truth.classes:
        cited = (
            "Barber, Candès, Ramdas, Tibshirani (2021): Predictive inference with the jackknife+. Annals of"
        )
        return [Work("intervals of predictions: CV+", f"{cited} Statistics 49, 486–507."), *of_weights]
    cited = "Romano, Sesia, Candès (2020): Classification with valid and adaptive coverage. NeurIPS 33."
    score = (
        "Sadinle, Lei, Wasserman (2019): Least ambiguous set-valued classifiers with bounded error levels."
    )
    guo = "Guo, Pleiss, Sun, Weinberger (2017): On calibration of modern neural networks. ICML, 1321–1330."
    return [
        Work("sets of classes: CV+", cited),
        Work("score of sets of classes", f"{score} JASA 114, 223–234."),
        *of_weights,
        Work("temperature of probabilities", guo),
    ]


def _of_figures(results: Results, drawn: Sequence[Work]) -> list[Work]:
    """Give the works of the figures, the innermost first, and those of the scores and colours beside them."""
    cited_works = list(dict.fromkeys(drawn))
    if results.study.study.task == "classification":
        cited = (
            "Guo, Pleiss, Sun, Weinberger (2017): On calibration of modern neural networks. ICML, 1321–1330."
        )
        cited_works.append(Work("expected calibration error", cited))
        cited = "Wilson (1927): Probable inference, the law of succession, and statistical inference."
        cited_works.append(Work("interval of the accuracy", f"{cited} JASA 22, 209–212."))
    cited = "Johnson (1978): Modified t tests and confidence intervals for asymmetrical populations."
    cited_works.append(Work("intervals of test scores", f"{cited} JASA 73, 536–544."))
    cited = "Okabe, Ito (2008): Color universal design: how to make figures that are colorblind friendly."
    return [*cited_works, Work("colours of the pictures", cited)]


def trained_where(results: Results) -> list[tuple[str, str]]:
    """Say of every environment, where there are several, how many networks were trained there, wholly or in part."""
    if len(results.origins) < 2:
        return []
    return [(_networks(count), _described(environment)) for environment, count in results.origins]


def _networks(count: int) -> str:
    return counted(count, "network")


def _described(environment: dict[str, Any]) -> str:
    if not environment:
        return "where they were trained was not kept"
    versions = [f"{name} {version}" for name, version in software(environment)]
    named = [f"python {environment['python']}"] if "python" in environment else []
    machine = [str(environment[key]) for key in ("processor", "platform") if key in environment]
    machine += [f"machine {environment['machine']}"] if "machine" in environment else []
    return visible(", ".join([*named, *versions, *machine]))


def software(environment: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and versions of the programs that computed the run."""
    versions = environment.get("versions")
    return [(str(name), str(version)) for name, version in dict(versions or {}).items()]
