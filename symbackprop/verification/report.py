"""The whole report on a derivation or on one result: every adjoint exactly and numerically, and the generated code."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from types import ModuleType

from symbackprop.calculus.program import Program
from symbackprop.derivation.reverse import Derived
from symbackprop.derivation.second import hessian
from symbackprop.verification import exact, generated, numeric, symmetry
from symbackprop.verification.claims.claims import fact_text
from symbackprop.verification.second import facts_behind
from symbackprop.verification.verdict import Report, Verdict, guarded


def verify_derived(derived: Derived, module: ModuleType | None = None, seed: int = 0) -> Report:
    """A verdict for each derivative by each of two oracles, and one for each function of `module` and each dtype.

    A derivative that rests on a declared fact holds if that fact does.
    """
    rows = _derivatives(derived, derived.program, seed)
    if module is not None:
        rows += generated.check_module(derived, module, seed)
    return Report(tuple(rows), f"verification of {derived.program.name}")


def check_hessian(derived: Derived, module: ModuleType, seed: int = 0) -> list[Verdict]:
    """A verdict for each block of the Hessian, by both oracles; `module` is tested by its own self_check."""
    made = hessian(derived)
    program = made.derived.program.needed([*made.blocks.values(), *derived.adjoints.values(), derived.output])
    return _derivatives(made.derived, program, seed, set(made.blocks.values()))


def verify_result(derived: Derived, name: str, function: Callable | None = None, seed: int = 0) -> Report:
    """A verdict for the derivative `name` of `derived`, for each that it is computed from, and for `function` of the leaves (by name).

    A second derivative of a scalar is also derived in the other order and compared.
    """
    return verify_results(derived, {name: function}, numeric.label(derived.program.tensors[name]), seed)


def verify_results(derived: Derived, functions: Mapping[str, Callable | None], what: str, seed: int = 0) -> Report:
    """As `verify_result`, of several derivatives with a function for each; what they are computed from is verified once."""
    program = derived.program
    rows = _derivatives(derived, program.needed(_with_bases(program, functions)), seed)
    for name, function in functions.items():
        tensor = program.tensors[name]
        top, *variables = tensor.derivative
        if len(variables) == 2 and not program.tensors[top].axes and not any(program.tensors[v].derivative for v in variables):
            other, other_name = symmetry.exchanged(derived, name)
            facts = {*facts_behind(derived, name), *facts_behind(other, other_name)}
            conditions = [fact_text(f, program) for f in sorted(facts, key=str)]
            subject = f"{numeric.label(tensor)} in the other order"
            rows.append(guarded(subject, partial(symmetry.check_symmetry, derived, name, other, other_name, seed)).under(conditions))
        if function is not None:
            rows += generated.check_function(program, name, function, seed)
    return Report(tuple(rows), f"verification of {what}")


def _with_bases(program: Program, names: Iterable[str]) -> set[str]:
    """`names` and the derivatives that they are computed from, with all that these are the derivatives of."""
    found, waiting = {*names}, [*names]
    while waiting:
        for e in program.needed([waiting.pop()]).equations:
            if len(e.tensor.derivative) > 1 and (base := numeric.base_tensor(program, e.tensor).name) not in found:
                found.add(base)
                waiting.append(base)
    return found


def _derivatives(derived: Derived, program: Program, seed: int, wanted: Collection[str] | None = None) -> list[Verdict]:
    """A verdict for each derivative in `program`, or each `wanted` one, by both oracles."""
    names = [t.name for t in numeric.derivatives(program) if wanted is None or t.name in wanted]
    exactly = exact.check_derivatives(program, names, seed=seed)
    numerically = numeric.check_derivatives(program, names, seeds=(seed,))
    rows = []
    for name, *both in zip(names, exactly, numerically, strict=True):
        conditions = [fact_text(f, derived.program) for f in facts_behind(derived, name)]
        rows.append(merged(*both).under(conditions))
    return rows


def merged(exactly: Verdict, numerically: Verdict) -> Verdict:
    """One verdict from an exact and a numeric one.

    Wrong if either is, and unknown where an exception of ours stands behind either or the numbers could not tell. Exact stands only beside
    numbers that hold, under the conditions that they hold under; else the numbers stand.
    """
    first, second = (exactly, numerically) if exactly.is_green and numerically.is_green else (numerically, exactly)
    if exactly.status == "wrong" or (exactly.is_fault and numerically.is_green):
        first, second = exactly, numerically
    details = (*_line(*first.details), *_line(f"{second.status} {second.reason}", *second.details))
    return replace(first, details=details).under(second.conditions)


def _line(*parts: str) -> tuple[str, ...]:
    return ("; ".join(parts),) if parts else ()
