"""What networks say of a target beyond one number: in runs, model files, predictions and exports."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import mean_pinball_loss

import shoal
from shoal.data import Preprocessing
from shoal.distributions import Normal, Quantiles, by_target, distribution_from_json, side_by_side
from shoal.errors import InputError, ModelFileError, StudyError
from shoal.export import export_onnx, export_torch, graph_feed, run_onnx
from shoal.look import checks, results_text
from shoal.model import Model
from shoal.predict import predict_file
from shoal.results import Results, margin_of, regression_scores
from shoal.study import Training, parse_study

ASCENDING = "expected 1 to 100 levels, ascending, each once"
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
TARGETS = ("y", "w")


def rows(count: int = 160) -> pd.DataFrame:
    """Two targets of one input, the second in other units and always above 0; they spread as the input grows."""
    random = np.random.default_rng(8)
    x = random.uniform(0, 2, count)
    y, w = x + 0.5 * x * random.normal(size=count), 1000 + 300 * x * random.random(count)
    return pd.DataFrame({"x": x, "z": random.normal(size=count), "y": y, "w": w})


def trained(loss: str, out: Path, **changed: Any) -> Results:
    training = {
        "loss": loss,
        "epochs": 25,
        "lr": 0.01,
        **({"quantiles": LEVELS} if loss == "quantile" else {}),
    }
    study: dict[str, Any] = {
        "network": {"hidden": [8], "activation": "tanh"},
        "training": training,
        "data": {"standardize": "both"},
        "search": {"folds": 2, "space": {"training.lr": [0.01, 0.03]}},
    }
    return shoal.run(rows(), target=TARGETS, out=out, workers=1, **study | changed)


@pytest.fixture(scope="module", params=["quantile", "gaussian", "transformed"])
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, dots: None) -> Results:
    out = tmp_path_factory.mktemp(request.param) / "run"
    if request.param == "transformed":
        data = {"standardize": "both", "target_transform": "yeo-johnson"}
        return trained("quantile", out, data=data)
    return trained(request.param, out)


@pytest.fixture(scope="module")
def model(results: Results) -> Model:
    return shoal.load(results.folder)


def loss_by_hand(model: Model, x: pd.DataFrame) -> float:
    """scikit-learn's pinball loss, the mean over levels, or scipy's likelihood."""
    y_NK = x[list(TARGETS)].to_numpy()
    if model.levels == LEVELS:
        quantile_NKL = model.predict_quantiles(x)
        losses = [
            mean_pinball_loss(y_NK, quantile_NKL[..., n], alpha=level) for n, level in enumerate(LEVELS)
        ]
        return float(np.mean(losses))
    return float(-norm.logpdf(y_NK, model.predict(x), model.predict_std(x)).mean())


def test_the_loss_of_test_rows_is_that_of_the_distribution(results: Results, model: Model) -> None:
    tested = rows().iloc[results.truth.y.shape[0] * 0 :]
    order = [int(np.flatnonzero((tested[list(TARGETS)] == y).all(axis=1))[0]) for y in results.truth.y]
    tested = tested.iloc[order[results.truth.train_rows :]]
    scores = results.refit.iloc[0]
    assert scores["test_loss"] == pytest.approx(loss_by_hand(model, tested), rel=1e-6)
    of_predictions = regression_scores(tested[list(TARGETS)].to_numpy(), model.predict(tested))
    for name in ("mse", "rmse", "mae", "r2"):
        assert scores[f"test_{name}"] == pytest.approx(of_predictions[name], rel=1e-6)


def test_selection_and_intervals_of_scores_are_of_the_same_loss(results: Results) -> None:
    searched = (
        results.fits[results.fits["stage"] == "search"].groupby("candidate_id")["validation_loss"].mean()
    )
    ranked = results.candidates.set_index("candidate_id")["selection_score"]
    for name, score in ranked.items():
        assert score == pytest.approx(searched[name], rel=1e-12)
    span = results.test_interval("loss", [str(results.delivered_id)])
    assert span.low < results.refit["test_loss"].iloc[0] < span.high
    assert results.comparisons["loss_mean"].iloc[0] != results.comparisons["mse_mean"].iloc[0]
    assert results.disagreement is not None


def test_quantiles_ascend_and_predictions_are_medians_or_means(results: Results, model: Model) -> None:
    quantile_NKL = model.predict_quantiles(rows())
    assert quantile_NKL.shape == (160, 2, 5)
    assert (np.diff(quantile_NKL, axis=2) >= 0).all()
    middle = model.levels.index(0.5)
    np.testing.assert_allclose(model.predict(rows()), quantile_NKL[:, :, middle], rtol=1e-12)
    frame = results.predictions_of("refit")
    shown = ["std"] if model.levels != LEVELS else [f"quantile_{level}" for level in LEVELS]
    assert list(frame.columns[-len(shown) :]) == shown
    test = results.test_answers(str(results.delivered_id))
    assert np.array_equal(test[:, :2], results.test_predictions(str(results.delivered_id)))


def test_all_files_give_the_same_answers(results: Results, model: Model, tmp_path: Path) -> None:
    x = rows()
    again = Model.from_bytes(model.to_bytes())
    assert np.array_equal(again.predict_quantiles(x), model.predict_quantiles(x))
    (tmp_path / "x.csv").write_text(x.to_csv(index=False))
    table = predict_file(results.folder, tmp_path / "x.csv")
    cells = dict(zip(table.names, table.columns, strict=True))
    with_levels = model.levels == LEVELS
    for k, name in enumerate(TARGETS):
        assert cells[f"predicted_{name}"] == model.predict(x)[:, k].tolist()
        assert f"ensemble_std_{name}" in cells
        for place, level in enumerate(LEVELS if with_levels else ()):
            assert cells[f"quantile_{level}_{name}"] == model.predict_quantiles(x)[:, k, place].tolist()
        if not with_levels:
            assert cells[f"std_{name}"] == model.predict_std(x)[:, k].tolist()
    beside = model.predict_quantiles(x) if with_levels else model.predict_std(x)
    export_torch(results.folder, tmp_path / "network.safetensors")
    exported = python_file(tmp_path / "network.py")
    outputs = exported.build()(exported.prepare({name: x[name].to_numpy() for name in ("x", "z")}))
    function = exported.quantiles if with_levels else exported.deviations
    np.testing.assert_allclose(
        exported.answers(outputs).detach().numpy(), model.predict(x), rtol=2e-5, atol=2e-5
    )
    np.testing.assert_allclose(function(outputs).detach().numpy(), beside, rtol=2e-5, atol=2e-5)

    export_onnx(results.folder, tmp_path / "network.onnx")
    content = (tmp_path / "network.onnx").read_bytes()
    predictions, values = run_onnx(content, graph_feed(list(model.inputs(x))))  # type: ignore[arg-type]
    np.testing.assert_allclose(predictions, model.predict(x), rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(values, beside, rtol=2e-5, atol=2e-5)
    import onnx

    facts = {part.key: part.value for part in onnx.load_from_string(content).metadata_props}
    assert json.loads(facts.get("levels", "[]")) == (list(LEVELS) if with_levels else [])


def python_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("network", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_intervals_of_the_folds_are_around_predictions(results: Results, model: Model) -> None:
    assert len(results.certainty.covered) == 2
    ends_NK2 = model.predict_interval(rows(), 0.9)
    assert ends_NK2.shape == (160, 2, 2)
    assert ((ends_NK2[..., 0] < model.predict(rows())) & (model.predict(rows()) < ends_NK2[..., 1])).all()
    scores = results.ensemble_scores.set_index("network")
    assert scores.loc["ensemble", "loss"] == pytest.approx(scores.loc["delivered", "loss"], rel=0.5)
    assert scores.loc["ensemble", "loss"] != scores.loc["ensemble", "mse"]


def test_the_report_names_the_loss(results: Results, model: Model) -> None:
    text = (results.folder / "report.html").read_text(encoding="utf-8")
    words = "mean pinball loss" if model.levels == LEVELS else "negative log-likelihood in nats"
    assert f"selection score ({words}, lower is better)" in text
    assert ("Koenker, Bassett (1978)" if model.levels == LEVELS else "Nix, Weigend (1994)") in text
    own = "quantiles" if model.levels == LEVELS else "deviations"
    about = (
        f"about as wide for every row: the {own} that the network itself gives for each row have no part in"
    )
    assert about in " ".join(text.split())
    assert about in " ".join(results_text(results).split())


def test_intervals_are_as_wide_wherever_the_network_says_that_it_is_less_sure(model: Model) -> None:
    """What the report says of them: where x is large the target spreads more, and the network's own words do."""
    near, far = (pd.DataFrame({"x": np.full(5, x), "z": np.linspace(-1, 1, 5)}) for x in (0.1, 1.9))
    width_2 = [np.ptp(model.predict_interval(x)[:, 0], axis=1).mean() for x in (near, far)]
    own_2 = [np.ptp(model.predict_quantiles(x)[:, 0], axis=1).mean() for x in (near, far)]
    assert own_2[1] > 1.5 * own_2[0]
    assert width_2[1] < 1.3 * width_2[0]


