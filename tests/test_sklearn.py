"""Models as estimators of scikit-learn, and scikit-learn's own objectives as models, whose losses and gradients are equal to its own."""

import inspect
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.errors import DataError, SpecError, TrainError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]
sklearn = pytest.importorskip("sklearn", minversion="1.6", reason="scikit-learn is not installed")

from sklearn import linear_model, neural_network  # noqa: E402
from sklearn._loss.loss import HalfBinomialLoss, HalfMultinomialLoss, HalfPoissonLoss  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_digits, load_iris  # noqa: E402
from sklearn.linear_model._linear_loss import LinearModelLoss  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import check_classifiers_train, check_estimator  # noqa: E402

K = sbp.sklearn
ROOT = Path(__file__).resolve().parent.parent
N, D, C, PENALTY = 23, 5, 3, 0.37
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, D))
KIND = RNG.integers(0, C, N)
TWO = (KIND > 0).astype(float)
COUNT = RNG.poisson(2, N).astype(float)


def generated(model):
    return sbp.generate(model).load()


def apart(a, b) -> float:
    return max(float(np.max(np.abs(np.asarray(p) - np.asarray(q)))) for p, q in zip(a, b, strict=True))


# ---- scikit-learn's objectives


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize(
    ("model", "loss", "y", "label", "strength", "name"),
    [
        (lambda i: K.logistic_regression(PENALTY, binary=True, fit_intercept=i), HalfBinomialLoss(), TWO, "y", 1 / (PENALTY * N), "C"),
        (lambda i: K.logistic_regression(PENALTY, fit_intercept=i), HalfMultinomialLoss(n_classes=C), KIND, "Y", 1 / (PENALTY * N), "C"),
        (lambda i: K.poisson_regressor(PENALTY, fit_intercept=i), HalfPoissonLoss(), COUNT, "y", PENALTY, "alpha"),
    ],
)
def test_losses_and_gradients_of_linear_models_are_scikit_learns(model, loss, y, label, strength, name, intercept):
    many = label == "Y"
    coefficients = np.asfortranarray(RNG.standard_normal((C, D + intercept) if many else D + intercept))
    value, slope = LinearModelLoss(loss, intercept).loss_gradient(coefficients, X, y.astype(float), l2_reg_strength=strength)
    params = [coefficients[..., :D], *([coefficients[..., D]] if intercept else [])]
    data = {"X": X, label: np.eye(C)[KIND] if many else y, name: PENALTY}
    J, gradients = generated(model(intercept)).loss_and_gradients(params, **data)
    assert apart([J, *gradients], [value, slope[..., :D], *([slope[..., D]] if intercept else [])]) <= 1e-10
    # The control: with another strength of the penalty it is not.
    J, _ = generated(model(intercept)).loss_and_gradients(params, **{**data, name: 2 * PENALTY})
    assert abs(J - value) > 1e-3


@pytest.mark.parametrize(
    ("estimator", "model", "y", "activation"),
    [
        (neural_network.MLPClassifier, lambda a: K.mlp_classifier((7, 4), a, PENALTY), KIND, "tanh"),
        (neural_network.MLPClassifier, lambda a: K.mlp_classifier((7, 4), a, PENALTY, binary=True), TWO, "logistic"),
        (neural_network.MLPClassifier, lambda a: K.mlp_classifier((6,), a, PENALTY), KIND, "identity"),
        (neural_network.MLPRegressor, lambda a: K.mlp_regressor((7, 4), a, PENALTY), X @ np.arange(D) - 0.5, "relu"),
    ],
)
def test_losses_and_gradients_of_networks_are_scikit_learns(estimator, model, y, activation):
    made = model(activation)
    hidden = tuple(int(size) for axis, size in made.program.sizes.items())
    net = estimator(hidden_layer_sizes=hidden, activation=activation, alpha=PENALTY, max_iter=2, solver="lbfgs", random_state=1).fit(X, y)
    target = np.eye(C)[KIND] if y is KIND else np.asarray(y, float)[:, None]
    layers = [X, *[np.empty((N, size)) for size in (*hidden, target.shape[1])]]
    given = {
        "X": X,
        "y": target,
        "sample_weight": None,
        "activations": layers,
        "deltas": [np.empty_like(a) for a in layers[1:]],
        "coef_grads": [np.empty_like(a) for a in net.coefs_],
        "intercept_grads": [np.empty_like(a) for a in net.intercepts_],
    }
    value, weights, biases = net._backprop(**{name: given[name] for name in inspect.signature(net._backprop).parameters})
    params = [a for pair in zip(net.coefs_, net.intercepts_, strict=True) for a in pair]
    slopes = [a for pair in zip(weights, biases, strict=True) for a in pair]
    J, gradients = generated(made).loss_and_gradients(params, X=X, Y=target, alpha=PENALTY)
    assert apart([J, *gradients], [value, *slopes]) <= 1e-10


