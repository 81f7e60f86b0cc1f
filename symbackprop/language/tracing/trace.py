"""Models as Python functions: a function whose annotations are shape strings is run once, on tracers.

    def two_layer(X: "n d", Y: "n c", W1: "h d", b1: "h", W2: "c h", b2: "c"):
        H = sbp.relu(X @ W1.T + b1)
        ...
        return J

The arguments are the tensors, what is assigned to a local variable is an equation of that name, the value returned is the
objective.
"""

import copy
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import CodeType, FrameType, MethodType
from typing import Any

from sympy import Expr

from symbackprop.calculus.facts import KINDS
from symbackprop.calculus.index import parse_shape, shape_text
from symbackprop.errors import SpecError, SymbackpropError
from symbackprop.language.spec import ModelSpec, TensorSpec
from symbackprop.language.tracing.arguments import Arguments, arguments_of, named_arguments
from symbackprop.language.tracing.naming import Bindings, equations_of, named
from symbackprop.language.tracing.recorded import check_recorded
from symbackprop.language.tracing.returned import returned_node
from symbackprop.language.tracing.standins.namespace import Standins, standing_in
from symbackprop.language.tracing.standins.numpy_functions import apply
from symbackprop.language.tracing.values.recording import Recording, Restated
from symbackprop.language.tracing.values.tracer import Size, Tracer

MOST_RUNS = 8
"""How often a function is run again since letters of its shapes turned out to stand for others."""


def trace_spec(
    function: Callable,
    *,
    parameters: Sequence[str] | None = None,
    facts: Mapping[str, str | Sequence[str]] | None = None,
    objective: str | None = None,
    output: str | None = None,
    samples: str | None = None,
    sizes: Mapping[str, int] | None = None,
    shapes: Mapping[str, Any] | None = None,
    fixed: Mapping[str, Any] | None = None,
) -> ModelSpec:
    """The spec of the model that `function` computes.

    Arguments: shapes are annotations, or given as `shapes`; an argument may be a dictionary or a list of arrays; the arrays of the object
    whose method it is are parameters. Those in `parameters` are parameters, one with a fact `simplex` or `one-hot` is a label, one that
    entries are picked by is an index, the others are inputs, unless the last word of the shape says the role. `fixed` are values of
    arguments that are no tensors.
    Equations: each value that a local variable holds, under the variable's name; where a variable is bound again its
    earlier values are numbered. A value without a name that is used more than once is t1, t2, ... Of the values returned the first
    scalar is the objective, by its name or J; an array is multiplied with an upstream gradient, an input of its shape, and summed.
    Raises SpecError and its kinds, with the line of the function.
    """
    function, inner = traceable(function)
    arguments = arguments_of(function, inner, shapes or {}, fixed or {})
    wanted = [parameters] if isinstance(parameters, str) else list(parameters or ())
    known = (*arguments.shapes, *arguments.groups, *arguments.places)
    for what, names in (("parameters", wanted), ("facts", list(facts or ()))):
        named_arguments(names, known, what, inner.__name__)
    for _ in range(MOST_RUNS):
        try:
            return _traced(function, inner, arguments, wanted, facts or {}, objective, output, samples, dict(sizes or {}), fixed or {})
        except Restated as e:
            _restate(arguments, e.letters)
    raise SpecError("the sizes of its arrays do not fit", place=f"function {inner.__name__}", fix="check the shapes of its arguments")


def traceable(function: Callable) -> tuple[Callable, Any]:
    """What is called, and the Python function whose lines are read. Raises SpecError where there is none."""
    method = inspect.getattr_static(type(function), "__call__", None)
    if inspect.isfunction(method):
        function = MethodType(method, function)
    inner = inspect.unwrap(function) if callable(function) else function
    while isinstance(inner, partial):
        inner = inner.func
    inner = getattr(inner, "__func__", inner)
    if not inspect.isfunction(inner):
        array = hasattr(function, "ndim")
        fix = "write np.trace(A) for the trace of a matrix" if array else 'give a function: def f(X: "n d", w: "d"): ...'
        raise SpecError(f"a {type(function).__name__} can't be traced", place="trace", fix=fix)
    return function, inner


def _restate(arguments: Arguments, letters: Mapping[Expr, Expr]) -> None:
    """Put formulas in the place of letters in the shapes of the arguments."""
    for name, shape in arguments.shapes.items():
        arguments.shapes[name] = shape_text(a.xreplace(dict(letters)) for a in parse_shape(shape, less=True))


