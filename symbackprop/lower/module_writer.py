"""The writer of a generated module: loss, gradients and forward of a model, and all that stands around them."""

import hashlib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from sympy import Expr, Symbol

from symbackprop.derive.reverse import Derived
from symbackprop.errors import TargetError
from symbackprop.index import shape_text
from symbackprop.lower.body import Body, body, code_names
from symbackprop.lower.drawing import check_sizes, data_lines, fact_lines, initial_lines
from symbackprop.lower.formula import formula
from symbackprop.lower.layout_text import WIDTH, bracketed, wrapped
from symbackprop.lower.pieces import assigned, function_of, tuple_text, unpacked, unpacking
from symbackprop.lower.record import Field, FunctionText, ModuleText
from symbackprop.lower.spelling import Spelling, size_text
from symbackprop.program import Program, Tensor

QUICK = 8
"""Up to so many arguments their shapes are compared in one expression before anything else; beyond, that saves nothing."""


def package_version() -> str:
    """The version of this package, as its metadata says it."""
    try:
        return version("symbackprop")
    except PackageNotFoundError:
        return "0.1.0"


class ModuleWriter:
    """What the functions of a module are written with: names, statements, and the arguments that all of them take."""

    def __init__(self, derived: Derived, spelling: Spelling) -> None:
        program = derived.program
        if derived.output != program.objective or program.tensors[program.objective].axes:
            raise TargetError("a module is generated for the gradients of a scalar objective", place=program.name)
        self.derived, self.program, self.spelling = derived, program, spelling
        self.names = code_names(program)
        self.model = program.needed([program.objective, *([program.output] if program.output else [])])
        self.parameters = program.parameters
        used = {t.name for t in self.model.leaves}
        self.data = tuple(t for t in program.leaves if t.role != "parameter" and t.name in used)
        self.wrt = tuple(program.tensors[n] for n in derived.wrt)
        self.own = self.wrt == self.parameters
        self.means = tuple(a for a in program.divisors if any(a in t.axes for t in program.leaves))
        self.helpers: set[str] = set()

    @property
    def model_program(self) -> Program:
        """The model's own equations, and all its leaves."""
        return self.model.with_leaves(t for t in self.program.leaves if t.name not in self.model.tensors)

    @property
    def parameter_names(self) -> list[str]:
        """The names of the parameters in the model."""
        return [t.name for t in self.parameters]

    @property
    def data_names(self) -> list[str]:
        """The names of the data in the code."""
        return [self.names(t) for t in self.data]

    def body(self, outputs: Sequence[str]) -> Body:
        """The statements that compute some tensors."""
        return self.noted(body(self.program, outputs, self.spelling, self.names))

    def noted(self, made: Body) -> Body:
        """`made`, with the helpers that it calls noted for the module."""
        self.helpers |= made.helpers
        return made

    def record(self, also: Sequence[str] = (), extra: Sequence[FunctionText] = (), checks: Sequence[str] = ()) -> ModuleText:
        """The record of the module; `also` asked for the functions `extra`, which self_check tests by `checks`."""
        functions = (*self.functions(), *extra)
        return ModuleText(
            name=self.program.name,
            doc=tuple(self.doc()),
            header=tuple(self.header(also)),
            imports=("from collections.abc import Callable",) if "objective" in also else (),
            parameters=self.fields(self.parameters),
            gradients=() if self.own else self.fields(self.wrt),
            tables=tuple(self.tables()),
            helpers=tuple(self.spelling.helpers[h].strip("\n") for h in self.spelling.all_helpers(self.helpers)),
            needs=tuple(self.needs()),
            arrays=self.arrays(),
            functions=functions,
            initialise=self.initialise(),
            self_check=self.self_check(),
            checks=tuple(checks),
        )

    def fields(self, tensors: Sequence[Tensor]) -> tuple[Field, ...]:
        """The fields of a NamedTuple of some tensors."""
        return tuple(Field(self.names(t), self.shape(t)) for t in tensors)

    def shape(self, t: Tensor) -> str:
        """The shape of a tensor in words."""
        return shape_text(a.xreplace(dict(self.names.sizes)) for a in t.axes) or "scalar"

    def doc(self) -> list[str]:
        """What the model is, in formulas."""
        axes = {n: t.axes for n, t in self.program.tensors.items()}
        lines = [f"{self.program.name}: the loss {self.program.objective} and its gradients, in NumPy.", "", "The model:", ""]
        lines += [line for e in self.model.equations for line in wrapped(formula(e, axes), "    ", "        ")]
        words = ", ".join(f"{self.names(t)} [{self.shape(t)}]" for t in (*self.parameters, *self.data))
        lines += ["", *wrapped(f"Shapes: {words}. The gradient with respect to an array has its shape.")]
        facts = [f"{f.tensor} is {f.kind}" + (f" over {axes[f.tensor][f.axis]}" if f.axis is not None else "") for f in self.facts()]
        if facts:
            lines += wrapped(f"The gradients rest on the fact that {' and '.join(facts)}.")
        renamed = [f"{t.name} is called {self.names(t)}" for t in (*self.parameters, *self.data) if self.names(t) != t.name]
        return lines + (wrapped(f"In this module {', '.join(renamed)}.") if renamed else [])

    def facts(self) -> list:
        """The declared facts that the gradients rest on."""
        declared = set(self.program.facts)
        fired = {f for fs in self.derived.facts.values() for f in fs if f in declared}
        return sorted(fired, key=str)

    def header(self, also: Sequence[str]) -> list[str]:
        """Where the file comes from. No dates and no paths, so that the same model gives the same bytes."""
        axes = {n: t.axes for n, t in self.program.tensors.items()}
        text = "\n".join(formula(e, axes) for e in self.program.equations)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        name = self.program.name
        more = f" --with {','.join(also)}" if also else ""
        return [
            f"Generated by symbackprop {package_version()}: model {name}, target {self.spelling.target}, formulas {digest}.",
            "Do not edit; to regenerate:",
            f"    symbackprop generate {name}.toml --target {self.spelling.target}{more} -o {name}{self.spelling.suffix}",
        ]

    def tables(self) -> list[str]:
        """The axes of each argument, by name."""
        rows = []
        for t in (*self.parameters, *self.data):
            sizes = [str(a) if a.is_Integer else f'"{self.names.size(a)}"' for a in t.axes]
            rows.append(f'"{self.names(t)}": ({", ".join(sizes)}{"," if len(sizes) == 1 else ""})')
        lines = bracketed("AXES = {", rows, "}")
        means = [f'"{self.names.size(a)}"' for a in self.means]
        lines.append(f"NONEMPTY = ({', '.join(means)}{',' if len(means) == 1 else ''})")
        integers = [f'"{self.names(t)}"' for t in self.data if t.role == "index"]
        return [*lines, f"INTEGER = ({', '.join(integers)}{',' if len(integers) == 1 else ''})"]

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
        return lines

    def arrays(self) -> FunctionText:
        """Arguments to arrays: one comparison where all is well, else a look at each."""
        names = [self.names(t) for t in (*self.parameters, *self.data)]
        data = [self.names(t) for t in self.data]
        body_lines: list[str] = []
        if 0 < len(names) <= QUICK and all(t.role != "index" for t in self.data):
            body_lines += self.quick(names)
        given = [f"{n}={n}" for n in data]
        body_lines += bracketed("return _converted(", ["params", *given], ")", 4)
        doc = ("The arguments as arrays of one floating dtype, parameters first; ValueError where they do not fit together.",)
        return function_of("_arrays", ["params", *data], doc, body_lines)

    def quick(self, names: list[str]) -> list[str]:
        """The usual case: arrays of one floating dtype that fit."""
        tensors = (*self.parameters, *self.data)
        by_name = dict(zip(names, tensors, strict=True))
        where: dict[Expr, str] = {}
        reads: list[str] = []
        for name in sorted(names, key=lambda n: -len(by_name[n].axes)):
            axes = by_name[name].axes
            if len(set(axes)) == len(axes):
                where |= {a: name for a in axes if a.is_Symbol and a not in where}
        if any(a.is_Symbol and a not in where for t in tensors for a in t.axes):
            return []
        tested = [n for n in names if {where.get(a) for a in by_name[n].axes} != {n}]
        used = {a for n in tested for a in by_name[n].axes}.union(self.means, *[n.gap.free_symbols for n in self.program.needs])
        for name in names:
            targets = [self.names.size(a) if where.get(a) == name and a in used else "_" for a in by_name[name].axes]
            if set(targets) - {"_"}:
                reads.append(f"{unpacked(targets)} = {name}.shape")
        shapes = [tuple_text([self.names.size(a) for a in by_name[n].axes]) for n in tested]
        given = [f"{n}.shape" for n in tested]
        lines = ["try:  # the usual case"]
        if self.parameters:
            lines.append(f"    {unpacked([self.names(t) for t in self.parameters])} = params")
        lines += [f"    {r}" for r in reads]
        conditions = [" is ".join(f"{n}.dtype" for n in names)] if len(names) > 1 else []
        conditions += [f'{names[0]}.dtype.kind == "f"', *[self.names.size(a) for a in self.means]]
        conditions += [f"{size_text(n.gap.xreplace(dict(self.names.sizes))).text} >= 0" for n in self.program.needs]
        if tested:
            one = f"    fit = {tuple_text(given)} == {tuple_text(shapes)}" if len(tested) > 1 else f"    fit = {given[0]} == {shapes[0]}"
            if len(one) + 4 <= WIDTH:
                lines.append(one)
            else:
                lines += [f"    given = {', '.join(given)}", f"    fit = given == ({', '.join(shapes)})"]
            conditions.insert(0, "fit")
        condition = f"    if {' and '.join(conditions)}:"
        if len(condition) + 4 > WIDTH and len(names) > 1:
            place = conditions.index(" is ".join(f"{n}.dtype" for n in names))
            lines.append(f"    same = {conditions[place]}")
            conditions[place] = "same"
            condition = f"    if {' and '.join(conditions)}:"
        lines += [condition, f"        return {tuple_text(names) if len(names) == 1 else ', '.join(names)}"]
        if any(len(line) + 4 > WIDTH for line in lines):
            return []
        return [*lines, "except (AttributeError, TypeError, ValueError):", "    pass"]

    def functions(self) -> list[FunctionText]:
        """forward, loss, loss_and_gradients and gradients."""
        program, made = self.program, []
        data = tuple(self.names(t) for t in self.data)
        arguments = ["params", *data]
        if program.output:
            inner = self.body([program.output])
            leaves = [t for t in inner.leaves if t.role != "parameter"]
            own = tuple(self.names(t) for t in leaves)
            lines = self.complete(inner, own, all_data=leaves == list(self.data))
            doc = (f"{program.output}, the output: {self.shape(program.tensors[program.output])}.",)
            made.append(function_of("forward", ["params", *own], doc, [*lines, f"return {inner.results[program.output]}"]))
        inner = self.body([program.objective])
        doc = (f"The objective {program.objective}.",)
        lines = self.complete(inner, data, all_data=True)
        made.append(function_of("loss", arguments, doc, [*lines, f"return {inner.results[program.objective]}"]))
        adjoints = [self.derived.adjoints[t.name] for t in self.wrt]
        inner = self.body([program.objective, *dict.fromkeys(adjoints)])
        kind = "Parameters" if self.own else "Gradients"
        results = [inner.results[a] for a in adjoints]
        call = bracketed(f"gradients = {kind}(", results, ")", 4)
        doc = (f"The objective and its gradients, in one pass: ({program.objective}, {kind}).",)
        whole = (*self.complete(inner, data, all_data=True), *call, f"return {inner.results[program.objective]}, gradients")
        last = function_of("loss_and_gradients", arguments, doc, whole)
        doc = (f"The gradients of the objective, as {kind}.",)
        call = bracketed("return loss_and_gradients(", arguments, ")[1]", 4)
        return [*made, last, function_of("gradients", arguments, doc, call)]

    def complete(self, inner: Body, data: Sequence[str], all_data: bool) -> list[str]:
        """The statements of a function, after its arguments are checked and the sizes that it needs are read off."""
        names = [*[self.names(t) for t in self.parameters], *data]
        if not names:
            given = []
        elif all_data:
            given = bracketed(f"{unpacked(names)} = _arrays(", ["params", *data], ")", 4)
        else:
            keywords = [f"{n}={n}" for n in data]
            given = bracketed(f"{unpacked(names)} = _converted(", ["params", *keywords], ")", 4)
        if given and len(given[0]) + 4 > WIDTH:
            given = unpacking(
                names, f"_{'arrays' if all_data else 'converted'}({', '.join(['params', *(data if all_data else keywords)])})"
            )
        tensors = [*[t for t in self.data if self.names(t) in data], *self.parameters]
        reads = []
        for size in sorted(inner.sizes, key=str):
            where = [(t, k) for t in tensors for k, a in enumerate(t.axes) if a == size]
            if not where:
                raise TargetError(f"no argument has the axis '{size}'", place=self.program.name)
            t, k = min(where, key=lambda w: w[1])
            reads.append(f"{self.names.size(size)} = {self.names(t)}.shape[{k}]")
        if inner.dtype:
            floats = [t for t in tensors if t.role != "index"]
            t = next((t for t in floats if t.axes), floats[0] if floats else None)
            reads.append(f"dtype = {self.names(t)}.dtype" if t else "dtype = np.dtype(float)")
        return [*given, *reads, *inner.lines]

    def initialise(self) -> FunctionText:
        """Parameters to start from."""
        lines, rules = initial_lines(self.program, self.names)
        used = {a for t in self.parameters for a in t.axes if a.is_Symbol}
        axes = [a for a in self.program.axes if a in used]
        sizes = self.program.sizes
        known = all(a in sizes for a in axes)
        arguments = ["seed=0" if known else "seed", *[f"{self.names.size(a)}={sizes[a]}" if known else self.names.size(a) for a in axes]]
        words = []
        for rule, text in (
            ("he", "He's rule (normal, variance 2 / inputs; a relu-like function follows)"),
            ("glorot", "Glorot's rule (uniform within sqrt(6 / (inputs + outputs)))"),
            ("zeros", "zeros"),
            ("ones", "ones"),
        ):
            named = [self.names(t) for t in self.parameters if rules[t.name].rule == rule]
            words += [f"{', '.join(named)} by {text}" if rule in ("he", "glorot") else f"{', '.join(named)} {text}"] if named else []
        doc = ("Parameters to start from.", "", *[line for w in words for line in wrapped(f"{w}.")]) if words else ("No parameters.",)
        draws = any("generator" in line for line in lines)
        names = [self.names(t) for t in self.parameters]
        close = [f"arrays = {tuple_text(names)}"]
        if len(close[0]) + 4 > WIDTH:
            close = ["arrays = (", *[f"    {n}," for n in names], ")"]
        last = "return Parameters(*[array.astype(dtype) for array in arrays])"
        body_lines = [*(["generator = np.random.default_rng(seed)"] if draws else []), *lines, *close, last]
        return function_of("initialise", [*arguments, "dtype=np.float64"], doc, body_lines)

    def self_check(self) -> FunctionText:
        """Random parameters and data, small and true to the facts."""
        sizes = check_sizes(self.program)
        tensors = (*self.parameters, *self.data)
        used = [a for a in self.program.axes if any(a in t.axes for t in tensors)]
        lines = ["generator = np.random.default_rng(seed)"]
        names = [self.names.size(a) for a in used]
        pairs = [f'"{n}": {sizes[a]}' for n, a in zip(names, used, strict=True)]
        lines += [*bracketed("axis_sizes = {", pairs, "}", 4), "axis_sizes.update(_sizes_of(given))"]
        if used:
            lines += assigned(names, [f'axis_sizes["{n}"]' for n in names])
        lines += data_lines(self.program, tensors, self.names)
        lines += bracketed("arrays = {", [f'"{self.names(t)}": {self.names(t)}' for t in tensors], "}", 4)
        lines.append("arrays.update({name: np.asarray(array) for name, array in given.items()})")
        for t in tensors:
            lines += fact_lines(t, self.names)
        return function_of("self_check", ["seed=0", "**given"], (), lines)