def test_quantiles_are_held_against_the_test_rows(results: Results, model: Model) -> None:
    held = results.levels_held
    levels = LEVELS if model.levels == LEVELS else (0.025, 0.1, 0.5, 0.9, 0.975)
    assert [(of.target, of.level) for of in held] == [(name, level) for name in TARGETS for level in levels]
    test = rows().merge(
        pd.DataFrame(results.truth.y[results.truth.train_rows :], columns=TARGETS), on=TARGETS
    )
    assert len(test) == held[0].rows == 32
    below = (test[list(TARGETS)].to_numpy()[..., None] < model.predict_quantiles(test)).mean(axis=0)
    assert [of.share for of in held] == pytest.approx(below.reshape(-1))
    assert "What its quantiles hold" in (results.folder / "report.html").read_text(encoding="utf-8")
    assert "test rows below" in results_text(results)


def test_quantiles_that_do_not_cover_are_said_first(dots: None, tmp_path: Path) -> None:
    training = {"loss": "quantile", "quantiles": [0.1, 0.9], "epochs": 1, "lr": 1e-5}
    results = trained("quantile", tmp_path / "run", search=None, training=training)
    said = {check.code: check.what for check in checks(results)}
    assert set(list(said)[: list(said).index("SH035")]) <= {"SH013", "SH014"}
    assert re.match(
        r"Of 32 test rows the share below a quantile is not its level \(95 % intervals\): [\d.]+\s% \([\d.]+\s% to"
        r" [\d.]+\s%\) below the 0\.[19] quantile of “[yw]”, ",
        said["SH035"],
    )


