"""The whole report on a derivation: every adjoint exactly and numerically, and the generated module."""

from dataclasses import replace
from types import ModuleType

from symbackprop.derive.reverse import Derived
from symbackprop.program import Fact
from symbackprop.verify import exact, generated, numeric
from symbackprop.verify.claims import fact_text
from symbackprop.verify.verdict import Report, Verdict


def verify_derived(derived: Derived, module: ModuleType | None = None, seed: int = 0) -> Report:
    """A verdict for each derivative by each of two oracles, and one for each function of `module` and each dtype.

    A derivative that rests on a declared fact holds if that fact does.
    """
    names = [t.name for t in numeric.derivatives(derived.program)]
    exactly = exact.check_derivatives(derived.program, names, seed=seed)
    numerically = numeric.check_derivatives(derived.program, names, seeds=(seed, seed + 1))
    rows = []
    for name, *both in zip(names, exactly, numerically, strict=True):
        conditions = [fact_text(f, derived.program) for f in facts_behind(derived, name)]
        rows.append(merged(*both).under(conditions))
    if module is not None:
        rows += generated.check_module(derived, module, seeds=(seed, seed + 1))
    return Report(tuple(rows), f"verification of {derived.program.name}")


def merged(exactly: Verdict, numerically: Verdict) -> Verdict:
    """One verdict from an exact and a numeric one: wrong if either is; exact stands, with what the numbers say; else the numbers'."""
    first, second = (numerically, exactly) if numerically.status == "wrong" or not exactly.is_green else (exactly, numerically)
    if exactly.status == "wrong":
        first, second = exactly, numerically
    return replace(first, details=(*_line(*first.details), *_line(f"{second.status} {second.reason}", *second.details)))


def _line(*parts: str) -> tuple[str, ...]:
    return ("; ".join(parts),) if parts else ()


def facts_behind(derived: Derived, name: str) -> list[Fact]:
    """The declared facts that fired in the adjoint `name` or in one that it is computed from."""
    declared = set(derived.program.facts)
    needed = derived.program.needed([name])
    return sorted({f for e in needed.equations for f in derived.facts.get(e.name, ()) if f in declared}, key=str)
