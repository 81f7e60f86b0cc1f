"""The writer of a generated module: loss, gradients and forward of a model, and all that stands around them."""

import hashlib
from collections.abc import Sequence

from symbackprop.calculus.program import Fact, Program, Tensor
from symbackprop.code.body import Body, body
from symbackprop.code.formula import formula
from symbackprop.code.layout_text import WIDTH, bracketed, wrapped
from symbackprop.code.names import file_name
from symbackprop.code.spelling import Spelling
from symbackprop.derivation.reverse import Derived
from symbackprop.errors import TargetError
from symbackprop.modules.arguments import Arguments
from symbackprop.modules.drawing import check_sizes, data_lines, initial_lines
from symbackprop.modules.pieces import assigned, function_of, tuple_text
from symbackprop.modules.record import Field, FunctionText, ModuleText
from symbackprop.version import __version__


class ModuleWriter(Arguments):
    """What the functions of a module are written with: names, statements, and the arguments that all of them take."""

    def __init__(self, derived: Derived, spelling: Spelling) -> None:
        program = derived.program
        if derived.output != program.objective or program.tensors[program.objective].axes:
            raise TargetError("a module is generated for the gradients of a scalar objective", place=program.name)
        super().__init__(derived, spelling)
        self.derived = derived
        self.wrt = tuple(program.tensors[n] for n in derived.wrt)
        self.own = self.wrt == self.parameters

    @property
    def model_program(self) -> Program:
        """The model's own equations, and all its leaves."""
        return self.model.with_leaves(t for t in self.program.leaves if t.name not in self.model.tensors)

    @property
    def parameter_names(self) -> list[str]:
        """The names of the parameters in the model."""
        return [t.name for t in self.parameters]

    def body(self, outputs: Sequence[str]) -> Body:
        """The statements that compute some tensors."""
        return self.noted(body(self.program, outputs, self.spelling, self.names))

    def noted(self, made: Body) -> Body:
        """`made`, with the helpers that it calls noted for the module."""
        self.helpers |= made.helpers
        return made

    def record(self, also: Sequence[str], imports: Sequence[str], extra: Sequence[FunctionText], checks: Sequence[str]) -> ModuleText:
        """The record of the module; `also` asked for the functions `extra`, which need `imports` and which self_check tests by `checks`."""
        functions = (*self.functions(), *extra)
        return ModuleText(
            name=self.program.name,
            doc=tuple(self.doc()),
            header=tuple(self.header(also)),
            imports=tuple(imports),
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
            unchecked=self.unchecked,
            array=self.spelling.array,
        )

    def fields(self, tensors: Sequence[Tensor]) -> tuple[Field, ...]:
        """The fields of a NamedTuple of some tensors."""
        return tuple(Field(self.names(t), self.shape(t)) for t in tensors)

    def doc(self) -> list[str]:
        """What the model is, in formulas."""
        axes = {n: t.axes for n, t in self.program.tensors.items()}
        what = f"the loss {self.program.objective} and its gradients"
        lines = [f"{self.program.name}: {what}, in {self.spelling.title}.", "", "The model:", ""]
        lines += [line for e in self.model.equations for line in wrapped(formula(e, axes), "    ", "        ")]
        words = ", ".join(f"{self.names(t)} [{self.shape(t)}]" for t in (*self.parameters, *self.data))
        lines += ["", *wrapped(f"Shapes: {words}. The gradient with respect to an array has its shape.")]
        if fired := [self.fact_text(f) for f in self.fired()]:
            lines += wrapped(f"The gradients rest on the fact that {' and '.join(fired)}.")
        if told := self.declared(self.with_parameters(self.data)):
            lines += wrapped(f"Each function checks that {told}, unless it is called with check=False, as in a hot loop.")
        renamed = [f"{t.name} is called {self.names(t)}" for t in (*self.parameters, *self.data) if self.names(t) != t.name]
        renamed += [f"the axis {name} is called {called}" for name, called in self.names.axes.items() if name != called]
        return [*lines, *(wrapped(f"In this module {', '.join(renamed)}.") if renamed else []), *self.spelling.note]

    def fired(self) -> list[Fact]:
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
            f"Generated by symbackprop {__version__}: model {name}, target {self.spelling.target}, formulas {digest}.",
            "Do not edit; to regenerate:",
            f"    symbackprop generate {name}.toml --target {self.spelling.target}{more} -o {file_name(name)}{self.spelling.suffix}",
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

    def functions(self) -> list[FunctionText]:
        """forward, loss, loss_and_gradients and gradients."""
        program, made = self.program, []
        if program.output:
            inner = self.body([program.output])
            doc = f"{program.output}, the output: {self.shape(program.tensors[program.output])}."
            made.append(self.function("forward", self.data_of(program.output), doc, inner, [f"return {inner.results[program.output]}"]))
        inner = self.body([program.objective])
        doc = f"The objective {program.objective}."
        made.append(self.function("loss", self.data, doc, inner, [f"return {inner.results[program.objective]}"]))
        adjoints = [self.derived.adjoints[t.name] for t in self.wrt]
        inner = self.body([program.objective, *dict.fromkeys(adjoints)])
        kind = "Parameters" if self.own else "Gradients"
        call = bracketed(f"gradients = {kind}(", [inner.results[a] for a in adjoints], ")", 4)
        doc = f"The objective and its gradients, in one pass: ({program.objective}, {kind})."
        back = [*call, f"return {inner.results[program.objective]}, gradients"]
        made.append(self.function("loss_and_gradients", self.data, doc, inner, back))
        given = ["params", *self.data_names, *(["check"] if self.unchecked else [])]
        call = bracketed("return loss_and_gradients(", given, ")[1]", 4)
        arguments = ["params", *self.data_names, *self.check_argument(self.data)]
        told = self.documented([f"The gradients of the objective, as {kind}."], self.data)
        return [*made, function_of("gradients", arguments, told, call)]

    def function(self, name: str, data: Sequence[Tensor], doc: str, inner: Body, back: Sequence[str]) -> FunctionText:
        """A function of the parameters and `data`: what `inner` computes, and then the lines `back`."""
        arguments = ["params", *[self.names(t) for t in data], *self.check_argument(data)]
        return function_of(name, arguments, self.documented([doc], data), [*self.complete(inner, data), *back])

    def initialise(self) -> FunctionText:
        """Parameters to start from."""
        lines, rules = initial_lines(self.program, self.names)
        used = {letter for t in self.parameters for a in t.axes for letter in a.free_symbols}
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
            ("drawn", "at random, true to what is declared"),
        ):
            named = [self.names(t) for t in self.parameters if rules[t.name].rule == rule]
            words += [f"{', '.join(named)} by {text}" if rule in ("he", "glorot") else f"{', '.join(named)} {text}"] if named else []
        doc = ("Parameters to start from.", "", *[line for w in words for line in wrapped(f"{w}.")]) if words else ("No parameters.",)
        draws = any("generator" in line for line in lines)
        names = [self.names(t) for t in self.parameters]
        close = [f"arrays = {tuple_text(names)}"]
        if len(close[0]) + 4 > WIDTH:
            close = ["arrays = (", *[f"    {n}," for n in names], ")"]
        last = f"return Parameters(*[{self.spelling.spell('drawn').format('array', 'dtype')} for array in arrays])"
        body_lines = [*(["generator = np.random.default_rng(seed)"] if draws else []), *lines, *close, last]
        return function_of("initialise", [*arguments, f"dtype={self.spelling.spell('default')}"], doc, body_lines)

    def self_check(self) -> FunctionText:
        """Random parameters and data, small and true to the facts."""
        sizes = check_sizes(self.program)
        tensors = (*self.parameters, *self.data)
        used = [a for a in self.program.axes if any(a in size.free_symbols for t in tensors for size in t.axes)]
        lines = ["generator = np.random.default_rng(seed)"]
        names = [self.names.size(a) for a in used]
        pairs = [f'"{n}": {sizes[a]}' for n, a in zip(names, used, strict=True)]
        lines += [*bracketed("axis_sizes = {", pairs, "}", 4), "axis_sizes.update(_sizes_of(given))"]
        if used:
            lines += assigned(names, [f'axis_sizes["{n}"]' for n in names])
        lines += data_lines(self.program, tensors, self.names)
        lines += bracketed("arrays = {", [f'"{self.names(t)}": {self.names(t)}' for t in tensors], "}", 4)
        lines.append("arrays.update({name: np.asarray(array) for name, array in given.items()})")
        if checks := self.checks(tensors, 'arrays["{}"]'):
            lines += ["try:", *[f"    {line}" for line in checks]]
            lines += ["except ValueError as error:", "    raise AssertionError(str(error)) from None"]
        return function_of("self_check", ["seed=0", "**given"], (), lines)