@pytest.mark.parametrize(
    ("ours", "theirs", "y"),
    [
        (K.Regressor(K.ridge(PENALTY), tol=1e-12), linear_model.Ridge(PENALTY), X @ np.arange(D) + COUNT),
        (K.Regressor(K.linear_regression(), tol=1e-12), linear_model.LinearRegression(), X @ np.arange(D) + COUNT),
        (K.Regressor(K.ridge(PENALTY, multi_output=True), tol=1e-12), linear_model.Ridge(PENALTY), np.stack([COUNT, TWO, -KIND], 1)),
        (
            K.Regressor(K.poisson_regressor(PENALTY), tol=1e-12),
            linear_model.PoissonRegressor(alpha=PENALTY, tol=1e-12, max_iter=999),
            COUNT,
        ),
        (K.Classifier(K.logistic_regression(9.0), tol=1e-12), linear_model.LogisticRegression(C=9, tol=1e-12, max_iter=9999), KIND),
        (
            K.Classifier(K.logistic_regression(PENALTY, binary=True), tol=1e-12),
            linear_model.LogisticRegression(C=PENALTY, tol=1e-12, max_iter=9999),
            np.where(TWO > 0, "yes", "no"),
        ),
    ],
)
def test_what_is_fitted_is_what_scikit_learn_fits(ours, theirs, y):
    ours, theirs = clone(ours).fit(X, y), theirs.fit(X, y)
    weights, intercept = ours.params_.values()
    assert (
        apart(
            [weights, intercept],
            [theirs.coef_.reshape(weights.shape), theirs.intercept_ if weights.ndim > 1 else np.ravel(theirs.intercept_)[0]],
        )
        <= 2e-6
    )
    assert (
        np.array_equal(ours.predict(X), theirs.predict(X))
        if hasattr(ours, "classes_")
        else apart(ours.predict(X), theirs.predict(X)) <= 2e-6
    )
    if hasattr(ours, "classes_"):
        assert apart(ours.predict_proba(X), theirs.predict_proba(X)) <= 1e-6
        assert ours.score(X, y) == theirs.score(X, y)


def test_without_a_penalty_there_is_none():
    assert "C" not in K.logistic_regression(float("inf")).program.tensors
    for make, said in [
        (lambda: K.logistic_regression(0), "C is 0"),
        (lambda: K.ridge(-1.0), "alpha is -1"),
        (lambda: K.mlp_classifier((0,)), "hidden_layer_sizes"),
        (lambda: K.mlp_classifier((3,), "swish"), "no activation 'swish'"),
    ]:
        with pytest.raises(SpecError, match=said):
            make()


# ---- estimators

LAYERS = sbp.Sequential(sbp.Linear("d", "h"), sbp.Tanh(), sbp.Linear("h", "k"), sbp.MSE())
SHORT = {"max_iter": 40, "random_state": 0}


@pytest.mark.parametrize(
    "estimator",
    [
        K.Classifier(),
        K.Classifier(K.logistic_regression(binary=True)),
        K.Classifier("examples/two_layer.toml", sizes={"h": 8}, **SHORT),
        K.Classifier(K.logistic_regression(9.0), solver="sgd", max_iter=30),
        K.Regressor(),
        K.Regressor(K.ridge(multi_output=True)),
        K.Regressor(LAYERS, sizes={"h": 8}, **SHORT),
        K.Regressor(K.poisson_regressor(), learning_rate=1e-4),
    ],
)
def test_scikit_learns_own_checks_pass(estimator):
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = [(r["check_name"], repr(r["exception"])) for r in results if r["status"] not in ("passed", "skipped")]
    assert not failed and sum(r["status"] == "passed" for r in results) >= 45


def test_scikit_learns_checks_see_a_slip():
    class Slip(K.Classifier):
        def predict(self, X):
            return super().predict(X)[::-1]

    check_classifiers_train("Classifier", K.Classifier())
    with pytest.raises(AssertionError):
        check_classifiers_train("Slip", Slip())


