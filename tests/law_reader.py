"""The laws in the docstrings of ops, read and evaluated: `softmax(x)[k] = exp(x[k]) / sum_j exp(x[j])`.

Letters in brackets behind a value are places, from 0, all of which are tried; brackets behind a space are 1 where they hold, else 0;
factors stand beside each other. What is called is an op of the language, by the literal evaluator, so that a law stands beside the op.
"""

import itertools
import re
from dataclasses import dataclass, field

import numpy as np

import symbackprop as sbp
from symbackprop.ops import OPS
from symbackprop.verification.oracle.literal import evaluate

TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>"[^"]*")|(?P<name>[A-Za-z]\w*)|(?P<sign>>=|<=|!=|\.T|[-+*/@^=<>()\[\]{},|.]))"""
)
BIG = re.compile(r"(sum|mean|max)_([a-z]{1,3})?\Z")
RELATIONS = {"=": np.equal, ">=": np.greater_equal, "<=": np.less_equal, ">": np.greater, "<": np.less, "!=": np.not_equal}
PLAIN = {"exp": np.exp, "log": np.log, "sqrt": np.sqrt, "cos": np.cos}


@dataclass
class Law:
    """What the letters of a law are: arrays, and sizes; `ranges`, of places that no bracket tells; `norms`: |x| is one of a row."""

    arrays: dict[str, np.ndarray]
    sizes: dict[str, int] = field(default_factory=dict)
    ranges: dict[str, int] = field(default_factory=dict)
    norms: bool = False


def tokens(text: str) -> list[tuple[str, str, bool]]:
    """(kind, text, whether a space stands before it)."""
    made, at = [], 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        assert found, text[at:]
        made.append((found.lastgroup, found[found.lastgroup], found.start(found.lastgroup) > at or at == 0))
        at = found.end()
    return [*made, ("end", "", True)]


class Reader:
    """A law as a tree: tuples whose first part says what they are."""

    def __init__(self, text: str) -> None:
        self.tokens, self.at = tokens(text), 0
        self.bars = 0

    def next(self, *signs: str) -> str:
        """The next token if it is one of `signs`, taken; else ""."""
        if self.tokens[self.at][1] in signs and self.tokens[self.at][0] != "end":
            self.at += 1
            return self.tokens[self.at - 1][1]
        return ""

    def expect(self, sign: str) -> None:
        assert self.next(sign), (sign, self.tokens[self.at :])

    def relation(self):
        left = self.sum()
        sign = self.next(*RELATIONS)
        return ("relation", sign, left, self.sum()) if sign else left

    def sum(self):
        made = ("minus", self.product()) if self.next("-") else self.product()
        while sign := self.next("+", "-"):
            made = ("sum", sign, made, self.product())
        return made

    def product(self):
        made = self.power()
        while True:
            kind, text, _ = self.tokens[self.at]
            sign = self.next("*", "/", "@", ".")
            if not sign and text == "of":
                return made
            if not sign and not (kind in ("number", "name") or text in ("(", "[") or (text == "|" and not self.bars)):
                return made
            made = ("product", sign or "*", made, self.power())

    def power(self):
        made = self.atom()
        while sign := self.next("^", ".T"):
            if sign == ".T" or self.next("T"):
                made = ("transpose", made)
            else:
                made = ("power", made, ("minus", self.atom()) if self.next("-") else self.atom())
        return made

    def atom(self):
        kind, text, _ = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return ("number", float(text))
        if kind == "text":
            return ("text", text)
        if text == "(":
            items = self.items(")")
            return items[0] if len(items) == 1 and self.tokens[self.at - 2][1] != "," else ("tuple", items)
        if text == "[":
            negated = bool(self.next("not"))
            inner = self.relation()
            self.expect("]")
            return ("holds", negated, inner)
        if text == "|":
            self.bars += 1
            inner = self.sum()
            self.bars -= 1
            self.expect("|")
            return ("size", inner)
        assert kind == "name", (text, self.tokens[self.at :])
        return self.named(text)

    def named(self, name: str):
        if name == "product" and self.next("over"):
            condition = self.relation()
            self.expect("of")
            return ("big", "product", [condition[2][1]], condition, self.product())
        if (big := BIG.match(name)) and name not in OPS:
            letters = list(big[2] or "")
            if self.next("{"):
                letters = [i[1] for i in self.items("}")]
            return ("big", big[1], letters, None, self.product())
        if name.startswith("delta_"):
            return ("delta", *[("number", float(c)) if c.isdigit() else ("name", c) for c in name[6:]])
        made = ("name", name)
        if self.tokens[self.at][1] == "(" and not self.tokens[self.at][2]:
            self.at += 1
            made = ("call", name, self.items(")"))
        elif name in PLAIN:
            return ("call", name, [self.power()])
        while self.tokens[self.at][1] == "[" and not self.tokens[self.at][2]:
            self.at += 1
            made = ("at", made, self.items("]"))
        return made

    def items(self, close: str):
        made = []
        while not self.next(close):
            made.append(self.relation())
            self.next(",")
        return made


