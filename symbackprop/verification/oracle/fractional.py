"""A program in fractions, entry by entry: what is equal there is equal without any rounding."""

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from sympy import Expr

from symbackprop.calculus.program import Program
from symbackprop.errors import VerifyError
from symbackprop.verification.oracle.scalar import Env, View


class FractionView(View):
    """A program as a table of fractions, at a point where its leaves are fractions: rational arithmetic and nothing else."""

    def __init__(self, program: Program, sizes: Mapping[Expr, int], leaves: Mapping[str, np.ndarray]) -> None:
        super().__init__(program, sizes)
        self.entries = {name: np.asarray(v, dtype=object) for name, v in leaves.items()}
        for equation in program.equations:
            self.define(equation)

    def number(self, e: Expr) -> Fraction:
        """A rational number. Raises VerifyError for any other."""
        if not e.is_Rational:
            raise VerifyError(f"{e} is no fraction")
        return Fraction(int(e.p), int(e.q))

    def is_zero(self, value: Fraction) -> bool:
        """Whether a guard is 0."""
        return value == 0

    def real(self, e: Expr, env: Env) -> float:
        """The value, by which brackets are decided."""
        return self.walk(e, env)

    def reals(self, name: str) -> np.ndarray:
        """The values of a tensor's entries."""
        return np.vectorize(float, otypes=[float])(self.entries[name])

    def function(self, name: str, value: Fraction) -> Fraction:
        """Raises VerifyError: no function is rational."""
        raise VerifyError(f"{name} of a fraction is no fraction")

    def power(self, base: Fraction, exponent: Fraction, e: Expr) -> Fraction:
        """Raises VerifyError: a root of a fraction is none."""
        raise VerifyError(f"a fraction to the power {e} is no fraction")
