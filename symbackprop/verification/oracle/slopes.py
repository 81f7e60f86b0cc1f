"""Derivatives of a program written out as scalar equations, at one point of the prime field.

Every entry of every tensor is a SymPy symbol, defined by an expression in the entries that it is computed from: the expansion
with its shared parts named. SymPy differentiates each function in it; sums, products and the composition of definitions follow
the chain rule, carried out in residues. Nothing here knows of indices, of tensors' shapes or of how a derivative is contracted.
"""

from collections.abc import Iterator, Mapping
from time import process_time

import numpy as np
from sympy import Dummy, Expr, Symbol

from symbackprop.errors import VerifyError
from symbackprop.verification.oracle.field import Value, lifted
from symbackprop.verification.oracle.literal import sizes_text
from symbackprop.verification.oracle.scalar import PointView, Symbols

ONE, ZERO = lifted(1), lifted(0)


class Slopes(Symbols):
    """The scalar equations of a program at a point, and the derivatives of any entry by any others.

    Raises VerifyError once `deadline` (of process_time) is past.
    """

    def __init__(self, point: PointView, deadline: float = np.inf) -> None:
        super().__init__(point)
        self.deadline = deadline
        self.memo: dict[Expr, Value] = {}
        self.partials: dict[Symbol, list[tuple[Symbol, Value]]] = {}
        self.rows: dict[Symbol, dict[Symbol, Value]] = {}
        for name in point.program.tensors:
            self.entries[name] = self.named(name)
        self.order = [e.name for e in point.program.equations]

    def slope(self, top: str, row: tuple[int, ...], name: str) -> dict[tuple[int, ...], Value]:
        """The derivatives of the entry `row` of the tensor `top` by every entry of the tensor `name`, by place."""
        found = self.row(self.entries[top][row], top)
        return {place: found.get(symbol, ZERO) for place, symbol in np.ndenumerate(self.entries[name])}

    def row(self, symbol: Symbol, top: str) -> Mapping[Symbol, Value]:
        """The derivatives of one entry of `top` by all entries that it is computed from, at any remove."""
        if symbol not in self.rows:
            found = {symbol: ONE}
            for name in reversed(self.order[: self.order.index(top) + 1] if top in self.order else []):
                for entry in self.entries[name].flat:
                    if entry in found:
                        weight = found[entry]
                        for below, slope in self.of(name, entry):
                            found[below] = found[below] + weight * slope if below in found else weight * slope
            self.rows[symbol] = found
        return self.rows[symbol]

    def of(self, name: str, entry: Symbol) -> list[tuple[Symbol, Value]]:
        """The partial derivatives of the definition of `entry`, an entry of `name`, by the symbols in it."""
        if entry not in self.partials:
            if process_time() > self.deadline:
                raise VerifyError(f"the expansion takes too long at {sizes_text(self.sizes)}")
            symbols = self.entries[name]
            self.define(self.program[name])
            definitions, self.entries[name] = self.entries[name], symbols
            for symbol, definition in zip(symbols.flat, definitions.flat, strict=True):
                found: dict[Symbol, Value] = {}
                for below, slope in self.spread(definition, ONE):
                    found[below] = found[below] + slope if below in found else slope
                self.partials[symbol] = list(found.items())
        return self.partials[entry]

    def spread(self, e: Expr, weight: Value) -> Iterator[tuple[Symbol, Value]]:
        """(symbol, weight times slope) for each place where a symbol stands in `e`."""
        if e.is_Symbol:
            yield e, weight
        elif e.is_Add:
            for a in e.args:
                yield from self.spread(a, weight)
        elif e.is_Mul:
            values = [self.value(a) for a in e.args]
            for k, a in enumerate(e.args):
                if a.free_symbols:
                    made = weight
                    for other in values[:k] + values[k + 1 :]:
                        made = made * other
                    yield from self.spread(a, made)
        else:
            for k, a in enumerate(e.args):
                if a.free_symbols:
                    yield from self.spread(a, weight * self.local(e, k))

    def value(self, e: Expr) -> Value:
        """The value of an expression in the entries."""
        return self.point.field.scalar(e, self.symbols, self.memo)

    def local(self, e: Expr, k: int) -> Value:
        """SymPy's derivative of a function by its argument `k`, in the others and itself as they are."""
        moving = [a if not a.free_symbols else Dummy(f"u{j}") for j, a in enumerate(e.args)]
        values = {u: self.value(a) for u, a in zip(moving, e.args, strict=True) if u is not a}
        return self.point.field.scalar(e.func(*moving).diff(moving[k]), values, {})
