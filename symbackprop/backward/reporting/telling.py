"""The report on a bench: the margin, and a verdict for each gradient with the line to blame."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from symbackprop.backward.deriving.bench import OPEN, RIGHT, Bench, Moved
from symbackprop.backward.deriving.known import Known
from symbackprop.backward.deriving.labels import ADJOINT, FORWARD, UNKNOWN, Label, label, nearly, squeezed
from symbackprop.backward.deriving.preparing import labelled, learn
from symbackprop.backward.deriving.proving import proofs
from symbackprop.backward.faults.blaming import Blame
from symbackprop.backward.faults.counterexamples import counterexample
from symbackprop.backward.faults.finding import faults
from symbackprop.backward.faults.mending import Mended
from symbackprop.backward.reporting.report import BackwardReport, BackwardVerdict, Line
from symbackprop.backward.running.slots import Slot
from symbackprop.verification.verdict import Verdict


def report(bench: Bench, states: Mapping[Slot, str], printed: str) -> BackwardReport:
    """The whole report."""
    learn(bench)
    logs = [bench.log(k) for k in range(len(bench.points))]
    labels = labelled(bench, logs)
    try:
        found, failed = faults(bench, states, logs, labels), ""
    except Exception as e:  # a search that breaks takes no verdict away
        found, failed = [], f"the line to blame could not be looked for: {type(e).__name__}: {e}"
    by_slot: dict[Slot, tuple[Blame | None, Mended | None]] = {slot: (b, m) for b, m in reversed(found) for slot in b.repairs}
    proved = proofs(bench, [slot for slot, state in states.items() if state == RIGHT])
    verdicts = tuple(
        _verdict(bench, slot, state, by_slot.get(slot, (None, None)), logs, proved.get(slot)) for slot, state in states.items()
    )
    backward = bench.passes.backward
    notes = (*_notes(bench, printed), *([failed] if failed else []))
    path = Path(backward.function.__code__.co_filename)
    return BackwardReport(verdicts, f"{backward.name}, line by line", path.name, str(path), _lines(bench, labels, found, logs), notes)


def _lines(
    bench: Bench, labels: Mapping[int, Label], found: Sequence[tuple[Blame, Mended | None]], logs: Sequence[Sequence[Moved]]
) -> tuple[Line, ...]:
    backward = bench.passes.backward
    blamed = {b.site.number: _remark(bench, b, m) for b, m in found if m is None or m.site == b.site}
    # The slip may stand in an earlier line than the first value that is known to be wrong.
    blamed |= {m.site.number: f"{m.site.name}: {m.words}" for b, m in found if m is not None and m.site != b.site}
    remarks: dict[int, list[tuple[str, str]]] = {}
    plain: dict[int, list[str]] = {}
    for number, said in labels.items():
        site = backward.sites[number]
        if number in blamed:
            text = ("wrong", blamed[number])
        elif said.kind == FORWARD and said.of == site.name:
            plain.setdefault(site.line, []).append(site.name)
            continue
        elif said.kind in (UNKNOWN, "lacks", "factor", "transposed"):
            if said.kind == UNKNOWN and not any(m.value.ndim for m in logs[0] if m.site == number):
                continue  # a number, as eps: it is nothing that a derivation has
            text = ("note", f"{site.name}: {said.words()}")
        else:
            text = ("right", f"{site.name}: {said.words()}")
        remarks.setdefault(site.line, []).append(text)
    for line, names in plain.items():
        remarks.setdefault(line, []).insert(0, ("right", f"{', '.join(names)}: as in the forward pass"))
    return tuple(
        Line(backward.first + k, text, tuple(dict.fromkeys(remarks.get(backward.first + k, ())))) for k, text in enumerate(backward.lines)
    )


def _remark(bench: Bench, blame: Blame, mended: Mended | None) -> str:
    """What the margin says at a line to blame."""
    told = [mended.words] if mended else [explained(bench, blame)]
    return ": ".join([blame.site.name, f"should be {blame.target.words()}", *(t for t in told if t)])


def explained(bench: Bench, blame: Blame) -> str:
    """What the value at a blamed place is, in terms of what it should be; "" where that is unknown."""
    if blame.target.kind != ADJOINT or blame.target.of not in bench.known[0].adjoint:
        return ""
    useful = [(np.asarray(v, float), k) for v, k in zip(blame.was, bench.known, strict=True) if np.any(v)]
    if not useful:
        return "it is 0"
    said = nearly(useful, only=blame.target.of)
    return at_edge(useful, blame.target.of) if said.kind == UNKNOWN else f"it is {said.words()}"


def at_edge(useful: Sequence[tuple[np.ndarray, Known]], name: str) -> str:
    """That a value is wrong in its first or last entries alone, where that is so at every point."""
    for axis in range(useful[0][0].ndim):
        for end in (0, -1):
            seen = []
            for v, k in useful:
                a = k.adjoint[name].value
                if a.shape != v.shape or v.shape[axis] < 2:
                    return ""
                off = np.moveaxis(np.abs(a - v) > 1e-7 * np.max(np.abs(a)), axis, 0)
                rest = off[1:] if end == 0 else off[:-1]
                seen.append(bool(np.any(off[end]) and not np.any(rest)))
            if all(seen):
                return f"it is wrong in its {'first' if end == 0 else 'last'} entries along axis {axis} alone"
    return ""


def _verdict(
    bench: Bench,
    slot: Slot,
    state: str,
    fault: tuple[Blame | None, Mended | None],
    logs: Sequence[Sequence[Moved]],
    proof: Verdict | None,
) -> BackwardVerdict:
    blame, mended = fault
    subject = slot.subject
    errors = [g[slot.variable].error for g in bench.gradients]
    where = "; ".join(", ".join(f"{a} = {s}" for a, s in p.at.items()) or "the sizes given" for p in bench.points)
    if proof is not None:
        reason = f"dJ/d{slot.variable}, {proof.reason}"
        return BackwardVerdict(proof.status, subject, reason, details=proof.details)
    if state == RIGHT:
        reason = f"dJ/d{slot.variable}, to {max(*errors, 1e-8):.0e}, at {where}"
        return BackwardVerdict("holds-if" if bench.conditions else "holds", subject, reason, bench.conditions)
    if state == OPEN:
        return BackwardVerdict("unknown", subject, f"dJ/d{slot.variable} and it can't be told apart in this precision")
    shown = counterexample(bench, slot, bench.objective.shapes, bench.labels if bench.way else (), bench.way)
    return BackwardVerdict(
        "wrong",
        subject,
        f"it is not dJ/d{slot.variable}",
        cause=_why(bench, slot, blame, mended),
        line=mended.site.line if mended else blame.site.line if blame else _last_line(bench, slot, logs),
        counterexample=shown[0] if shown else None,
        script=shown[1] if shown else "",
        corrected=mended.statement if mended else "",
    )


def _why(bench: Bench, slot: Slot, blame: Blame | None, mended: Mended | None) -> str:
    """The likely cause: what the value at the place should be, and the slip."""
    if mended and blame and mended.site != blame.site:
        return f"{mended.site.name}: {mended.words}; so {blame.site.name} is not {blame.target.words()}"
    return ": ".join(t for t in (_cause(bench, slot, blame), mended.words if mended else "") if t)


def _last_line(bench: Bench, slot: Slot, logs: Sequence[Sequence[Moved]]) -> int:
    """The last line that binds a gradient."""
    sites = [bench.passes.backward.sites[m.site] for m in logs[0]]
    return next((s.line for s in reversed(sites) if s.name == slot.subject), 0)


def _cause(bench: Bench, slot: Slot, blame: Blame | None) -> str:
    if blame is None:
        values = [v for v in (slot.value(r) for r in bench.rans) if v is not None]
        if len(values) < len(bench.rans):
            return "it is missing"
        wanted = np.asarray(bench.points[0].values[slot.variable])
        if squeezed(values[0]).shape != squeezed(wanted).shape:
            return f"its shape is {values[0].shape}, that of {slot.variable} is {wanted.shape}"
        said = label(values, bench.known, slot.subject)
        return "" if said.kind == UNKNOWN else f"it is {said.words()}"
    said_here = explained(bench, blame)
    return f"{blame.site.name} should be {blame.target.words()}" + (f" ({said_here})" if said_here else "")


def _notes(bench: Bench, printed: str) -> tuple[str, ...]:
    made = []
    changed = sorted({n for r in bench.rans for n in r.changed})
    if changed:
        made.append(f"{bench.passes.backward.name} changes {', '.join(changed)} in place: whoever passes it has other numbers afterwards")
    if bench.refused:
        made.append(bench.refused)
    if printed:
        made.append(f"the functions print ({len(printed.splitlines())} lines in all runs); none of it is shown")
    return tuple(made)
