"""True claims, false ones made from them by one slip each, and claims that are almost true."""

from collections.abc import Iterator
from dataclasses import replace

from claims_models import MODELS
from sympy import Rational

import symbackprop as sbp
from symbackprop.language.nodes import COMPARISONS, Call, Claim, Name, Node, Number, unparse, walk
from symbackprop.language.syntax import parse_claim
from symbackprop.verification.claims.reading import rebuilt

ROLES = {"p": "parameter", "i": "input", "l": "label", "c": "constant", "k": "index"}

EXPRESSIONS = {
    "vector": ({"x": "n; p"}, {"s": "cumsum(x)", "J": "sum(s ** 2) + max(x)"}),
    "two vectors": ({"x": "n; p", "y": "n; i"}, {"J": "sum(x * y)"}),
    "square": ({"A": "n n; p", "x": "n; p"}, {"J": "x @ A @ x", "D": "det(A)"}),
    "labels": ({"O": "n c; p", "y": "n; k"}, {"J": "mean(logsumexp(O, axis=1) - O[arange(n), y])"}),
    "hidden": ({"X": "n d; i", "W": "d h; p", "b": "h; p"}, {"H0": "X @ W + b", "H": "relu(H0)", "J": "sum(H ** 2)"}),
}
"""Models for claims about whatever expression."""

IDENTITIES = {
    "vector": [
        "log(exp(x)) == x",
        "softmax(x) == exp(x) / sum(exp(x))",
        "sinh(x) == (exp(x) - exp(-x)) / 2",
        "tanh(x) == (exp(x) - exp(-x)) / (exp(x) + exp(-x))",
        "cosh(x) ** 2 - sinh(x) ** 2 == 1",
        "sin(x) ** 2 + cos(x) ** 2 == 1",
        "log1p(x ** 2) == log(1 + x ** 2)",
        "expm1(x) == exp(x) - 1",
        "(x + 1) ** 2 - x ** 2 - 2 * x == 1",
        "norm(x) == sqrt(sum(x ** 2))",
        "abs(x) == sqrt(x ** 2)",
        "abs(x) == maximum(x, -x)",
        "relu(x) - relu(-x) == x",
        "sum(s) == sum((n - arange(n)) * x)",
        "exp(x + 1) == exp(1) * exp(x)",
        "sigmoid(x) + sigmoid(-x) == 1",
        "softplus(x) - softplus(-x) == x",
        "var(x) == mean(x ** 2) - mean(x) ** 2",
        "gelu(x) == x * (1 + erf(x / sqrt(2))) / 2",
        "logsumexp(x) - logsumexp(x - 3) == 3",
        "where(n > 13, x, 2 * x) == x * (2 - where(n > 13, 1, 0))",
        "roll(x, 1)[1:] == x[:-1]",
        "x / (1 + abs(x)) == softsign(x)",
        "prod(exp(x)) == exp(sum(x))",
        "dJ/dx == 2 * tril(ones((n, n))).T @ s + max_selector(x)",
        "x[-1] == flip(x)[0]",
    ],
    "square": [
        "dD/dA == D * inv(A).T",
        "inv(A) @ A == eye(n)",
        "trace(A @ A.T) == sum(A ** 2)",
        "det(2 * A) == 2 ** n * D",
        "A == triu(A) + tril(A, -1)",
        "solve(A, x) == inv(A) @ x",
        "det(A @ A) == D ** 2",
    ],
    "hidden": ["H == maximum(H0, 0)", "dJ/dW == 2 * X.T @ H", "dJ/dH0 == 2 * relu(H0)", "H * (H0 > 0) == H", "H == H0 * (H0 > 0)"],
}
"""True for all data."""

ALMOST = {
    "vector": [
        "sign(x) == tanh(100 * x)",
        "relu(x) == softplus(1000 * x) / 1000",
        "abs(x) == sqrt(x ** 2 + 0.000000000001)",
        "x == x + 0.000000001",
        "floor(x) == x - 0.5",
        "max(x) == logsumexp(2000 * x) / 2000",
        "sum(x) == sum(x) * where(n != 7, 1, 2)",
        "sum(x) == sum(x) * where(n != 17, 1, 2)",
        "sum(x) == sum(x) * where((n > 3) & (n < 5), 2, 1)",
        "x == x + where(arange(n) == 15, 1, 0)",
        "x == x * (1 + one_hot(12, n + 20)[:n])",
        "J == J * where(sum(x) > 1000, 2, 1)",
        "x == x + where((x > 3) & (x < 3.01), 1, 0)",
        "x == arctan(tan(x))",
        "x == clip(x, -50, 50)",
        "x == x + relu(x - 77)",
        "exp(x) == 1 + x + x ** 2 / 2",
        "sum(x) == x[0]",
        "x == x + where(n > 150, 1, 0)",
        "x == x * where(abs(x) < 0.001, 2, 1)",
        "s[0] == sum(x)",
        "x ** 2 == abs(x) ** 2.0000001",
        "x == x + where(n ** 2 > 200, 1, 0)",
        "mean(x) == sum(x) / 2",
        "max(x) == x[n - 1]",
        "sum(x) == sum(x) + where(max(x) > 40, 1, 0)",
        "x == x + where(x * x[0] > 900, 1, 0)",
        "erf(x) == tanh(1.2 * x)",
        "tanh(x) == clip(x, -1, 1)",
    ],
    "two vectors": [
        "J == J + where(sum(x * y) < -500, 1, 0)",
        "x == x + relu(x - y - 30)",
        "maximum(x, y) == where(x > y + 0.00001, x, y)",
        "maximum(x, y) == logaddexp(5000 * x, 5000 * y) / 5000",
        "x == x + (x > y) * (y > 20)",
        "dJ/dx == y + where(y > x + 60, 1, 0)",
    ],
    "square": [
        "D == A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0]",
        "dD/dA == inv(A) * D",
        "D == prod(diag(A))",
        "A == triu(A) + tril(A, -1) + where(arange(n)[:, None] - arange(n) > 9, 1, 0)",
        "A == A * where(abs(arange(n)[:, None] - arange(n)) <= 3, 1, 0)",
        "A == A.T",
    ],
    "labels": [
        "dJ/dO == (softmax(O, axis=1) - one_hot(y, c)) / n + where(y == 9, 1, 0)[:, None]",
        "J == mean(logsumexp(O, axis=1) - O[arange(n), y]) * where(c > 21, 2, 1)",
        "J == mean(logsumexp(O, axis=1) - O[arange(n), y]) + sum(where(y > 30, 1, 0))",
        "J == mean(logsumexp(O, axis=1) - O[:, 0])",
    ],
    "hidden": [
        "dJ/dH0 == 2 * H0 * sigmoid(1000 * H0)",
        "H == H0 * (H0 > 0) * (H0 < 500)",
        "dJ/dW == 2 * X.T @ H * where(d > 8, 1.5, 1)",
        "dJ/dW == X.T @ (2 * H * (H0 > 0.0001))",
        "H == softplus(500 * H0) / 500",
        "dJ/db == sum(2 * H, axis=0) + where(sum(b) > 100, 1, 0)",
        "H == relu(H0 - 0.00001)",
        "relu(H0 - 1) == softplus(1000 * (H0 - 1)) / 1000",
    ],
}
"""False somewhere: far off, in a narrow band, by little, for some sizes."""

