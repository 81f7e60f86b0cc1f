"""Formulas in plain text, for the comments of generated code: an index is written as the axis it runs over.

O[n,c] = sum_h H[n,h] W2[c,h] + b2[c]; a second index over the same axis has a stroke, c'.
"""

from collections.abc import Mapping

from sympy import Add, Expr, Function, KroneckerDelta, Mul, Pow

from symbackprop.index import Index
from symbackprop.lower.spelling import size_text
from symbackprop.program import Equation
from symbackprop.term import Entry, NonNegative, Positive, Total, indices_of, substitute, tensor_names

LETTERS = "ijklmnopq"
ATOM, PRODUCT, SUM = range(3)


Axes = Mapping[str, tuple[Expr, ...]]


def formula(equation: Equation, axes: Axes, inside: Mapping[str, Equation] | None = None) -> str:
    """The equation as one line. Tensors that `inside` defines are written out in place; `axes`: those of all tensors."""
    names: dict[Index, str] = {}
    left = _entry(equation.tensor.name, equation.indices, names)
    if equation.call is None:
        return f"{left} = {_Writer(names, inside or {}, axes).write(equation.rhs)[0]}"
    call = equation.call
    return f"{equation.name} = {call.op}({', '.join([*call.arguments, *[f'{k}={v}' for k, v in call.options]])})"


def _name(i: Index, names: dict[Index, str]) -> str:
    if i not in names:
        base = str(i.axis) if i.axis.is_Symbol else next(c for c in LETTERS if c not in names.values())
        while base in names.values():
            base += "'"
        names[i] = base
    return names[i]


def _place(e: Expr, names: dict[Index, str]) -> str:
    if isinstance(e, Index):
        return _name(e, names)
    if isinstance(e, Entry):
        return _entry(e.name, e.indices, names)
    if isinstance(e, Add | Mul) and e.atoms(Index):
        sign = " + " if isinstance(e, Add) else " "
        args = sorted(e.args, key=lambda a: (not a.has(Index), str(a)) if isinstance(e, Add) else (a.has(Index), str(a)))
        return sign.join(_place(a, names) for a in args).replace("+ -", "- ")
    return size_text(e).text


def _entry(name: str, indices: tuple[Expr, ...], names: dict[Index, str]) -> str:
    return f"{name}[{','.join(_place(i, names) for i in indices)}]" if indices else name


class _Writer:
    def __init__(self, names: dict[Index, str], inside: Mapping[str, Equation], axes: Axes) -> None:
        self.names = names
        self.inside = inside
        self.axes = axes

    def text(self, e: Expr, level: int) -> str:
        text, own = self.write(e)
        return f"({text})" if own > level else text

    def write(self, e: Expr) -> tuple[str, int]:
        """The text of `e`, and how tightly it holds together."""
        if isinstance(e, Entry):
            return self.entry(e)
        if isinstance(e, Total):
            over = ",".join(_name(i, self.names) for i in e.indices)
            sign = f"sum_{over}" if len(e.indices) == 1 else f"sum_{{{over}}}"
            text = f"{sign} {self.text(e.body, PRODUCT)}"
            for i in e.indices:
                del self.names[i]
            return text, PRODUCT
        if isinstance(e, Add):
            return self.sum(e)
        if isinstance(e, Mul):
            return self.product(e)
        if isinstance(e, Pow):
            if e.exp.is_number and e.exp.is_negative:
                return f"1 / {self.text(Pow(e.base, -e.exp), ATOM)}", PRODUCT
            if e.exp == 0.5:
                return f"sqrt({self.write(e.base)[0]})", ATOM
            return f"{self.text(e.base, ATOM)}^{self.text(e.exp, ATOM)}", ATOM
        if isinstance(e, Positive | NonNegative):
            sign = ">" if isinstance(e, Positive) else ">="
            return f"[{_place(e.args[0], self.names) if not e.has(Entry) else self.write(e.args[0])[0]} {sign} 0]", ATOM
        if isinstance(e, KroneckerDelta):
            return f"[{' = '.join(_place(a, self.names) for a in e.args)}]", ATOM
        if isinstance(e, Index):
            return _name(e, self.names), ATOM
        if isinstance(e, Function) and e.has(Entry, Index):
            return f"{type(e).__name__}({', '.join(self.write(a)[0] for a in e.args)})", ATOM
        number = size_text(e)
        return number.text, ATOM if number.level <= 1 else PRODUCT if number.level <= 3 else SUM

    def entry(self, e: Entry) -> tuple[str, int]:
        """An entry; a tensor without a line of its own is written out."""
        made = self.inside.get(e.name)
        if made is None:
            return _entry(e.name, e.indices, self.names), ATOM
        if made.rhs is not None:
            return self.write(substitute(made.rhs, dict(zip(made.indices, e.indices, strict=True))))
        axis = made.call.option("axis")
        source = made.call.arguments[0]
        places = [_place(i, self.names) for i in e.indices]
        over = ""
        if isinstance(axis, int):
            over = self.along(source, axis, e)
            places.insert(axis, over)
        return f"{made.call.op}_{over} {source}[{','.join(places)}]", PRODUCT

    def along(self, source: str, axis: int, e: Entry) -> str:
        """The name of the axis that a call reduces."""
        size = self.axes[source][axis]
        base = str(size) if size.is_Symbol else "k"
        taken = {_place(i, self.names) for i in e.indices}
        while base in taken:
            base += "'"
        return base

    def sum(self, e: Add) -> tuple[str, int]:
        """Terms with a plus first, sums of products before plain entries."""
        terms = sorted(e.args, key=lambda t: (t.could_extract_minus_sign(), not t.has(Total), len(tensor_names(t)) == 0, str(t)))
        text = ""
        for t in terms:
            negative = t.could_extract_minus_sign()
            piece = self.text(-t if negative else t, PRODUCT)
            text += (f" - {piece}" if negative else f" + {piece}") if text else (f"-{piece}" if negative else piece)
        return text, SUM

    def product(self, e: Mul) -> tuple[str, int]:
        """Numbers, entries, then brackets and sums; what divides comes after a stroke."""
        if e.could_extract_minus_sign():
            return f"-{self.text(-e, PRODUCT)}", SUM
        above, below = [], []
        for f in e.args:
            if f.is_Rational:
                above += [f.p] if f.p != 1 else []
                below += [f.q] if f.q != 1 else []
            elif isinstance(f, Pow) and f.exp.is_number and f.exp.is_negative:
                below.append(Pow(f.base, -f.exp))
            else:
                above.append(f)

        def order(f: int | Expr) -> tuple:
            if isinstance(f, int):
                return (0, "", "")
            first = min((i.name for i in indices_of(f)), default="")  # i0 before i1: what the left side's first index picks
            return (1 if not f.has(Entry) else 4 if f.has(Total) else 3 if isinstance(f, Positive | NonNegative) else 2, first, str(f))

        def words(factors: list) -> list[str]:
            return [
                str(f) if isinstance(f, int) else self.text(f, ATOM if not isinstance(f, Total) else PRODUCT)
                for f in sorted(factors, key=order)
            ]

        top = " ".join(words(above)) or "1"
        if not below:
            return top, PRODUCT
        under = words(below)
        return f"{top} / {under[0] if len(under) == 1 else '(' + ' '.join(under) + ')'}", PRODUCT
