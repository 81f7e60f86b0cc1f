"""What is found once and remembered: one bound for all that grows with what is derived."""

from functools import lru_cache

KEPT = 2**11
"""Results remembered by each function. A page asks again for what it found some hundred results ago, and hardly ever for older ones: four
times as many make none faster. Each holds an expression of about 1 kB, so that all such functions together hold some 30 MB at most."""

remembered = lru_cache(KEPT)
"""Remember the latest results of a function of expressions. `cache` is for what there is a finite number of: ops, languages, targets."""