AT_KINKS = {
    "vector": [
        "relu(x) == where(x == 0, 1, relu(x))",
        "dJ/dx == dJ/dx + where(x == 0, 1, 0)",
        "sign(x) == where(x >= 0, 1, -1)",
        "x == x + where(x == 2, 1, 0)",
        "x == x + where(n > 100000, 1, 0)",
        "x == x + where(x > 1000000000000, 1, 0)",
    ],
    "two vectors": ["maximum(x, y) == where(x == y, 0, maximum(x, y))"],
    "hidden": ["H == H + where(H0 == 0, 1, 0)"],
}
"""True but where a kink is, or at sizes or data that no point reaches."""


def rows(table: dict) -> list[tuple[str, str]]:
    """(model, claim) of a table."""
    return [(name, claim) for name, claims in table.items() for claim in claims]


def model(name: str):
    """One of the models."""
    tensors, equations = (MODELS.get(name) or EXPRESSIONS[name])[:2]
    made = {}
    for key, said in tensors.items():
        axes, role, *fact = [part.strip() for part in said.split(";")]
        made[key] = {"axes": axes, "role": ROLES[role], **({"fact": fact[0]} if fact else {})}
    return sbp.model(tensors=made, equations=equations, name=name.replace(" ", "_"))


def true_claims() -> list[tuple[str, str]]:
    """(model, claim) of all true ones."""
    return [(name, claim) for name, (_, _, claims) in MODELS.items() for claim in claims]


def false_claims(name: str, text: str) -> Iterator[tuple[str, str]]:
    """(slip, claim) of what one slip makes of a true claim."""
    made = model(name)
    program = made.program
    claim = parse_claim(text, "claim", program.tensors)
    size = next((str(a) for a in program.axes), None)
    right = claim.right
    if right == Number(Rational(0)):
        return
    yield "sign", say(claim, Call("negative", (right,)))
    yield "a thousandth", say(claim, Call("multiply", (right, Number(Rational("1.001")))))
    yield "in the tenth digit", say(claim, Call("multiply", (right, Number(Rational("1.0000000003")))))
    if size:
        yield "1/n", say(claim, Call("divide", (right, Name(size))))
        yield "beyond n = 13", say(claim, Call("multiply", (right, where(Call("greater", (Name(size), number(13))), number(2)))))
    leaf = next((t for t in program.leaves if t.role in ("parameter", "input") and not t.facts), None)
    if leaf:
        far = Call("sum", (where(Call("greater", (Name(leaf.name), number(25))), number(1), number(0)),))
        yield "beyond 25", say(claim, Call("multiply", (right, Call("add", (number(1), far)))))
    for part in walk(right):
        if isinstance(part, Call) and part.op in ("add", "subtract") and len(part.args) == 2:
            yield "a term dropped", say(claim, swapped(right, part, part.args[0]))
            break
    for part in walk(right):
        if isinstance(part, Call) and part.op in COMPARISONS:
            yield (
                "threshold",
                say(claim, swapped(right, part, replace(part, args=(part.args[0], Call("add", (part.args[1], number("0.25"))))))),
            )
            break
    for part in walk(right):
        if isinstance(part, Call) and part.op == "transpose":
            yield "transpose", say(claim, swapped(right, part, part.args[0]))
            break


def number(value) -> Number:
    """A number as a node."""
    return Number(Rational(str(value)))


def where(condition: Node, yes: Node, no: Node | None = None) -> Node:
    """where(condition, yes, no), no being 1."""
    return Call("where", (condition, yes, no or number(1)))


def say(claim: Claim, right: Node) -> str:
    """The claim with another right side, as text."""
    return f"{claim.text.split('==')[0].strip()} == {unparse(right)}"


def swapped(node: Node, part: Node, new: Node) -> Node:
    """`node` with the object `part` replaced."""
    return rebuilt(node, lambda n: new if n is part else n)
