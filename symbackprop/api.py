"""The public face: state a model, derive, write, generate, verify."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import overload

from symbackprop.derive.curvature import Split, split
from symbackprop.derive.kinks import Kink, kinks
from symbackprop.derive.reverse import Derived, Step, gradient, jacobian
from symbackprop.derive.samples import per_sample_gradients
from symbackprop.derive.second import hessian, hessian_vector_product, jvp, second, vjp
from symbackprop.emit import Module, module_source
from symbackprop.errors import DeriveError, SpecError, nearest
from symbackprop.expressions import Facts, check_expression, did_you_mean, names_in
from symbackprop.language.elaborate import elaborate
from symbackprop.language.layers import Sequential
from symbackprop.language.spec import ModelSpec, spec_from_tables
from symbackprop.language.toml import load_spec
from symbackprop.language.trace import trace_spec
from symbackprop.lower.recognise import opened, recognised
from symbackprop.notation.beyond import Section, compose_beyond
from symbackprop.notation.blocks import Document
from symbackprop.notation.document import compose
from symbackprop.program import Program
from symbackprop.result import Result
from symbackprop.results import Curvature, Paged, Results
from symbackprop.verify.claims import check_claims
from symbackprop.verify.oracles import Along, Back, EachAlone
from symbackprop.verify.report import verify_derived, verify_more, verify_result
from symbackprop.verify.verdict import Report


class Model:
    """A model: the spec that a person wrote, and the program of index equations that it means, statistics in it recognised."""

    def __init__(self, spec: ModelSpec) -> None:
        """Elaborate `spec`; whatever is wrong with it is a SpecError here."""
        self.spec = spec
        self.program: Program = recognised(elaborate(spec))

    @property
    def name(self) -> str:
        """The name of the model, and of the module generated from it."""
        return self.program.name

    def __repr__(self) -> str:
        return f"<Model {self.name}: {', '.join(e.name for e in self.program.equations)}>"


def load(path: str | Path) -> Model:
    """The model of a TOML file. Raises SpecError with file, line and column where it can't be read."""
    return Model(load_spec(path))


def model(
    tensors: Mapping[str, Mapping],
    equations: Mapping[str, str],
    *,
    name: str = "model",
    objective: str | None = None,
    output: str | None = None,
    samples: str | None = None,
    axes: Mapping[str, int] | None = None,
    latex: Mapping[str, str] | None = None,
) -> Model:
    """A model from the tables of a TOML file, as dictionaries."""
    spec = spec_from_tables(
        tensors, equations, name=name, objective=objective, output=output, samples=samples, axes=axes or {}, latex=latex or {}
    )
    return Model(spec)


def trace(
    function: Callable,
    *,
    parameters: Sequence[str] | None = None,
    facts: Mapping[str, str] | None = None,
    objective: str | None = None,
    output: str | None = None,
    samples: str | None = None,
) -> Model:
    """The model of a Python function whose annotations are shape strings, by running it once on tracers."""
    return Model(trace_spec(function, parameters=parameters, facts=facts, objective=objective, output=output, samples=samples))


