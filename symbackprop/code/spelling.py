"""How a target writes things, and sizes as its source text."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sympy import Add, Expr, Function, KroneckerDelta, Max, Min, Mul, Pow, S

from symbackprop.calculus.factors import LONG
from symbackprop.calculus.facts import KINDS, Kind, Test
from symbackprop.calculus.term import NonNegative, Positive
from symbackprop.errors import MissingSpellingError
from symbackprop.ops import op_of
from symbackprop.ops.function import Elementwise, written_out

ATOM, POWER, SIGN, PRODUCT, SUM, COMPARE = range(6)
"""How tightly a piece of text holds together, tightest first."""


@dataclass(frozen=True)
class Text:
    """A piece of source, and how tightly it holds together."""

    text: str
    level: int = ATOM

    def within(self, level: int) -> str:
        """The text, in brackets if it holds less tightly than `level`."""
        return f"({self.text})" if self.level > level else self.text


@dataclass(frozen=True)
class Spelling:
    """The tables of a target's target.toml.

    `overwriting`: functions that take out=, `functions`: those that don't, `calls`: whole-tensor ops, `arrays`: products,
    reductions and new arrays. In a spelling {0}, {1} stand for operands. `helpers`: source of what the target lacks, by the name that a
    spelling uses, and of what checks facts. `statements` write into arrays: a target without them has none, and its arrays never change.

    `title` is what the library is called, `library` what its functions are called by, after `imports`; `array` is the type of its arrays,
    `plain` the type of those that need no conversion, if one comparison is to tell them. `note`: lines on what a module can do here.
    `lacks`: the words of what a module can't have here, and why.
    """

    target: str
    file: str
    title: str
    library: str
    imports: Sequence[str]
    array: str
    plain: str = ""
    note: Sequence[str] = ()
    suffix: str = ".py"
    comment: str = "#"
    lacks: Mapping[str, str] = field(default_factory=dict)
    statements: Mapping[str, str] = field(default_factory=dict)
    overwriting: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, str] = field(default_factory=dict)
    arrays: Mapping[str, str] = field(default_factory=dict)
    helpers: Mapping[str, str] = field(default_factory=dict)

    def spell(self, name: str) -> str:
        """The spelling of a function, call or array operation. Raises MissingSpellingError, which names the file."""
        for table in (self.overwriting, self.functions, self.arrays, self.calls, self.statements):
            if name in table:
                return table[name]
        raise MissingSpellingError(
            f"target '{self.target}' has no spelling for '{name}'",
            place=self.file,
            fix=f'add {name} = "..." under [functions] in {self.file}',
        )

    def setting(self, array: str, places: str, value: str) -> str:
        """The statement after which what is called `array` holds `value` at `places`."""
        text = self.spell("set").format(array, places, value)
        return text if self.statements else f"{array} = {text}"

    def helpers_of(self, text: str) -> set[str]:
        """The helpers that a piece of source names."""
        return {word for word in re.findall(r"\w+", text) if word in self.helpers}

    def all_helpers(self, used: Iterable[str]) -> list[str]:
        """The helpers that are used, and those that these use, in alphabetical order."""
        found, stack = set(), list(used)
        while stack:
            name = stack.pop()
            found.add(name)
            stack += [h for h in self.helpers if h != name and f"{h}(" in self.helpers[name] and h not in found]
        return sorted(found)

    def with_checks(self) -> "Spelling":
        """This spelling, with a helper for each kind of fact that numbers can break."""
        return replace(self, helpers={**self.helpers, **{checker(k): self._check(k, k.test) for k in KINDS.values() if k.test is not None}})

    def _check(self, kind: Kind, test: Test) -> str:
        arguments = "name, x, axis" if kind.axis else "name, x"
        before = "".join(f"    {line}\n" for line in test.before)
        return self.spell("check").format(
            called=checker(kind), arguments=arguments, ought=test.ought, before=before, test=test.test, said=test.said
        )

    @property
    def known(self) -> frozenset[str]:
        """The elementwise functions that have a spelling."""
        return frozenset({*self.overwriting, *self.functions})


def checker(kind: Kind) -> str:
    """The name of the helper that checks facts of a kind."""
    return f"_{kind.name.replace('-', '_')}"


def size_text(e: Expr) -> Text:
    """A number made of sizes, as the target's arithmetic on Python numbers."""
    if e.is_Integer:
        return Text(str(e), ATOM if e >= 0 else SIGN)
    if e.is_Symbol:
        return Text(e.name)
    if e.is_Rational:
        value = float(e)
        if e.q > LONG or e.q in (2, 4, 5, 8, 10, 16, 20, 25, 32, 40, 50, 64, 80, 100, 1000, 10000):
            return Text(repr(value), ATOM if value >= 0 else SIGN)
        return Text(f"{e.p} / {e.q}", PRODUCT)
    if e in (S.Infinity, S.NegativeInfinity):
        return Text("np.inf" if e is S.Infinity else "-np.inf")
    if not e.free_symbols:
        value = float(written_out(e))
        return Text(repr(value), ATOM if value >= 0 else SIGN)
    if isinstance(e, Add):
        positive = sorted((t for t in e.args if not t.could_extract_minus_sign()), key=lambda t: (t.is_number, str(t)))
        negative = sorted((t for t in e.args if t.could_extract_minus_sign()), key=lambda t: (t.is_number, str(t)))
        text = " + ".join(size_text(t).within(PRODUCT) for t in positive)
        for t in negative:
            text += f" - {size_text(-t).within(PRODUCT)}" if text else f"-{size_text(-t).within(SIGN)}"
        return Text(text, SUM)
    if isinstance(e, Mul):
        return _product(e)
    if isinstance(e, Pow):
        base, exponent = e.args
        if exponent == -1:
            return Text(f"1 / {size_text(base).within(SIGN)}", PRODUCT)
        return Text(f"{size_text(base).within(ATOM)}**{size_text(exponent).within(SIGN)}", POWER)
    name = type(e).__name__
    if isinstance(e, Max | Min):
        return Text(f"{name.lower()}({', '.join(size_text(a).text for a in sorted(e.args, key=str))})")
    if name in ("floor", "ceiling"):
        over, under = e.args[0].as_numer_denom()
        sign = "" if name == "floor" else "-"
        inner = over if name == "floor" else -over
        return Text(f"{sign}({size_text(inner).within(PRODUCT)} // {size_text(under).within(SIGN)})", SIGN if sign else ATOM)
    if isinstance(e, Positive | NonNegative):
        return Text(f"float({size_text(e.args[0]).within(PRODUCT)} {'>' if name == 'Positive' else '>='} 0)")
    if isinstance(e, KroneckerDelta):
        return Text(f"float({size_text(e.args[0]).within(SUM)} == {size_text(e.args[1]).within(SUM)})")
    if isinstance(e, Elementwise):
        return size_text(written_out(e))
    if isinstance(e, Function) and (op := op_of(type(e))) is not None and op.numpy.startswith("np."):
        return Text(f"float({op.numpy.format(size_text(e.args[0]).text)})")
    if e.args:
        raise MissingSpellingError(f"no spelling for {name} of the size of an axis", source=str(e), fix="make it an argument of the model")
    return Text(str(e), SUM)


def _product(e: Mul) -> Text:
    if e.could_extract_minus_sign():
        inner = size_text(-e)
        return Text(f"-{inner.within(PRODUCT)}", PRODUCT)
    number = e.as_coeff_Mul()[0]
    decimal = number if number.is_Rational and number.q > LONG else S.One
    over, under = (e / decimal).as_numer_denom()
    factors = [f for f in (decimal, *Mul.make_args(over)) if f != 1] or [S.One]
    top = " * ".join(size_text(f).within(SIGN) for f in sorted(factors, key=lambda f: (not f.is_number, str(f))))
    if under == 1:
        return Text(top, PRODUCT)
    return Text(f"{top} / {size_text(under).within(POWER)}", PRODUCT)