class Evaluation:
    """The value of a tree under a law's letters."""

    def __init__(self, law: Law, defined: dict) -> None:
        self.law, self.defined, self.called = law, defined, {}

    def value(self, t, env):
        return getattr(self, f"of_{t[0]}")(t, env)

    def of_number(self, t, env):
        return t[1]

    def of_text(self, t, env):
        return t[1]

    def of_name(self, t, env):
        for table in (env, self.law.arrays, self.law.sizes):
            if t[1] in table:
                return table[t[1]]
        assert t[1] in self.defined, f"nothing says what {t[1]} is"
        return self.value(self.defined[t[1]], env)

    def of_minus(self, t, env):
        return -self.value(t[1], env)

    def of_sum(self, t, env):
        a, b = self.value(t[2], env), self.value(t[3], env)
        return a + b if t[1] == "+" else a - b

    def of_product(self, t, env):
        factors = [(t[1], t[3])]
        while t[2][0] == "product":
            t = t[2]
            factors.insert(0, (t[1], t[3]))
        factors.insert(0, ("*", t[2]))
        guards = [self.value(f, env) for sign, f in factors if sign == "*" and f[0] in ("holds", "delta")]
        if any(np.ndim(v) == 0 and v == 0 for v in guards):
            return 0.0  # what is beside it may have no such place
        made = 1.0
        for k, (sign, f) in enumerate(factors):
            v = self.value(f, env)
            made = v if k == 0 else made * v if sign == "*" else made / v if sign == "/" else made @ v
        return made

    def of_power(self, t, env):
        return self.value(t[1], env) ** self.value(t[2], env)

    def of_transpose(self, t, env):
        return np.transpose(self.value(t[1], env))

    def of_tuple(self, t, env):
        return tuple(self.value(x, env) for x in t[1])

    def of_size(self, t, env):
        v = self.value(t[1], env)
        return np.sqrt(np.sum(np.square(v), axis=-1)) if self.law.norms else np.abs(v)

    def of_holds(self, t, env):
        return np.where(np.asarray(self.value(t[2], env)).astype(bool) != t[1], 1.0, 0.0)

    def of_relation(self, t, env):
        return RELATIONS[t[1]](self.value(t[2], env), self.value(t[3], env))

    def of_delta(self, t, env):
        return float(self.value(t[1], env) == self.value(t[2], env))

    def of_at(self, t, env):
        places = tuple(int(self.value(x, env)) for x in t[2])
        base = self.value(t[1], env)
        if isinstance(base, tuple):
            return base[places[0]]
        assert len(places) == np.ndim(base) and all(0 <= p < s for p, s in zip(places, np.shape(base), strict=True)), (t, places)
        return base[places]

    def of_big(self, t, env):
        _, kind, letters, condition, body = t
        ranges = [range(self.range(x, body, env)) for x in letters]
        envs = [{**env, **dict(zip(letters, places, strict=True))} for places in itertools.product(*ranges)]
        values = [self.value(body, e) for e in envs if condition is None or self.value(condition, e)]
        return {"sum": np.sum, "mean": np.mean, "max": np.max, "product": np.prod}[kind](values, axis=0)

    def range(self, letter: str, body, env) -> int:
        """How many places a letter stands for: as many as the axis that it stands at has."""
        if letter in self.law.ranges:
            return self.law.ranges[letter]
        for t in parts(body):
            if t[0] == "at":
                for axis, place in enumerate(t[2]):
                    if place == ("name", letter):
                        return np.shape(self.value(t[1], env))[axis]
        raise AssertionError(f"nothing says how many {letter} there are")

    def of_call(self, t, env):
        _, name, arguments = t
        if name == "delta":
            return float(np.equal(*[self.value(a, env) for a in arguments]))
        if name in PLAIN:
            return PLAIN[name](self.value(arguments[0], env))
        named = [a for a in arguments if a[:2] == ("relation", "=")]
        options = {a[2][1]: self.value(a[3], env) for a in named}
        given = [self.value(a, env) for a in arguments if a not in named]
        key = repr((name, given, options))
        if key not in self.called:
            self.called[key] = of_language(name, given, options)
        return self.called[key]


