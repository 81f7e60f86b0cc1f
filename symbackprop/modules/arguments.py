"""What the functions of a module do with their arguments: made arrays that fit, checked for declared facts, read for sizes."""

from collections.abc import Sequence

from sympy import Expr, S, Symbol

from symbackprop.calculus.facts import kind_of
from symbackprop.calculus.index import shape_text
from symbackprop.calculus.program import Fact, Tensor
from symbackprop.code.body import Body
from symbackprop.code.layout_text import WIDTH, bracketed, wrapped
from symbackprop.code.names import Scope, code_names
from symbackprop.code.spelling import Spelling, checker, size_text
from symbackprop.derivation.reverse import Derived
from symbackprop.errors import TargetError
from symbackprop.modules.pieces import chained, function_of, tuple_text, unpacked, unpacking
from symbackprop.modules.record import FunctionText

QUICK = 8
"""Up to so many arguments their shapes are compared in one expression before anything else; beyond, that saves nothing."""


class Arguments:
    """The arguments of a module: parameters, data, what they are called, what is declared of them."""

    def __init__(self, derived: Derived, spelling: Spelling) -> None:
        program = derived.program
        self.program, self.spelling = program, spelling
        self.names = code_names(program)
        self.model = program.needed([program.objective, *([program.output] if program.output else [])])
        self.parameters = program.parameters
        used = {*derived.wrt, *(t.name for t in self.model.leaves)}
        used |= self._sizing(program.output, program.leaves) if program.output else set()
        self.data = tuple(t for t in program.leaves if t.role != "parameter" and t.name in used)
        self.means = tuple(a for a in program.divisors if any(a in t.axes for t in program.leaves))
        self.helpers: set[str] = set()

    @property
    def data_names(self) -> list[str]:
        """The names of the data in the code."""
        return [self.names(t) for t in self.data]

    def data_of(self, name: str) -> tuple[Tensor, ...]:
        """The data that the tensor `name` of the model is computed from, and those that alone tell a size of it."""
        used = {t.name for t in self.program.needed([name]).leaves} | self._sizing(name, self.data)
        return tuple(t for t in self.data if t.name in used)

    def _sizing(self, name: str, among: Sequence[Tensor]) -> set[str]:
        """For each size that `name` needs, and nothing that it is computed from has, the first tensor that has it."""
        inner = self.program.needed([name])
        told = {letter for t in (*inner.leaves, *self.parameters) for a in t.axes for letter in a.free_symbols}
        first = {letter: t.name for t in reversed(among) for a in t.axes for letter in a.free_symbols}
        return {first[letter] for letter in inner.axes if letter not in told and letter in first}

    def with_parameters(self, data: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """All that a function of `data` takes."""
        return (*self.parameters, *data)

    def shape(self, t: Tensor) -> str:
        """The shape of a tensor in words."""
        return shape_text(a.xreplace(dict(self.names.sizes)) for a in t.axes) or "scalar"

    def facts(self, tensors: Sequence[Tensor]) -> list[Fact]:
        """What is declared of some tensors, as far as numbers can break it."""
        return [f for t in tensors for f in t.facts if kind_of(f).test is not None]

    def checks(self, tensors: Sequence[Tensor], array: str = "{}") -> list[str]:
        """A statement for each declared fact, a ValueError where an array breaks it; `array` says how an argument is written."""
        lines = []
        for f in self.facts(tensors):
            name = self.names(self.program.tensors[f.tensor])
            kind = kind_of(f)
            self.helpers.add(checker(kind))
            lines.append(f'{checker(kind)}("{name}", {array.format(name)}{f", {f.axis}" if kind.axis else ""})')
        return lines

    def checked(self, tensors: Sequence[Tensor]) -> list[str]:
        """The statements that check what is declared of some tensors, unless the caller trusts them."""
        lines = self.checks(tensors)
        return ["if check:", *[f"    {line}" for line in lines]] if lines else []

    def check_argument(self, data: Sequence[Tensor]) -> list[str]:
        """The argument `check` of a function of the parameters and `data`, where there is something to check."""
        return ["check=True"] if self.facts(self.with_parameters(data)) else []

    @property
    def unchecked(self) -> str:
        """What a call of a function of all data says that is not to check them again."""
        return ", check=False" if self.check_argument(self.data) else ""

    def said(self, tensors: Sequence[Tensor]) -> list[str]:
        """The lines of a docstring on what is checked."""
        told = self.declared(tensors)
        return wrapped(f"ValueError unless {told}; `check=False` takes that on trust, in a hot loop.") if told else []

    def declared(self, tensors: Sequence[Tensor]) -> str:
        """What is declared of some tensors, in words."""
        return " and ".join(self.fact_text(f) for f in self.facts(tensors))

    def documented(self, doc: Sequence[str], data: Sequence[Tensor]) -> list[str]:
        """A docstring, with what a function of `data` checks."""
        said = self.said(self.with_parameters(data))
        return [*doc, *([""] if said and len(doc) == 1 else []), *said]

    def fact_text(self, f: Fact) -> str:
        """A declared fact in words."""
        tensor = self.program.tensors[f.tensor]
        over = f" over {self.names.size(tensor.axes[f.axis])}" if f.axis is not None else ""
        return f"{self.names(tensor)} is {f.kind}{over}"

    def needs(self) -> list[str]:
        """The statements that refuse sizes which the model can't take; those that some arguments do not tell are not looked at."""
        lines = []
        for need in self.program.needs:
            names = [self.names.size(a) for a in sorted(need.gap.free_symbols, key=str)]
            gap = need.gap.xreplace({a: Symbol(f'sizes["{self.names.size(a)}"]') for a in need.gap.free_symbols})
            known = ", ".join(f'"{n}"' for n in names)
            lines.append(f"if sizes.keys() >= {{{known}}} and {size_text(gap).text} < 0:")
            given = ", ".join(f"{n} = {{sizes['{n}']}}" for n in names)
            lines.append(f'    raise ValueError(f"{need.text}, and {given}")')
        for formula in dict.fromkeys(a for t in self.with_parameters(self.data) for a in t.axes if not (a.is_Symbol or a.is_Integer)):
            letters = {letter: Symbol(f'sizes["{self.names.size(letter)}"]') for letter in sorted(formula.free_symbols, key=str)}
            said, known = self.names.size(formula), ", ".join(f'"{self.names.size(letter)}"' for letter in letters)
            lines.append(f'if sizes.keys() >= {{"{said}", {known}}} and sizes["{said}"] != {size_text(formula.xreplace(letters)).text}:')
            lines.append(f"""    raise ValueError(f"axis {said} has {{sizes['{said}']}} entries, and the sizes are {{sizes}}")""")
        return lines

    def arrays(self) -> FunctionText:
        """Arguments to arrays: one comparison where all is well, else a look at each."""
        tensors = self.with_parameters(self.data)
        short = self.spelling.plain and 0 < len(tensors) <= QUICK and all(t.role != "index" for t in self.data)
        body_lines = self.quick(tensors) if short else []
        body_lines += bracketed("return _converted(", ["params", *[f"{n}={n}" for n in self.data_names]], ")", 4)
        doc = ("The arguments as arrays of one floating dtype, parameters first; ValueError where they do not fit together.",)
        return function_of("_arrays", ["params", *self.data_names], doc, body_lines)

    def quick(self, tensors: Sequence[Tensor]) -> list[str]:
        """The usual case: plain arrays of one floating dtype that fit. No lines where these would not be short."""
        scope = Scope(self.names)
        fit, same, plain = scope.name("fit"), scope.name("same"), scope.name("plain")
        where = self.homes(tensors)
        if any(letter not in where for t in tensors for a in t.axes for letter in a.free_symbols):
            return []
        names = [self.names(t) for t in tensors]
        tested = [t for t in tensors if {where.get(a) for a in t.axes} != {t.name}]
        spoken = [*self.means, *[n.gap for n in self.program.needs], *[a for t in tested for a in t.axes]]
        used = set().union(*[size.free_symbols for size in spoken])
        lines = ["try:  # the usual case"]
        if self.parameters:
            lines.append(f"    {unpacked([self.names(t) for t in self.parameters])} = params")
        for t in tensors:
            targets = [self.names.size(a) if where.get(a) == t.name and a in used else "_" for a in t.axes]
            if set(targets) - {"_"}:
                lines.append(f"    {unpacked(targets)} = {self.names(t)}.shape")
        if tested:
            lines += [f"    {line}" for line in self.fitting(fit, tested)]
        wide = [self.names(t) for t in tensors if t.axes]
        if wide:
            lines += [f"    {line}" for line in chained(plain, [f"type({n})" for n in wide], self.spelling.plain, WIDTH - 8)]
        if len(names) > 1:
            lines += [f"    {line}" for line in chained(same, [f"{n}.dtype" for n in names], "", WIDTH - 8)]
        conditions = [*([fit] if tested else []), *([plain] if wide else []), *([same] if len(names) > 1 else [])]
        conditions += [f'{names[0]}.dtype.kind == "f"', *[self.names.size(a) for a in self.means]]
        conditions += [f"{size_text(n.gap.xreplace(dict(self.names.sizes))).text} >= 0" for n in self.program.needs]
        lines += [f"    if {' and '.join(conditions)}:", f"        return {tuple_text(names) if len(names) == 1 else ', '.join(names)}"]
        if any(len(line) + 4 > WIDTH for line in lines):
            return []
        return [*lines, "except (AttributeError, TypeError, ValueError):", "    pass"]

    def homes(self, tensors: Sequence[Tensor]) -> dict[Expr, str]:
        """For each axis the tensor that its size is read off: one with as many axes as there are, each once."""
        found: dict[Expr, str] = {}
        for t in sorted(tensors, key=lambda t: -len(t.axes)):
            if len(set(t.axes)) == len(t.axes):
                found |= {a: t.name for a in t.axes if a.is_Symbol and a not in found}
        return found

    def fitting(self, fit: str, tested: Sequence[Tensor]) -> list[str]:
        """Statements that say whether arrays have the shapes that the sizes make."""
        given = [f"{self.names(t)}.shape" for t in tested]
        shapes = [tuple_text([self.names.size(a) for a in t.axes]) for t in tested]
        one = f"{fit} = {tuple_text(given)} == {tuple_text(shapes)}" if len(tested) > 1 else f"{fit} = {given[0]} == {shapes[0]}"
        return [one] if len(one) + 8 <= WIDTH else [f"given = {', '.join(given)}", f"{fit} = given == ({', '.join(shapes)})"]

    def complete(self, inner: Body, data: Sequence[Tensor], nonempty: str = "") -> list[str]:
        """The statements of a function of `data`, after its arguments are checked and the sizes that it needs are read off.

        `nonempty` are the axes that must not be empty, where these are not all of NONEMPTY.
        """
        tensors = self.with_parameters(data)
        names, whole = [self.names(t) for t in tensors], list(data) == list(self.data) and not nonempty
        passed = [self.names(t) if whole else f"{self.names(t)}={self.names(t)}" for t in data]
        called = "_arrays" if whole else "_converted"
        passed = ["params", *([nonempty] if nonempty else []), *passed]
        given = bracketed(f"{unpacked(names)} = {called}(", passed, ")", 4) if names else []
        if given and len(given[0]) + 4 > WIDTH:
            given = unpacking(names, f"{called}({', '.join(passed)})")
        reads = []
        for size in sorted(inner.sizes, key=str):
            reads.append(f"{self.names.size(size)} = {self.size_of(size, (*data, *self.parameters))}")
        if inner.dtype:
            floats = [t for t in (*data, *self.parameters) if t.role != "index"]
            first = next((t for t in floats if t.axes), floats[0] if floats else None)
            reads.append(f"dtype = {self.names(first)}.dtype" if first else f"dtype = {self.spelling.spell('no_dtype')}")
        return [*given, *self.checked(tensors), *reads, *inner.lines]

    def size_of(self, size: Expr, tensors: Sequence[Tensor]) -> str:
        """The size of an axis as it is read off the shape of one of `tensors`; k off 4 k, where no axis is k itself."""
        where = [(t, k) for t in tensors for k, a in enumerate(t.axes) if a == size]
        if where:
            t, k = min(where, key=lambda w: w[1])
            return f"{self.names(t)}.shape[{k}]"
        for t, k, a in [(one, k, a) for one in tensors for k, a in enumerate(one.axes) if size in a.free_symbols]:
            slope, rest = a.diff(size), a.xreplace({size: S.Zero})
            letters = (slope.free_symbols | rest.free_symbols) - {size}
            if not slope.has(size) and all(any(letter in other.axes for other in tensors) for letter in letters):
                read = {letter: Symbol(self.size_of(letter, tensors)) for letter in letters}
                above = size_text(Symbol(f"{self.names(t)}.shape[{k}]") - rest.xreplace(read)).text
                below = size_text(slope.xreplace(read)).text
                return f"{above if rest == 0 else f'({above})'} // {below if slope.is_Atom else f'({below})'}" if slope != 1 else above
        raise TargetError(f"no argument has the axis '{size}'", place=self.program.name)
