"""Models as Python functions: a function whose annotations are shape strings is run once, on tracers.

    def two_layer(X: "n d", Y: "n c", W1: "h d", b1: "h", W2: "c h", b2: "c"):
        H = sbp.relu(X @ W1.T + b1)
        ...
        return J

The arguments are the tensors, what is assigned to a local variable is an equation of that name, the value returned is the
objective.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import CodeType, FrameType
from typing import Any

from symbackprop.calculus.facts import KINDS
from symbackprop.calculus.index import IDENTIFIER, parse_shape
from symbackprop.errors import SpecError, SymbackpropError, UnknownNameError, nearest
from symbackprop.language.hints import MODULES
from symbackprop.language.nodes import CONDITIONS, Call, Name, Node, Subscript, children, unparse
from symbackprop.language.spec import EquationSpec, ModelSpec, TensorSpec
from symbackprop.language.syntax import parse
from symbackprop.language.tracing.recording import Recording, rebuilt
from symbackprop.language.tracing.tracer import Size, Tracer
from symbackprop.ops import OPS
from symbackprop.ops.entrywise.elementwise import CONSTANTS

DEPTH = 40
"""A text that is nested deeper gets names for its parts."""

QUOTED = re.compile(r"""\s*(['"])(.*)\1\s*\Z""", re.DOTALL)
FUTURE_ANNOTATIONS = 0x1000000
"""The flag of code under `from __future__ import annotations`, where an annotation is its own source text."""

Bindings = list[tuple[str, Node]]


def trace_spec(
    function: Callable,
    *,
    parameters: Sequence[str] | None = None,
    facts: Mapping[str, str | Sequence[str]] | None = None,
    objective: str | None = None,
    output: str | None = None,
    samples: str | None = None,
    sizes: Mapping[str, int] | None = None,
) -> ModelSpec:
    """The spec of the model that `function` computes.

    Arguments: those in `parameters` are parameters; one with a fact `simplex` or `one-hot` is a label, one that entries are picked by is
    an index, the others are inputs.
    Equations: each value that a local variable holds, under the variable's name; where a variable is bound again its
    earlier values are numbered. A value without a name that is used more than once is t1, t2, ... The value returned is
    the objective, by its name or J. Raises SpecError and its kinds, with the line of the function.
    """
    inner = inspect.unwrap(function) if callable(function) else function
    inner = getattr(inner, "__func__", inner)
    if not inspect.isfunction(inner):
        array = hasattr(function, "ndim")
        fix = "write np.trace(A) for the trace of a matrix" if array else 'give a function: def f(X: "n d", w: "d"): ...'
        raise SpecError(f"a {type(function).__name__} can't be traced", place="trace", fix=fix)
    tensors = _shapes(function, inner)
    recording = Recording(inner.__name__, inner.__code__)
    passed = {}
    for name, shape in tensors.items():
        axes = parse_shape(shape, f"argument {name} of function {inner.__name__}")
        passed[name] = Tracer(recording.argument(name, axes), recording)
    returned, bindings = _run(function, inner, passed, recording)
    reserved = {*tensors, *(word for shape in tensors.values() for word in shape.replace(",", " ").split())}
    names, roots = _named(returned, bindings, recording, reserved, objective, output)
    declared = _declared(tensors, parameters, facts or {}, inner.__name__)
    return ModelSpec(
        inner.__name__,
        declared,
        _equations(roots, names, recording, reserved),
        names[id(roots[-1])],
        output,
        samples,
        dict(sizes or {}),
        inferred=frozenset(name for name, t in declared.items() if t.role == "input"),
    )


def _shapes(function: Callable, inner: Any) -> dict[str, str]:
    """The shape strings of the arguments; an argument without one keeps its default."""
    shapes = {}
    place = f"function {inner.__name__}"
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise SpecError(f"argument '{parameter}' stands for any number of tensors", place=place, fix="name each argument")
        note = parameter.annotation
        if isinstance(note, str) and inner.__code__.co_flags & FUTURE_ANNOTATIONS:
            quoted = QUOTED.match(note)
            note = quoted[2] if quoted else inner.__globals__.get(note)
        if isinstance(note, str):
            shapes[name] = note
        elif parameter.default is parameter.empty:
            reason = f"argument '{name}' has no shape"
            if parameter.annotation is not parameter.empty:
                reason = f"the annotation of argument '{name}' is not a shape string"
            raise SpecError(reason, place=place, fix=f'annotate it: {name}: "n d", or {name}: "" for a scalar')
    if not shapes:
        raise SpecError("it has no arguments, so there is nothing to derive by", place=place, fix='def f(X: "n d", w: "d"): ...')
    return shapes


def _run(function: Callable, inner: Any, passed: Mapping[str, Any], recording: Recording) -> tuple[Any, Bindings]:
    """What the function returns on tracers, and which values its local variables held, in order."""
    kinds = {name: p.kind for name, p in inspect.signature(function).parameters.items()}
    positional = [value for name, value in passed.items() if kinds[name] is inspect.Parameter.POSITIONAL_ONLY]
    named = {name: value for name, value in passed.items() if kinds[name] is not inspect.Parameter.POSITIONAL_ONLY}
    bindings: Bindings = []
    before = sys.gettrace()
    sys.settrace(_watch(inner.__code__, bindings, {id(t.node) for t in passed.values()}))
    try:
        return function(*positional, **named), bindings
    except SymbackpropError:
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


def _watch(code: CodeType, bindings: Bindings, known: set[int]) -> Callable:
    """A trace function that notes, in the first run of `code`, each value when a local variable first holds it."""
    frames: list[FrameType] = []

    def local(frame: FrameType, event: str, _: Any) -> Callable:
        for name, value in frame.f_locals.items():
            if isinstance(value, Tracer) and not isinstance(value, Size) and id(value.node) not in known:
                known.add(id(value.node))
                bindings.append((name, value.node))
        return local

    def called(frame: FrameType, event: str, _: Any) -> Callable | None:
        if frame.f_code is not code or frames:
            return None
        frames.append(frame)
        return local

    return called


def _named(
    returned: Any, bindings: Bindings, recording: Recording, reserved: set[str], objective: str | None, output: str | None
) -> tuple[dict[int, str], list[Node]]:
    """The names of nodes by identity, and the nodes that are asked for, the objective last."""
    place = f"function {recording.name}"
    if not isinstance(returned, Tracer) or isinstance(returned, Size):
        reason, fix = "what it returns depends on no argument", "return the objective, a scalar made of the arguments"
        if returned is None:
            reason = "it returns nothing"
        elif isinstance(returned, tuple | list | dict):
            reason, fix = "it returns several values", "return the objective alone, and name another value with output="
        raise SpecError(reason, place=place, fix=fix)
    by_name = {name: node for name, node in bindings if _is_array(node)}
    local = {id(node): name for name, node in bindings}
    top = returned.node
    if isinstance(top, Name):
        raise SpecError(f"it returns its argument {top.id}", place=place, fix="return a scalar made of the arguments")
    extra = []
    for role, name in (("output", output), ("objective", objective)):
        if name is None or (role == "objective" and name == local.get(id(top), name) and name not in by_name):
            continue
        if name not in by_name:
            close = nearest(name, list(by_name))
            fix = f"did you mean {', '.join(close)}?" if close else f"assign it in the function: {name} = ..."
            raise UnknownNameError(f"{role} '{name}' is no local variable", place=place, fix=fix)
        extra.append(by_name[name])
    last = extra.pop() if objective in by_name else top
    roots = [*extra, top, last] if last is not top else [*extra, top]
    needed = {id(node) for node in recording.order(roots)}
    names: dict[int, str] = {}
    taken = {*reserved, *by_name}
    kept = [(name, node) for name, node in bindings if id(node) in needed and _is_array(node) and recording.holds_tensor(node)]
    final = {name: id(node) for name, node in kept}
    for name, node in kept:
        names[id(node)] = name if final[name] == id(node) and _allowed(name, reserved) else _fresh(name, taken, reserved)
    if id(top) not in names:
        wanted = objective if last is top and objective else "J"
        names[id(top)] = wanted if _allowed(wanted, taken) else _fresh(wanted, taken, reserved)
    return names, roots


def _is_array(node: Node) -> bool:
    """Whether an equation can say `node`: it is no condition, and not several arrays, as of split."""
    return not (isinstance(node, Call) and (node.op in CONDITIONS or (node.op in OPS and OPS[node.op].gives_several)))


def _allowed(name: str, reserved: Iterable[str]) -> bool:
    """Whether `name` can name a tensor."""
    clear = name not in OPS and name not in CONSTANTS and name not in MODULES and not name.startswith("__")
    return bool(IDENTIFIER.match(name)) and clear and name not in reserved


def _fresh(name: str, taken: set[str], reserved: Iterable[str]) -> str:
    """H1, H2, ... for H, W1_1, W1_2, ... for W1; t1, t2, ... for a name that the language does not take."""
    stem = name if IDENTIFIER.match(name) and not name.startswith("__") else "t"
    stem += "_" if stem[-1].isdigit() else ""
    count = 1
    while f"{stem}{count}" in taken or not _allowed(f"{stem}{count}", reserved):
        count += 1
    taken.add(f"{stem}{count}")
    return f"{stem}{count}"


def _equations(roots: Sequence[Node], names: Mapping[int, str], recording: Recording, reserved: set[str]) -> tuple[EquationSpec, ...]:
    """The equations: one for each named value, and for what has to be named since it is used twice or deep."""
    order = recording.order(roots)
    uses: dict[int, int] = {}
    for node in order:
        for part in children(node):
            uses[id(part)] = uses.get(id(part), 0) + 1
    taken = {*reserved, *names.values()}
    written: dict[int, Node] = {}
    depth: dict[int, int] = {}
    made = []
    for node in order:
        here = rebuilt(node, [written[id(part)] for part in children(node)])
        deep = 1 + max((depth[id(part)] for part in children(node)), default=0)
        shared = uses.get(id(node), 0) > 1 and not _is_light(node)
        able = isinstance(node, Call | Subscript) and recording.holds_tensor(node) and _is_array(node)
        if id(node) in names or (able and (shared or deep > DEPTH)):
            name = names.get(id(node)) or _fresh("t", taken, reserved)
            text = unparse(here)
            made.append(EquationSpec(name, parse(text, f"equation {name}", f"{name} = "), text))
            here, deep = Name(name), 1
        written[id(node)], depth[id(node)] = here, deep
    return tuple(made)


def _is_light(node: Node) -> bool:
    """Whether `node` is not worth a name: a transpose, a sign or an entry of something that has one."""
    return isinstance(node, Call) and node.op in ("transpose", "negative", "positive") and isinstance(node.args[0], Name)


def _declared(
    tensors: Mapping[str, str], parameters: Sequence[str] | None, facts: Mapping[str, str | Sequence[str]], name: str
) -> dict[str, TensorSpec]:
    """The tensors with their roles and facts."""
    wanted = [parameters] if isinstance(parameters, str) else list(parameters or ())
    for what, given in (("parameters", wanted), ("facts", list(facts))):
        for one in given:
            if one not in tensors:
                close = nearest(one, list(tensors)) or list(tensors)
                fix = f"did you mean {', '.join(close)}?"
                raise UnknownNameError(f"'{one}' is no argument of function {name}", place=what, fix=fix)
    made = {}
    for key, shape in tensors.items():
        said = facts.get(key, ())
        said = (said,) if isinstance(said, str) else tuple(said)
        label = any(kind.label for fact in said for kind in KINDS.values() if fact.split()[:1] == [kind.name])
        made[key] = TensorSpec(shape, "parameter" if key in wanted else "label" if label else "input", said)
    return made