def test_a_model_says_what_it_has_not(model: Model, dots: None, tmp_path: Path) -> None:
    if model.levels == LEVELS:
        with pytest.raises(InputError) as refused:
            model.predict_std(rows())
        assert str(refused.value) == "expected a model of means and standard deviations, got one of quantiles"
        return
    plain = shoal.load(trained("mse", tmp_path / "run", search=None).folder)
    assert plain.levels == ()
    for asked in (plain.predict_std, plain.predict_quantiles):
        with pytest.raises(InputError) as refused:
            asked(rows())
        assert str(refused.value) == (
            'expected a model trained by training.loss = "quantile" or "gaussian", got one of another loss: it says one'
            " number of a target"
        )


def test_comparisons_of_other_losses_have_no_loss_in_common(dots: None, tmp_path: Path) -> None:
    results = trained(
        "gaussian",
        tmp_path / "run",
        search=None,
        compare=[{"name": "normal"}, {"name": "squares", "training": {"loss": "mse"}}],
    )
    assert "loss" not in results.differences["squares"]
    assert "rmse" in results.differences["squares"]
    assert not [name for name in results.comparisons if name.startswith("loss_")]
    assert (results.folder / "report.html").exists()


# -- what is refused -----------------------------------------------------------------------------------------


def refusal(**changed: Any) -> str:
    data = {"train": "t.csv", "target": "y"}
    with pytest.raises(StudyError) as refused:
        parse_study({"study": {"task": "regression"}, "data": data, **changed})
    return str(refused.value)


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ([0.5, 0.1], f"training.quantiles: {ASCENDING}, got 0.5, 0.1"),
        ([0.5, 0.5], f"training.quantiles: {ASCENDING}, got 0.5, 0.5"),
        ([0.1, 1.0], "training.quantiles[1]: expected a number above 0 and below 1, got 1.0"),
        ([0.0], "training.quantiles[0]: expected a number above 0 and below 1, got 0.0"),
        ([], f"training.quantiles: {ASCENDING}, got none"),
        (
            [n / 200 for n in range(1, 102)],
            f"training.quantiles: {ASCENDING}, got 0.005, 0.01, 0.015, 0.02, 0.025 and 96 more",
        ),
    ],
    ids=str,
)
def test_levels_that_are_none_are_refused(levels: list[float], said: str) -> None:
    assert refusal(training={"loss": "quantile", "quantiles": levels}) == said


