"""Names of tensors and axes that meet names of the generated code: one place makes them all safe."""

import ast
import keyword

import numpy as np
import pytest
from named_model import ALSO, SLOTS, data, model, values, words

import symbackprop as sbp
from symbackprop.calculus.index import axis
from symbackprop.calculus.program import Program, Tensor
from symbackprop.code.names import RESERVED, Scope, arguments, code_names, layer_names
from symbackprop.commands.data import Data
from symbackprop.commands.train import train
from symbackprop.errors import SpecError, SymbackpropError
from symbackprop.ops import OPS
from symbackprop.verification.generated import check_module

PLAIN = values()
NASTY = [
    "matrix limit product of_W fun jac hess at sizes _ name here both last u",
    "params loss seed given dtype generator arrays axis_sizes theta like check v count index gradients",
    "self limit t1 H_2 ones_n fit same plain zeros_h dH _x on_diagonal Parameters hessian pack",
    "np_ hess product _n _d jvp vjp forward Objective as_objective each norms one k alone",
]
"""Each: a name for each of SLOTS, in order."""


def same(new, also=ALSO):
    return all(np.allclose(a, b) for a, b in zip(values(new, also)[1], PLAIN[1], strict=True))


@pytest.mark.parametrize("row", range(len(NASTY)))
def test_names_of_the_modules_own_change_nothing(row):
    """Each row stands in all slots in turn in the slow tier; here as it is."""
    names = NASTY[row].split()
    assert same(dict(zip(SLOTS, names, strict=True)))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_every_name_in_a_module_can_be_the_authors(part):
    """All names that occur in the module, and Python's own, in slots by turns: inputs, parameters, labels, equations, axes."""
    free = sorted(w for w in words(PLAIN[0]) | set(" ".join(NASTY).split()) if w not in OPS and not keyword.iskeyword(w) and w[:2] != "__")
    for k in range(part, len(free), 8 * 3):  # each name stands in about one slot of three
        new = {slot: free[(k + 7 * i) % len(free)] for i, slot in enumerate(SLOTS)}
        try:
            assert same(new), new
        except SpecError as e:
            assert {"np", "numpy"} & set(new.values()), (new, str(e))  # a module, wherever it stands in a text


def test_control_a_name_that_is_not_reserved_is_seen(monkeypatch):
    monkeypatch.setattr("symbackprop.modules.arguments.code_names", lambda program: code_names(program, RESERVED - {"params"}))
    with pytest.raises((SymbackpropError, TypeError, ValueError, SyntaxError, AttributeError)):
        assert same({"X": "params"}, ())


def test_every_name_that_a_caller_meets_is_reserved():
    tree = ast.parse(PLAIN[0])
    made = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    made |= {t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets}
    assert {n for n in made if not n.startswith("_")} <= RESERVED | {*layer_names("model")}
    own = {*SLOTS, "limit", "u", "cache", "dO"}
    taken = {a.arg for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in made and n.name[0] != "_" for a in n.args.args}
    assert taken - own <= RESERVED


def test_arguments_are_called_alike_whatever_is_derived():
    program = model({"X": "loss", "A": "loss_", "d": "_"}).program
    names = arguments(program)
    assert (names["loss"], names["loss_"]) == ("loss__", "loss_")
    derived = sbp.derive(model({"X": "loss", "A": "loss_", "d": "_"})).derived.program
    assert {n: arguments(derived)[n] for n in names} == names and code_names(program).size(axis("_")) == "t_"


def test_own_values_give_way_to_tensors():
    program = Program("p", {"matrix": Tensor("matrix", (axis("limit"),), "input")}, (), "matrix")
    scope = Scope(code_names(program))
    assert [scope.name(w) for w in ("matrix", "limit", "matrix", "fit")] == ["matrix_", "limit_", "matrix__", "fit"]


@pytest.mark.parametrize("name", ["self", "el", "ef", "type", "np_", "dtype", "_", "x_", "ir", "asarray", "dself"])
def test_a_result_takes_any_name(name):
    result = sbp.derivative(f"sum({name} ** 3)", {name: "n"}, name)
    assert np.allclose(result.evaluate(**{name: np.array([1.0, -2.0])}), [3, 12])


def test_training_and_verifying_know_what_arguments_are_called():
    arrays = data()
    loaded = model({"X": "loss", "Y": "check", "W": "params", "h": "seed", "n": "dtype"})
    module = sbp.generate(sbp.derive(loaded)).load()
    given = Data({"loss": arrays["X"], "check": arrays["Y"], "A": arrays["A"]}, {"loss": 0, "check": 0}, "check")
    history = train(module, given, loaded.program, epochs=3, rate=0.01)
    assert history.losses[-1] < history.losses[0]
    assert all(v.status == "holds" for v in check_module(sbp.derive(loaded).derived, module))


def test_slices_of_two_parameters_are_not_that_of_a_third():
    """A weight a and its bias b have a slice together, of_a_b, and so has the parameter a_b."""
    shapes = {"X": ("n d", "input"), "a": ("d h", "parameter"), "b": ("h", "parameter"), "a_b": ("h", "parameter")}
    tensors = {name: {"axes": axes, "role": role} for name, (axes, role) in shapes.items()}
    made = sbp.model(tensors, {"H": "tanh(X @ a + b)", "J": "sum((H * a_b) ** 2) / n"}, axes={"d": 3, "h": 2})
    sbp.generate(sbp.derive(made), also=["hessian", "hvp"]).load().self_check()


@pytest.mark.parametrize(("name", "file"), [("numpy", "numpy_.py"), ("typing", "typing_.py"), ("random", "random_.py"), ("net", "net.py")])
def test_a_module_does_not_hide_what_it_imports(tmp_path, name, file):
    made = sbp.generate(sbp.model({"x": {"axes": "n", "role": "parameter"}}, {"J": "sum(x ** 2)"}, name=name))
    assert made.write(tmp_path).name == file and f"-o {file}\n" in made.source


def test_products_of_a_model_with_a_tensor_called_v():
    tensors = {"v": {"axes": "n d", "role": "input"}, "self": {"axes": "d", "role": "parameter"}}
    d = sbp.derive(sbp.model(tensors, {"J": "sum((v @ self) ** 3)"}, samples="n"))
    v, w = np.array([[1.0, 2], [3, -1], [0.5, 1]]), np.array([1.0, -2])
    dense = 6 * v.T @ np.diag(v @ w) @ v
    assert np.allclose(d.hessian_blocks().evaluate(v=v, **{"self": w})["self self"], dense)
    assert np.allclose(d.hessian_vector_product().evaluate(v=[w], v_=v, **{"self": w})["self"], dense @ w)
