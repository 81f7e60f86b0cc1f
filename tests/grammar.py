"""A grammar of random well-shaped expressions and models.

An expression is written from its shape inwards: `Writer` is asked for text with given axes and makes up the tensors it needs.
`choose` is where its decisions come from: a seed, or hypothesis, which then shrinks what fails. An axis is a pair (name, offset)
for a size like n - 1, or ("", 3) for a fixed one.
"""

import re

from grammar_leaves import ONE, Leaves
from numpy_values import Case

SIZES = ({"n": 2, "d": 3, "k": 5}, {"n": 3, "d": 2, "k": 4}, {"n": 5, "d": 3, "k": 2}, {"n": 3, "d": 4, "k": 3})

REAL = ["tanh", "sin", "cos", "arctan", "erf", "sigmoid", "softplus", "gelu", "silu", "mish", "log_sigmoid", "square"]
STEEP = ["exp", "expm1", "sinh", "cosh"]
KINKED = ["relu", "abs", "sign", "leaky_relu", "elu", "selu", "softsign", "relu6"]
POSITIVE = ["log", "sqrt", "reciprocal", "log1p", "log2"]


def shape_text(axes):
    return " ".join(name or str(offset) for name, offset in axes)


class Writer(Leaves):
    """Writes expressions. `whole` allows whole-tensor ops: inverse, determinant, largest entry."""

    def __init__(self, choose, whole=True):
        super().__init__(choose)
        self.whole = whole

    # Expressions with values in the reals, above 0, in (-1, 1).

    def real(self, axes, depth):
        if depth <= 0 or self.chance(12):
            if not axes and self.chance(3):
                return self.constant()
            if axes and self.chance(5):
                return f"({self.leaf(self.narrower(axes))} * {self.leaf(axes)})"
            return self.leaf(axes)
        forms = [self.arithmetic, self.arithmetic, self.function, self.function, self.reduction, self.product, self.statistic]
        forms += [self.structure, self.structure, self.kinked, self.spelled]
        if self.whole:
            forms += [self.whole_tensor]
        return self.pick(forms)(axes, depth - 1)

    def arithmetic(self, axes, depth):
        kind = self.choose.number(0, 8)
        one, other = axes, self.narrower(axes)
        if self.chance(2):
            one, other = other, one
        if kind <= 1:
            return f"({self.real(one, depth)} + {self.real(other, depth)})"
        if kind == 2:
            return f"({self.real(one, depth)} - {self.real(other, depth)})"
        if kind <= 4:
            return f"({self.real(one, depth)} * {self.real(other, depth)})"
        if kind == 5:
            return f"({self.real(one, depth)} / {self.positive(other, depth)})"
        if kind == 6:
            return f"({self.real(axes, depth)} ** {self.pick([2, 3, 4])})"
        if kind == 7:
            return f"({self.positive(one, depth)} ** {self.unit(other, depth)})"
        return f"(-{self.real(axes, depth)})"

    def function(self, axes, depth):
        kind = self.choose.number(0, 5)
        if kind <= 2:
            return f"{self.pick(REAL)}({self.real(axes, depth)})"
        if kind == 3:
            return f"{self.pick(STEEP)}({self.unit(axes, depth)})"
        if kind == 4:
            return f"{self.pick(POSITIVE)}({self.positive(axes, depth)})"
        return f"{self.pick(['arcsin', 'arccos', 'tan'])}({self.unit(axes, depth)})"

    def kinked(self, axes, depth):
        kind = self.choose.number(0, 3)
        other = self.narrower(axes)
        if kind <= 1:
            return f"{self.pick(KINKED)}({self.real(axes, depth)})"
        if kind == 2:
            one, two = self.real(axes, depth), self.real(other, depth)
            return self.pick([f"maximum({one}, {two})", f"minimum({one}, {two})", f"clip({one}, -0.7, 0.9)", f"maximum({one}, 0)"])
        relation = self.pick(["> 0", "< 0.3", ">= 0", f"> {self.leaf(other)}"])
        return f"where({self.real(axes, depth)} {relation}, {self.real(axes, depth)}, {self.real(other, depth)})"

    def reduction(self, axes, depth):
        if ONE in axes and len(axes) <= 3 and self.chance(2):
            place = axes.index(ONE)
            inner = (*axes[:place], self.axis(), *axes[place + 1 :])
            return f"{self.pick(['sum', 'mean', 'var'])}({self.real(inner, depth)}, axis={self.counted(place, len(inner))}, keepdims=True)"
        if len(axes) > 2:
            return f"cumsum({self.real(axes, depth)}, axis={self.choose.number(-1, len(axes) - 1)})"
        if axes and self.chance(6):
            return f"cumsum({self.real(axes, depth)}, axis={self.choose.number(0, len(axes) - 1)})"
        if not axes:
            inner = self.axes(self.choose.number(1, 2))
            name = self.pick(["sum", "mean", "norm", "var", "trace", "std"])
            if name == "trace":
                a = self.axis()
                return f"trace({self.real((a, a), depth)})"
            if name == "std":
                return f"std({self.real(inner, depth)} + {self.leaf(inner)})"
            return f"{name}({self.real(inner, depth)})"
        inner, place = self.inserted(axes)
        return f"{self.pick(['sum', 'mean', 'sum', 'var'])}({self.real(inner, depth)}, axis={self.counted(place, len(inner))})"

    def product(self, axes, depth):
        kind = self.choose.number(0, 3)
        if kind == 0 or len(axes) > 2:
            return self.einsum(axes, depth)
        between = self.axis()
        if not axes:
            if kind == 1:
                return f"dot({self.real((between,), depth)}, {self.real((between,), depth)})"
            return f"({self.real((between,), depth)} @ {self.real((between,), depth)})"
        if len(axes) == 1:
            if self.chance(2):
                return f"({self.real((axes[0], between), depth)} @ {self.real((between,), depth)})"
            return f"({self.real((between,), depth)} @ {self.real((between, axes[0]), depth)})"
        if kind == 1:
            return f"outer({self.real(axes[:1], depth)}, {self.real(axes[1:], depth)})"
        return f"({self.real((axes[0], between), depth)} @ {self.real((between, axes[1]), depth)})"

    def einsum(self, axes, depth):
        letters = {c: a for c, a in zip("ijkl", axes, strict=False)}
        out = "".join(letters)
        for c in "pq"[: self.choose.number(0, 2)]:
            letters[c] = self.axis()
        count = self.choose.number(1, 3)
        words = ["" for _ in range(count)]
        for c in letters:
            holders = [k for k in range(count) if self.chance(2)] or [self.choose.number(0, count - 1)]
            for k in holders:
                if len(words[k]) < 3:
                    words[k] += c
        for c in letters:
            if not any(c in w for w in words):
                words.append(c)
        words = [self.turned(w) for w in words]
        if self.chance(5) and words[0] and len(words[0]) < 3:
            words[0] += words[0][0]
        operands = [self.real(tuple(letters[c] for c in w), depth - (1 if len(words) > 1 else 0)) for w in words]
        return f"einsum('{','.join(words)}->{out}', {', '.join(operands)})"

    def turned(self, word):
        return word[::-1] if self.chance(3) else word

    def statistic(self, axes, depth):
        if not axes:
            inner = self.axes(1)
            return f"logsumexp({self.real(inner, depth)})"
        place = self.choose.number(0, len(axes) - 1)
        if len(axes) < 3 and self.chance(3):
            inner, place = self.inserted(axes)
            return f"logsumexp({self.real(inner, depth)}, axis={self.counted(place, len(inner))})"
        return f"{self.pick(['softmax', 'log_softmax'])}({self.real(axes, depth)}, axis={self.counted(place, len(axes))})"

    def spelled(self, axes, depth):
        """What code computes in a stable way, spelled out: logsumexp, softmax, sigmoid, softplus and the like."""
        if len(axes) > 2:
            return self.statistic(axes, depth)
        inner, place = self.inserted(axes)
        if len(axes) < 2 and self.chance(2):
            between = (self.axis(), *axes[1:])
            return self.pick(
                [
                    f"log({self.positive((*axes[:1], between[0]), depth)} @ exp({self.real(between, depth)}))",
                    f"log(exp({self.real((*axes[:1], between[0]), depth)}) @ {self.positive(between, depth)})",
                ]
            )
        x = self.real(axes, depth)
        forms = [
            f"log(sum(exp({self.real(inner, depth)}), axis={place}))",
            f"log1p(exp({x}))",
            f"log(1 + exp(-{x}))",
            f"(1 / (1 + exp({x})))",
        ]
        forms += [f"(1 - sigmoid({x}))", f"log(sigmoid({x}))", f"(1 - tanh({x}) ** 2)", f"sqrt({x} ** 2 + 1)", f"log(cosh({x}))"]
        if axes:
            at = self.choose.number(0, len(axes) - 1)
            forms += [f"(exp({x}) / sum(exp({x}), axis={at}, keepdims=True))", f"log(softmax({x}, axis={at}))"]
            forms += [f"exp({x} - logsumexp({x}, axis={at}, keepdims=True))"]
        return self.pick(forms)

    def structure(self, axes, depth):
        options = []
        rank = len(axes)
        if ONE in axes:
            options += ["none"]
        if rank < 3:
            options += ["entry"]
        if rank == 1:
            options += ["diagonal", "reverse", "flip"]
        if rank == 2:
            options += ["transpose", "tril"]
            if axes[0] == axes[1]:
                options += ["diag", "eye"]
        if rank == 3:
            options += ["moveaxis", "swapaxes"]
        if rank and any(a[0] and a[1] > -2 for a in axes):
            options += ["shorter"]
        if rank and any(a == ("", 2) or a == ("", 3) for a in axes):
            options += ["stack", "stride"]
        if not options:
            return self.leaf(axes)
        match self.pick(options):
            case "none":
                place = axes.index(ONE)
                inner = (*axes[:place], *axes[place + 1 :])
                items = [":"] * rank
                items[place] = "None"
                inside = self.bracketed(inner, depth) if inner else self.tensor(())
                return f"{inside}[{', '.join(items)}]"
            case "entry":
                inner, place = self.inserted(axes)
                items = [":"] * len(inner)
                items[place] = self.pick(["0", "-1"])
                if place == len(inner) - 1 and rank and self.chance(2):
                    items = ["...", items[place]]
                return f"{self.bracketed(inner, depth)}[{', '.join(items)}]"
            case "diagonal":
                return f"{self.pick(['diag', 'diagonal'])}({self.real((axes[0], axes[0]), depth)})"
            case "reverse":
                return f"{self.bracketed(axes, depth)}[::-1]"
            case "flip":
                return f"flip({self.real(axes, depth)})"
            case "transpose":
                inner = self.real(axes[::-1], depth)
                return self.pick([f"({inner}).T", f"transpose({inner})", f"swapaxes({inner}, 0, 1)"])
            case "tril":
                return f"{self.pick(['tril', 'triu'])}({self.real(axes, depth)}, {self.pick([0, 1, -1])})"
            case "diag":
                return f"diag({self.real(axes[:1], depth)})"
            case "eye":
                size = axes[0][0] + (str(axes[0][1]) if axes[0][1] else "") if axes[0][0] else str(axes[0][1])
                return f"({self.real(axes, depth)} + eye({size}))"
            case "moveaxis":
                return f"moveaxis({self.real((axes[1], axes[2], axes[0]), depth)}, 2, 0)"
            case "swapaxes":
                return f"swapaxes({self.real((axes[2], axes[1], axes[0]), depth)}, 0, -1)"
            case "shorter":
                place = next(k for k, a in enumerate(axes) if a[0] and a[1] > -2)
                name, offset = axes[place]
                if offset == 0:
                    return self.leaf(axes)
                items = [":"] * rank
                items[place] = self.pick(["1:", ":-1"])
                longer = (*axes[:place], (name, offset + 1), *axes[place + 1 :])
                return f"{self.bracketed(longer, depth)}[{', '.join(items)}]"
            case "stack":
                place = next(k for k, a in enumerate(axes) if a in (("", 2), ("", 3)))
                inner = (*axes[:place], *axes[place + 1 :])
                parts = ", ".join(self.real(inner, depth - 1) for _ in range(axes[place][1]))
                return f"stack([{parts}], axis={place})"
            case _:
                place = next(k for k, a in enumerate(axes) if a in (("", 2), ("", 3)))
                items = [":"] * rank
                items[place] = "::2"
                longer = (*axes[:place], ("", 2 * axes[place][1]), *axes[place + 1 :])
                return f"{self.bracketed(longer, depth)}[{', '.join(items)}]"

    def bracketed(self, axes, depth):
        return f"({self.real(axes, depth)})"

    def whole_tensor(self, axes, depth):
        if len(axes) == 2 and axes[0] == axes[1]:
            return f"inv({self.steady(axes[0], depth)})" + self.pick(["", "", ".T"])
        if len(axes) in (1, 2) and self.chance(2):
            form = self.pick(["solve({}, {})", "solve({}, {})", "solve(({}).T, {})", "(inv({}) @ {})", "(inv({}).T @ {})"])
            return form.format(self.steady(axes[0], depth), self.real(axes, depth))
        if not axes and self.chance(2):
            axis = self.axis()
            matrix = self.steady(axis, depth)
            if self.chance(3):
                return f"({self.real((axis,), depth)} @ inv({matrix}) @ {self.real((axis,), depth)})"
            return f"{self.pick(['det', 'logdet'])}({matrix})"
        if axes and len(axes) < 3 and self.chance(3):
            return f"cumprod({self.real(axes, depth)}, axis={self.choose.number(0, len(axes) - 1)})"
        if len(axes) > 2:
            return self.leaf(axes)
        inner, place = self.inserted(axes)
        return f"{self.pick(['max', 'min', 'prod'])}({self.real(inner, depth)}, axis={self.counted(place, len(inner))})"

    def steady(self, axis, depth):
        """A square matrix far from singular."""
        size = axis[0] + (str(axis[1]) if axis[1] else "") if axis[0] else str(axis[1])
        return f"(0.1 * {self.unit((axis, axis), depth)} + eye({size}))"

    def positive(self, axes, depth):
        if depth <= 0:
            return self.pick([lambda: self.leaf(axes, "positive"), lambda: f"({self.leaf(axes)} ** 2 + 0.5)"])()
        kind = self.choose.number(0, 9)
        depth -= 1
        if kind == 0:
            return self.leaf(axes, "positive")
        if kind == 1:
            return f"({self.real(axes, depth)} ** 2 + {self.pick(['0.5', '1'])})"
        if kind == 2:
            return f"exp({self.unit(axes, depth)})"
        if kind == 3:
            return f"({self.pick(['softplus', 'sigmoid', 'abs', 'relu', 'cosh'])}({self.unit(axes, depth)}) + 0.1)"
        if kind == 4 and axes:
            return f"softmax({self.unit(axes, depth)}, axis={self.choose.number(0, len(axes) - 1)})"
        if kind == 5:
            return f"({self.positive(axes, depth)} {self.pick('+*/')} {self.positive(self.narrower(axes), depth)})"
        if kind == 6 and len(axes) < 3:
            inner, place = self.inserted(axes)
            return f"{self.pick(['sum', 'mean'])}({self.positive(inner, depth)}, axis={place})"
        if kind == 7:
            return f"sqrt({self.positive(axes, depth)})"
        if kind == 8 and len(axes) in (1, 2):
            between = self.axis()
            return f"({self.positive((axes[0], between), depth)} @ {self.positive((between, *axes[1:]), depth)})"
        return f"({self.real(axes, depth)} ** 2 + 1)"

    def unit(self, axes, depth):
        if depth <= 0 or self.chance(3):
            return f"{self.pick(['0.9 * tanh', '0.9 * sin', 'sigmoid'])}({self.leaf(axes)})"
        kind = self.choose.number(0, 2)
        if kind == 0:
            return f"0.9 * tanh({self.real(axes, depth - 1)})"
        if kind == 1:
            return f"({self.unit(axes, depth - 1)} * {self.unit(self.narrower(axes), depth - 1)})"
        return f"0.5 * ({self.unit(axes, depth - 1)} - {self.unit(self.narrower(axes), depth - 1)})"