def test_levels_without_their_loss_are_refused() -> None:
    assert (
        refusal(training={"quantiles": [0.5]})
        == "training.quantiles: `quantiles` needs loss quantile, got mse"
    )


def test_a_deviation_of_transformed_targets_is_refused() -> None:
    said = (
        "training.loss: loss gaussian gives a deviation in the targets' own units: expected data.target_transform ="
        ' "none", got "log"'
    )
    data = {"train": "t.csv", "target": "y", "target_transform": "log"}
    assert refusal(training={"loss": "gaussian"}, data=data) == said


@pytest.mark.parametrize(
    ("space", "got"),
    [
        ({"training.loss": ["mse", "quantile"]}, "mse and quantile"),
        ({"training.loss": ["quantile", "gaussian"]}, "quantile and gaussian"),
    ],
    ids=str,
)
def test_candidates_of_several_measures_are_not_chosen_among_by_the_loss(
    space: dict[str, list[str]], got: str
) -> None:
    said = f"search.metric: expected candidates whose loss is one and the same score, got those of {got}"
    assert refusal(search={"space": space}) == said


def test_candidates_of_several_levels_are_not_chosen_among_by_the_loss() -> None:
    search = {"space": {"training.quantiles": [[0.1, 0.9], [0.2, 0.8]]}}
    said = "expected candidates whose loss is one and the same score, got those of quantile with several"
    assert (
        refusal(training={"loss": "quantile"}, search=search) == f"search.metric: {said} training.quantiles"
    )


def test_what_does_not_matter_of_a_likelihood_hangs_on_no_unit() -> None:
    """5 % of a squared error are as much of the likelihood of normal errors, whatever their size."""
    errors = np.random.default_rng(0).normal(size=1000)
    for unit in (1e-3, 1.0, 1e3):
        least, more = (
            -norm.logpdf(unit * part * errors, 0, unit * part * errors.std()).mean()
            for part in (1, 1.05**0.5)
        )
        assert margin_of("loss", least, None, Normal()) == pytest.approx(more - least)
        assert margin_of("loss", least, 0.1, Normal()) == pytest.approx(np.log(1.1) / 2)
        assert (
            margin_of("rmse", 2.0, None, Normal()) == margin_of("loss", 2.0, None, Quantiles(LEVELS)) == 0.1
        )


def test_a_study_of_old_keeps_the_names_of_its_fits() -> None:
    assert "quantiles" not in Training().model_dump(exclude_defaults=True)
    study = parse_study({"study": {"task": "regression"}, "data": {"train": "t.csv", "target": "y"}})
    from shoal.study import base_candidate

    assert "quantiles" not in base_candidate(study).content["training"]


# -- the arithmetic ------------------------------------------------------------------------------------------

numbers = st.floats(-100, 100)
some_levels = st.lists(st.floats(0.001, 0.999), min_size=1, max_size=7, unique=True).map(sorted).map(tuple)


@given(data=st.data(), levels=some_levels, targets=st.integers(1, 3), count=st.integers(0, 9))
def test_answers_lie_side_by_side_and_come_back(
    data: st.DataObject, levels: tuple[float, ...], targets: int, count: int
) -> None:
    said = Quantiles(levels)
    outputs = data.draw(arrays(np.float64, (count, targets, len(levels)), elements=numbers))
    answers = said.answers(outputs, lambda values: values, 1.0)
    wide = side_by_side(answers)
    assert np.array_equal(by_target(wide, targets), answers)
    assert np.array_equal(said.quantiles(answers), np.sort(outputs, axis=2))
    predicted = said.quantiles(answers)[..., said.predicted]
    assert np.array_equal(wide[:, :targets], predicted)
    assert all(abs(levels[said.predicted] - 0.5) <= abs(level - 0.5) for level in levels)


