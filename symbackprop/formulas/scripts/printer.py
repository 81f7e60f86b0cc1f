"""Trees as NumPy code at one point. Every piece is computed beside its text, so what does not say the same is not printed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from symbackprop.formulas import functions as f
from symbackprop.formulas import quantities as q
from symbackprop.formulas.names import Env, OutOfRange, Unread
from symbackprop.formulas.quantities import Misfit, Quantity
from symbackprop.formulas.references import Position, primes
from symbackprop.formulas.scripts.small import Small, Tensor
from symbackprop.formulas.tape import Scalar, number
from symbackprop.formulas.trees import TRANSPOSES, base_of, flat, plain
from symbackprop.formulas.values import COMPARES
from symbackprop.language.latex import nodes as n

SUM, PRODUCT, UNARY, POWER, ATOM = range(5)
FUNCTIONS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    name: (f"np.{name}({{}})", getattr(np, name)) for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "sqrt", "abs", "sign")
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


class Unprintable(Exception):
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


class Printer:
    """Prints trees under values of their indices at a point; `functions` are the derivatives that were needed."""

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
        """A tree as code. Raises Unprintable where there is none, or where it would say something else."""
        made = self.names.value(tree, env)
        if made.special:
            raise Unprintable("a constant of no size")
        method = getattr(self, f"of_{type(tree).__name__.lower()}", None)
        if method is None:
            raise Unprintable(type(tree).__name__)
        text, level, value = method(tree, env, made)
        return self.checked(text, level, value, made)

    def checked(self, text: str, level: int, value: np.ndarray, made: Quantity) -> Code:
        """The code, if its value is that of what it stands for."""
        wanted = self.value_of(made)
        if np.shape(value) != wanted.shape or not np.allclose(value, wanted, rtol=1e-9, atol=1e-12, equal_nan=True):
            raise Unprintable(f"{text} says something else")
        return Code(text, level, np.asarray(value), made)

    # Leaves.

    def of_number(self, tree: n.Number, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A number."""
        return tree.text.replace(",", ""), ATOM, self.value_of(made)

    def of_name(self, tree: n.Name, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A tensor, an entry or a row of it, with powers and transposes."""
        if primes(tree.scripts):
            raise Unprintable("a prime")
        if tree.id == "e" and not self.names.is_known(tree):
            inside = self.code(tree.scripts[0].items[0], env)
            return f"np.exp({inside.text})", ATOM, np.exp(inside.value)
        if not tree.scripts and tree.id in env or (made.data.size == 1 and number(made.scalar) is not None):
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
                raise Unprintable("what stands above")
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
            raise Unprintable("what no tensor holds")
        if len({x[0].name for x in found if x}) != 1:
            if made.data.ndim != 1 or len(found) > MOST_TERMS:
                raise Unprintable("entries of several tensors")
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
        raise Unprintable("a part of a tensor")

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
            raise Unprintable("a list of arrays")
        return f"np.array([{', '.join(r.text for r in rows)}])", ATOM, np.array([r.value for r in rows])

    def of_scripted(self, tree: n.Scripted, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A bracket with a power, a transpose or components."""
        if any(s.mark.startswith("'") for s in tree.scripts):
            raise Unprintable("a prime")
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
        if isinstance(argument, n.Bracket) and len(argument.items) != 1:
            raise Unprintable("several arguments")
        inside = self.code(argument, env)
        if any(s.mark == "_" or s.mark.startswith("'") for s in tree.function.scripts):
            raise Unprintable("scripts of a function")
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
        raise Unprintable(f"the function {name}")

    def application(self, head: n.Name, bracket: n.Bracket, env: Env, made: Quantity) -> Code:
        """A name applied to a bracket."""
        bare = n.Name(head.id, head.style, head.accents, tuple(s for s in head.scripts if not s.mark.startswith("'")))
        count = primes(head.scripts)
        if not count and all(x in self.names.where for x in made.data.reshape(-1)):
            return self.located(made)
        if len(bracket.items) != 1 or count > 1:
            raise Unprintable("several arguments")
        inside = self.code(bracket.items[0], env)
        if self.names.definition(bare, env) is not None:
            text = self.own(bare, inside, env)
        else:
            text = self.known(bare)
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
            raise Unprintable(f"the function {name}")
        if name in HELPERS:
            self.helpers.add(name)
        return FUNCTIONS[name][0]

    def own(self, head: n.Name, inside: Code, env: Env) -> str:
        """A function of one argument that the context defines, as one of the script."""
        found = self.names.definition(head, env)
        if found is None or len(found[0].parameters or ()) != 1 or found[0].right is None:
            raise Unprintable("a function of several arguments")
        k, bindings = found
        parameter = flat(plain((k.parameters or ())[0]))
        name = self.names.spelled(base_of(head), [])
        if name not in self.functions:
            outer, kept = self.names.scope, self.parameters
            self.names.scope, self.parameters = [{parameter: inside.made}], {parameter: "x"}
            try:
                body = self.code(k.right, bindings)
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
            raise Unprintable("a root of a degree")
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
                    raise Unprintable("an application with scripts")
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
        raise Unprintable("this product")

    def of_big(self, tree: n.Big, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A sum or product over indices, written out."""
        self.names.summed.clear()
        list(self.names.ranging(tree, env))
        rows = [inside for node, inside in self.names.summed if node is tree]
        if not rows or len(rows) > MOST_TERMS:
            raise Unprintable("a long sum")
        codes = [self.code(tree.of, inside) for inside in rows]
        if tree.sign == r"\sum":
            return " + ".join(c.at(PRODUCT) for c in codes), SUM if len(codes) > 1 else codes[0].level, sum((c.value for c in codes), np.zeros(()))
        if made.shape:
            raise Unprintable("a product of matrices")
        return " * ".join(c.at(UNARY) for c in codes), PRODUCT, np.asarray(np.prod([c.value for c in codes]))

    def of_indicator(self, tree: n.Indicator, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """1 or 0, where that is a matter of indices."""
        if made.shape or not all(isinstance(c, n.Chain) and self.names.counted(c, env) for c in tree.conditions):
            if len(tree.conditions) != 1:
                raise Unprintable("several conditions")
            held, here = self.condition(tree.conditions[0], env)
            return f"1.0 * ({held})", PRODUCT, np.where(here, 1.0, 0.0)
        return repr(int(self.value_of(made))), ATOM, self.value_of(made)

    def of_cases(self, tree: n.Cases, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A case distinction."""
        text, value = "", np.zeros(())
        for row in reversed(tree.rows):
            where = self.names.when(row, env)
            if where is not None and not np.any(where):
                continue
            code = self.code(row.value, env)
            if not text or where is None or np.all(where):
                text, value = code.text, code.value
                continue
            if len(row.conditions) != 1 or len(row.conditions[0].parts) != 1:
                raise Unprintable("several conditions")
            held, here = self.condition(row.conditions[0].parts[0], env)
            text, value = f"np.where({held}, {code.text}, {text})", np.where(here, code.value, value)
        if not text:
            return "0", ATOM, np.zeros(())
        return text if text.startswith("np.where") else f"({text})", ATOM, value

    def condition(self, tree: n.Node, env: Env) -> Pair:
        """A comparison."""
        tree = plain(tree)
        if not isinstance(tree, n.Chain) or len(tree.sides) != 2 or tree.signs[0] not in COMPARES:
            raise Unprintable("this condition")
        a, b = (self.code(x, env) for x in tree.sides)
        sign = {r"\le": "<=", r"\ge": ">=", "=": "==", r"\ne": "!="}.get(tree.signs[0], tree.signs[0])
        return f"{a.at(SUM)} {sign} {b.at(SUM)}", COMPARES[tree.signs[0]](a.value, b.value)

    # Derivatives.

    def of_leibniz(self, tree: n.Leibniz, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A first derivative, by central differences."""
        if len(tree.by) != 1 or self.names.degree(tree) != 1 or tree.of is None or tree.beside:
            raise Unprintable("a derivative of higher order")
        variable, _, _ = self.names.variable(tree.by[0], 1, env)
        return self.derived(tree.of, self.names.derived_thing(tree.of, tree, env), variable, env, made)

    def of_operator(self, tree: n.Operator, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A gradient that says by what."""
        by = [i for x in tree.scripts if x.mark == "_" for i in x.items]
        if len(by) != 1 or tree.of is None or any(x.mark == "^" for x in tree.scripts):
            raise Unprintable("this operator")
        variable, _, _ = self.names.variable(by[0], 1, env)
        return self.derived(tree.of, self.names.derived_thing(tree.of, tree, env), variable, env, made)

    def of_differential(self, tree: n.Differential, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """dW for the derivative of the loss by W."""
        of = plain(tree.of) if tree.of is not None else None
        if all(x in self.names.where for x in made.data.reshape(-1)):
            code = self.located(made)
            return code.text, code.level, code.value
        if not isinstance(of, n.Name) or self.names.is_differential():
            raise Unprintable("a differential")
        text, level, value = self.derived(None, self.names.loss(env), self.names.tensor(of, env)[0], env, made)
        factor = self.names.factor(of)
        return (f"{self.names.size_of(factor)} * {text}", PRODUCT, value) if factor else (text, level, value)

    def derived(self, tree: n.Node | None, top: Quantity, variable: Quantity, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A derivative in its layout."""
        raw = self.names.raw.get(id(made.data), made.data)
        text = self.slope(tree, top, variable, env)
        turned = raw.shape != made.shape or not all(a is b for a, b in zip(raw.reshape(-1), made.data.reshape(-1), strict=True))
        return f"{text}.T" if turned else text, ATOM, self.value_of(made)

    def slope(self, tree: n.Node | None, top: Quantity, variable: Quantity, env: Env) -> str:
        """The code of a derivative: a function of the variable's tensor, stepped."""
        by = self.located(variable)
        at = by.text.split("[")[0].removesuffix(".T")
        tensors = {t.name: t for t in self.names.tensors}
        if at not in tensors or by.text.endswith(".T"):
            raise Unprintable("a derivative by parts of tensors")
        try:
            tops = self.located(top)
            of = tops.text.split("[")[0]
        except Unprintable:
            of = ""
        if of in tensors:
            name, whole, place = f"{of}_of_{at}", tensors[of].made, tops.text.removeprefix(of).strip("[]")
        elif tree is not None:
            name, whole, place = f"f{len(self.functions)}_of_{at}", top, ""
        else:
            raise Unprintable("what is derived")
        if name not in self.functions:
            self.functions[name] = []
            inside = self.between(tensors[at], whole)
            if of in tensors and (tensors[of] is tensors[at] or tensors[of] not in inside):
                raise Unprintable("a derivative by nothing")
            lines = [f"    {self.assignment(t)}" for t in inside]
            end = lines.pop().split(" = ", 1)[1] if of in tensors else self.code(tree, env).text  # type: ignore[arg-type]
            self.functions[name] = [f"def {name}({at}):", *lines, f"    return {end}"]
        self.helpers.add("slope")
        places = place, by.text.removeprefix(at).strip("[]")
        inner = ", ".join(x for x in places if x)
        if places[1] and not places[0] and whole.shape:
            inner = ", ".join([*":" * len(whole.shape), places[1]])
        return f"slope({name}, {at})" + (f"[{inner}]" if inner else "")

    def between(self, start: Tensor, stop: Quantity) -> list[Tensor]:
        """The tensors that lead from one to another, in the order in which they are computed."""
        depends = {x: True for x in start.made.data.reshape(-1)}

        def reaches(x: Scalar) -> bool:
            pending, seen = [x], set()
            while pending:
                y = pending.pop()
                if y in depends:
                    return True
                if y not in seen:
                    seen.add(y)
                    pending += y.of
            return False

        below: set[Scalar] = set()
        pending = list(stop.data.reshape(-1))
        while pending:
            y = pending.pop()
            if y not in below:
                below.add(y)
                pending += y.of
        made = []
        for t in self.names.tensors:
            entries = t.made.data.reshape(-1)
            if t is not start and any(x in below for x in entries) and (t.equations or t.ends) and any(reaches(x) for x in entries):
                made.append(t)
        return made

    def assignment(self, tensor: Tensor) -> str:
        """The line that computes a tensor."""
        if tensor.ends:
            terms = []
            for a in tensor.ends:
                code = self.located(a)
                weights = "" if a.data.size == 1 else f"np.arange(1, {a.data.size + 1}) * "
                terms.append(f"({weights}np.ravel({code.text}) ** 2).sum()" if a.shape else f"{code.at(ATOM)} ** 2")
            return f"{tensor.name} = {' + '.join(terms)}"
        if len(tensor.equations) == 1 or not tensor.made.shape:
            tree, env = tensor.equations[0]
            code = self.within(tree, env)
            if code.value.shape != tensor.made.shape and code.value.size != tensor.made.data.size:
                raise Unprintable("another shape")
            text = code.text if code.value.shape == tensor.made.shape else f"np.reshape({code.text}, {tensor.made.shape})"
            return f"{tensor.name} = {text}"
        rows = [self.within(tree, env).text for tree, env in tensor.equations]
        whole = f"np.array([{', '.join(rows)}])"
        return f"{tensor.name} = {whole}" + (f".reshape({', '.join(map(str, tensor.made.shape))})" if tensor.made.data.ndim > 1 else "")

    def within(self, tree: n.Node, env: Env) -> Code:
        """The right side of an equation as code."""
        outer, self.names.scope = self.names.scope, []
        self.names.depth += 1
        try:
            return self.code(tree, env)
        finally:
            self.names.scope = outer
            self.names.depth -= 1


FAILURES = (Unprintable, Misfit, Unread, OutOfRange)
