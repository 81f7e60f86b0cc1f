"""Every rewriter of the house keeps the value of what it is given: random inputs of its own language, the literal evaluator on both sides.

A row of rewriters.py or rewriter_programs.py is a rewriter. A spoilt one must be seen by the same test, and one that changes nothing too.
"""

from importlib import import_module

import pytest
from rewriter_programs import PROGRAMS
from rewriter_scalars import SCALARS
from rewriters import EXPRESSIONS

ROWS = {**EXPRESSIONS, **SCALARS, **PROGRAMS}
FEW, MANY, FIRST = 30, 2000, 10_000
SPOILT = [(name, k) for name, row in ROWS.items() for k in range(len(row.sabotage))]


def run(row, seeds):
    """Check the rewriter at each seed; the share of cases that it changed."""
    changed = 0
    for seed in seeds:
        given = row.draw(seed)
        made = row.rewrite(given)
        if made is not None:
            changed += given.is_changed(made)
            given.check(made)
    return changed / len(seeds)


@pytest.mark.parametrize("name", ROWS)
def test_a_rewriter_keeps_values(name):
    assert run(ROWS[name], range(FEW)) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_a_rewriter_keeps_values_in_many_cases(name):
    assert run(ROWS[name], range(FIRST, FIRST + MANY)) >= ROWS[name].changes


@pytest.mark.parametrize(("name", "k"), SPOILT)
def test_a_spoilt_rewriter_is_seen(name, k, monkeypatch):
    where, spoilt = ROWS[name].sabotage[k]
    module, _, word = where.rpartition(".")
    monkeypatch.setattr(import_module(module), word, spoilt)
    with pytest.raises(AssertionError, match="became"):
        run(ROWS[name], range(400))