def of_language(name: str, given: list, options: dict):
    """The value of an op, by the literal evaluator; several values where it gives several."""
    tensors, arrays = {}, {}

    def spelled(v) -> str:
        if isinstance(v, tuple):
            return f"({', '.join(map(spelled, v))},)"
        if isinstance(v, str):
            return v
        if isinstance(v, int | float):
            return str(int(v)) if float(v).is_integer() else repr(v)
        tensor = f"a{len(tensors)}"
        if np.asarray(v).dtype == bool:
            return f"({spelled(np.where(v, 1.0, -1.0))} > 0)"
        whole = np.issubdtype(np.asarray(v).dtype, np.integer)
        tensors[tensor] = {"axes": " ".join(map(str, np.shape(v))), "role": "index" if whole else "parameter"}
        arrays[tensor] = np.asarray(v)
        return tensor

    texts = [*map(spelled, given), *[f"{k}={spelled(v)}" for k, v in options.items()]]
    call = f"{name}({', '.join(texts)})"
    call = f"where({call}, 1, 0)" if OPS[name].kind == "condition" and name != "where" else call
    count = 2 if OPS[name].gives_several else 0
    values = []
    for k in range(max(count, 1)):
        equations = {"T": call + (f"[{k}]" if count else ""), "J": "sum(T)"}
        equations["J"] += " + z"
        program = sbp.model(tensors={**tensors, "z": {"axes": "", "role": "parameter"}}, equations=equations).program
        values.append(evaluate(program, {**arrays, "z": np.array(0.5)}, {})["T"])
    return tuple(values) if count else values[0]


def parts(tree):
    """A tree and all trees in it."""
    yield tree
    for t in tree[1:]:
        if isinstance(t, tuple) and t and isinstance(t[0], str):
            yield from parts(t)
        elif isinstance(t, list):
            for x in t:
                yield from parts(x)


def bound(tree) -> set[str]:
    """The letters that sums run over."""
    return {x for t in parts(tree) if t[0] == "big" for x in t[2]}


def free(tree) -> list[str]:
    """The letters of places that are free."""
    found = [x[1] for t in parts(tree) if t[0] == "at" for place in t[2] for x in parts(place) if x[0] == "name"]
    found += [x[1] for t in parts(tree) if t[0] == "delta" for x in t[1:] if x[0] == "name"]
    return [x for x in dict.fromkeys(found) if x not in bound(tree)]


def statements(text: str):
    """The statements of a law, those that define a letter apart."""
    made, defined = [], {}
    depth, start, pieces = 0, 0, []
    for k, c in enumerate(text):
        depth += c in "([{"
        depth -= c in ")]}"
        if depth == 0 and text[k : k + 2] == ", ":
            pieces.append(text[start:k])
            start = k + 2
    pieces.append(text[start:])
    for piece in pieces:
        for part in re.sub(r" for all \w+$", "", piece).removeprefix("for ").split(" and "):
            tree = Reader(part).relation()
            assert tree[0] == "relation", part
            if tree[2][0] == "name":
                defined[tree[2][1]] = tree[3]
            else:
                made.append(tree)
    return made, defined


def misses(text: str, law: Law) -> list[str]:
    """Where the two sides of a law differ; "" nowhere."""
    found = []
    made, defined = statements(text)
    assert made
    for tree in made:
        evaluation = Evaluation(law, defined)
        letters = [x for x in free(tree) if x not in law.sizes and x not in law.arrays]
        ranges = [range(evaluation.range(x, tree, {})) for x in letters]
        for places in itertools.product(*ranges):
            env = dict(zip(letters, places, strict=True))
            left, right = evaluation.value(tree[2], env), evaluation.value(tree[3], env)
            same = np.shape(left) == np.shape(right) or np.ndim(right) == 0
            holds = np.allclose(left, right, rtol=1e-10, atol=1e-12) if tree[1] == "=" else np.all(RELATIONS[tree[1]](left, right))
            if not (same and holds):
                found.append(f"{text} at {env}: {left} {tree[1]} {right}")
    return found
