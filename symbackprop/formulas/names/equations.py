"""Equations of a context: which name their left side gives, and what is on the right."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from symbackprop.formulas.names.evaluator import Evaluator, Known
from symbackprop.formulas.notation.references import Pattern, Position, Slot, pattern, primes
from symbackprop.formulas.notation.trees import base_of, flat, has_derivative, operands, plain
from symbackprop.language.latex import nodes as n

DEFINING = {"=", ":=", r"\equiv", r"\triangleq", r"\doteq", r"\leftarrow"}


class Equations(Evaluator):
    """Takes equations in."""

    known: dict[str, list[Known]]
    indices: frozenset[str]
    sizes_named: set[str]
    lefts: set[str]

    def is_index(self, letter: str) -> bool:
        """Whether a letter in a script is an index."""
        return letter in self.indices

    def pattern_of(self, name: n.Name) -> Pattern:
        """The pattern of a name on a left side."""
        return pattern(named(name), name.scripts, self.is_index)

    def take(self, statement: n.Statement) -> None:
        """A forward equation: it defines its left side; what defines nothing is passed over."""
        body = statement.body
        for condition in statement.conditions:
            for part in condition.parts:
                if isinstance(part, n.Chain) and part.signs[0] in DEFINING:
                    self.take(n.Statement(part, span=part.span))
        if isinstance(body, n.Signature):
            return None
        if not isinstance(body, n.Chain) or body.signs[0] not in DEFINING:
            return None
        right = body.sides[1]
        for further in body.sides[2:]:
            last = plain(further)
            if (
                isinstance(last, n.Name)
                and isinstance(plain(body.sides[0]), n.Name)
                and not self.defines(last)
                and not isinstance(plain(body.sides[1]), n.Name)
            ):
                self.add_equation(last, body.sides[0])
        if len(body.sides) > 2 and not has_derivative(body.sides[1]) and isinstance(plain(body.sides[1]), n.Name):
            right = body.sides[-1]
            middle = plain(body.sides[1])
            if isinstance(middle, n.Name) and not self.defines(middle):
                self.add_equation(middle, body.sides[-1])
                right = middle
        if len(body.sides) > 2 and right is body.sides[1] and is_application(right) and not is_application(body.sides[-1]):
            self.take(n.Statement(n.Chain((right, body.sides[-1]), ("=",), span=body.span), span=body.span))
            right = body.sides[-1]
        if len(body.sides) > 2 and right is not body.sides[-1] and self.strangers(right) > self.strangers(body.sides[-1]):
            right = body.sides[-1]
        left_tree, right = self.solved(body.sides[0], right)
        left, parameters, scripts = self.left_side(left_tree)
        if left is None:
            return None
        left = replace(left, scripts=left.scripts + scripts)
        own = depends_on(left, right)
        self.add_equation(left, right, own.items if own is not None and parameters is None else parameters)
        return None

    def strangers(self, node: n.Node) -> set[str]:
        """The names of a side that no shape and no left side of the context has."""
        return {base_of(p) for p in operands(node) if isinstance(p, n.Name) and p.id not in ("e", r"\pi")} - self.lefts

    def solved(self, left: n.Node, right: n.Node) -> tuple[n.Node, n.Node]:
        """n L_i = ... as L_i = .../n, and ln P = ... as P = exp(...)."""
        if (
            isinstance(left, n.Juxtaposition)
            and len(left.factors) == 2
            and all(isinstance(f, n.Name) for f in left.factors)
            and flat(left.factors[0]) in self.sizes_named
        ):
            return left.factors[1], n.Fraction(right, left.factors[0], span=right.span)
        if isinstance(left, n.Call) and left.function.id in ("log", "ln") and not left.function.scripts:
            inside = plain(left.argument)
            return inside, n.Call(n.Name("exp", "operatorname"), n.Bracket("(", (right,), (), ")", span=right.span), span=right.span)
        return left, right

    def defines(self, name: n.Name) -> bool:
        """Whether an equation gives this name already."""
        return any(k.right is not None for k in self.known.get(base_of(name), ()))

    def left_side(self, left: n.Node) -> tuple[n.Name | None, tuple[n.Node, ...] | None, tuple[n.Script, ...]]:
        """The name on a left side, the parameters of a function, and scripts behind those."""
        scripts: tuple[n.Script, ...] = ()
        left = plain(left)
        if isinstance(left, n.Scripted):
            scripts, left = left.scripts, plain(left.of)
        if isinstance(left, n.Call):
            arguments = left.argument.items if isinstance(left.argument, n.Bracket) else (left.argument,)
            return replace(left.function, style=""), tuple(arguments), scripts
        if isinstance(left, n.Juxtaposition) and len(left.factors) == 3 and isinstance(left.factors[1], n.Bracket):
            last = left.factors[2]
            scripts = last.scripts if isinstance(last, n.Scripted) else ()
            head = plain(left.factors[0])
            if isinstance(head, n.Name) and isinstance(last.of if isinstance(last, n.Scripted) else last, n.Bracket):
                return head, left.factors[1].items, scripts
        if isinstance(left, n.Juxtaposition) and len(left.factors) == 2:
            head, behind = plain(left.factors[0]), left.factors[1]
            if isinstance(behind, n.Scripted):
                scripts, behind = behind.scripts, behind.of
            if isinstance(head, n.Name) and isinstance(behind, n.Bracket):
                return head, behind.items, scripts
        if isinstance(left, n.Differential) and isinstance(left.of, n.Name):
            return replace(left.of, id=f"d {left.of.id}"), None, scripts
        if isinstance(left, n.Operator) and left.of is not None and isinstance(plain(left.of), n.Name) and not left.scripts:
            of = plain(left.of)
            return (replace(of, id=f"{left.sign} {of.id}"), None, scripts) if isinstance(of, n.Name) else (None, None, scripts)
        if isinstance(left, n.Name):
            return left, None, scripts
        return None, None, scripts

    def add_equation(self, left: n.Name, right: n.Node, parameters: tuple[n.Node, ...] | None = None, alias: bool = False) -> None:
        """Know a name by its equation; a primed function is a constraint."""
        primed = "".join(s.mark for s in left.scripts if s.mark.startswith("'"))
        if primed and not self.known.get(named(left)) and (self.known.get(base_of(left)) or left.style == "operatorname"):
            return
        found = self.pattern_of(left)
        rows = self.known[found.base]
        same = [k for k in rows if k.pattern == found and k.right is not None and not k.alias]
        if same and not alias and all(k.parameters is None or parameters is None or len(k.parameters) == len(parameters) for k in same):
            return
        component: tuple[str, ...] = ()
        for k in rows:
            extra = found.below[len(k.pattern.below) :]
            whole = k.axes is not None and k.right is None and self.prefixes(k.pattern, found)
            if whole and extra and len(extra) in (len(k.axes or ()), len(long_axes(k.axes or ()))) and all(s.letter for s in extra):
                component = tuple(s.letter for s in extra)
        rows.append(Known(found, right, None, parameters, alias, component, left))

    @staticmethod
    def prefixes(whole: Pattern, found: Pattern) -> bool:
        """Whether `found` is a component of `whole`."""

        def bare(slots: Sequence[Slot]) -> list[Slot]:
            return [replace(s, offset=0) for s in slots]

        return bare(whole.above) == bare(found.above) and bare(whole.below) == bare(found.below[: len(whole.below)])

    @staticmethod
    def as_positions(found: Pattern, bindings: Mapping[str, int]) -> tuple[tuple[Position, ...], tuple[Position, ...]]:
        """The positions of a pattern at values of its indices."""

        def position(s: Slot) -> Position:
            value = bindings[s.letter] + s.offset if s.letter else s.number
            return Position(s.bracket, value, s.label or str(value))

        return tuple(map(position, found.below)), tuple(map(position, found.above))


def named(name: n.Name) -> str:
    """What a name is called, its primes included."""
    return base_of(name) + "'" * primes(name.scripts)


def long_axes(axes: Sequence[n.Node]) -> list[int]:
    """Which axes are no axes of size 1."""
    return [i for i, a in enumerate(axes) if not (isinstance(a, n.Number) and a.text == "1")]


def is_application(node: n.Node) -> bool:
    """Whether this is a function and its arguments, as in CE(y, p)."""
    if isinstance(node, n.Juxtaposition):
        return len(node.factors) == 2 and isinstance(plain(node.factors[0]), n.Name) and isinstance(node.factors[1], n.Bracket)
    return isinstance(node, n.Call) and isinstance(node.argument, n.Bracket)


def depends_on(left: n.Name | None, right: n.Node | None) -> n.Bracket | None:
    """The bracket of f = f(x, y): all that is said is what f depends on."""
    right = plain(right) if right is not None else None
    if isinstance(right, n.Call) and isinstance(right.argument, n.Bracket):
        head, behind = replace(right.function, style=""), right.argument
    elif isinstance(right, n.Juxtaposition) and len(right.factors) == 2 and isinstance(right.factors[1], n.Bracket):
        first, behind = plain(right.factors[0]), right.factors[1]
        if not isinstance(first, n.Name):
            return None
        head = first
    else:
        return None
    return behind if left is not None and behind.open == "(" and flat(head) == flat(replace(left, style=head.style)) else None
