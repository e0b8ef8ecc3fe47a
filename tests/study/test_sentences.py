"""Every sentence in which a study is refused, word for word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from drawn_studies import BASE

from shoal.errors import StudyError
from shoal.kinds import OPTIMIZERS, losses_of
from shoal.study import Network, Training, load_study, parse_study
from shoal.wording import listed

FOLDS = "a whole number of at least 2 and at most 10000"
HEAD = '[study]\ntask = "regression"\n[data]\ndataset = "two-peaks"\n'
NETWORK_KEYS = ", ".join(Network.model_fields)
TRAINING_KEYS = ", ".join(Training.model_fields)
OPTIMIZER_NAMES = ", ".join(OPTIMIZERS)
WITH_MOMENTUM = " or ".join(name for name, kind in OPTIMIZERS.items() if kind.momentum)
WITH_NESTEROV = " or ".join(name for name, kind in OPTIMIZERS.items() if kind.nesterov)
OWN = losses_of("regression")
OWN_LOSS = f"{listed(OWN, 'or')}, {'the' if len(OWN) == 1 else 'a'} loss of regression"
NEEDS_CNN = '`conv` needs kind = "cnn", got kind = "mlp"'


def problems(tree: dict[str, Any]) -> list[str]:
    with pytest.raises(StudyError) as refusal:
        parse_study(tree)
    return str(refusal.value).split("\n")


def refused(text: str, tmp_path: Path) -> list[str]:
    file = tmp_path / "s.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as refusal:
        load_study(file)
    return str(refusal.value).replace(f"{file}:", "").split("\n")


# Lines are added to HEAD, so the first of them is line 5.
SENTENCES = [
    # numbers
    ("[training]\nlr = -0.1", "6: training.lr: expected a number above 0, got -0.1"),
    ("[training]\nlr = '1'", "6: training.lr: expected a number above 0, got '1'"),
    ("[training]\nlr = true", "6: training.lr: expected a number above 0, got true"),
    ("[training]\nlr = 1e999", "6: training.lr: expected a finite number above 0, got inf"),
    (
        "[training]\nweight_decay = nan",
        "6: training.weight_decay: expected a finite number of at least 0, got nan",
    ),
    ("[training]\nmomentum = 1", "6: training.momentum: expected a number of at least 0 and below 1, got 1"),
    (
        "[training]\nstep_factor = 0",
        "6: training.step_factor: expected a number above 0 and at most 1, got 0",
    ),
    ("[training]\nbatch_size = 0", "6: training.batch_size: expected a whole number of at least 1, got 0"),
    (
        "[training]\nbatch_size = 2.0",
        "6: training.batch_size: expected a whole number of at least 1, got 2.0",
    ),
    (
        "[training]\nepochs = 2147483648",
        "6: training.epochs: expected a whole number of at least 1 and at most 2147483647, got 2147483648",
    ),
    (
        "[network]\nhidden = [5, 100000000000000000000000]",
        "6: network.hidden[1]: expected a whole number of at least 1 and at most 2147483647, "
        "got a whole number of 24 digits",
    ),
    ("[network]\ndropout = 1", "6: network.dropout: expected a number of at least 0 and below 1, got 1"),
    # texts, choices, truth
    (
        "[training]\noptimizer = 'adma'",
        f"6: training.optimizer: expected one of {OPTIMIZER_NAMES}, got 'adma'; did you mean 'adam'?",
    ),
    (
        "[training]\noptimizer = 'SGD'",
        f"6: training.optimizer: expected one of {OPTIMIZER_NAMES}, got 'SGD'; did you mean 'sgd'?",
    ),
    ("[training]\noptimizer = 3", f"6: training.optimizer: expected one of {OPTIMIZER_NAMES}, got 3"),
    ("[training]\nkeep = 'x\\\\y'", "6: training.keep: expected one of last, best, got 'x\\\\\\\\y'"),
    ("[training]\nnesterov = 'yes'", "6: training.nesterov: expected true or false, got 'yes'"),
    ("[[compare]]\nname = 3", "6: compare[0].name: expected text (1 to 200 characters), got 3"),
    (
        "[[compare]]\nname = ''",
        "6: compare[0].name: expected text without control characters (1 to 200 characters), got ''",
    ),
    (
        '[[compare]]\nname = "a\\u001bb"',
        "6: compare[0].name: expected text without control characters (1 to 200 characters), got 'a\\x1bb'",
    ),
    # tables and lists
    ("[network]\nhidden = 5", "6: network.hidden: expected a list of whole numbers, got 5"),
    ("[network]\nconv = {}", "6: network.conv: expected a list of tables, got a table"),
    ("[network]\nconv = [5]", "6: network.conv[0]: expected a table with channels, got 5"),
    (
        "[network]\nkind = 'cnn'\nconv = [{}]",
        "7: network.conv[0].channels: expected a whole number of at least 1, got nothing",
    ),
    ("[search]\nspace = 3", "6: search.space: expected a table, got 3"),
    (
        "[search]\nfolds = 'k-fold'",
        "6: search.folds: expected a whole number of at least 2 and at most 10000 or a table, got 'k-fold'",
    ),
    (
        "[search]\nfolds = 3.0",
        "6: search.folds: expected a whole number of at least 2 and at most 10000 or a table, got 3.0",
    ),
    ("[search]\nfolds = 1", f"6: search.folds: expected {FOLDS} or a table, got 1"),
    (
        "[search]\nfolds = { n = 1 }",
        "6: search.folds.n: expected a whole number of at least 2 and at most 10000, got 1",
    ),
    (
        '[search.space]\n"training.lr" = 3',
        '6: search.space."training.lr": expected a list of values or a table with low and high, got 3',
    ),
    (
        '[search.space]\n"training.lr" = { low = 1 }',
        '6: search.space."training.lr".high: expected a number, got nothing',
    ),
    # unknown keys
    ("[training]\nepoch = 3", "6: training.epoch: unknown key; did you mean epochs?"),
    ("[training]\nlearning_rate = 3", "6: training.learning_rate: unknown key; did you mean lr?"),
    ("[network]\nbatch_size = 3", "6: network.batch_size: unknown key; did you mean training.batch_size?"),
    ("[network]\nzzz = 3", f"6: network.zzz: unknown key, expected one of {NETWORK_KEYS}"),
    ("[netwerk]\nkind = 'mlp'", "5: netwerk: unknown key; did you mean network?"),
    ('[training]\n"a\\nb" = 3', '6: training."a\\u000ab": unknown key, expected one of '),
    # what does not go together
    (
        "[training]\nmomentum = 0.9",
        f"6: training.momentum: `momentum` needs optimizer {WITH_MOMENTUM}, got adam",
    ),
    (
        "[training]\nnesterov = true\noptimizer = 'sgd'",
        f"6: training.nesterov: `nesterov` needs optimizer {WITH_NESTEROV} with momentum above 0, "
        "got sgd with momentum 0",
    ),
    (
        "[training]\nkeep = 'best'\nvalidation = 0",
        '6: training.keep: keep = "best" needs validation above 0 or early_stopping = "inner", got neither',
    ),
    (
        "[training]\nloss = 'cross-entropy'",
        f"6: training.loss: expected {OWN_LOSS}, got 'cross-entropy'",
    ),
    ("[training]\nhuber_delta = 0.5", "6: training.huber_delta: `huber_delta` needs loss huber, got mse"),
    (
        "[training]\nloss = 'huber'\nhuber_delta = 0",
        "7: training.huber_delta: expected a number above 0, got 0",
    ),
    (
        "[training]\nloss = 'mae'\nlabel_smoothing = 0.1",
        "7: training.label_smoothing: `label_smoothing` needs loss cross-entropy, got mae",
    ),
    (
        "[training]\nlabel_smoothing = 1",
        "6: training.label_smoothing: expected a number of at least 0 and below 1, got 1",
    ),
    ("[network]\nconv = [{ channels = 3 }]", f"6: network.conv: {NEEDS_CNN}"),
    (
        "[network]\nconv_dropout = 0.1",
        f"6: network.conv_dropout: {NEEDS_CNN.replace('conv', 'conv_dropout')}",
    ),
    ("[network]\nkind = 'cnn'", '6: network.kind: kind = "cnn" needs at least one entry in `conv`, got none'),
    (
        "[search]\nfolds = { kind = 'given' }",
        '6: search.folds.kind: `column` (the fold of each row) goes with kind = "given", and only with it',
    ),
    (
        "[search]\nfolds = { times = 3 }",
        "6: search.folds.times: `times` needs kind repeated, repeated-stratified, repeated-grouped or "
        "repeated-stratified-grouped, got None",
    ),
    (
        "[search]\nfolds = { kind = 'stratified' }",
        "6: search.folds.kind: expected folds without classes, since the task is regression, got 'stratified'",
    ),
    (
        "[search]\nfolds = { kind = 'grouped' }",
        "6: search.folds.kind: expected data.groups (the column of each row's group) with grouped folds, got none",
    ),
    (
        "[search]\nfolds = { kind = 'repeated-grouped' }",
        "6: search.folds.kind: expected data.groups (the column of each row's group) with repeated-grouped folds, "
        "got none",
    ),
    # nested
    (
        "[nested]\nfolds = 4",
        "5: nested: expected a section [search], which is what is made again on every outer fold's rows, got none",
    ),
    (
        "[search]\n[nested]\nfolds = 1",
        "7: nested.folds: expected a whole number of at least 2 and at most 10000 or a table, got 1",
    ),
    (
        "[search]\n[nested]\nfolds = { kind = 'given', column = 'fold' }",
        "7: nested.folds.kind: expected outer folds that are drawn (a column of folds is the search's), got 'given'",
    ),
    (
        "[search]\n[nested]\nfolds = { kind = 'stratified' }",
        "7: nested.folds.kind: expected folds without classes, since the task is regression, got 'stratified'",
    ),
    (
        "[search]\n[nested]\nfolds = { kind = 'grouped' }",
        "7: nested.folds.kind: expected data.groups (the column of each row's group) with grouped folds, got none",
    ),
    # comparisons
    ("[[compare]]\nnetwork = {}", "5: compare[0].name: expected text (1 to 200 characters), got nothing"),
    (
        "[[compare]]\nname = 'a'\n[[compare]]\nname = 'a'",
        "8: compare[1].name: expected names that differ, got 'a' again",
    ),
    (
        "[[compare]]\nname = 'Winner'",
        "6: compare[0].name: expected another name, since the chosen candidate is called so, got 'Winner'",
    ),
    (
        "[[compare]]\nname = 'a'\n[compare.training]\nlr = 0",
        "8: compare[0].training.lr: expected a number above 0, got 0",
    ),
    (
        "[[compare]]\nname = 'a'\n[compare.training]\nlrr = 0",
        "8: compare[0].training.lrr: unknown key; did you mean lr?",
    ),
    (
        "[[compare]]\nname = 'a'\ntraining = { momentum = 0.9 }",
        f"7: compare[0].training.momentum: `momentum` needs optimizer {WITH_MOMENTUM}, got adam",
    ),
    (
        "[[compare]]\nname = 'a'\ntraining = { loss = 'cross-entropy' }",
        f"7: compare[0].training.loss: expected {OWN_LOSS}, got 'cross-entropy'",
    ),
    (
        "[[compare]]\nname = 'a'\ntraining = { validation = 0.3 }",
        "7: compare[0].training.validation: "
        "expected no share here, since all comparisons hold out the same rows (training.validation)",
    ),
]


SPACE = [
    ('"network.hiden" = [3]', '"network.hiden": unknown key; did you mean hidden?'),
    (
        '"network.hidden[1]" = [3]',
        '"network.hidden[1]": expected an index below 1, the length of network.hidden, got 1',
    ),
    ('"network.dropout[0]" = [0.1]', '"network.dropout[0]": expected a list at network.dropout, got 0.0'),
    ('"network.hidden.x" = [3]', '"network.hidden.x": unknown key, since network.hidden is no table'),
    ('"network.hidden" = [[3, 0]]', '"network.hidden"[0][1]: expected a whole number of at least 1, got 0'),
    ('"network.dropout" = [0, 0.0]', '"network.dropout"[1]: expected another value, got 0.0 again'),
    (
        '"network.dropout" = [0, 1.5]',
        '"network.dropout"[1]: expected a number of at least 0 and below 1, got 1.5',
    ),
    ('"network.dropout" = []', '"network.dropout": expected at least one value, got an empty list'),
    (
        '"trainng.lr" = [1]',
        "\"trainng.lr\": expected a key path inside network or training, got 'trainng.lr'; did you mean training.lr?",
    ),
    ("lr = [1]", "lr: expected a key path inside network or training, got 'lr'; did you mean training.lr?"),
    (
        "training = [1]",
        "training: expected a key path inside network or training, got 'training'; did you mean training.lr?",
    ),
    (
        '"data.standardize" = [1]',
        "\"data.standardize\": expected a key path inside network or training, got 'data.standardize'",
    ),
    ('"a..b" = [1]', "\"a..b\": expected a key path such as network.hidden[0], got 'a..b'"),
    (
        '"training.validation" = [0.1]',
        '"training.validation": expected another key, since every candidate is validated on the same folds',
    ),
    (
        '"training.lr" = { low = 1, high = 2 }',
        '"training.lr": expected a list of values, since method = "grid", got a range; method = "random" draws from it',
    ),
    ('"training.lr" = { low = 2, high = 1 }', '"training.lr".low: expected low below high, got 2 and 1'),
    (
        '"training.lr" = { low = 0, high = 1, log = true }',
        '"training.lr".low: a logarithmic range needs low above 0, got 0',
    ),
    (
        '"training.lr" = { low = 0.5, high = 1, integer = true }',
        '"training.lr".low: an integer range needs whole numbers, got 0.5 and 1',
    ),
    (
        '"training.momentum" = [0, 0.9]',
        f'"training.momentum"[1]: `momentum` needs optimizer {WITH_MOMENTUM}, got adam',
    ),
    (
        '"training.loss" = ["mse", "cross-entropy"]',
        f"\"training.loss\"[1]: expected {OWN_LOSS}, got 'cross-entropy'",
    ),
]
RANDOM = [
    (
        '"training.epochs" = { low = 1, high = 9 }',
        '8: search.space."training.epochs": expected integer = true, '
        "since training.epochs is a whole number, got false",
    ),
    (
        '"training.lr" = { low = -1, high = 9 }',
        '8: search.space."training.lr".low: expected a number above 0, got -1.0',
    ),
    ('"training.lr" = [1, 2]', "5: search.samples: expected at most 2, all that the space holds, got 20"),
    (
        '"training.epochs" = { low = 1, high = 9, integer = true }',
        "5: search.samples: expected at most 9, all that the space holds, got 20",
    ),
    (
        '"training.lr" = { low = 1, high = 1.00001 }',
        "5: search.samples: expected at most 2, all that many draws gave, got 20",
    ),
]
DATA = [
    *(
        (
            f"dataset = 'digits'\nresize = {value}",
            f"5: data.resize: expected a list of 2 whole numbers, got {came}",
        )
        for value, came in (("5", "5"), ("'32x32'", "'32x32'"), ("true", "true"), ("[4, 5, 6]", "[4, 5, 6]"))
    ),
    (
        "",
        "3: data.train: expected exactly one of `train` (a file) and `dataset` (a built-in name), got neither",
    ),
    (
        "dataset = 'a'\ntrain = 'b'",
        "5: data.train: expected exactly one of `train` (a file) and `dataset` (a built-in name), got both",
    ),
    (
        "dataset = 'a'\ntest = 'b'",
        "5: data.test: `test` goes with `train`; a built-in data set has its own test rows",
    ),
    ("train = ''", "4: data.train: expected text without control characters (1 or more characters), got ''"),
    (
        "train = 'a'\ntarget = 3",
        "5: data.target: expected text (1 to 200 characters) or a list of texts, got 3",
    ),
    ("train = 'a'\ntarget = ['a', 3]", "5: data.target[1]: expected text (1 to 200 characters), got 3"),
    ("train = 'a'\ninputs = 'a'", "5: data.inputs: expected a list of texts, got 'a'"),
    ("train = 'a'\ninputs = ['a', 'a']", "5: data.inputs: expected every column once, got 'a' 2 times"),
    (
        "train = 'a'\ninputs = ['a']\ntarget = 'a'",
        "6: data.target: expected a column that is no input, got 'a'",
    ),
    (
        "train = 'a'\ninputs = ['a']\ncategorical = ['b']",
        "6: data.categorical: expected columns of data.inputs, got 'b'",
    ),
]
STUDY = [
    ("", "study: expected a table with task, got nothing"),
    ("study = 3", "1: study: expected a table with task, got 3"),
    ("study = [1, 2, 3, 4, 5]", "1: study: expected a table with task, got a list of 5"),
    ("study = 2020-01-01", "1: study: expected a table with task, got date 2020-01-01"),
    ("study.seed = 1", "1: study.task: expected one of regression, classification, multilabel, got nothing"),
    (
        "study.task = 'regresion'",
        "1: study.task: expected one of regression, classification, multilabel, got 'regresion';"
        " did you mean 'regression'?",
    ),
]
NAMES = ["../x", "a/b", "a\\b", ".hidden", "ends.", " x", "a:b", "a\x00b", "x" * 61, "CON*"]


@pytest.mark.parametrize(("lines", "sentence"), SENTENCES, ids=[sentence for _, sentence in SENTENCES])
def test_sentence(lines: str, sentence: str, tmp_path: Path) -> None:
    found = refused(HEAD + lines + "\n", tmp_path)
    assert [found[0].removesuffix(TRAINING_KEYS), *found[1:]] == [sentence]


@pytest.mark.parametrize(("line", "sentence"), SPACE, ids=[line for line, _ in SPACE])
def test_sentence_of_a_space(line: str, sentence: str, tmp_path: Path) -> None:
    assert refused(f"{HEAD}[search.space]\n{line}\n", tmp_path) == [f"6: search.space.{sentence}"]


@pytest.mark.parametrize(("line", "sentence"), RANDOM, ids=[line for line, _ in RANDOM])
def test_sentence_of_a_random_search(line: str, sentence: str, tmp_path: Path) -> None:
    text = f"{HEAD}[search]\nmethod = 'random'\n[search.space]\n{line}\n"
    assert refused(text, tmp_path) == [sentence]


@pytest.mark.parametrize(("lines", "sentence"), DATA, ids=[sentence for _, sentence in DATA])
def test_sentence_of_the_data(lines: str, sentence: str, tmp_path: Path) -> None:
    assert refused(f"[study]\ntask = 'regression'\n[data]\n{lines}\n", tmp_path) == [sentence]


@pytest.mark.parametrize(("line", "sentence"), STUDY, ids=[sentence for _, sentence in STUDY])
def test_sentence_of_the_study(line: str, sentence: str, tmp_path: Path) -> None:
    text = f"{line}\n[data]\ndataset = 'two-peaks'\n"
    assert [found.lstrip() for found in refused(text, tmp_path)] == [sentence]


@pytest.mark.parametrize("name", NAMES)
def test_a_study_name_is_safe_as_a_folder(name: str) -> None:
    with pytest.raises(
        StudyError, match=r"study\.name: expected a name of letters, digits, dashes, underscores, with dots"
    ):
        parse_study({**BASE, "study": {"task": "regression", "name": name}})


@pytest.mark.parametrize("name", ["a", "Größe 1.2_x-y", "-x", "a..b", "x" * 60, "数"])
def test_ordinary_names_are_taken(name: str) -> None:
    assert parse_study({**BASE, "study": {"task": "regression", "name": name}}).study.name == name


def test_overlapping_keys_of_a_space() -> None:
    space = {"network.hidden": [[5], [6]], "network.hidden[0]": [7, 8]}
    assert problems({**BASE, "search": {"space": space}}) == [
        'search.space."network.hidden[0]": expected keys that do not overlap, got network.hidden[0] and network.hidden'
    ]


def test_too_many_candidates_are_refused_before_any_is_made() -> None:
    space = {f"training.{key}": list(range(1, 102)) for key in ("lr", "epochs", "batch_size")}
    assert problems({**BASE, "search": {"space": space}}) == [
        'search.space: expected at most 1,000,000 candidates, got 1,030,301; method = "random" draws some of them'
    ]
    space["training.weight_decay"] = {"low": 0.0, "high": 1.0}  # type: ignore[assignment]
    search = {"method": "random", "samples": 1_000_001, "space": space}
    assert problems({**BASE, "search": search}) == [
        "search.samples: expected at most 1,000,000, got 1,000,001"
    ]


@pytest.mark.parametrize("name", ["CON", "nul.txt", "com1", "Lpt9.a.b", "aux"])
def test_names_of_devices_name_no_study(tmp_path: Path, name: str) -> None:
    tree = {**BASE, "study": {**BASE["study"], "name": name}}
    what = f"expected a name that a folder can have everywhere, got '{name}', a device on Windows"
    assert problems(tree) == [f"study.name: {what}"]
    file = tmp_path / f"{name}.toml"
    file.write_text(HEAD)
    assert load_study(file).study.name == "study"


@pytest.mark.parametrize("name", ["CONcrete", "nul-txt", "com", "com10", "a.con", "auxiliary"])
def test_names_like_those_of_devices_do(name: str) -> None:
    assert parse_study({**BASE, "study": {**BASE["study"], "name": name}}).study.name == name
