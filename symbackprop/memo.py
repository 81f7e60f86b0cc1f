"""What is found once and remembered: one bound for all that grows with what is derived."""

from functools import lru_cache

KEPT = 2**13
"""Results remembered by each function. One page asks again for what it found some thousand values ago, and hardly ever for older ones;
each result holds an expression of about 1 kB, so all such functions together never hold more than some 100 MB."""

remembered = lru_cache(KEPT)
"""Remember the latest results of a function of expressions. `cache` is for what there is a finite number of: ops, languages, targets."""
