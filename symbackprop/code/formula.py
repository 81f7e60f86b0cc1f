"""Formulas in plain text, for the comments of generated code: an index is written as the axis it runs over.

O[n,c] = sum_h H[n,h] W2[c,h] + b2[c]; a second index over the same axis has a stroke, c'.
"""

from collections.abc import Mapping

from sympy import Add, Expr, Function, KroneckerDelta, Mul, Pow, Rational, S

from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call, Equation
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, indices_of, slopes, tensor_names
from symbackprop.code.spelling import LONG, size_text

LETTERS = "ijklmnopq"
ATOM, PRODUCT, SUM = range(3)


Axes = Mapping[str, tuple[Expr, ...]]


def formula(equation: Equation, axes: Axes, inside: Mapping[str, Equation] | None = None) -> str:
    """The equation as one line. Tensors that `inside` defines are written out in place; `axes`: those of all tensors."""
    names = _Names(_is_plain(equation))
    left = _entry(equation.tensor.name, equation.indices, names)
    if isinstance(equation.rhs, Expr):
        return f"{left} = {_Writer(names, inside or {}, axes).write(equation.rhs)[0]}"
    call = equation.rhs
    return f"{equation.name} = {call.op}({', '.join([*call.arguments, *[f'{k}={v}' for k, v in call.options]])})"


class _Names(dict[Index, str]):
    """Names of indices. Where sizes take part in index arithmetic (n - 1 - i), no index may be called like a size."""

    def __init__(self, by_axis: bool) -> None:
        super().__init__()
        self.by_axis = by_axis


def _is_plain(equation: Equation) -> bool:
    """Whether every entry is at plain indices, and no condition is on indices alone."""
    if isinstance(equation.rhs, Call):
        return True
    places = [i for a in equation.rhs.atoms(Entry) for i in a.indices]
    brackets = equation.rhs.atoms(Positive, NonNegative)
    return all(isinstance(i, Index | Entry) for i in places) and all(b.has(Entry) for b in brackets)


def _name(i: Index, names: _Names) -> str:
    if i not in names:
        base = str(i.axis) if i.axis.is_Symbol and names.by_axis else next((c for c in LETTERS if c not in names.values()), LETTERS[0])
        while base in names.values():
            base += "'"
        names[i] = base
    return names[i]


def _place(e: Expr, names: _Names) -> str:
    if isinstance(e, Index):
        return _name(e, names)
    if isinstance(e, Entry):
        return _entry(e.name, e.indices, names)
    if isinstance(e, Add | Mul) and e.has(Index, Entry):
        if isinstance(e, Mul):
            number, rest = e.as_coeff_Mul()
            words = [f"({_place(a, names)})" if isinstance(a, Add) else _place(a, names) for a in Mul.make_args(rest)]
            return ("-" if number < 0 else "") + " ".join([*([str(abs(number))] if abs(number) != 1 else []), *words])
        text = ""
        for a in sorted(e.args, key=lambda a: (a.could_extract_minus_sign(), not a.has(Index), a.is_Number, str(a))):
            negative = a.could_extract_minus_sign()
            word = _place(-a if negative else a, names)
            text += (f" - {word}" if negative else f" + {word}") if text else f"-{word}" if negative else word
        return text
    return size_text(e).text


def _entry(name: str, indices: tuple[Expr, ...], names: _Names) -> str:
    return f"{name}[{','.join(_place(i, names) for i in indices)}]" if indices else name


class _Writer:
    def __init__(self, names: _Names, inside: Mapping[str, Equation], axes: Axes) -> None:
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
            if e.exp.is_Integer and e.exp == 2 and isinstance(e.base, Function) and not isinstance(e.base, Positive | NonNegative):
                return f"{self.write(e.base)[0]}^2", ATOM
            if e.exp.is_number and e.exp.is_negative:
                return f"1 / {self.text(Pow(e.base, -e.exp), ATOM)}", PRODUCT
            if e.exp == Rational(1, 2):
                return f"sqrt({self.write(e.base)[0]})", ATOM
            return f"{self.text(e.base, ATOM)}^{self.text(e.exp, ATOM)}", ATOM
        if isinstance(e, Positive | NonNegative):
            sign = ">" if isinstance(e, Positive) else ">="
            return f"[{self.write(e.args[0])[0] if slopes(e.args[0]) is None else _place(e.args[0], self.names)} {sign} 0]", ATOM
        if isinstance(e, KroneckerDelta):
            return f"[{' = '.join(_place(a, self.names) for a in e.args)}]", ATOM
        if isinstance(e, Index):
            return _name(e, self.names), ATOM
        if isinstance(e, Function) and e.has(Entry, Index):
            return f"{type(e).__name__}({', '.join(self.write(a)[0] for a in e.args)})", ATOM
        if e is S.Pi:
            return "pi", ATOM
        number = size_text(e)
        return number.text, ATOM if number.level <= 1 else PRODUCT if number.level <= 3 else SUM

    def entry(self, e: Entry) -> tuple[str, int]:
        """An entry; a tensor without a line of its own is written out."""
        made = self.inside.get(e.name)
        if made is None:
            return _entry(e.name, e.indices, self.names), ATOM
        if isinstance(made.rhs, Expr):
            return self.write(made.at(e.indices))
        axis = made.rhs.option("axis")
        source = made.rhs.arguments[0]
        places = [_place(i, self.names) for i in e.indices]
        over = ""
        if isinstance(axis, int):
            over = self.along(source, axis, e)
            places.insert(axis, over)
        return f"{made.rhs.op}_{over} {source}[{','.join(places)}]", PRODUCT

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
            if f.is_Rational and f.q > LONG:
                above.append(float(f))
            elif f.is_Rational:
                above += [f.p] if f.p != 1 else []
                below += [f.q] if f.q != 1 else []
            elif isinstance(f, Pow) and f.exp.is_number and f.exp.is_negative:
                below.append(Pow(f.base, -f.exp))
            else:
                above.append(f)

        def order(f: float | Expr) -> tuple:
            if isinstance(f, int | float):
                return (0, "", "")
            first = min((i.name for i in indices_of(f)), default="")  # i0 before i1: what the left side's first index picks
            return (1 if not f.has(Entry) else 4 if f.has(Total) else 3 if isinstance(f, Positive | NonNegative) else 2, first, str(f))

        def words(factors: list) -> list[str]:
            return [
                str(f) if isinstance(f, int | float) else self.text(f, ATOM if not isinstance(f, Total) else PRODUCT)
                for f in sorted(factors, key=order)
            ]

        top = " ".join(words(above)) or "1"
        if not below:
            return top, PRODUCT
        under = words(below)
        return f"{top} / {under[0] if len(under) == 1 else '(' + ' '.join(under) + ')'}", PRODUCT
