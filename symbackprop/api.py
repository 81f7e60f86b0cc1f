"""The public face: state a model, derive, write, generate, verify."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from symbackprop.calculus.program import Program
from symbackprop.derivation.reverse import Derived, gradient, jacobian
from symbackprop.derivation.second import second
from symbackprop.emit import Carded, Module, module_source
from symbackprop.errors import SpecError
from symbackprop.expressions import Declared, check_expression, names_in
from symbackprop.kinds import curvature, output, samples
from symbackprop.kinds import second as second_order
from symbackprop.kinds.table import offers, sections, verify_more
from symbackprop.language.elaborate import elaborate
from symbackprop.language.layers import Sequential
from symbackprop.language.onnx.importing import onnx_spec
from symbackprop.language.spec import ModelSpec, spec_from_tables, style_of
from symbackprop.language.toml import load_spec
from symbackprop.language.torch.importing import torch_spec
from symbackprop.language.tracing.trace import trace_spec
from symbackprop.notes import checked
from symbackprop.pages.beyond import compose_beyond
from symbackprop.pages.document import Composer, compose
from symbackprop.pages.pieces.cards import gradient_card, model_card
from symbackprop.pages.pieces.fragment import Fragment, compose_fragment
from symbackprop.pages.pieces.short import compose_short
from symbackprop.result import Result, Steps, plain
from symbackprop.results import Beyond, Paged
from symbackprop.stability.recognise import opened, recognised
from symbackprop.typesetting.blocks import Block, Document
from symbackprop.typesetting.names import check_names
from symbackprop.verification.claims.claims import check_claims
from symbackprop.verification.report import verify_derived, verify_result
from symbackprop.verification.verdict import Report


class Model(Carded):
    """A model: the spec that a person wrote, and the program of index equations that it means, statistics in it recognised.

    `values` are those of parameters and constants by name, where the model came with them.
    """

    def __init__(self, spec: ModelSpec, values: Mapping[str, np.ndarray] | None = None) -> None:
        """Elaborate `spec`; whatever is wrong with it is a SpecError here."""
        self.spec, self.values = spec, dict(values or {})
        self.program: Program = recognised(elaborate(spec))
        check_names(self.program)

    def __reduce__(self) -> tuple[type["Model"], tuple[ModelSpec, dict[str, np.ndarray]]]:
        return type(self), (self.spec, self.values)

    @property
    def name(self) -> str:
        """The name of the model, and of the module generated from it."""
        return self.program.name

    def written(
        self, latex: Mapping[str, str] | None = None, style: Mapping[str, str] | None = None, page: Mapping[str, str] | None = None
    ) -> "Model":
        """The same model, whose names and pages are written otherwise: the tables [latex], [style] and [page] of a TOML file.

        Raises NotationError for a name in LaTeX that is none, SpecError for a table of the wrong form.
        """
        names, old = dict(latex or {}), self.spec.style
        tensors = {name: replace(t, latex=None) if name in names else t for name, t in self.spec.tensors.items()}
        told = style_of({"layers": old.layers, **(style or {})}, {k: v for k, v in vars(old).items() if k != "layers"} | dict(page or {}))
        return Model(replace(self.spec, tensors=tensors, latex={**self.spec.latex, **names}, style=told), self.values)

    def card(self) -> list[Block]:
        """Its equations."""
        return model_card(self.program)

    def __str__(self) -> str:
        own = [e for e in self.program.equations if e.text]
        wide = max(len(e.name) for e in own) if own else 0
        return "\n".join([self.name, *[f"  {e.name:<{wide}} = {e.text}" for e in own]])

    def __repr__(self) -> str:
        return f"<Model {self.name}: {', '.join(e.name for e in self.program.equations)}>"


def load(path: str | Path) -> Model:
    """The model of a TOML file, or of an ONNX file (needs the extra [onnx]), whose values of parameters it keeps.

    Raises SpecError and its kinds, with file, line and column, or node and op, where it can't be read.
    """
    return Model(*onnx_spec(path)) if Path(path).suffix.lower() == ".onnx" else Model(load_spec(path))


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
    style: Mapping[str, str] | None = None,
    page: Mapping[str, str] | None = None,
) -> Model:
    """A model from the tables of a TOML file, as dictionaries."""
    told: Any = {"objective": objective, "output": output, "samples": samples, "axes": axes, "latex": latex, "style": style, "page": page}
    return Model(spec_from_tables(tensors, equations, name=name, **told))


def trace(
    function: Callable,
    *,
    parameters: Sequence[str] | None = None,
    facts: Mapping[str, str] | None = None,
    objective: str | None = None,
    output: str | None = None,
    samples: str | None = None,
    shapes: Mapping[str, Any] | None = None,
) -> Model:
    """The model of a Python function whose annotations are shape strings, by running it once on tracers.

    `shapes` gives shapes of arguments without an annotation: {"X": "n d", "params": {"W": "d h"}}; "n index" is an array of places.
    """
    return Model(
        trace_spec(function, parameters=parameters, facts=facts, objective=objective, output=output, samples=samples, shapes=shapes)
    )


def from_torch(
    module: Any, example_inputs: Sequence[Any], dynamic: Any = None, *, name: str | None = None, samples: str | None = None
) -> Model:
    """The model that a module of PyTorch is, by exporting it once for example inputs (torch.export).

    Names are those of the module, with _ for dots; `values` of the model has the values of its parameters, buffers and constants. A scalar
    that the module returns is the objective; an array is multiplied with an upstream gradient. What dropout keeps is an input.

    `dynamic`: shapes of inputs with letters for symbolic axes, {"tokens": "n t"}. Default: the first axis of all inputs is n, if their
    examples have one size along it. Needs the extra [torch]. Raises SpecError and its kinds, with the op, the module and the line.
    """
    return Model(*torch_spec(module, example_inputs, dynamic, name=name, samples=samples))


class Derivation(Paged):
    """A model's derivatives. `steps` is the derivation of the gradients, in order."""

    def __init__(self, model: Model, wrt: Sequence[str] | None = None) -> None:
        """Derive the gradient of the objective by each of `wrt`, and by every intermediate between."""
        self.model = model
        names = None if wrt is None else names_in(wrt)
        self.program: Program = opened(model.program, names or ())
        self.derived: Derived = gradient(self.program, names)

    @property
    def steps(self) -> Steps:
        """The derivation of the gradients: each step names its rule, shows before and after, and the facts used."""
        return Steps.of(self.derived.steps, self.derived)

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

    hessian_blocks = second_order.hessian_blocks
    hessian_vector_product = second_order.hessian_vector_products
    gauss_newton = curvature.gauss_newton
    fisher = curvature.fisher
    per_sample_gradients = samples.per_sample_gradients
    jacobians = output.jacobians
    jvp = output.jvp
    vjp = output.vjp

    def document(self, form: str = "both", lang: str = "", also: Sequence[str] = (), short: bool = False) -> Document:
        """The page of the gradient; with words of `kinds.table` that of those derivatives, which tells the gradient in short.

        `short`: two to four pages, with the model, the results and one step worked out. Title, author, date and, without `lang`, the
        language are those of the model's table [page]. Raises SpecError for another word.
        """
        style, lang = self.program.style, self.program.style.language(lang)
        if short:
            made = compose_short(self.derived, form, lang)
        else:
            made = compose_beyond(self.derived, sections(self, also), form, lang) if also else compose(self.derived, form, lang)
        return made.signed(style.title, style.author, style.date)

    def fragment(self, form: str = "both", lang: str = "") -> Fragment:
        """The model and its gradient for a paper."""
        lang = self.program.style.language(lang)
        names = [self.derived.adjoints[n] for n in self.wrt]
        facts = dict.fromkeys(f for n in names for f in Result(self.derived, n).facts)
        return compose_fragment(self.derived, names, self.program.authored, form, lang, tuple(facts))

    def card(self) -> list[Block]:
        """The derivatives, in the order in which they are computed."""
        return gradient_card(self.derived, self.model.name)

    def __str__(self) -> str:
        page = Composer.of(self.derived, "matrix", "en")
        texts = [plain(e, page.value_or_none(e), page.derived.program) for e in page.adjoints]
        return "\n".join([f"{self!r}, {len(self.steps)} steps", *[f"  {text}" for text in texts]])

    def __repr__(self) -> str:
        return f"<Derivation of {self.model.name} by {', '.join(self.wrt)}>"


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
        is_file = str(model).endswith((".toml", ".onnx"))
        fix = f'load it: sbp.load("{model}")' if is_file else "an expression has sbp.derivative(text, shapes, wrt)"
    raise SpecError(f"a {type(model).__name__} is not a model", fix=fix)