def _traced(
    function: Callable,
    inner: Any,
    arguments: Arguments,
    parameters: Sequence[str],
    facts: Mapping[str, str | Sequence[str]],
    objective: str | None,
    output: str | None,
    samples: str | None,
    sizes: dict[str, int],
    fixed: Mapping[str, Any],
) -> ModelSpec:
    """The spec, by one run."""
    recording = Recording(inner.__name__, inner.__code__, Tracer, Size, apply)
    recording.fixed = bool(arguments.held)
    names = arguments.names()
    values: dict[str, Tracer] = {}

    def make(name: str) -> Tracer:
        axes = parse_shape(arguments.shapes[name], f"argument {name} of function {inner.__name__}")
        if name not in values:
            values[name] = recording.value(recording.argument(names[name], axes), whole=arguments.roles.get(name) == "index")
        return values[name]

    passed = {**arguments.defaults(function), **arguments.passed(make), **copy.deepcopy(dict(fixed))}
    target = function if not arguments.held else inner.__get__(arguments.object(make))
    returned, bindings = _run(target, inner, passed, recording, {id(t.node) for t in values.values()})
    tensors = _tensors(arguments, names, parameters, facts)
    reserved = {*tensors, *recording.letters}
    top, layer, upstream = returned_node(returned, bindings, recording, reserved, objective)
    tensors |= upstream
    reserved |= {*upstream}
    found, roots = named(top, layer, bindings, recording, reserved, objective, output)
    check_recorded(roots, recording)
    used = {id(node) for node in recording.order(roots)}
    tensors |= {found.get(node, d.name): d.spec for node, d in recording.draws.items() if node in used}
    return ModelSpec(
        inner.__name__ if inner.__name__.isidentifier() else "model",
        tensors,
        equations_of(roots, found, recording, reserved),
        found[id(roots[-1])],
        found[id(layer)] if output is None and layer is not None else output,
        samples,
        sizes,
        inferred=frozenset(name for name, t in tensors.items() if t.role == "input"),
        idle=frozenset(names.values()),
        upstream=next(iter(upstream), None),
        variables=True,
    )


def _run(function: Callable, inner: Any, passed: Mapping[str, Any], recording: Recording, known: set[int]) -> tuple[Any, Bindings]:
    """What the function returns on tracers, and which values its local variables held, in order."""
    kinds = {name: p.kind for name, p in inspect.signature(function).parameters.items()}
    positional = [value for name, value in passed.items() if kinds[name] is inspect.Parameter.POSITIONAL_ONLY]
    keywords = {name: value for name, value in passed.items() if kinds[name] is not inspect.Parameter.POSITIONAL_ONLY}
    bindings: Bindings = []
    before = sys.gettrace()
    with standing_in(recording, inner.__globals__) as standins:
        sys.settrace(_watch(inner.__code__, bindings, known, standins))
        try:
            returned = function(*positional, **keywords)
            for error in recording.pending.values():
                raise error  # the function has caught it, and gone on as if its arrays were to blame
            return returned, bindings
        except (SymbackpropError, Restated):
            raise
        except Exception as e:
            traceback = e.__traceback__
            spot: dict[str, Any] = {"place": f"function {recording.name}"}
            fix = ""
            while traceback is not None:
                if traceback.tb_frame.f_code is recording.code:
                    spot = recording.spot(traceback.tb_lineno, traceback.tb_lasti)
                    fix = recording.advised(spot, traceback.tb_frame.f_globals)
                traceback = traceback.tb_next
            raise SpecError(f"running it raised {type(e).__name__}: {e}", **spot, fix=fix or "see that it runs on arrays") from e
        finally:
            sys.settrace(before)


def _watch(code: CodeType, bindings: Bindings, known: set[int], standins: Standins) -> Callable:
    """A trace function that notes, in the first run of `code`, each value when a local variable first holds it."""
    frames: list[FrameType] = []

    def local(frame: FrameType, event: str, _: Any) -> Callable:
        for name, value in frame.f_locals.items():
            if isinstance(value, Tracer) and not isinstance(value, Size):
                try:
                    node = value.node
                except SymbackpropError as e:  # it can't be used; perhaps nobody wants to
                    value.recording.settled(e)
                    continue
                if id(node) not in known:
                    known.add(id(node))
                    bindings.append((name, node))
        return local

    def called(frame: FrameType, event: str, _: Any) -> Callable | None:
        standins.entered(frame)
        if frame.f_code is not code or frames:
            return None
        frames.append(frame)
        return local

    return called


def _tensors(
    arguments: Arguments, names: Mapping[str, str], parameters: Sequence[str], facts: Mapping[str, str | Sequence[str]]
) -> dict[str, TensorSpec]:
    """The tensors with their roles and facts."""
    wanted = arguments.expanded(parameters) if parameters else [*arguments.held.values()]
    made = {}
    for key, shape in arguments.shapes.items():
        said = facts.get(key, ())
        said = (said,) if isinstance(said, str) else tuple(said)
        label = any(kind.label for fact in said for kind in KINDS.values() if fact.split()[:1] == [kind.name])
        role = arguments.roles.get(key) or ("parameter" if key in wanted else "label" if label else "input")
        made[names[key]] = TensorSpec(shape, role, said)
    return made