class Derivation(Paged):
    """A model's derivatives. `steps` is the derivation of the gradients, in order."""

    def __init__(self, model: Model, wrt: Sequence[str] | None = None) -> None:
        """Derive the gradient of the objective by each of `wrt`, and by every intermediate between."""
        self.model = model
        names = None if wrt is None else names_in(wrt)
        self.program: Program = opened(model.program, names or ())
        self.derived: Derived = gradient(self.program, names)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The derivation of the gradients: each step names its rule, shows before and after, and the facts used."""
        return self.derived.steps

    @property
    def wrt(self) -> tuple[str, ...]:
        """The names of the tensors that the derivation was asked for."""
        return self.derived.wrt

    def gradient(self, name: str) -> Result:
        """d objective / d `name`, in the shape of `name`: a parameter, an input or an intermediate."""
        derived = self._by(name)
        named = self.program.authored
        adjoints = {made for of, made in derived.adjoints.items() if of in named or self.program.equation(of) is None}
        return Result(derived, derived.adjoints[name], named | adjoints)

    def jacobian(self, output: str, wrt: str) -> Result:
        """d `output` / d `wrt` along all paths, output axes first, then those of `wrt`."""
        derived = jacobian(opened(self.program, [wrt]), output, wrt)
        return Result(derived, derived.adjoints[wrt])

    def hessian(self, a: str, b: str) -> Result:
        """The block d2 objective / d`a` d`b`: the Jacobian by `b` of the gradient by `a`."""
        return _second(self._by(a, b), a, b)

    def _by(self, *names: str) -> Derived:
        """The derivation of the gradient by the first of some tensors, in a program in which all depends on these as its author has it."""
        known = names[0] in self.derived.adjoints and not self.program.through & set(names)
        return self.derived if known else gradient(opened(self.program, names), names[:1])

    def hessian_vector_product(self) -> Results:
        """The Hessian by all that the derivation is by, times a vector v: one result for each, in its shape (Pearlmutter 1994).

        Raises DeriveError where the objective is not a scalar.
        """
        made = hessian_vector_product(self.derived)
        oracle = Along(self.derived.program, {n: self.derived.adjoints[n] for n in self.wrt}, made.directions)
        section = Section("hvp", made.derived, made.results, made.directions, kinks=self._kinks(second=True))
        return Results(section, self.derived, "Hessian-vector products", oracle)

    def hessian_blocks(self) -> Results:
        """The Hessian by all that the derivation is by: the block "a b" for each a not after b, which share their named parts.

        Axes of a, then those of b; the others are these transposed. Raises DeriveError where the objective is not a scalar.
        """
        made = hessian(self.derived)
        names = {f"{a} {b}": tensor for (a, b), tensor in made.blocks.items()}
        section = Section("hessian", made.derived, names, variables=made.names, kinks=self._kinks(second=True))
        return Results(section, self.derived, "blocks of the Hessian")

    def _kinks(self, second: bool = False, output: str | None = None) -> tuple[Kink, ...]:
        """Where the derivative of the objective, or of `output`, is a convention, and where that of the gradient is."""
        program = self.derived.program
        slopes = [self.derived.adjoints[a] for a in self.wrt]
        own = kinks(program, [output or program.objective], self.wrt, None if output else slopes)
        return tuple(dict.fromkeys([*own, *(kinks(program, slopes, self.wrt) if second else ())]))

    def gauss_newton(self, at: str | None = None) -> Curvature:
        """The generalised Gauss-Newton matrix (dO/da)^T d2J/dO2 (dO/db), split at the tensor `at` (default: the declared output O).

        Second derivatives of O are left out; what J holds of the parameters beside O, such as a penalty, counts in full. It is positive
        semidefinite where J is convex in O. Raises DeriveError where the model can't be split there. Source: Schraudolph 2002.
        """
        return Curvature(self._split(at), self.derived, "ggn")

    def fisher(self, at: str | None = None) -> Curvature:
        """Fisher's information matrix of the distribution of labels that the model predicts by the tensor `at` (default: its output).

        The objective is taken to be a mean, or sum, of negative log likelihoods of the labels given `at`; their mean under the model is
        where dJ/d`at` is 0. Its `note` says whether it equals Gauss-Newton's matrix. Raises DeriveError where that mean can't be read off.
        Source: Martens 2020, sections 8 and 9.
        """
        model = self._split(at, expected=True)
        note = f"if {self.program.objective} is a negative log likelihood of the labels given {model.at}"
        if model.needs_expectation():
            told = f"{note}; labels stand for their mean under the model"
            return Curvature(model, self.derived, "fisher", told, ("likelihood", "labels"))
        same = f"it equals the Gauss-Newton matrix split at {model.at}, whose curvature holds no labels"
        return Curvature(model, self.derived, "fisher", f"{note}; {same}", ("likelihood", "same"))

    def _split(self, at: str | None, expected: bool = False) -> Split:
        return split(opened(self.program, [at or self.program.output or ""]), at, self.wrt, expected)

    def per_sample_gradients(self) -> Results:
        """The gradient of the objective of each sample by itself: the axis of samples, then those of the parameter.

        Their mean is the gradient where the objective is a mean over samples; a penalty counts in full for each. `results["norm"]` is their
        Euclidean norm over all parameters, made without them. Raises DeriveError where samples are coupled, as by batch norm.
        """
        made = per_sample_gradients(self.program, self.wrt)
        oracle = EachAlone(self.derived, self.wrt)
        names = {**made.gradients, "norm": made.norms}
        section = Section("per-sample", made.derived, names, kinks=self._kinks(), walk=made.wide)
        return Results(section, self.derived, "per-sample gradients", oracle)

    def jacobians(self, output: str | None = None) -> Results:
        """d `output` (default: the declared one) by each tensor that the derivation is by: output axes first, then those of the tensor."""
        name = self._output(output)
        made = jacobian(self.program, name, self.wrt)
        names = {n: made.adjoints[n] for n in self.wrt}
        section = Section("jacobian", made, names, at=name, kinks=self._kinks(output=name))
        return Results(section, self.derived, "Jacobians")

    def jvp(self, output: str | None = None) -> Results:
        """The derivative of `output` (default: the declared one) along a vector v, one part for each tensor that the derivation is by."""
        name = self._output(output)
        made = jvp(self.program, name, self.wrt)
        oracle = Along(self.program, {name: name}, made.directions)
        section = Section("jvp", made.derived, made.results, made.directions, at=name, kinks=self._kinks(output=name))
        return Results(section, self.derived, "Jacobian-vector products", oracle)

    def vjp(self, output: str | None = None) -> Results:
        """A vector u in the shape of `output` (default: the declared one) times its Jacobian: one result for each of `wrt`."""
        name = self._output(output)
        made = vjp(self.program, name, self.wrt)
        oracle = Back(self.program, name, self.wrt, made.directions[name])
        section = Section("vjp", made.derived, made.results, made.directions, at=name, kinks=self._kinks(output=name))
        return Results(section, self.derived, "vector-Jacobian products", oracle)

    def _output(self, name: str | None) -> str:
        found = name or self.program.output
        if found is None:
            raise DeriveError(f"{self.model.name} has no declared output", fix='name a tensor: output="O"')
        if found not in self.program.tensors:
            raise DeriveError(f"'{found}' is not a tensor of {self.model.name}", fix=did_you_mean(found, self.program.tensors))
        return found

    def document(self, form: str = "both", lang: str = "en", also: Sequence[str] = ()) -> Document:
        """The page of the gradient; with words of `BEYOND` that of those derivatives, which tells the gradient in short.

        Raises SpecError for another word.
        """
        for word in also:
            if word not in BEYOND:
                near = ", ".join(nearest(word, list(BEYOND))) or ", ".join(BEYOND)
                raise SpecError(f"'{word}' is nothing that a page can have", place="--with", fix=f"one of {near}")
        if not also:
            return compose(self.derived, form, lang)
        return compose_beyond(self.derived, [s for word in BEYOND if word in also for s in BEYOND[word](self).sections], form, lang)

    def __repr__(self) -> str:
        return f"<Derivation of {self.model.name} by {', '.join(self.wrt)}>"


BEYOND: Mapping[str, Callable[[Derivation], Results | Curvature]] = {
    "hessian": Derivation.hessian_blocks,
    "hvp": Derivation.hessian_vector_product,
    "ggn": Derivation.gauss_newton,
    "fisher": Derivation.fisher,
    "per-sample": Derivation.per_sample_gradients,
    "jacobian": Derivation.jacobians,
    "jvp": Derivation.jvp,
    "vjp": Derivation.vjp,
}
"""The word that asks for it -> what is derived beyond the gradient."""


def derive(model: Model | Sequential, wrt: Sequence[str] | None = None) -> Derivation:
    """Derive the gradient of the model's objective by `wrt` (default: every parameter)."""
    return Derivation(_as_model(model), wrt)


