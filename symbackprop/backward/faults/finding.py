"""The faults of a backward pass, one after the other: each is corrected before the next is looked for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from symbackprop.backward.deriving.bench import RIGHT, WRONG, Bench, Moved, plainly_at
from symbackprop.backward.deriving.labels import ADJOINT, FORWARD, Label
from symbackprop.backward.deriving.preparing import labelled
from symbackprop.backward.faults.blaming import Blame, blames
from symbackprop.backward.faults.mending import Mended, mend
from symbackprop.backward.running.slots import Slot

MOST = 8
"""Places that are looked for."""


def faults(
    bench: Bench, states: Mapping[Slot, str], logs: Sequence[Sequence[Moved]], labels: Mapping[int, Label]
) -> list[tuple[Blame, Mended | None]]:
    """The places to blame, each with the statement as it should be, if one was found."""
    made: list[tuple[Blame, Mended | None]] = []
    now, unexplained = dict(states), set()
    for _ in range(MOST):
        open_ = {s: state for s, state in now.items() if s not in unexplained}
        if WRONG not in open_.values():
            break
        found = blames(bench, open_, logs, labels)
        if not found:
            break
        first = min(found, key=lambda b: b.order)
        suspects = {bench.passes.backward.sites[n].name for n, said in labels.items() if said.kind not in (ADJOINT, FORWARD)}
        mended = mend(bench, first, [s for s, state in now.items() if state == RIGHT], suspects)
        if mended is None:
            made.append((first, None))
            unexplained |= {*first.repairs}
            continue
        before = now
        bench.replaced[mended.number] = mended.node
        code = bench.current()
        now = bench.tried(plainly_at, code) or now
        # The statement may put right more than the value that it was found by.
        repaired = tuple(s for s, state in before.items() if state == WRONG and now[s] == RIGHT)
        made.append((replace(first, repairs=repaired), mended))
        logs = [bench.log(k, code) for k in range(len(bench.points))]
        labels = labelled(bench, logs)
    bench.replaced.clear()
    return made