def test_a_pipeline_is_searched_and_validated():
    iris, kinds = load_iris(return_X_y=True)
    whole = make_pipeline(StandardScaler(), K.Classifier("examples/two_layer.toml", **SHORT))
    search = GridSearchCV(whole, {"classifier__sizes": [{"h": 2}, {"h": 7}], "classifier__tol": [1e-2, 1e-3]}, cv=3).fit(iris, kinds)
    assert search.best_score_ > 0.93
    assert cross_val_score(clone(search.best_estimator_), iris, kinds, cv=3).min() > 0.9
    copy = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(copy.predict_proba(iris), search.best_estimator_.predict_proba(iris))
    assert copy[-1].params_["W1"].shape[1] == 4


def test_descent_and_partial_fit_go_the_same_way():
    iris, kinds = load_iris(return_X_y=True)
    iris = StandardScaler().fit_transform(iris)
    model = K.logistic_regression(50.0)
    best = K.Classifier(model, tol=1e-8).fit(iris, kinds)
    found = K.Classifier(model, solver="sgd", batch_size=150, max_iter=300, learning_rate=0.5, tol=0.0, random_state=0).fit(iris, kinds)
    assert best.loss_ <= found.loss_ <= best.loss_ + 0.01 and len(found.loss_curve_) == found.n_iter_
    step = K.Classifier(model, random_state=0)
    losses = [step.partial_fit(iris, kinds, classes=[0, 1, 2]).loss_ for _ in range(20)]
    assert losses[-1] < losses[0] / 2 and step.n_iter_ == 20
    warm = K.Classifier(model, warm_start=True, tol=1e-6).fit(iris, kinds)
    assert warm.fit(iris, kinds).n_iter_ <= 2


# ---- what outputs mean


def linear(loss: str, label: str = "n", extra: dict | None = None, output: str = "X @ w + b", role: str = "label"):
    tensors = {
        "X": "n d",
        "w": {"axes": "c d" if "c" in label.split() or role == "index" else "d", "role": "parameter"},
        "b": {"axes": "c" if "c" in label.split() or role == "index" else "", "role": "parameter"},
        "Y": {"axes": label, "role": role},
    }
    return sbp.model(tensors, {"O": output, **(extra or {}), "J": loss}, objective="J", output="O", samples="n")


BAND = RNG.standard_normal((60, 2))
SIDE = np.where(BAND @ [2.0, -1.0] + 0.3 > 0, "b", "a")


@pytest.mark.parametrize(
    ("model", "zero", "probable"),
    [
        (linear("mean(log(1 + exp(O)) - Y*O) + 0.01*sum(w**2)"), 0, True),
        (linear("mean(log(1 + exp(-Y*O))) + 0.01*sum(w**2)"), -1, True),
        (linear("mean(relu(1 - Y*O)**2) + 0.01*sum(w**2)"), -1, False),
        (linear("mean(relu(1 - (2*Y - 1)*O)**2) + 0.01*sum(w**2)"), 0, False),
        (linear("mean((O - Y)**2)"), 0, False),
        (linear("mean((O - Y)**2)"), -1, False),
        (linear("-mean(Y*log(O) + (1 - Y)*log(1 - O)) + 0.01*sum(w**2)", output="sigmoid(X @ w + b)"), 0, True),
        (linear("-sum(Y*log(O))/n + 0.01*sum(w**2)", "n c", output="softmax(X @ w.T + b, axis=1)"), 0, True),
        (linear("mean(softplus(O) - Y*O) + 0.01*sum(w**2)", "n c", output="X @ w.T + b"), 0, True),
        (linear("mean(logsumexp(O, axis=1) - O[arange(n), Y])+ 0.01*sum(w**2)", "n", output="X @ w.T + b", role="index"), 0, True),
    ],
)
def test_outputs_are_read_as_the_loss_has_them(model, zero, probable):
    made = K.Classifier(model, neg_label=zero, random_state=0).fit(BAND, SIDE)
    assert made.score(BAND, SIDE) > 0.94
    assert list(made.classes_) == ["a", "b"] and hasattr(made, "predict_proba") == probable
    assert np.array_equal(made.decision_function(BAND) > 0, made.predict(BAND) == "b")
    if probable:
        odds = made.predict_proba(BAND)
        np.testing.assert_allclose(odds.sum(axis=1), 1)
        assert np.array_equal(odds[:, 1] > 0.5, made.predict(BAND) == "b")