def _as_model(model: Model | Sequential | Derivation) -> Model:
    if isinstance(model, Sequential):
        return Model(model.spec())
    if isinstance(model, Derivation):
        return model.model
    if isinstance(model, Model):
        return model
    fix = "make one with load, model, trace or Sequential"
    if isinstance(model, str | Path):
        fix = f'load it: sbp.load("{model}")' if str(model).endswith(".toml") else "an expression has sbp.derivative(text, shapes, wrt)"
    raise SpecError(f"a {type(model).__name__} is not a model", fix=fix)


def generate(derivation: Derivation | Model | Sequential, target: str = "numpy", also: Sequence[str] = ()) -> Module:
    """The standalone module of a derivation (of a model, of its gradients): loss, gradients, forward and the rest, with nothing but numpy.

    `also` asks for more: "hessian", "hvp" (Hessian-vector products), "ggn" (Gauss-Newton-vector products), "per-sample" (gradients),
    "jacobian", "jvp", "vjp", "objective" (for scipy.optimize).
    """
    whole = _as_derivation(derivation)
    return Module(whole.model.name, module_source(whole.derived, target, also))


def _as_derivation(given: Derivation | Model | Sequential) -> Derivation:
    """A derivation as it is, of a model that of its gradients."""
    if isinstance(given, Derivation):
        return given
    if isinstance(given, Result | Results | Curvature):
        fix = "its code is .numpy, its value .evaluate(...); a module is made of a derivation: sbp.generate(sbp.derive(model))"
        raise SpecError(f"a {type(given).__name__} is not a derivation", fix=fix)
    return derive(given)