def expression(choose, depth=3, rank=2, whole=True):
    """A random expression of rank at most `rank`, and the tensor to derive it by."""
    writer = Writer(choose, whole)
    axes = writer.axes(choose.number(0, rank))
    text = writer.real(axes, choose.number(1, depth))
    if not writer.tensors:
        text = f"({text} * {writer.tensor(())})"
    shapes = {name: shape_text(a) for name, a in writer.tensors.items()}
    wrt = writer.pick(writer.tensors)
    return Case({"f": text}, shapes, writer.facts, dict(writer.pick(SIZES)), choose.number(0, 999), wrt)


def model(choose, depth=2, whole=True):
    """A random model: a few equations, each free to use those before it, and a scalar objective of the last."""
    writer = Writer(choose, whole)
    equations = {}
    for k in range(choose.number(1, 4)):
        axes = writer.axes(choose.number(0, 2))
        equations[f"e{k}"] = writer.real(axes, depth)
        writer.made[f"e{k}"] = axes
    used = set(re.findall(r"e\d", " ".join(equations.values())))
    loose = [name for name in equations if name not in used]
    loose = loose or list(equations)
    parts = [f"sum({writer.pick(['{0}', '{0} ** 2', 'tanh({0})']).format(name)})" for name in loose]
    equations["J"] = " + ".join(parts) + f" + sum({writer.leaf(writer.axes(1))} ** 2)"
    words = set(re.findall(r"\w+", " ".join(equations.values())))
    shapes = {name: shape_text(a) for name, a in writer.tensors.items() if name in words}
    facts = {name: fact for name, fact in writer.facts.items() if name in words}
    return Case(equations, shapes, facts, dict(writer.pick(SIZES)), choose.number(0, 999))
