"""Every rewriter of the house keeps the value of what it is given: random inputs of its own language, the literal evaluator on both sides.

A row of rewriters.py or rewriter_programs.py is a rewriter. A spoilt one must be seen by the same test, and one that changes nothing too.
"""

from pkgutil import resolve_name

import pytest
from rewriter_matrices import MATRICES
from rewriter_products import PRODUCTS
from rewriter_programs import PROGRAMS
from rewriter_scalars import SCALARS
from rewriter_wholes import WHOLES
from rewriters import EXPRESSIONS
from spoilt import SPOILT

ROWS = {**EXPRESSIONS, **SCALARS, **PROGRAMS, **MATRICES, **WHOLES, **PRODUCTS}
FEW, MANY, FIRST = 30, 2000, 20_000


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


@pytest.mark.parametrize("name", ROWS)
def test_a_spoilt_rewriter_is_seen(name, monkeypatch):
    where, spoilt = SPOILT[name]
    owner, _, word = where.rpartition(".")
    monkeypatch.setattr(resolve_name(owner), word, spoilt)
    with pytest.raises(AssertionError, match="became"):
        run(ROWS[name], range(400))