def verify(derivation: Derivation | Model | Sequential | Result | Results | Curvature, seed: int = 0, also: Sequence[str] = ()) -> Report:
    """Check every gradient of a derivation or a model, or one result: exactly at small prime sizes, numerically, and the generated code.

    Of a Hessian block the symmetry is checked too: the same block derived in the other order. Products, per-sample gradients and
    curvature matrices are compared with differences of the model. `also`: what the generated module offers beyond the gradient, as in
    `generate`; with "hessian" every block of the Hessian is checked too.
    """
    if isinstance(derivation, Results | Curvature):
        return derivation.verify(seed)
    if isinstance(derivation, Result):
        return verify_result(derivation.derived, derivation.name, derivation.evaluate, seed=seed)
    whole = _as_derivation(derivation)
    module = generate(whole, also=also).load()
    report = verify_derived(whole.derived, module, seed=seed)
    return report + verify_more(whole.derived, module, also, seed) if also else report


@overload
def check(model: Model | Sequential, claims: str | Sequence[str], seed: int = 0) -> Report: ...


@overload
def check(model: str, shapes: Mapping[str, str], claims: str | Sequence[str], facts: Facts | None = None, seed: int = 0) -> Report: ...


def check(model, *given, **options):
    """Check claims in NumPy notation about a model: "dJ/dO == (Yhat - Y) / n", or updates: "W1 <- W1 - eta * dJ/dW1".

    Without a model: check(text, shapes, claims) of one expression, whose value the claims call f: "df/dx == 2 * A.T @ (A @ x - b)".
    `shapes` and `facts` as of `derivative`; `seed` chooses the random points. Raises SpecError for a text that is no claim, or a typo.
    """
    if isinstance(model, str):
        return check_expression(model, *given, **options)
    return _check_model(model, *given, **options)


def _check_model(model: Model | Sequential, claims: str | Sequence[str], seed: int = 0) -> Report:
    return check_claims(_as_model(model).program, [claims] if isinstance(claims, str) else list(claims), seed)


def _second(first: Derived, a: str, b: str) -> Result:
    """The Jacobian by `b` of the derivative by `a`."""
    both = second(first, a, [b])
    return Result(both, both.adjoints[b])
