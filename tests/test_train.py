"""Data reading, splitting, and gradient descent; the module is a hand-written stand-in for a generated one."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from sympy import Integer, log

from symbackprop.calculus.index import axis, free_indices
from symbackprop.calculus.program import Equation, Fact, Program, Tensor
from symbackprop.calculus.term import Entry, Total
from symbackprop.commands.data import Data, load_data
from symbackprop.commands.train import accuracy, initial_parameters, save_parameters, split, standardise, train
from symbackprop.errors import DataError, FactError, TargetError, TrainError

IRIS = Path(__file__).resolve().parent.parent / "examples" / "iris.csv"


class Parameters(NamedTuple):
    W: np.ndarray
    b: np.ndarray


def softmax(scores: np.ndarray) -> np.ndarray:
    E = np.exp(scores - scores.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def initialise(seed: int = 0, *, d: int = 4, c: int = 3) -> Parameters:
    return Parameters(np.random.default_rng(seed).normal(size=(c, d)) / 2, np.zeros(c))


def forward(params: Parameters, X: np.ndarray) -> np.ndarray:
    return X @ params.W.T + params.b


def loss_and_gradients(params: Parameters, X: np.ndarray, Y: np.ndarray) -> tuple[float, Parameters]:
    P = softmax(forward(params, X))
    dO = (P - Y) / len(X)
    return float(-np.sum(Y * np.log(P)) / len(X)), Parameters(dO.T @ X, dO.sum(axis=0))


def loss(params: Parameters, X: np.ndarray, Y: np.ndarray) -> float:
    return loss_and_gradients(params, X, Y)[0]


MODULE = SimpleNamespace(initialise=initialise, forward=forward, loss=loss, loss_and_gradients=loss_and_gradients)


def softmax_regression(facts: tuple[Fact, ...] = (Fact("simplex", "Y", 1),), d: int = 4, c: int = 3) -> Program:
    """A program with the leaves and the output of softmax regression; its equations are never evaluated here."""
    n, width, count = axis("n"), axis("d"), axis("c")
    leaves = (
        Tensor("X", (n, width), "input"),
        Tensor("Y", (n, count), "label", facts),
        Tensor("W", (count, width), "parameter"),
        Tensor("b", (count,), "parameter"),
    )
    out, i = Tensor("O", (n, count)), free_indices((n, count, width))
    linear = Equation(out, out.indices, Total(Entry("X", i[0], i[2]) * Entry("W", i[1], i[2]), i[2]) + Entry("b", i[1]))
    objective = Tensor("J", ())
    entropy = Equation(objective, (), -Total(Entry("Y", i[0], i[1]) * log(Entry("O", i[0], i[1])), i[0], i[1]) * Integer(1))
    tensors = {t.name: t for t in (*leaves, out, objective)}
    return Program("softmax_regression", tensors, (linear, entropy), "J", "O", n, {width: d, count: c})


def iris() -> Data:
    return load_data(IRIS, softmax_regression())


def test_iris_is_150_flowers_of_three_kinds() -> None:
    data = iris()
    assert data.arrays["X"].shape == (150, 4) and data.arrays["Y"].sum(axis=0).tolist() == [50, 50, 50]
    assert data.classes == ("setosa", "versicolor", "virginica") and data.features[0] == "sepal_length"


def test_full_batch_descent_is_the_update_written_out() -> None:
    program, data = softmax_regression(), iris()
    params = initial_parameters(MODULE, data, program, seed=3)
    _, gradients = loss_and_gradients(params, **data.arrays)
    history = train(MODULE, data, program, rate=0.05, epochs=1, params=params)
    assert np.array_equal(history.params.W, params.W - 0.05 * gradients.W)
    assert not np.array_equal(history.params.W, params.W + 0.05 * gradients.W)


def test_losses_fall_and_start_before_the_first_step() -> None:
    program, data = softmax_regression(), iris()
    history = train(MODULE, data, program, rate=0.05, epochs=20, seed=5)
    assert history.losses[0] == loss(initial_parameters(MODULE, data, program, 5), **data.arrays)
    assert len(history.losses) == 21 and history.losses[-1] < history.losses[0] / 2


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    runs = [train(MODULE, iris(), softmax_regression(), rate=0.02, epochs=3, batch=7, seed=s) for s in (2, 2, 3)]
    assert runs[0].params.W.tobytes() == runs[1].params.W.tobytes() != runs[2].params.W.tobytes()
    assert runs[0].losses == runs[1].losses


@pytest.mark.parametrize("batch, steps", [(None, 3), (7, 66), (150, 3), (1000, 3), (1, 450)])
def test_every_epoch_uses_each_sample_once(batch: int | None, steps: int) -> None:
    seen: list[np.ndarray] = []

    def spy(params: Parameters, X: np.ndarray, Y: np.ndarray) -> tuple[float, Parameters]:
        seen.append(X)
        return loss_and_gradients(params, X, Y)

    module = SimpleNamespace(**{**vars(MODULE), "loss_and_gradients": spy})
    assert train(module, iris(), softmax_regression(), rate=0.01, epochs=3, batch=batch).steps == steps
    for epoch in range(3):
        rows = np.concatenate(seen[epoch * steps // 3 : (epoch + 1) * steps // 3])
        assert np.array_equal(np.sort(rows, axis=0), np.sort(iris().arrays["X"], axis=0))


def test_batches_are_shuffled_anew_each_epoch_unless_told_not_to() -> None:
    orders: list[list[float]] = [[], []]
    for k, shuffle in enumerate((True, False)):

        def spy(params: Parameters, X: np.ndarray, Y: np.ndarray, k: int = k) -> tuple[float, Parameters]:
            orders[k].append(float(X[0].sum()))
            return loss_and_gradients(params, X, Y)

        module = SimpleNamespace(**{**vars(MODULE), "loss_and_gradients": spy})
        train(module, iris(), softmax_regression(), rate=0.01, epochs=2, batch=50, shuffle=shuffle)
    assert orders[0][:3] != orders[0][3:] and orders[1][:3] == orders[1][3:]


def test_inputs_and_starting_parameters_are_not_changed() -> None:
    data, start = iris(), initialise(1)
    before = [a.copy() for a in (*data.arrays.values(), *start)]
    train(MODULE, data, softmax_regression(), rate=0.1, epochs=2, batch=11, params=start)
    assert all(np.array_equal(a, b) for a, b in zip(before, (*data.arrays.values(), *start), strict=True))


def test_a_third_is_held_out_of_each_class() -> None:
    training, held = split(iris(), seed=4)
    assert held.arrays["Y"].sum(axis=0).tolist() == [17, 17, 17] and training.count == 99
    assert not np.array_equal(split(iris(), seed=5)[1].arrays["X"], held.arrays["X"])


def test_training_and_held_out_share_no_sample() -> None:
    data = iris()
    numbered = Data({**data.arrays, "X": np.arange(600.0).reshape(150, 4)}, data.along, data.label, data.classes)
    training, held = (set(part.arrays["X"][:, 0]) for part in split(numbered, seed=4))
    assert not training & held and len(training | held) == 150


def test_scaling_is_that_of_the_training_samples() -> None:
    training, held = split(iris())
    scaled, other = standardise(training, softmax_regression(), held)
    assert np.allclose(scaled.arrays["X"].mean(axis=0), 0) and np.allclose(scaled.arrays["X"].std(axis=0), 1)
    assert not np.allclose(other.arrays["X"].mean(axis=0), 0)
    assert np.allclose(other.scaling["X"].mean + other.scaling["X"].deviation * other.arrays["X"], held.arrays["X"])


def test_a_constant_column_is_not_divided_by_zero() -> None:
    data = iris()
    flat = Data({**data.arrays, "X": np.ones((150, 4)) * 7}, data.along, data.label, data.classes)
    assert np.array_equal(standardise(flat, softmax_regression())[0].arrays["X"], np.zeros((150, 4)))


def test_accuracy_counts_largest_outputs() -> None:
    program, (training, held) = softmax_regression(), split(iris())
    scaled, other = standardise(training, program, held)
    params = train(MODULE, scaled, program, rate=0.5, epochs=100).params
    assert accuracy(MODULE, params, other, program) > 0.85
    turned = Parameters(np.roll(params.W, 1, axis=0), np.roll(params.b, 1))
    assert accuracy(MODULE, turned, other, program) < 0.3


@pytest.mark.parametrize(
    "labels, columns",
    [
        ("0 2 1", [0, 2, 1]),
        ("0 2 2", [0, 2, 2]),
        ("1 3 2", [0, 2, 1]),
        ("1.0 2.0 0.0", [1, 2, 0]),
        ("b a c", [1, 0, 2]),
        ("10 9 11", [1, 0, 2]),
    ],
)
def test_labels_become_one_hot(tmp_path: Path, labels: str, columns: list[int]) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b,c,d,kind\n" + "".join(f"1,2,-3,4,{label}\n" for label in labels.split()))
    assert np.argmax(load_data(path, softmax_regression()).arrays["Y"], axis=1).tolist() == columns


def test_the_label_column_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("kind,a,b,c,d\nu,1,2,3,4\nv,5,-6,7,8\nw,0,0,0,0\n")
    data = load_data(path, softmax_regression(), label="kind")
    assert data.arrays["X"][1].tolist() == [5, -6, 7, 8] and data.classes == ("u", "v", "w")
    with pytest.raises(DataError, match="not a finite number"):
        load_data(path, softmax_regression())


def test_one_column_for_each_class_is_soft_labels(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b,c,d,p,q,r\n1,2,3,4,.2,.3,.5\n")
    assert load_data(path, softmax_regression()).arrays["Y"].tolist() == [[0.2, 0.3, 0.5]]


def test_soft_labels_that_do_not_sum_to_one_break_the_declared_fact_only(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b,c,d,p,q,r\n1,2,3,4,.2,.3,.6\n")
    with pytest.raises(FactError, match="row 0 of 'Y' sums to 1"):
        load_data(path, softmax_regression())
    assert load_data(path, softmax_regression(facts=())).arrays["Y"].sum() == pytest.approx(1.1)


def test_one_hot_wants_a_one_among_zeros(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, X=np.ones((2, 4)), Y=np.array([[1, 0, 0], [0.5, 0.5, 0]]))
    assert load_data(path, softmax_regression()).count == 2
    with pytest.raises(FactError, match="row 1 of 'Y' is not one 1"):
        load_data(path, softmax_regression(facts=(Fact("one-hot", "Y", 1),)))


def test_an_archive_holds_arrays_under_the_tensors_names(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, X=np.arange(20, dtype=np.float32).reshape(5, 4), Y=np.array([0, 2, 1, 1, 0]))
    data = load_data(path, softmax_regression())
    assert data.arrays["X"].dtype == np.float32 and data.arrays["Y"].shape == (5, 3) and data.count == 5


def test_a_loss_that_is_not_finite_stops_the_run() -> None:
    with pytest.raises(TrainError, match="after epoch"):
        train(MODULE, iris(), softmax_regression(), rate=1e308, epochs=9)
    assert math.isfinite(train(MODULE, iris(), softmax_regression(), rate=1e-3, epochs=9).losses[-1])


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"rate": float("nan")}, {"rate": -1.0}, {"epochs": 0}, {"batch": 0}, {"seed": -1}])
def test_settings_out_of_range_are_errors(wrong: dict) -> None:
    with pytest.raises(TrainError):
        train(MODULE, iris(), softmax_regression(), **wrong)


def test_parameters_are_saved_by_name(tmp_path: Path) -> None:
    params = initialise(2)
    save_parameters(tmp_path / "w.npz", params)
    with np.load(tmp_path / "w.npz") as archive:
        assert archive.files == ["W", "b"] and np.array_equal(archive["W"], params.W)
    with pytest.raises(TargetError):
        save_parameters(tmp_path / "w.npz" / "below.npz", params)
    assert [p.name for p in tmp_path.iterdir()] == ["w.npz"]
