"""From a name with scripts to the tensor or component that it means."""

from collections.abc import Sequence
from dataclasses import replace

from symbackprop.formulas.names.equations import is_application, named
from symbackprop.formulas.names.evaluator import Env, Found, Known
from symbackprop.formulas.names.sizes import Sizes
from symbackprop.formulas.notation.faults import OutOfRangeError, UnreadError
from symbackprop.formulas.notation.losses import SURE_LOSSES
from symbackprop.formulas.notation.references import Match, Position, match, split_digits
from symbackprop.formulas.notation.trees import INVERSES, TRANSPOSES, base_of, flat, parts, plain
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers.quantities import MisfitError, Quantity
from symbackprop.formulas.numbers.tape import entry
from symbackprop.language.latex import nodes as n


class Lookup(Sizes):
    """Looks names up."""

    def name(self, node: n.Name, env: Env) -> Quantity:
        """What a name stands for."""
        found, above = self.tensor(node, env)
        return self.raised(found, above, node, env)

    def candidates(self, base: str, below: Sequence[Position], above: Sequence[Position]) -> list[tuple[Known, Match]]:
        """What fits a name, the best first."""
        found: list[tuple[tuple, Known, Match]] = []
        for k in self.known.get(base, ()):
            for rank, strict in enumerate((True, False)):
                fit = match(k.pattern, below, above, strict)
                if fit is None:
                    continue
                exact = sum(1 for s in (*k.pattern.below, *k.pattern.above) if not s.letter)
                left = len(fit.below) + len(fit.above)
                found.append(((not k.alias, rank, left if not k.component else len(k.component), -exact, k.right is None), k, fit))
                break
        return [(k, fit) for _, k, fit in sorted(found, key=lambda f: f[0])]

    def scoped(self, node: n.Name) -> tuple[Quantity, n.Name] | None:
        """The argument that a parameter of a function stands for, and the scripts that are left."""
        if not self.scope:
            return None
        scope = self.scope[-1]
        whole = flat(node)
        if whole in scope:
            return scope[whole], replace(node, scripts=())
        for cut in range(len(node.scripts), -1, -1):
            head = flat(replace(node, scripts=node.scripts[:cut]))
            if head in scope:
                return scope[head], replace(node, scripts=node.scripts[cut:])
        return None

    def tensor(self, node: n.Name, env: Env) -> tuple[Quantity, tuple[Position, ...]]:
        """The tensor or component that a name means, and what is left above it."""
        inside = self.scoped(node)
        if inside is not None:
            made, rest = inside
            below = self.positions(rest.scripts, "_", env)
            return self.component(made, below, node, env), self.positions(rest.scripts, "^", env)
        base = named(node)
        below, above = self.positions(node.scripts, "_", env), self.positions(node.scripts, "^", env)
        entry = self.entry_of_inverse(node, below, above, env)
        if entry is not None:
            return entry
        failure: Exception | None = None
        rows = self.known.get(base, ())
        if len(below) == 2 and rows and all(len(k.pattern.below) == 1 and k.pattern.below[0].letter for k in rows):
            entry_of_capital = self.linked(node, base, below, above, env)
            if entry_of_capital is not None:
                return entry_of_capital
        for positions in (below, split_digits(below)):
            for k, fit in self.candidates(base, positions, above):
                try:
                    return self.fitted(k, fit, node, env)
                except MisfitError as error:
                    failure = failure or (None if "is no part of" in str(error) else error)
            if positions == split_digits(below):
                break
        linked = (
            None
            if failure is not None or self.is_size(node, env)
            else self.linked(node, base, below, above, env) or self.ranged(base, below, above)
        )
        if linked is not None:
            return linked
        if failure is not None:
            raise failure
        return self.unknown(node, base, below, above, env)

    def entry_of_inverse(self, node: n.Name, below: tuple[Position, ...], above: tuple[Position, ...], env: Env) -> Found | None:
        """A^{-1}_{ij}, an entry of the inverse of a matrix, or None."""
        inverted = any(p.text in INVERSES and not p.bracket for p in above)
        if not inverted or self.reading.elementwise_inverse or not self.known.get(named(node)):
            return None
        below = split_digits(below) if len(below) == 1 else below
        if len(below) < 2:
            return None
        try:
            whole, above = self.tensor(replace(node, scripts=tuple(s for s in node.scripts if s.mark != "_")), env)
        except (MisfitError, UnreadError):
            return None
        if whole.data.ndim != len(below):
            return None
        one = self.component(whole, below[:-2], node, env)  # of several matrices, the one that the first indices say
        return self.component(self.raised(one, above, node, env), below[-2:], node, env), ()

    def fitted(self, k: Known, fit: Match, node: n.Name, env: Env) -> tuple[Quantity, tuple[Position, ...]]:
        """The tensor of a known name, its component taken."""
        letters = frozenset(x for m in "_^" for p in self.positions(node.scripts, m, env) for x in p.letters)
        bindings = dict(fit.bindings)
        for parameter in k.parameters or ():
            for p in parts(parameter):
                if isinstance(p, n.Name) and p.id in env and p.id in self.indices:
                    bindings.setdefault(p.id, env[p.id])
        if fit.below and k.right is not None and not k.pattern.below and self.is_own_term(k):
            return self.objective(node, env), fit.above
        if fit.below and k.right is not None and not k.pattern.below:
            summand = self.summand(k, fit, bindings)
            if summand is not None:
                return summand, fit.above
        scalar = any(d.axes == () for d in self.known[k.pattern.base]) or k.pattern.base in SURE_LOSSES
        if (
            scalar
            and fit.below
            and k.right is not None
            and all(isinstance(p.tree, n.Number | n.Text) or p.number is None for p in fit.below)
        ):
            raise MisfitError(f"{flat(node)} is no part of {k.pattern.base}")
        made = self.known_tensor(k, bindings, letters)
        return self.entry_of(made, fit, node, env)

    def entry_of(self, made: Quantity, fit: Match, node: n.Name, env: Env) -> tuple[Quantity, tuple[Position, ...]]:
        """A component; W^T_{ji} is one of the transpose."""
        sample = next((p for p in fit.above if p.bracket == "(" and p.number is not None), None)
        if sample is not None and made.data.ndim == 2:
            made = self.sample(made, sample)
            fit = replace(fit, above=tuple(p for p in fit.above if p is not sample))
        turned = [p for p in fit.above if p.text in TRANSPOSES and not p.bracket]
        if turned and len(fit.below) == 2 and made.data.ndim == 2:
            return self.component(q.transposed(made), fit.below, node, env), tuple(p for p in fit.above if p not in turned)
        return self.component(made, fit.below, node, env), fit.above

    def is_own_term(self, k: Known) -> bool:
        """Whether L is defined as the sum of L_t, and L_t by nothing."""
        for p in parts(k.right) if k.right is not None else ():
            if isinstance(p, n.Big):
                of = plain(p.of)
                if isinstance(of, n.Name) and base_of(of) == k.pattern.base and of.scripts:
                    return not any(x.pattern.below or x.pattern.above for x in self.known[k.pattern.base] if x.right is not None)
        return False

    def summand(self, k: Known, fit: Match, bindings: dict[str, int]) -> Quantity | None:
        """L_t of an L that is a sum over t: its term."""
        right: n.Node | None = k.right
        sign = ""
        if isinstance(right, n.Sum) and len(right.terms) == 1:
            sign, right = right.signs[0], right.terms[0]
        if isinstance(right, n.Juxtaposition | n.Product):
            right = right.factors[-1]
        if not isinstance(right, n.Big) or right.sign != r"\sum" or len(fit.below) != 1 or fit.below[0].number is None:
            return None
        below = [x for c in right.scripts if c.mark == "_" for x in c.items]
        head = below[0].sides[0] if below and isinstance(below[0], n.Chain) else below[0] if below else None
        if not isinstance(head, n.Name) or (head.id != fit.below[0].text and head.id not in fit.below[0].letters):
            return None
        of = plain(right.of)
        of = plain(of.factors[0]) if is_application(of) and isinstance(of, n.Juxtaposition) else of
        if isinstance(of, n.Name) and base_of(of) == k.pattern.base:
            return None
        key = (k.pattern.base, "term", fit.below[0].number, tuple(sorted(bindings.items())))
        if key not in self.memo:
            made = self.within(replace(k, right=right.of), {**bindings, head.id: fit.below[0].number})
            made = q.negative(made) if sign == "-" else made
            self.memo[key] = q.single(entry(q.total(made.data.reshape(-1))))
        return self.memo[key]

    def known_tensor(self, k: Known, bindings: dict[str, int], letters: frozenset[str]) -> Quantity:
        """The tensor of a declaration or an equation at values of its indices."""
        base = k.pattern.base
        if k.alias and k.right is not None:
            return self.value(k.right, bindings)
        for whole in self.known[base]:
            if k.component and whole.axes is not None and whole.right is None and self.prefixes(whole.pattern, k.pattern):
                fit = match(whole.pattern, *self.as_positions(k.pattern, bindings))
                made = self.known_tensor(whole, dict(fit.bindings) if fit else {}, letters)
                places = [bindings[x] for x in k.component]
                return q.single(self.pick(made, places, letters, base))
        key = (base, k.pattern, tuple(sorted(bindings.items())))
        if key in self.memo:
            return self.memo[key]
        for letter, at in bindings.items():
            low = 0 if letter in self.recursive or (k.right is None and k.axes == ()) else self.origin
            bounded = k.right is None or letter in self.recursive
            if at < low or (bounded and at > max(self.count(letter, bindings), 1)):
                raise OutOfRangeError(f"{base} at {letter} = {at}", letters)
        if key in self.working:
            raise UnreadError(f"{base} is defined by itself")
        self.working.add(key)
        try:
            made = self.made(k, bindings, base)
        except OutOfRangeError as error:
            raise OutOfRangeError(str(error), letters | (error.letters - set(bindings))) from None
        finally:
            self.working.discard(key)
        moments = [
            bindings[s.letter] + s.offset
            for s in (*k.pattern.above, *k.pattern.below)
            if s.letter in self.recursive and s.letter in bindings
        ]
        for x in made.data.reshape(-1):
            if moments and x.entry and x.moment is None:
                x.moment = moments[0]
        self.memo[key] = made
        return made
