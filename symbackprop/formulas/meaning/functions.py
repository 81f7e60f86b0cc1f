"""Functions of a context: those that it defines, and those that stand for any smooth function."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from symbackprop.formulas.meaning.values import Values
from symbackprop.formulas.names.equations import depends_on
from symbackprop.formulas.names.evaluator import Env, Known
from symbackprop.formulas.notation.faults import UnreadError
from symbackprop.formulas.notation.losses import LOSSES
from symbackprop.formulas.notation.references import primes
from symbackprop.formulas.notation.sequences import expanded_sum
from symbackprop.formulas.notation.trees import base_of, flat, operands, parts, plain
from symbackprop.formulas.numbers import functions as f
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers import tape as s
from symbackprop.formulas.numbers.quantities import Quantity
from symbackprop.formulas.numbers.tape import Scalar
from symbackprop.language.latex import nodes as n

FUNCTION_LETTERS = {"f", "g", r"\phi", r"\varphi", r"\psi", r"\sigma", r"\ell", r"\mathcal{L}", "F", "G"}


SPELLED_OUT = {"softmax", "logsoftmax", "sigmoid", "relu", "softplus", "logsumexp", "diag", "trace", "tr", "vec"}
"""Functions that are known in whatever letters they are written."""
Slope = Callable[[Scalar], Scalar]


class Functions(Values):
    """Applies functions."""

    def is_function(self, head: n.Name) -> bool:
        """Whether a name that nothing declares is used as a function."""
        base = base_of(head)
        if head.id.isdigit():
            return False  # ones, beside a bracket
        if base in FUNCTION_LETTERS or base in f.SCALAR_VALUED or (head.id.isalpha() and len(head.id) > 1):
            return True
        return base in self.used_as_functions()

    def invent(self, name: str) -> None:
        """Note a function that nothing defines and that the context never names."""
        if name not in self.given:
            self.invented.add(name)

    def used_as_functions(self) -> set[str]:
        """Names that bear primes before a bracket, or that are applied on the whole right side of an equation."""
        if not hasattr(self, "_functions"):
            found: set[str] = set()
            for tree in self.trees:
                for p in parts(tree):
                    if isinstance(p, n.Juxtaposition):
                        found |= {
                            base_of(a)
                            for a, b in zip(p.factors, p.factors[1:], strict=False)
                            if isinstance(a, n.Name)
                            and primes(a.scripts)
                            and isinstance(b.of if isinstance(b, n.Scripted) else b, n.Bracket)
                        }
                    if isinstance(p, n.Chain):
                        for side in p.sides:
                            if isinstance(side, n.Juxtaposition) and len(side.factors) == 2 and isinstance(side.factors[1], n.Bracket):
                                head = plain(side.factors[0])
                                if isinstance(head, n.Name) and not isinstance(side.factors[1].items[0], n.Sum | n.Product):
                                    found.add(base_of(head))
            self._functions = found
        return self._functions

    def call(self, head: n.Name, bracket: n.Bracket, env: Env) -> Quantity | None:
        """A name before a bracket: a function with its arguments, a tensor with what it depends on, or None for a product."""
        if self.is_size(head, env) or (self.context.conventions.arrays and self.known.get(base_of(head))):
            return None
        count = primes(head.scripts)
        own = bool(count and self.known.get(base_of(head) + "'" * count))
        if count and not own:
            if self.known.get(base_of(head)) and not self.definition(head, env) and not self.is_function(head):
                return None
            return self.primed(head, bracket, env)
        if self.scoped(head) is not None:
            return None
        found = self.definition(head, env, len(bracket.items))
        if found is not None:
            k, bindings = found
            if k.pattern.below and any(x.mark == "_" for x in head.scripts) and not isinstance(plain(bracket.items[0]), n.Name):
                return None
            if [flat(i) for i in bracket.items] == [flat(i) for i in k.parameters or ()] and not self.scope:
                return self.called_with_own(k, bindings, head, env)
            return self.substituted(k, bindings, [self.value(i, env) for i in bracket.items], env)
        base = base_of(head)
        jacobian = self.jacobian(head, bracket, env)
        if jacobian is not None:
            return jacobian
        if self.signatures.get(base):
            return self.signed_function(head, bracket, env)
        if self.is_declared_function(base) and len(bracket.items) == 1:
            bare = replace(head, scripts=tuple(x for x in head.scripts if x.mark != "_"))
            made = self.shaped_function(bare, [self.value(i, env) for i in bracket.items], self.declared_shape(base, env), env)
            return self.component(made, self.positions(head.scripts, "_", env), head, env)
        if self.known.get(base):
            if bracket.open == "[" and len(bracket.items) > 1:
                return None
            argument = all(isinstance(plain(i), n.Name) for i in bracket.items) or any(isinstance(i, n.Dots) for i in bracket.items)
            lone = plain(bracket.items[0])
            loose = (
                isinstance(lone, n.Name)
                and not self.known.get(base_of(lone))
                and not lone.scripts
                and (lone.id not in env or lone.id in self.indices)
            )
            return self.name(head, env) if argument and (len(bracket.items) > 1 or loose) else None
        if head.id.lower() in SPELLED_OUT and not head.accents:
            return self.value(n.Call(replace(head, style="operatorname"), bracket, span=head.span), env)
        if base in f.SQUASHED:
            return q.mapped(s.sigmoid, self.value(bracket.items[0], env))
        if not self.is_function(head):
            return None
        if any(isinstance(p, n.Dots) for i in bracket.items for p in parts(i)):
            bracket = self.written_out(bracket, env)
        wanted = (
            self.wanted[1]
            if self.wanted[0] is not None
            and isinstance(self.wanted[0], n.Juxtaposition)
            and self.wanted[0].factors[-1] is bracket
            and len(self.wanted[0].factors) == 2
            else None
        )
        arguments = [self.value(i, env) for i in bracket.items]
        if (
            wanted is not None
            and base not in f.SCALAR_VALUED
            and len(arguments) == 1
            and wanted != arguments[0].shape
            and arguments[0].shape
            and 1 not in arguments[0].shape
        ):
            return self.shaped_function(head, arguments, wanted, env)
        return self.smooth(head, arguments, env)

    def written_out(self, bracket: n.Bracket, env: Env) -> n.Bracket:
        """Arguments such as y_1, ..., y_N written out."""
        items = tuple(
            x for i in bracket.items for x in (i.factors if isinstance(i, n.Juxtaposition) and isinstance(i.factors[0], n.Dots) else (i,))
        )
        whole = n.Sum(items, ("", *["+"] * (len(items) - 1)), span=bracket.span)
        if not any(isinstance(i, n.Dots) for i in items):
            return bracket
        if self.depth == 0:
            raise UnreadError("arguments that are not written out", bracket)
        terms = expanded_sum(whole, lambda tree: self.whole_number(tree, env, set()), self).terms
        return replace(bracket, items=terms, separators=(",",) * (len(terms) - 1))

    def is_declared_function(self, base: str) -> bool:
        """Whether a declared name without an equation is applied somewhere: then its shape is that of its values."""
        rows = self.known.get(base, [])
        if (
            not rows
            or any(k.right is not None or k.axes is None or k.pattern.letters for k in rows)
            or self.context.conventions.arrays
            or (base not in FUNCTION_LETTERS and any(len(k.axes or ()) > 1 for k in rows))
            or not (base in FUNCTION_LETTERS or base in self.used_as_functions() or (base in LOSSES and rows[0].axes == ()))
        ):
            return False
        rights = [x for st in self.context.statements if isinstance(st.body, n.Chain) for x in st.body.sides[1:]]
        factors = [p for t in rights for p in operands(t) if isinstance(p, n.Name) and base_of(p) == base and p.scripts]
        return bool(applied(base, self.trees)) and len(factors) <= len(applied(base, rights))  # g_i as a factor is no function

    def declared_shape(self, base: str, env: Env) -> tuple[int, ...]:
        """The declared shape of a name."""
        return tuple(self.size(a, env) for a in self.known[base][0].axes or ())

    def shaped_function(self, head: n.Name, arguments: Sequence[Quantity], shape: tuple[int, ...], env: Env) -> Quantity:
        """Any smooth function whose values have this shape."""
        name = self.function_key(head, env)
        if shape and shape == arguments[0].shape:
            return q.mapped(f.anything(name), arguments[0])
        return self.anything_shaped(name, arguments, shape)

    def dependent(self, base: str, own: n.Bracket, shape: tuple[int, ...], env: Env) -> Quantity:
        """A name of which is said only what it depends on: any smooth function of that."""
        outer, self.scope, self.depth = self.scope, [], self.depth + 1
        try:
            if any(isinstance(p, n.Dots) for p in parts(own)):
                own = self.written_out(own, env)
            made = self.anything_shaped(base, [x for i in own.items for x in self.every(i, env)], shape)
            return symmetrized(made) if base in self.symmetric else made
        finally:
            self.scope, self.depth = outer, self.depth - 1

    def every(self, argument: n.Node, env: Env) -> list[Quantity]:
        """An argument, at all values of an index that has none."""
        free = [x for p in parts(argument) if isinstance(p, n.Name) for x in self.pattern_of(p).letters if x not in env]
        if not free or free[0] in self.recursive:
            return [self.value(argument, env)]
        places = range(self.origin, self.count(free[0], env) + self.origin)
        return [x for at in places for x in self.every(argument, {**env, free[0]: at})]

    def anything_shaped(self, name: str, arguments: Sequence[Quantity], shape: tuple[int, ...]) -> Quantity:
        """Any smooth function of arrays with values of this shape, each of which depends on all entries."""
        if not shape:
            return q.single(f.anything_of(name, arguments))
        made = f.vector_of(name, arguments, int(np.prod(shape)))
        return Quantity(made.data.reshape(shape), row=self.reading.row_vectors and len(shape) == 1)

    def jacobian(self, head: n.Name, bracket: n.Bracket, env: Env) -> Quantity | None:
        """J_h(x), the Jacobian of h, where nothing else says what J is."""
        below = [x for x in head.scripts if x.mark == "_"]
        if (
            head.id not in ("J", r"\mathbf{J}")
            or self.known.get(base_of(head))
            or len(below) != 1
            or len(bracket.items) != 1
            or len(below[0].items) != 1
        ):
            return None
        of, by = plain(below[0].items[0]), plain(bracket.items[0])
        if not isinstance(of, n.Name) or not isinstance(by, n.Name) or not self.known.get(base_of(of)):
            return None
        return self.value(n.Leibniz(r"\partial", (), of, (by,), span=head.span), env)

    @property
    def signatures(self) -> dict[str, tuple[n.Node, n.Node]]:
        """Functions that are declared as f : R^m -> R^n."""
        if not hasattr(self, "_signatures"):
            made: dict[str, tuple[n.Node, n.Node]] = {}
            for statement in self.context.statements:
                body = statement.body
                if isinstance(body, n.Signature):
                    of = plain(body.of)
                    if isinstance(of, n.Juxtaposition):
                        of = plain(of.factors[0])
                    if isinstance(of, n.Name):
                        made[base_of(of)] = body.source, body.target
            self._signatures = made
        return self._signatures

    def signed_function(self, head: n.Name, bracket: n.Bracket, env: Env) -> Quantity:
        """A function that is declared by its signature: any smooth function."""
        _, target = self.signatures[base_of(head)]
        arguments = [self.value(i, env) for i in bracket.items]
        power = [x for x in getattr(plain(target), "scripts", ()) if x.mark == "^"]
        if not power:
            return q.single(f.anything_of(base_of(head), arguments))
        made = f.vector_of(base_of(head), arguments, self.size(power[0].items[0], env))
        below = self.positions(head.scripts, "_", env)
        return self.component(made, below, head, env)

    def definition(self, head: n.Name, env: Env, count: int = 0) -> tuple[Known, dict[str, int]] | None:
        """The equation that defines a function, and its indices."""
        bare = replace(head, scripts=tuple(x for x in head.scripts if not x.mark.startswith("'")))
        below, above = self.positions(bare.scripts, "_", env), self.positions(bare.scripts, "^", env)
        own = "'" * primes(head.scripts) if self.known.get(base_of(head) + "'" * primes(head.scripts)) else ""
        fits = [(k, fit) for k, fit in self.candidates(base_of(head) + own, below, above) if k.parameters is not None and not fit.above]
        for k, fit in sorted(fits, key=lambda f: len(f[0].parameters or ()) != count):
            return k, dict(fit.bindings)
        for k in self.known.get(base_of(head), ()):
            if k.parameters is not None and k.pattern.below and not below and not above:
                return k, {}
        return None

    def substituted(self, k: Known, bindings: dict[str, int], arguments: Sequence[Quantity], env: Env) -> Quantity:
        """A defined function of other arguments than those of its definition."""
        parameters = [plain(p) for p in k.parameters or () if not isinstance(p, n.Dots)]
        dots = any(isinstance(x, n.Dots) for p in k.parameters or () for x in parts(p))
        if len(parameters) != len(arguments) and dots:
            return self.known_tensor(k, bindings, frozenset())
        if len(parameters) != len(arguments):
            raise UnreadError("a function with another number of arguments than in its definition")
        assert k.right is not None
        letters = [x.letter for x in k.pattern.below if x.letter and x.letter not in bindings]
        if letters:
            sizes = next((a.shape for a in arguments if a.shape), ())
            if len(sizes) != len(letters):
                raise UnreadError("a function whose value has other axes than its argument")
            entries = [
                self.body(k, parameters, arguments, {**bindings, **dict(zip(letters, (i + self.origin for i in at), strict=True))}).scalar
                for at in np.ndindex(*sizes)
            ]
            return q.array_of(entries, sizes)
        shapes = {a.shape for a in arguments if a.shape}
        if shapes and len(shapes) == 1 and all(self.is_scalar_parameter(p) for p in parameters):
            shape = next(iter(shapes))
            entries = []
            for at in np.ndindex(*shape):
                inside = [replace(a, data=np.asarray(a.data[at], dtype=object), row=False) if a.shape else a for a in arguments]
                entries.append(self.body(k, parameters, inside, bindings).scalar)
            return q.array_of(entries, shape, next(a.row for a in arguments if a.shape))
        return self.body(k, parameters, arguments, {**{x: v for x, v in env.items() if x not in bindings}, **bindings})

    def called_with_own(self, k: Known, bindings: dict[str, int], head: n.Name, env: Env) -> Quantity:
        """A function of the arguments of its definition: the tensor of that equation."""
        if sum(1 for other in self.known[base_of(head)] if other.parameters is not None) < 2:
            return self.name(head, env)
        inside = {p.id for x in k.parameters or () for p in parts(x) if isinstance(p, n.Name)}
        return self.known_tensor(k, {**bindings, **{x: v for x, v in env.items() if x in inside and x in self.indices}}, frozenset())

    def is_scalar_parameter(self, parameter: n.Node) -> bool:
        """Whether a parameter is declared a number, or not declared at all."""
        if not isinstance(parameter, n.Name):
            return False
        rows = self.known.get(base_of(parameter), [])
        shapes = [k.axes for k in rows if k.axes is not None]
        return (all(a == () for a in shapes) and not any(k.right is not None for k in rows)) or (len(shapes) == 1 and shapes[0] == ())

    def body(self, k: Known, parameters: Sequence[n.Node], arguments: Sequence[Quantity], env: Env) -> Quantity:
        """The right side of a definition with its parameters bound."""
        assert k.right is not None
        if depends_on(k.name, k.right) is not None:
            axes = next((d.axes for d in self.known[k.pattern.base] if d.axes is not None), ())
            return self.anything_shaped(k.pattern.base, arguments, tuple(self.size(a, env) for a in axes))
        self.scope.append({flat(p): a for p, a in zip(parameters, arguments, strict=True)})
        if len(self.scope) > 30:
            raise UnreadError("a function that calls itself")
        try:
            return self.value(k.right, env)
        finally:
            self.scope.pop()

    def smooth(self, head: n.Name, arguments: Sequence[Quantity], env: Env) -> Quantity:
        """A function that nothing defines: any smooth one, of each entry unless its name is that of a loss."""
        name = self.function_key(head, env)
        self.invent(base_of(head))
        if (head.style == "mathcal" and head.id in ("N", "U", "B", "D")) or (head.id in ("P", "p", "q", "E") and len(arguments) != 1):
            raise UnreadError(f"the distribution {head.id}", head)
        if base_of(head) in f.SCALAR_VALUED and self.reading.entropy and len(arguments) == 2 and arguments[0].shape == arguments[1].shape:
            a, y = arguments
            return q.single(
                s.total(
                    -(t * s.log(p) + (s.ONE - t) * s.log(s.ONE - p)) for p, t in zip(a.data.reshape(-1), y.data.reshape(-1), strict=True)
                )
            )
        if base_of(head) in f.SCALAR_VALUED:
            return q.single(f.anything_of(name, arguments))
        first, rest = arguments[0], arguments[1:]
        if self.reading.identity and not rest:
            return first
        plainly = f.anything(name)
        if not rest:
            return q.mapped(plainly, first)
        mixed = q.mapped(plainly, first)
        for k, other in enumerate(rest):
            mixed = q.hadamard(mixed, q.mapped(f.anything(f"{name}{k}"), other), True)
        return mixed

    def of_layer(self, head: n.Name, bracket: n.Bracket) -> n.Name:
        """f'(z^{(l)}) where the context has f^{(l)}: the function of that layer."""
        if any(x.mark == "^" for x in head.scripts):
            return head
        base = base_of(head)
        layered = [
            p
            for t in self.trees
            for p in parts(t)
            if isinstance(p, n.Name) and base_of(p) == base and any(x.mark == "^" for x in p.scripts)
        ]
        bare = [
            p
            for s in self.context.statements
            for p in parts(s.body)
            if isinstance(p, n.Name) and base_of(p) == base and not any(x.mark == "^" for x in p.scripts)
        ]
        inside = [x for p in parts(bracket) if isinstance(p, n.Name) for x in p.scripts if x.mark == "^"]
        if not layered or bare or not inside:
            return head
        return replace(head, scripts=(*head.scripts, inside[0]))

    def function_key(self, head: n.Name, env: Env) -> str:
        """The name of a function at values of the indices."""
        marks = [f"{m}{p.number or p.text}" for m in "_^" for p in self.positions(head.scripts, m, env)]
        return base_of(head) + "".join(marks)


def applied(base: str, trees: Sequence[n.Node]) -> list[n.Name]:
    """The places where a name stands before a bracket."""
    rows = [p.factors for t in trees for p in parts(t) if isinstance(p, n.Juxtaposition)]
    return [a for r in rows for a, b in itertools.pairwise(r) if isinstance(a, n.Name) and base_of(a) == base and isinstance(b, n.Bracket)]


def symmetrized(made: Quantity) -> Quantity:
    """The symmetric part of a square matrix."""
    if made.data.ndim != 2 or made.shape[0] != made.shape[1]:
        return made
    pairs = zip(made.data.reshape(-1), made.data.T.reshape(-1), strict=True)
    return q.array_of([(a + b) / s.constant(2) for a, b in pairs], made.shape)
