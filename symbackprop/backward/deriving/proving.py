"""Gradients that are right at every point, proved: both passes are traced for symbolic sizes, and compared as two tensors of one program.

What can't be traced, or is long, stays as the numbers say.
"""

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from symbackprop.backward.deriving.bench import Bench
from symbackprop.backward.running.leaves import found
from symbackprop.backward.running.passes import Passes
from symbackprop.backward.running.shapes import Shape
from symbackprop.backward.running.slots import Slot
from symbackprop.backward.running.watched import Watched
from symbackprop.calculus.facts import KINDS
from symbackprop.calculus.program import Program
from symbackprop.derivation.reverse import gradient
from symbackprop.errors import SymbackpropError, VerifyError
from symbackprop.language.elaborate import elaborate
from symbackprop.language.tracing.trace import trace_spec
from symbackprop.stability.recognise import recognised
from symbackprop.verification.claims.claims import compare, same_shape
from symbackprop.verification.claims.stated import Stated, without_facts
from symbackprop.verification.verdict import Verdict, guarded

STRONG = ("proved", "exact")
LONG = 40
"""Equations of both passes beyond which no proof is tried."""
OWN = "_of_backward"
"""What the names of the backward pass's tensors end with in the common program."""

Values = Mapping[str, Any]


def proofs(bench: Bench, slots: Sequence[Slot]) -> dict[Slot, Verdict]:
    """A verdict "proved" or "exact" for each of the gradients for which there is one."""
    shaped = bench.objective.shapes
    roles = {s.role for s in shaped.values()} - {"", "index", *KINDS}
    if roles or bench.conditions or bench.objective.rows >= 0:
        return {}
    with suppress(SymbackpropError):
        shaped = {**_upstream(bench, shaped), **shaped}
        by = [slot.variable for slot in slots]
        top = _traced(bench, shaped, lambda values: _objective(bench, values), by)[0]
        derived = gradient(without_facts(top), sorted(set(by)))

        def verdict(slot: Slot) -> Verdict:
            theirs = _traced(bench, shaped, _given(bench, slot), by)
            return _compared(slot, top, derived.program, derived.adjoints[slot.variable], theirs)

        found_ = {slot: guarded(slot.subject, partial(verdict, slot)) for slot in slots if slot.home != "local"}
        return {slot: verdict for slot, verdict in found_.items() if verdict.status in STRONG}
    return {}


def _compared(slot: Slot, model: Program, derived: Program, adjoint: str, backward: tuple[Program, str]) -> Verdict:
    """The gradient that the author computes beside the one that is derived."""
    theirs, output = backward
    theirs = without_facts(theirs).renamed({e.name: f"{e.name}{OWN}" for e in theirs.equations}).needed([f"{output}{OWN}"])
    equations = (*derived.equations, *theirs.equations)
    if len(equations) > LONG:
        raise VerifyError(f"a proof of {slot.subject} is long")
    program = Program(derived.name, {**theirs.tensors, **derived.tensors}, equations, derived.objective)
    left, right = adjoint, f"{output}{OWN}"
    if not same_shape(program.tensors[left], program.tensors[right]):
        raise VerifyError(f"{slot.subject} has another shape")
    return compare(slot.subject, Stated(model, program, left, right, model.facts, (adjoint,)))


def _traced(bench: Bench, shaped: Mapping[str, Shape], run: Callable[[Values], Any], by: Sequence[str]) -> tuple[Program, str]:
    """The program of a function of the arguments of both passes, and the tensor that it returns. Raises SpecError where there is none."""

    def whole(**values: Any) -> Any:
        return run(values)

    shapes = {name: " ".join([*s.axes, *(["index"] if s.role == "index" else [])]) for name, s in shaped.items()}
    arguments = [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY) for n in shapes]
    whole.__signature__ = inspect.Signature(arguments)  # type: ignore[attr-defined]
    facts = {name: s.role for name, s in shaped.items() if s.role in KINDS}
    spec = trace_spec(whole, shapes=shapes, parameters=list(dict.fromkeys(by)), facts=facts)
    program = recognised(elaborate(spec))
    return program, spec.output or program.objective


def _upstream(bench: Bench, shaped: Mapping[str, Shape]) -> dict[str, Shape]:
    """The shapes of gradients from above that nobody states: those of the outputs."""
    made = {}
    own = {n: s for n, s in shaped.items() if n not in bench.objective.places}
    for up, k in bench.objective.places.items():
        program, output = _traced(bench, own, partial(_out, bench, k or 0), ())
        made[up] = Shape(tuple(str(a).replace(" ", "") for a in program.tensors[output].axes))
    return made


def _out(bench: Bench, place: int, values: Values) -> Any:
    return _outs(bench, values)[place]


def _outs(bench: Bench, values: Values) -> list[Any]:
    """What forward returns, part by part."""
    out = _called(bench.passes, bench.passes.forward, values, _thing(bench, values))
    return list(out) if isinstance(out, tuple | list) else [out]


def _objective(bench: Bench, values: Values) -> Any:
    """J, or what forward returns, J among it."""
    outs, places = _outs(bench, values), bench.objective.places
    return sum((outs[k or 0] * values[up]).sum() for up, k in places.items()) if places else tuple(outs)


def _given(bench: Bench, slot: Slot) -> Callable[[Values], Any]:
    """The gradient that the author computes, as a function of the arguments of both passes."""

    def run(values: Values) -> Any:
        passes, thing = bench.passes, _thing(bench, values)
        back = out = _called(passes, passes.forward, values, thing)
        if not passes.is_one:
            back = _called(passes, passes.backward, {**values, **passes.cached(out)}, thing)
        return found(thing if slot.home == "thing" else back, slot.path)

    return run


def _called(passes: Passes, of: Watched, values: Values, thing: Any) -> Any:
    """What a pass returns of arguments by name; what has a default and no value is left out."""
    known = {**passes.given, **values}
    for p in passes.arguments(of):
        if p.name not in known and (held := passes.held(p, values)):
            known[p.name] = {n: values[n] for n in held}
    return of.function(*([] if thing is None else [thing]), **{p.name: known[p.name] for p in passes.arguments(of) if p.name in known})


def _thing(bench: Bench, values: Values) -> Any:
    """The object of a class, its arrays those of `values`. Raises VerifyError where it has one that no shape is stated of."""
    passes, thing = bench.passes, copy.deepcopy(bench.points[0].thing)
    stated = {name: name for name in values} | {name: said for said, name in passes.aliases.items() if said in values}
    for name, path in passes.paths.items() if thing is not None else ():
        *way, (kind, key) = path
        holder = found(thing, tuple(way))
        if name in stated and kind == "attribute":
            setattr(holder, key, values[stated[name]])
        elif name in stated:
            holder[key] = values[stated[name]]
        elif isinstance(found(thing, path), np.ndarray):
            raise VerifyError(f"no shape of {name} is stated")
    return thing
