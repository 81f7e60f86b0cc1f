"""Trees as NumPy code at one point. Every piece is computed beside its text, so what does not say the same is not printed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from symbackprop.formulas.names.evaluator import Env
from symbackprop.formulas.notation.references import Position, primes
from symbackprop.formulas.notation.trees import TRANSPOSES, base_of, flat, plain
from symbackprop.formulas.numbers import functions as f
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers.quantities import Quantity
from symbackprop.formulas.numbers.tape import Scalar, number
from symbackprop.formulas.scripts.small import Small, Tensor
from symbackprop.language.latex import nodes as n

SUM, PRODUCT, UNARY, POWER, ATOM = range(5)
FUNCTIONS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    name: (f"np.{name}({{}})", getattr(np, name))
    for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "sqrt", "abs", "sign")
} | {
    "ln": ("np.log({})", np.log),
    "sigmoid": ("sigmoid({})", lambda x: 1 / (1 + np.exp(-x))),
    "relu": ("np.maximum({}, 0)", lambda x: np.maximum(x, 0)),
    "square": ("np.square({})", np.square),
}
ALIASES = {"sigm": "sigmoid", "logistic": "sigmoid", "expit": "sigmoid", "sgn": "sign"}
HELPERS = {
    "sigmoid": "def sigmoid(x):\n    return 1 / (1 + np.exp(-x))",
    "softmax": "def softmax(x):\n    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)",
    "slope": (
        "def slope(f, x):  # by central differences\n"
        "    steps = 1e-5 * np.eye(np.size(x)).reshape(-1, *np.shape(x))\n"
        "    made = np.stack([(f(x + e) - f(x - e)) / 2e-5 for e in steps], axis=-1)\n"
        "    return made.reshape(np.shape(f(x)) + np.shape(x))"
    ),
}
SLOPES = {
    "np.tanh({})": "1 - np.tanh({0}) ** 2",
    "sigmoid({})": "sigmoid({0}) * (1 - sigmoid({0}))",
    "np.exp({})": "np.exp({0})",
    "np.sin({})": "np.cos({0})",
}
MOST_TERMS = 6
Pair = tuple[str, np.ndarray]


class UnprintableError(Exception):
    """Something that this printer has no code for."""


@dataclass(frozen=True)
class Code:
    """A piece of code, how tightly it binds, its value at the point, and what it stands for."""

    text: str
    level: int
    value: np.ndarray
    made: Quantity

    def at(self, level: int) -> str:
        """The text where things bind as tightly as `level`."""
        return self.text if self.level >= level else f"({self.text})"


class Expressions:
    """Prints trees under values of their indices at a point; `functions` are those that the script needs, `needed` its tensors."""

    def __init__(self, names: Small, point: int) -> None:
        self.names, self.point = names, point
        self.helpers: set[str] = set()
        self.functions: dict[str, list[str]] = {}
        self.parameters: dict[str, str] = {}
        self.needed: list[Tensor] = []

    def value_of(self, made: Quantity) -> np.ndarray:
        """The numbers of a quantity at the point."""
        return np.array([self.one(x) for x in made.data.reshape(-1)]).reshape(made.shape)

    def one(self, x: Scalar) -> float:
        """A number at the point."""
        value = np.asarray(x.value, float)
        return float(value if value.ndim == 0 else value[min(self.point, value.size - 1)])

    def code(self, tree: n.Node, env: Env) -> Code:
        """A tree as code. Raises UnprintableError where there is none, or where it would say something else."""
        made = self.names.value(tree, env)
        if made.special:
            raise UnprintableError("a constant of no size")
        method = getattr(self, f"of_{type(tree).__name__.lower()}", None)
        if method is None:
            raise UnprintableError(type(tree).__name__)
        text, level, value = method(tree, env, made)
        return self.checked(text, level, value, made)

    def checked(self, text: str, level: int, value: np.ndarray, made: Quantity) -> Code:
        """The code, if its value is that of what it stands for."""
        wanted = self.value_of(made)
        if np.shape(value) != wanted.shape or not np.allclose(value, wanted, rtol=1e-9, atol=1e-12, equal_nan=True):
            raise UnprintableError(f"{text} says something else")
        return Code(text, level, np.asarray(value), made)

    # Leaves.

    def of_number(self, tree: n.Number, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A number."""
        return tree.text.replace(",", ""), ATOM, self.value_of(made)

    def of_name(self, tree: n.Name, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A tensor, an entry or a row of it, with powers and transposes."""
        if primes(tree.scripts):
            raise UnprintableError("a prime")
        if tree.id == "e" and not self.names.is_known(tree):
            inside = self.code(tree.scripts[0].items[0], env)
            return f"np.exp({inside.text})", ATOM, np.exp(inside.value)
        if (not tree.scripts and tree.id in env) or (not made.shape and number(made.scalar) is not None):
            return repr(float(self.value_of(made))).removesuffix(".0"), ATOM, self.value_of(made)
        if self.names.scoped(tree) is not None and flat(tree) in self.parameters:
            return self.parameters[flat(tree)], ATOM, self.value_of(made)
        if tree.id == "1" and not self.names.is_known(tree) and np.all(self.value_of(made) == 1):
            return f"np.ones({', '.join(map(str, made.shape))})", ATOM, np.ones(made.shape)
        found, above = self.names.tensor(tree, env)
        return self.raised(self.located(found), above, env)

    def raised(self, code: Code, above: Sequence[Position], env: Env) -> tuple[str, int, np.ndarray]:
        """What stands above: transposes, powers, inverses."""
        text, level, value = code.text, code.level, code.value
        for p in above:
            if p.text in TRANSPOSES and not p.bracket:
                if value.ndim == 2:
                    text, level, value = f"{self.wrapped(text, level)}.T", ATOM, value.T
            elif p.text == "-1" and value.ndim == 2 and value.shape[0] == value.shape[1] and abs(np.linalg.det(value)) > 1e-9:
                text, level, value = f"np.linalg.inv({text})", ATOM, np.linalg.inv(value)
            elif p.tree is not None and not p.bracket:
                power = self.code(p.tree, env)
                text, level, value = f"{self.wrapped(text, level)} ** {power.at(ATOM)}", POWER, value**power.value
            else:
                raise UnprintableError("what stands above")
        return text, level, value

    @staticmethod
    def wrapped(text: str, level: int) -> str:
        """The text as one thing."""
        return text if level == ATOM else f"({text})"

    def located(self, made: Quantity) -> Code:
        """Entries of a tensor by its name."""
        entries = made.data.reshape(-1)
        found = [self.names.where.get(x) for x in entries]
        if not found or any(x is None for x in found):
            raise UnprintableError("what no tensor holds")
        if len({x[0].name for x in found if x}) != 1:
            if made.data.ndim != 1 or len(found) > MOST_TERMS:
                raise UnprintableError("entries of several tensors")
            rows = [self.located(q.single(x)) for x in entries]
            return self.checked(f"np.array([{', '.join(r.text for r in rows)}])", ATOM, np.array([r.value for r in rows]), made)
        tensor = found[0][0]  # type: ignore[index]
        if tensor not in self.needed:
            self.needed.append(tensor)
        places = np.array([x[1] for x in found if x]).reshape(*made.shape, tensor.made.data.ndim)
        whole = self.value_of(tensor.made)
        return self.checked(*self.cut(tensor, places, made, whole), made)

    @staticmethod
    def cut(tensor: Tensor, places: np.ndarray, made: Quantity, whole: np.ndarray) -> tuple[str, int, np.ndarray]:
        """The code for some entries of a tensor."""
        every = np.array(list(np.ndindex(*tensor.made.shape))).reshape(*tensor.made.shape, tensor.made.data.ndim)
        if places.shape == every.shape and np.array_equal(places, every):
            return tensor.name, ATOM, whole
        if whole.ndim == 2 and places.shape == (*whole.shape[::-1], 2) and np.array_equal(places, every.transpose(1, 0, 2)):
            return f"{tensor.name}.T", ATOM, whole.T
        if not made.shape:
            at = tuple(int(k) for k in places.reshape(-1))
            return f"{tensor.name}[{', '.join(map(str, at))}]", ATOM, whole[at]
        if whole.ndim == 2 and made.data.ndim == 1:
            row, column = int(places[0, 0]), int(places[0, 1])
            if np.array_equal(places, every[row]):
                return f"{tensor.name}[{row}]", ATOM, whole[row]
            if np.array_equal(places, every[:, column]):
                return f"{tensor.name}[:, {column}]", ATOM, whole[:, column]
        raise UnprintableError("a part of a tensor")

    # Brackets and functions.

    def of_bracket(self, tree: n.Bracket, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """Brackets, absolute values, norms, rows of numbers."""
        if len(tree.items) == 1 and len(tree.spaced) < 2:
            inside = self.code(tree.items[0], env)
            if tree.open == r"\lvert":
                return f"np.abs({inside.text})", ATOM, np.abs(inside.value)
            if tree.open == r"\lVert":
                return f"np.linalg.norm({inside.text})", ATOM, np.asarray(np.linalg.norm(inside.value))
            return inside.text, inside.level, inside.value
        rows = [self.code(x, env) for x in tree.items]
        if any(r.value.shape for r in rows):
            raise UnprintableError("a list of arrays")
        return f"np.array([{', '.join(r.text for r in rows)}])", ATOM, np.array([r.value for r in rows])

    def of_scripted(self, tree: n.Scripted, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A bracket with a power, a transpose or components."""
        if any(s.mark.startswith("'") for s in tree.scripts):
            raise UnprintableError("a prime")
        code = self.code(tree.of, env)
        below = [] if isinstance(tree.of, n.Bracket) and tree.of.open == r"\lVert" else self.names.positions(tree.scripts, "_", env)
        text, level, value = code.text, code.level, code.value
        if below:
            at = tuple((p.number or 0) - 1 for p in below)
            text, level, value = f"{code.at(ATOM)}[{', '.join(map(str, at))}]", ATOM, np.asarray(code.value[at])
        return self.raised(Code(text, level, value, made), self.names.positions(tree.scripts, "^", env), env)

    def of_call(self, tree: n.Call, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A function of the word list."""
        name = tree.function.id.lower()
        argument = tree.argument
        if isinstance(argument, n.Bracket) and len(argument.items) == 2 and name in ("max", "min"):
            a, b = (self.code(x, env) for x in argument.items)
            larger = np.maximum(a.value, b.value) if name == "max" else np.minimum(a.value, b.value)
            return f"np.{name}imum({a.text}, {b.text})", ATOM, larger
        if isinstance(argument, n.Bracket) and len(argument.items) != 1:
            raise UnprintableError("several arguments")
        inside = self.code(argument, env)
        if any(s.mark == "_" or s.mark.startswith("'") for s in tree.function.scripts):
            raise UnprintableError("scripts of a function")
        text, value = self.applied(name, inside, made)
        return self.raised(Code(text, ATOM, value, made), self.names.positions(tree.function.scripts, "^", env), env)

    def applied(self, name: str, inside: Code, made: Quantity) -> Pair:
        """A function of one argument."""
        name = ALIASES.get(name, name)
        if name in FUNCTIONS:
            text, function = FUNCTIONS[name]
            if name in HELPERS:
                self.helpers.add(name)
            return text.format(inside.text), function(inside.value)
        if name == "softmax" and inside.value.ndim:
            self.helpers.add(name)
            powers = np.exp(inside.value)
            rows = powers / powers.sum(axis=-1, keepdims=True)
            if np.allclose(rows, self.value_of(made)):
                return f"softmax({inside.text})", rows
            return f"softmax({inside.at(ATOM)}.T).T", powers / powers.sum(axis=0, keepdims=True)
        if name in ("tr", "trace") and inside.value.ndim == 2:
            return f"np.trace({inside.text})", np.asarray(np.trace(inside.value))
        if name == "diag" and inside.value.ndim:
            return f"np.diag({inside.text})", np.diag(inside.value)
        if name == "sum" and not made.shape:
            return f"np.sum({inside.text})", np.asarray(inside.value.sum())
        if name == "det" and inside.value.ndim == 2:
            return f"np.linalg.det({inside.text})", np.asarray(np.linalg.det(inside.value))
        raise UnprintableError(f"the function {name}")

    def application(self, head: n.Name, bracket: n.Bracket, env: Env, made: Quantity) -> Code:
        """A name applied to a bracket."""
        bare = n.Name(head.id, head.style, head.accents, tuple(s for s in head.scripts if not s.mark.startswith("'")))
        count = primes(head.scripts)
        if not count and all(x in self.names.where for x in made.data.reshape(-1)):
            return self.located(made)
        if len(bracket.items) != 1 or count > 1:
            raise UnprintableError("several arguments")
        inside = self.code(bracket.items[0], env)
        text = self.known(bare) if self.names.definition(bare, env) is None else self.own(bare, inside, env)
        if not count:
            return Code(text.format(inside.text), ATOM, self.value_of(made), made)
        if text in SLOPES:
            return Code(SLOPES[text].format(inside.text), SUM, self.value_of(made), made)
        ahead, back = (text.format(f"{inside.at(SUM + 1)} {sign} 1e-5") for sign in "+-")
        return Code(f"({ahead} - {back}) / 2e-5", PRODUCT, self.value_of(made), made)

    def known(self, head: n.Name) -> str:
        """A function of the word list, or one that nothing defines."""
        name = head.id.lower() if head.id.isalpha() else "sigmoid" if base_of(head) in f.SQUASHED else ""
        name = "tanh" if base_of(head) in self.names.plainly else ALIASES.get(name, name)
        if name not in FUNCTIONS:
            raise UnprintableError(f"the function {name}")
        if name in HELPERS:
            self.helpers.add(name)
        return FUNCTIONS[name][0]

    def own(self, head: n.Name, inside: Code, env: Env) -> str:
        """A function of one argument that the context defines, as one of the script."""
        found = self.names.definition(head, env)
        right = found[0].right if found is not None and len(found[0].parameters or ()) == 1 else None
        if found is None or right is None:
            raise UnprintableError("a function of several arguments")
        k, bindings = found
        parameter = flat(plain((k.parameters or ())[0]))
        name = self.names.spelled(base_of(head), [])
        if name not in self.functions:
            outer, kept = self.names.scope, self.parameters
            self.names.scope, self.parameters = [{parameter: inside.made}], {parameter: "x"}
            try:
                body = self.code(right, bindings)
            finally:
                self.names.scope, self.parameters = outer, kept
            self.functions[name] = [f"def {name}(x):", f"    return {body.text}"]
        return name + "({})"

    # Sums and products.

    def of_sum(self, tree: n.Sum, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """Terms with signs."""
        text, value = "", np.zeros(())
        for sign, term in zip(tree.signs, tree.terms, strict=True):
            code = self.code(term, env)
            first = not text
            text += (f" {sign or '+'} " if not first else sign if sign == "-" else "") + code.at(PRODUCT)
            value = (value - code.value) if sign == "-" else value + code.value
        return text, SUM if len(tree.terms) > 1 else UNARY - 1, value

    def of_fraction(self, tree: n.Fraction, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A quotient."""
        top, bottom = self.code(tree.top, env), self.code(tree.bottom, env)
        return f"{top.at(PRODUCT)} / {bottom.at(POWER)}", PRODUCT, top.value / bottom.value

    def of_root(self, tree: n.Root, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A square root."""
        if tree.degree is not None:
            raise UnprintableError("a root of a degree")
        inside = self.code(tree.of, env)
        return f"np.sqrt({inside.text})", ATOM, np.sqrt(inside.value)

    def of_juxtaposition(self, tree: n.Juxtaposition, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """Factors side by side, functions with their arguments."""
        rows: list[Code] = []
        at = 0
        while at < len(tree.factors):
            node, behind = tree.factors[at], tree.factors[at + 1] if at + 1 < len(tree.factors) else None
            found = self.names.application(node, behind, env)
            if found is not None:
                if not isinstance(node, n.Name) or not isinstance(behind, n.Bracket):
                    raise UnprintableError("an application with scripts")
                rows.append(self.application(node, behind, env, found))
                at += 2
                continue
            rows.append(self.code(node, env))
            at += 1
        whole = rows[0]
        for row in rows[1:]:
            whole = self.multiplied(whole, row, self.names.times(whole.made, row.made))
        return whole.text, whole.level, whole.value

    def of_product(self, tree: n.Product, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """Factors with signs between them."""
        whole = self.code(tree.factors[0], env)
        for sign, factor in zip(tree.signs, tree.factors[1:], strict=True):
            row = self.code(factor, env)
            found = self.names.times(whole.made, row.made) if sign == "" else self.names.signed(sign, whole.made, row.made, tree)
            if sign == "/":
                whole = self.checked(f"{whole.at(PRODUCT)} / {row.at(POWER)}", PRODUCT, whole.value / row.value, found)
            else:
                whole = self.multiplied(whole, row, found)
        return whole.text, whole.level, whole.value

    def multiplied(self, a: Code, b: Code, made: Quantity) -> Code:
        """The product of two pieces, in the way that gives what is meant."""
        wanted = self.value_of(made)
        left, right = a.at(PRODUCT), b.at(UNARY)
        ways: list[tuple[str, Callable[[np.ndarray, np.ndarray], np.ndarray], int]] = [
            (f"{left} * {right}", np.multiply, PRODUCT),
            (f"{left} @ {right}", np.matmul, PRODUCT),
            (f"np.outer({a.text}, {b.text})", np.outer, ATOM),
            (f"np.multiply.outer({a.text}, {b.text})", np.multiply.outer, ATOM),
        ]
        if a.value.ndim and b.value.ndim and a.value.size > 1:
            ways = [ways[1], ways[0], *ways[2:]]
        for text, function, level in ways:
            try:
                value = np.asarray(function(a.value, b.value))
            except ValueError:
                continue
            if value.shape == wanted.shape and np.allclose(value, wanted, rtol=1e-9, atol=1e-12):
                return Code(text, level, value, made)
        raise UnprintableError("this product")

    def of_big(self, tree: n.Big, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A sum or product over indices, written out."""
        self.names.summed.clear()
        list(self.names.ranging(tree, env))
        rows = [inside for node, inside in self.names.summed if node is tree]
        if not rows or len(rows) > MOST_TERMS:
            raise UnprintableError("a long sum")
        codes = [self.code(tree.of, inside) for inside in rows]
        if tree.sign == r"\sum":
            return (
                " + ".join(c.at(PRODUCT) for c in codes),
                SUM if len(codes) > 1 else codes[0].level,
                sum((c.value for c in codes), np.zeros(())),
            )
        if made.shape:
            raise UnprintableError("a product of matrices")
        return " * ".join(c.at(UNARY) for c in codes), PRODUCT, np.asarray(np.prod([c.value for c in codes]))
