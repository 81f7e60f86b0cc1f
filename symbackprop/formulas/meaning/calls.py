"""Functions of the word list, and primes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from symbackprop.formulas.meaning.along import Along
from symbackprop.formulas.meaning.functions import Slope
from symbackprop.formulas.names.evaluator import Env
from symbackprop.formulas.notation.faults import UnreadError
from symbackprop.formulas.notation.references import match, primes
from symbackprop.formulas.notation.trees import base_of, flat, parts, plain
from symbackprop.formulas.numbers import functions as f
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers import tape as s
from symbackprop.formulas.numbers import wholes
from symbackprop.formulas.numbers.quantities import MisfitError, Quantity
from symbackprop.formulas.numbers.tape import Scalar, adjoints, constant, entry
from symbackprop.language.latex import nodes as n


class Calls(Along):
    """Applies functions that are known by name, and derivatives of functions."""

    def slope_of(self, head: n.Name, env: Env) -> Slope | None:
        """A name as a function of one number, or None."""
        name = head.id.lower() if head.id.isalpha() else head.id
        found = self.definition(head, env)
        if found is not None:
            k, bindings = found
            parameters = [plain(p) for p in k.parameters or ()]
            if len(parameters) == 1:
                return lambda x: self.body(k, parameters, [q.single(x)], bindings).scalar
            return None
        if name in f.ENTRYWISE:
            return f.ENTRYWISE[name]
        if base_of(head) in f.SQUASHED and not self.known.get(base_of(head)):
            return s.sigmoid
        if self.reading.identity and self.is_function(head) and base_of(head) not in f.SCALAR_VALUED:
            return lambda x: x * s.ONE
        if self.is_function(head) and base_of(head) not in f.SCALAR_VALUED:
            return f.anything(self.function_key(replace(head, scripts=tuple(x for x in head.scripts if not x.mark.startswith("'"))), env))
        return None

    def primed(self, head: n.Name, bracket: n.Bracket | None, env: Env) -> Quantity:
        """f'(x) entry by entry; a function of several arguments by each of them."""
        count = primes(head.scripts)
        head = self.of_layer(head, bracket) if bracket is not None else head
        bare = replace(head, scripts=tuple(x for x in head.scripts if not x.mark.startswith("'")))
        if bracket is not None and len(bracket.items) == 1 and count == 1:
            total = self.primed_tensor(bare, bracket.items[0], env)
            if total is not None:
                return total
        if bracket is None:
            return self.prime_alone(bare, head, count, env)
        if len(bracket.items) > 1 and count == 1:
            found = self.definition(bare, env)
            if found is not None and [flat(i) for i in bracket.items] == [flat(i) for i in found[0].parameters or ()]:
                whole = self.name(bare, env).scalar
                return q.array_of([adjoints(whole).get(self.value(i, env).scalar, s.ZERO) for i in bracket.items], (len(bracket.items),))
        slope = self.slope_of(bare, env)
        if slope is None or len(bracket.items) != 1:
            raise UnreadError(f"{flat(head)} is not the derivative of a function of one number", head)
        return q.mapped(differentiated(slope, count), self.value(bracket.items[0], env))

    def primed_tensor(self, bare: n.Name, by: n.Node, env: Env) -> Quantity | None:
        """C'(W) of tensors: the derivative of C by W; B'(m) of a function of several arguments: by that one."""
        by = plain(by)
        rows = self.known.get(base_of(bare), [])
        if not isinstance(by, n.Name) or not rows or not self.known.get(base_of(by)):
            return None
        functions = [k for k in rows if k.parameters is not None]
        several = any(len(k.parameters or ()) > 1 and flat(by) in [flat(plain(p)) for p in k.parameters or ()] for k in functions)
        if functions and not several:
            return None
        if not functions and not any(k.right is not None for k in rows):
            return None
        return self.value(n.Leibniz("d", (), bare, (by,), span=bare.span), env)

    def prime_alone(self, bare: n.Name, head: n.Name, count: int, env: Env) -> Quantity:
        """f' without its argument: a name with a prime, or the derivative of a defined function at its own parameter."""
        if self.known.get(base_of(bare) + "'" * count):
            return self.name(head, env)
        found = self.definition(bare, env)
        if found is None and not self.is_function(bare) and not self.known.get(base_of(bare)):
            return self.name(head, env)
        if found is not None and len(found[0].parameters or ()) == 1:
            k, bindings = found
            argument = self.value((k.parameters or ())[0], {**env, **bindings})
            return q.mapped(
                differentiated(lambda x: self.body(k, [plain((k.parameters or ())[0])], [q.single(x)], bindings).scalar, count), argument
            )
        place = self.argument_of(bare, env)
        slope = self.slope_of(bare, env)
        if place is None or slope is None:
            raise UnreadError(f"{flat(head)} has no argument", head)
        return q.mapped(differentiated(slope, count), place)

    def argument_of(self, bare: n.Name, env: Env) -> Quantity | None:
        """What a function is applied to in the one equation that applies it, at the layer that its own scripts say."""
        found: dict[str, tuple[n.Name, n.Node]] = {}
        for k in (k for group in self.known.values() for k in group if k.right is not None and not k.alias):
            right = plain(k.right) if k.right is not None else None
            head, behind = right.factors if isinstance(right, n.Juxtaposition) and len(right.factors) == 2 else (None, None)
            if isinstance(head, n.Name) and base_of(head) == base_of(bare) and isinstance(behind, n.Bracket) and len(behind.items) == 1:
                found[flat(behind)] = head, behind.items[0]
        if len(found) != 1:
            return None
        head, inside = next(iter(found.values()))
        fit = match(self.pattern_of(head), self.positions(bare.scripts, "_", env), self.positions(bare.scripts, "^", env))
        letters = {x for p in parts(inside) if isinstance(p, n.Name) for x in self.pattern_of(p).letters}
        if fit is None or fit.below or fit.above or letters - set(dict(fit.bindings)):
            return None
        return self.value(inside, {**env, **dict(fit.bindings)})

    def of_call(self, node: n.Call, env: Env) -> Quantity:
        """A function of the word list."""
        head = replace(node.function, style="")
        bracket = (
            node.argument
            if isinstance(node.argument, n.Bracket) and node.argument.open in ("(", "[", r"\{")
            else n.Bracket("(", (node.argument,), (), ")", span=node.argument.span)
        )
        if self.known.get(base_of(head)):
            made = self.call(head, bracket, env)
            if made is not None:
                return made
        if primes(head.scripts):
            above = tuple(x for x in head.scripts if x.mark == "^")
            made = self.primed(replace(head, scripts=tuple(x for x in head.scripts if x.mark != "^")), bracket, env)
            return self.raised(made, self.positions(above, "^", env), node, env)
        along = self.along(head, bracket, env)
        if along is not None:
            return self.raised(along, self.positions(head.scripts, "^", env), node, env)
        if any(isinstance(i, n.Dots) for i in bracket.items) and head.id == "diag":
            bracket = self.written_out(bracket, env)
        named = [i for i in bracket.items if isinstance(i, n.Chain)]
        options = {flat(c.sides[0]): flat(c.sides[1]) for c in named if len(c.sides) == 2}
        given = [i for i in bracket.items if i not in named]
        made = self.builtin(head, [self.value(i, env) for i in given], options, node, env)
        return self.raised(made, self.positions(head.scripts, "^", env), node, env)

    def builtin(self, head: n.Name, given: Sequence[Quantity], options: dict[str, str], node: n.Node, env: Env) -> Quantity:
        """The value of a function of the word list."""
        name = head.id.lower()
        first = given[0] if given else q.single(s.ZERO)
        if name == "log" and any(x.mark == "_" for x in head.scripts):
            base = self.value(next(x for x in head.scripts if x.mark == "_").items[0], env)
            return q.mapped(lambda x: s.log(x) / s.log(base.scalar), first)
        if name in f.ENTRYWISE and len(given) == 1:
            return q.mapped(f.ENTRYWISE[name], first)
        if name == "prod" and len(given) > 1:
            return self.of_product_rule(given)
        if name in f.OF_TWO and len(given) == 2:
            return q.zipped(f.OF_TWO[name], given[0], given[1], True)
        by_rows = self.by_rows(name, first) if len(given) == 1 and not options and self.rowwise else None
        if by_rows is not None:
            return by_rows
        if name in wholes.WHOLE:
            return wholes.WHOLE[name](*given)
        match name:
            case "softmax":
                columns = self.reading.samples == "columns" or (first.data.ndim == 2 and first.shape[1] == 1)
                return f.softmax(first, 0 if columns and first.data.ndim == 2 else -1)
            case "logsoftmax" | "log_softmax":
                return q.mapped(s.log, f.softmax(first, -1))
            case "tr" | "trace":
                return q.trace(first)
            case "det":
                return q.single(wholes.determinant(first))
            case "logdet":
                return q.single(s.log(s.absolute(wholes.determinant(first))))
            case "diag" if len(given) > 1:
                return q.diagonal(q.array_of([x.scalar for x in given], (len(given),)))
            case "diag":
                return q.diagonal(first)
            case "norm":
                return q.single(s.sqrt(f.squared_norm(first)))
            case "max" | "min" if len(given) == 1 and first.shape and not options:
                made = first.data.reshape(-1)[0]
                for x in first.data.reshape(-1)[1:]:
                    made = s.larger(made, x) if name == "max" else s.smaller(made, x)
                return q.single(made)
            case "dot" | "matmul":
                return self.dotted(given[0], given[1])
            case "multiply":
                return self.entrywise(given[0], given[1])
            case "outer":
                return q.outer(given[0], given[1])
            case "exp":
                return q.mapped(s.exp, first)
            case "sum" | "mean":
                return self.reduced(first, name, options, node)
            case "logsumexp" | "lse":
                return q.single(s.log(s.total(s.exp(x) for x in first.data.reshape(-1))))
            case "vec":
                listed = first.data if self.reading.vec_rows else first.data.T
                return q.array_of(listed.reshape(-1), (first.data.size,))
        if name in ("loss", "cost", "mse", "ce", "bce", "nll"):
            return q.single(f.anything_of(head.id, given))
        raise UnreadError(f"the function {head.id}", node)

    @staticmethod
    def reduced(a: Quantity, name: str, options: dict[str, str], node: n.Node) -> Quantity:
        """np.sum and np.mean, over an axis or all."""
        if "axis" not in options and "dim" not in options:
            made = s.total(a.data.reshape(-1))
            return q.single(made / constant(a.data.size) if name == "mean" else made)
        said = options.get("axis", options.get("dim", ""))
        if said.lstrip("-") not in ("0", "1") or a.data.ndim == 0:
            raise UnreadError("this axis", node)
        axis = int(said)
        if axis >= a.data.ndim:
            raise MisfitError(f"axis {axis} of {a.described}")
        rows = np.moveaxis(a.data, axis, -1)
        sums = [s.total(rows[at]) for at in np.ndindex(*rows.shape[:-1])]
        if name == "mean":
            sums = [x / constant(rows.shape[-1]) for x in sums]
        kept = q.array_of(sums, rows.shape[:-1])
        if options.get("keepdims", options.get("keepdim")) == "True":
            return Quantity(np.expand_dims(kept.data, axis % a.data.ndim))
        return replace(kept, row=axis % a.data.ndim == 0) if kept.data.ndim == 1 else kept


def differentiated(slope: Slope, count: int) -> Slope:
    """The derivative of a function of one number, `count` times."""

    def apply(x: Scalar) -> Scalar:
        at = entry(x)
        made = slope(at)
        for _ in range(count):
            made = adjoints(made).get(at, s.ZERO)
        return made

    return apply