def generate(derivation: Derivation | Model | Sequential, target: str = "numpy", also: Sequence[str] = ()) -> Module:
    """The standalone module of a derivation (of a model, of its gradients): loss, gradients, forward and the rest, with nothing but numpy.

    `also` asks for more, by the words of kinds that a module can have: "hessian", "hvp" and so on, which `kinds.table.in_modules` lists.
    """
    whole = _as_derivation(derivation)
    return Module(whole.model.name, module_source(whole.derived, target, offers(also)))


def _as_derivation(given: Derivation | Model | Sequential) -> Derivation:
    """A derivation as it is, of a model that of its gradients."""
    if isinstance(given, Derivation):
        return given
    if isinstance(given, Result | Beyond):
        fix = "its code is .numpy, its value .evaluate(...); a module is made of a derivation: sbp.generate(sbp.derive(model))"
        raise SpecError(f"a {type(given).__name__} is not a derivation", fix=fix)
    return derive(given)


def verify(derivation: Derivation | Model | Sequential | Result | Beyond, seed: int = 0, also: Sequence[str] = ()) -> Report:
    """Check every gradient of a derivation or a model, or one result: exactly at small prime sizes, numerically, and the generated code.

    Of a Hessian block the symmetry is checked too: the same block derived in the other order. Products, per-sample gradients and
    curvature matrices are compared with differences of the model. `also`: what the generated module offers beyond the gradient, as in
    `generate`; with "hessian" every block of the Hessian is checked too.
    """
    if isinstance(derivation, Beyond):
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
def check(model: str, shapes: Mapping[str, str], claims: str | Sequence[str], facts: Declared | None = None, seed: int = 0) -> Report: ...