@given(data=st.data(), levels=some_levels)
def test_scores_are_scikit_learns_and_scipys(data: st.DataObject, levels: tuple[float, ...]) -> None:
    y: NDArray[np.float64] = data.draw(arrays(np.float64, (6, 2), elements=numbers))
    outputs = data.draw(arrays(np.float64, (6, 2, len(levels)), elements=numbers))
    said = Quantiles(levels)
    answers = said.answers(outputs, lambda values: values, 1.0)
    expected = [
        mean_pinball_loss(y, said.quantiles(answers)[..., place], alpha=level)
        for place, level in enumerate(levels)
    ]
    assert said.losses(y, answers).mean() == pytest.approx(np.mean(expected), rel=1e-9, abs=1e-12)
    pairs = data.draw(arrays(np.float64, (6, 2, 2), elements=st.floats(-5, 5)))
    normal = Normal().answers(pairs, lambda values: 3 * values + 1, 3.0)
    exact = norm(3 * pairs[..., 0] + 1, 3 * np.exp(pairs[..., 1]))
    np.testing.assert_allclose(Normal().losses(y, normal), -exact.logpdf(y), rtol=1e-9)
    for place, level in enumerate(Normal().levels):
        np.testing.assert_allclose(
            Normal().quantiles(normal)[..., place], exact.ppf(level), rtol=1e-7, atol=1e-7
        )


def test_a_deviation_is_read_within_bounds() -> None:
    answers = Normal().answers(np.array([[0.0, 1e9], [0.0, -1e9]]), lambda values: values, 1.0)
    np.testing.assert_allclose(np.log(answers[:, 1]), [30, -30])


# -- model files ---------------------------------------------------------------------------------------------

PLAIN = {"name": "y", "mean": 1.0, "scale": 2.0}


def preprocessing(*targets: dict[str, Any]) -> Preprocessing:
    described = {
        "inputs": [{"name": "x", "mean": 0.0, "scale": 1.0}],
        "targets": list(targets),
        "channels": [],
    }
    return Preprocessing.from_json(described)


@pytest.mark.parametrize("said", [{"kind": "normal"}, {"kind": "quantiles", "levels": [0.1, 0.5]}], ids=str)
def test_what_is_said_travels_in_model_files(said: dict[str, Any]) -> None:
    entry = {**PLAIN, "distribution": said}
    read = preprocessing(entry)
    assert read.to_json()["targets"] == [entry]
    assert read.distribution == distribution_from_json(said)


@pytest.mark.parametrize(
    "entry",
    [
        {**PLAIN, "distribution": {"kind": "gamma"}},
        {**PLAIN, "distribution": {"kind": "normal", "levels": [0.5]}},
        {**PLAIN, "distribution": {"kind": "quantiles"}},
        {**PLAIN, "distribution": {"kind": "quantiles", "levels": []}},
        {**PLAIN, "distribution": {"kind": "quantiles", "levels": [0.5, 0.1]}},
        {**PLAIN, "distribution": {"kind": "quantiles", "levels": [0.5, 1.0]}},
        {**PLAIN, "distribution": {"kind": "quantiles", "levels": [1]}},
        {**PLAIN, "distribution": {"kind": "quantiles", "levels": [0.001 * n for n in range(1, 102)]}},
        {"name": "y", "mean": 0.0, "scale": 1.0, "link": "exp", "distribution": {"kind": "normal"}},
        {
            **PLAIN,
            "transform": {"kind": "log"},
            "within": [1.0, 2.0],
            "distribution": {"kind": "normal"},
        },
        {**PLAIN, "distribution": {"kind": "normal"}, "distribution2": {}},
    ],
    ids=json.dumps,
)
def test_a_foreign_description_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(ModelFileError):
        preprocessing(entry)


def test_targets_of_two_distributions_do_not_go_together() -> None:
    first, second = {**PLAIN, "distribution": {"kind": "normal"}}, {**PLAIN, "name": "w"}
    assert list(preprocessing(first, second).misfits()) == [
        "preprocessing: expected one distribution of all targets, got several"
    ]
