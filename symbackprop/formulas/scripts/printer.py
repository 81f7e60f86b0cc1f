"""Case distinctions, derivatives by central differences, and the equations of tensors as NumPy code."""

import numpy as np

from symbackprop.formulas.meaning.values import COMPARES
from symbackprop.formulas.names.evaluator import Env
from symbackprop.formulas.notation.faults import OutOfRangeError, UnreadError
from symbackprop.formulas.notation.trees import plain
from symbackprop.formulas.numbers.quantities import MisfitError, Quantity
from symbackprop.formulas.numbers.tape import Scalar
from symbackprop.formulas.scripts.expressions import ATOM, PRODUCT, SUM, Code, Expressions, Pair, UnprintableError
from symbackprop.formulas.scripts.small import Tensor
from symbackprop.language.latex import nodes as n


class Printer(Expressions):
    """Prints everything that has code."""

    def of_indicator(self, tree: n.Indicator, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """1 or 0, where that is a matter of indices."""
        if made.shape or not all(isinstance(c, n.Chain) and self.names.counted(c, env) for c in tree.conditions):
            if len(tree.conditions) != 1:
                raise UnprintableError("several conditions")
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
                raise UnprintableError("several conditions")
            held, here = self.condition(row.conditions[0].parts[0], env)
            text, value = f"np.where({held}, {code.text}, {text})", np.where(here, code.value, value)
        if not text:
            return "0", ATOM, np.zeros(())
        return text if text.startswith("np.where") or text.isalnum() else f"({text})", ATOM, value

    def condition(self, tree: n.Node, env: Env) -> Pair:
        """A comparison."""
        tree = plain(tree)
        if not isinstance(tree, n.Chain) or len(tree.sides) != 2 or tree.signs[0] not in COMPARES:
            raise UnprintableError("this condition")
        a, b = (self.code(x, env) for x in tree.sides)
        sign = {r"\le": "<=", r"\ge": ">=", "=": "==", r"\ne": "!="}.get(tree.signs[0], tree.signs[0])
        return f"{a.at(SUM)} {sign} {b.at(SUM)}", COMPARES[tree.signs[0]](a.value, b.value)

    # Derivatives.

    def of_leibniz(self, tree: n.Leibniz, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A first derivative, by central differences."""
        if len(tree.by) != 1 or self.names.degree(tree) != 1 or tree.of is None or tree.beside:
            raise UnprintableError("a derivative of higher order")
        variable, _, _ = self.names.variable(tree.by[0], 1, env)
        return self.derived(tree.of, self.names.derived_thing(tree.of, tree, env), variable, env, made)

    def of_operator(self, tree: n.Operator, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """A gradient that says by what."""
        by = [i for x in tree.scripts if x.mark == "_" for i in x.items]
        if len(by) != 1 or tree.of is None or any(x.mark == "^" for x in tree.scripts):
            raise UnprintableError("this operator")
        variable, _, _ = self.names.variable(by[0], 1, env)
        return self.derived(tree.of, self.names.derived_thing(tree.of, tree, env), variable, env, made)

    def of_differential(self, tree: n.Differential, env: Env, made: Quantity) -> tuple[str, int, np.ndarray]:
        """dW for the derivative of the loss by W."""
        of = plain(tree.of) if tree.of is not None else None
        if all(x in self.names.where for x in made.data.reshape(-1)):
            code = self.located(made)
            return code.text, code.level, code.value
        if not isinstance(of, n.Name) or self.names.is_differential():
            raise UnprintableError("a differential")
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
            raise UnprintableError("a derivative by parts of tensors")
        try:
            tops = self.located(top)
            of = tops.text.split("[")[0]
        except UnprintableError:
            of = ""
        if of in tensors:
            name, whole, place = f"{of}_of_{at}", tensors[of].made, tops.text.removeprefix(of).strip("[]")
        elif tree is not None:
            name, whole, place = f"f{len(self.functions)}_of_{at}", top, ""
        else:
            raise UnprintableError("what is derived")
        if name not in self.functions:
            self.functions[name] = []
            inside = self.between(tensors[at], whole)
            if of in tensors and (tensors[of] is tensors[at] or tensors[of] not in inside):
                raise UnprintableError("a derivative by nothing")
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
                raise UnprintableError("another shape")
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


FAILURES = (UnprintableError, MisfitError, UnreadError, OutOfRangeError)