def check(model, *given, **options):
    """Check claims in NumPy notation about a model: "dJ/dO == (Yhat - Y) / n", or updates: "W1 <- W1 - eta * dJ/dW1".

    Without a model: check(text, shapes, claims) of one expression, whose value the claims call f: "df/dx == 2 * A.T @ (A @ x - b)".
    `shapes` and `facts` as of `derivative`; `seed` chooses the random points. Raises SpecError for a text that is no claim, or a typo.
    """
    if isinstance(model, str):
        return check_expression(model, *given, **options)
    return _check_model(model, *given, **options)


def _check_model(model: Model | Sequential, claims: str | Sequence[str], seed: int = 0) -> Report:
    return check_claims(_as_model(model).program, claims, seed)


def check_note(
    path: str | Path,
    model: Model | Sequential | str | Path | Mapping[str, Any] | None = None,
    *,
    folder: str | Path | None = None,
    lang: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> checked.NoteReport:
    """Check a note: each of its formulas that says something about a derivative or an update, under one set of conventions.

    The forward equations and shapes are those of the note, of the headings it links to in `folder` (default: that of the note), of its
    context blocks, and of `model`: a model, its TOML file, or the context of `check_claim`. `lang`: "en" or "zh"; default: that of the
    note. `progress` is called with how many claims are judged, of how many. The file itself is never changed.

    Raises NoteError where the file can't be read, SpecError for a model or a context that is none.
    """
    if isinstance(model, str | Path):
        model = load(model)
    given = model if model is None or isinstance(model, Mapping) else _as_model(model).program
    return checked.check_note(path, given, folder, lang, progress)


def _second(first: Derived, a: str, b: str) -> Result:
    """The Jacobian by `b` of the derivative by `a`."""
    both = second(first, a, [b])
    return Result(both, both.adjoints[b])