def test_an_output_that_falls_with_its_class_is_refused():
    with pytest.raises(SpecError, match="larger where O is larger at the right class"):
        K.Classifier(linear("mean(relu(1 + (2*Y - 1)*O)**2)")).fit(BAND, SIDE)


def test_pictures_are_rows_of_their_pixels():
    digits, kinds = load_digits(return_X_y=True)
    tensors = {
        "X": "n h w",
        "K": {"axes": "p 3 3", "role": "parameter"},
        "W": {"axes": "c p", "role": "parameter"},
        "Y": {"axes": "n c", "role": "label", "fact": "one-hot over c"},
    }
    equations = {"A": "conv2d(reshape(X, (n, 1, h, w)), reshape(K, (p, 1, 3, 3)))", "F": "mean(relu(A), axis=(2, 3))", "O": "F @ W.T"}
    equations["J"] = "cross_entropy(O, Y)"
    model = sbp.model(tensors, equations, objective="J", output="O", samples="n")
    made = K.Classifier(model, sizes={"h": 8, "w": 8, "p": 6}, max_iter=15, random_state=0).fit(digits[:200] / 16, kinds[:200])
    assert made.predict_proba(digits[:3]).shape == (3, 10) and made.params_["W"].shape == (10, 6)
    with pytest.raises(DataError, match="the data 64 columns"):
        K.Classifier(model, sizes={"h": 8, "w": 7, "p": 6}).fit(digits[:200], kinds[:200])


@pytest.mark.parametrize(
    ("estimator", "error", "said"),
    [
        (K.Classifier("examples/two_layer.toml", sizes={"k": 3}), SpecError, "'k' is no axis of two_layer"),
        (K.Classifier("examples/two_layer.toml", sizes={"h": 0}), SpecError, "size of 'h' is 0"),
        (K.Classifier("examples/two_layer.toml", sizes={"d": 9}), DataError, "axis 'd' is 2 in the data"),
        (K.Classifier(sbp.Sequential(sbp.Linear("d", "h"), sbp.Linear("h", "c"), sbp.SoftmaxCrossEntropy())), SpecError, "'h' has no size"),
        (K.Classifier(constants={"lam": 1.0}), SpecError, "'lam' is no constant"),
        (K.Classifier(sbp.Sequential(sbp.Linear("d", "c"), sbp.SoftmaxCrossEntropy(l2="lam"))), SpecError, "'lam' has no value"),
        (K.Classifier(3), SpecError, "a int is not a model"),
        (K.Classifier("nowhere.toml"), SpecError, "nowhere.toml"),
        (K.Classifier(solver="newton"), TrainError, "no solver 'newton'"),
        (K.Classifier(max_iter=0), TrainError, "max_iter is 0"),
        (K.Classifier(solver="sgd", learning_rate=-1), TrainError, "learning_rate"),
        (K.Classifier(neg_label=2), SpecError, "neg_label is 2"),
        (K.Classifier(sbp.model({"X": "n d", "w": {"axes": "d", "role": "parameter"}}, {"J": "sum((X @ w)**2)"})), SpecError, "no output"),
        (K.Classifier(linear("mean(O**2)", extra={"Z": "Y"})), SpecError, "has one label, .*the model has none"),
        (K.Classifier(linear("mean((O - Y)**2) + 0*sum(X)")), None, ""),
    ],
)
def test_what_can_not_be_fitted_is_a_typed_error(estimator, error, said):
    if error is None:
        estimator.fit(BAND, SIDE)
    else:
        with pytest.raises(error, match=said):
            estimator.fit(BAND, SIDE)


def test_without_scikit_learn_there_is_an_error_that_says_what_to_install():
    code = (
        "import sys; sys.modules['sklearn'] = None; import symbackprop as sbp\ntry: sbp.sklearn\nexcept sbp.SymbackpropError as e: print(e)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "symbackprop[sklearn]"' in done.stdout


def test_the_page_does_what_it_says(monkeypatch):
    monkeypatch.chdir(ROOT)
    namespace: dict = {}
    blocks = re.findall(r"^```py\n(.*?)^```$", (ROOT / "docs" / "sklearn.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for text in blocks:
        exec(compile(text, "<page>", "exec"), namespace)
    theirs = linear_model.LogisticRegression(C=0.5, tol=1e-10, max_iter=9999).fit(namespace["X"], namespace["y"])
    ours = namespace["fitted"].params_["W"]
    np.testing.assert_allclose(ours, theirs.coef_, rtol=0, atol=1e-5)
    assert len(blocks) == 2
