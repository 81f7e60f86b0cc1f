"""Elementwise functions that SymPy has of its own."""

from sympy import Expr, Function, acos, acosh, asin, asinh, atan, atanh, cos, cosh, erf, exp, log, sin, sinh, tan, tanh

from symbackprop.ops.table import REAL, elementwise

POSITIVE = (0, None)


def _native(function: type[Function], numpy: str, what: str, *, latex: str = "", domain: tuple = (REAL,), source: str = "NumPy") -> None:
    def law(x: Expr) -> Expr:
        return function(x)

    name = numpy.removeprefix("np.")
    law.__name__, law.__doc__ = name, f"{what}.\n\n{name}(x)"
    elementwise(numpy=numpy + "({0})", latex=latex, domain=domain, source=source, native=function)(law)


_native(exp, "np.exp", "The exponential", latex=r"\exp\left(#1\right)")
_native(log, "np.log", "The natural logarithm", latex=r"\log\left(#1\right)", domain=(POSITIVE,))
_native(sin, "np.sin", "The sine", latex=r"\sin\left(#1\right)")
_native(cos, "np.cos", "The cosine", latex=r"\cos\left(#1\right)")
_native(tan, "np.tan", "The tangent", latex=r"\tan\left(#1\right)", domain=((-1.5, 1.5),))
_native(tanh, "np.tanh", "The hyperbolic tangent", latex=r"\tanh\left(#1\right)")
_native(sinh, "np.sinh", "The hyperbolic sine", latex=r"\sinh\left(#1\right)")
_native(cosh, "np.cosh", "The hyperbolic cosine", latex=r"\cosh\left(#1\right)")
_native(atan, "np.arctan", "The inverse of the tangent", latex=r"\arctan\left(#1\right)")
_native(asin, "np.arcsin", "The inverse of the sine", latex=r"\arcsin\left(#1\right)", domain=((-1, 1),))
_native(acos, "np.arccos", "The inverse of the cosine", latex=r"\arccos\left(#1\right)", domain=((-1, 1),))
_native(asinh, "np.arcsinh", "The inverse of the hyperbolic sine", latex=r"\operatorname{arsinh}\left(#1\right)")
_native(acosh, "np.arccosh", "The inverse of the hyperbolic cosine", latex=r"\operatorname{arcosh}\left(#1\right)", domain=((1, None),))
_native(atanh, "np.arctanh", "The inverse of the hyperbolic tangent", latex=r"\operatorname{artanh}\left(#1\right)", domain=((-1, 1),))
_native(erf, "erf", "The error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x", source="DLMF 7.2.1")
