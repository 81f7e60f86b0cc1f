"""One run of a function on tracers: where the run is, for errors, and the shapes of the values that it made."""

import linecache
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from itertools import islice
from types import CodeType, FrameType
from typing import Any, NamedTuple

from sympy import Expr, Integer

from symbackprop.calculus.index import shape_text
from symbackprop.calculus.program import Tensor
from symbackprop.errors import AxisError, SpecError, SymbackpropError
from symbackprop.language.elaborate import stands_for
from symbackprop.language.nodes import CONDITIONS, Call, Group, Literal, Name, Node, Number, Slice, Subscript, children
from symbackprop.language.reader import Reader
from symbackprop.language.spec import TensorSpec
from symbackprop.language.tracing.values.running import advice
from symbackprop.ops import OPS
from symbackprop.ops.array import Array, Draft, Pieces

_ENTRYWISE = ("add", "subtract", "multiply", "negative", "positive", "abs", "absolute", "square", "maximum", "minimum")
_TOTALS = ("sum", "prod", "cumsum", "max", "min", "amax", "amin")
_MOVES = ("reshape", "ravel", "transpose", "swapaxes", "moveaxis", "expand_dims", "squeeze", "diagonal", "diag", "flip", "broadcast_to")
WHOLE = frozenset((*_ENTRYWISE, *_TOTALS, *_MOVES, "split", "stack", "concatenate", "take", "tile", "repeat", "arange"))
"""Ops that give whole numbers of whole numbers."""


class Restated(Exception):  # noqa: N818 - no error: what was found
    """What letters of the shapes stand for, found where one met a formula in others: the function is to be run again with these."""

    def __init__(self, letters: Mapping[Expr, Expr]) -> None:
        super().__init__(letters)
        self.letters = letters


class Drawn(NamedTuple):
    """A value drawn at random: what it is called unless a variable holds it, and what it is declared as."""

    name: str
    spec: TensorSpec


class Recording:
    """The run of the function `name`. Nodes are known by identity here: an array that is used twice is one node."""

    def __init__(self, name: str, code: CodeType, tracer: Callable[..., Any], size: Callable[..., Any], apply: Callable[..., Any]) -> None:
        """`tracer(node, recording)` makes the value of a node, `size(node, recording, expression)` a number made of sizes.

        `apply(op, arguments, options, recording, spelled)` gives what an op or a function of NumPy does to values.
        """
        self.name, self.code = name, code
        self.tracer, self.size, self._apply = tracer, size, apply
        self.axes: dict[int, tuple[Expr, ...]] = {}
        self.pieces: dict[int, int] = {}
        self.tensors: dict[int, bool] = {}
        self.kept: list[Node] = []
        self.letters: set[str] = set()
        self.refusals: dict[int, SymbackpropError] = {}
        self.whole: set[int] = set()
        self.draws: dict[int, Drawn] = {}
        self.pending: dict[int, SymbackpropError] = {}
        self.infinite: dict[int, SymbackpropError] = {}
        self.fixed = False

    def value(self, node: Node, *, whole: bool = False, **view: Any) -> Any:
        """The value of a node; `whole`: it is an array of whole numbers, or of truth values; `view`: what it is a view of."""
        if whole:
            self.kept.append(node)
            self.whole.add(id(node))
        return self.tracer(node, self, **view)

    def apply(self, op: str, args: Sequence[Any], options: Mapping[str, Any], spelled: str = "") -> Any:
        """What an op or a function of NumPy gives; `spelled` stood before its name in the function ("np.")."""
        return self._apply(op, args, options, self, spelled)

    def is_whole(self, node: Node) -> bool:
        """Whether NumPy keeps whole numbers in the array: what is written into it is cut."""
        if isinstance(node, Number):
            return bool(node.value.is_Integer)
        truth = isinstance(node, Literal) or (isinstance(node, Call) and node.op in CONDITIONS)
        if truth or id(node) in self.whole:
            return True
        if isinstance(node, Group):
            return all(self.is_whole(p) for p in node.items)
        if isinstance(node, Call):
            return node.op in WHOLE and all(self.is_whole(p) for p in node.args[: 2 if node.op in _ENTRYWISE else 1] if node.op != "arange")
        return isinstance(node, Subscript) and self.is_whole(node.value)

    def refused(self, error: SymbackpropError, node: Node | None = None) -> Node:
        """The node of a value that can't be had: an error only if the objective needs it."""
        made = node or Call("refused", (Number(Integer(len(self.refusals))),))
        self.kept.append(made)
        self.refusals[id(made)] = self.settled(error)
        return made

    def draw(self, axes: Sequence[Expr], role: str) -> Any:
        """A value drawn at random: data that is called draw1, draw2, ... unless a variable holds it."""
        name = f"draw{len(self.draws) + 1}"
        node = self.argument(name, axes)
        self.draws[id(node)] = Drawn(name, TensorSpec(shape_text(axes), role))
        return self.value(node, whole=role == "index")

    def argument(self, name: str, axes: Sequence[Expr]) -> Name:
        """The node of an argument."""
        node = Name(name)
        self.axes[id(node)], self.tensors[id(node)] = tuple(axes), True
        self.letters |= {str(letter) for a in axes for letter in a.free_symbols}
        self.kept.append(node)
        return node

    def error(
        self, reason: str, fix: str = "", kind: type[SymbackpropError] = SpecError, notes: Sequence[str] = (), *, advised: bool = False
    ) -> SymbackpropError:
        """An error at the line of the function that is running; `advised`: with what to write instead of the construct there."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code is not self.code:
            frame = frame.f_back
        if frame is None:
            return kind(reason, place=f"function {self.name}", notes=notes, fix=fix)
        spot = self.spot(frame.f_lineno, frame.f_lasti)
        made = kind(reason, **spot, notes=notes, fix=(advised and self.advised(spot, frame.f_globals)) or fix)
        self.pending[id(made)] = made
        return made

    def settled(self, error: SymbackpropError) -> SymbackpropError:
        """An error that is kept or forgotten here; one that is raised and caught by the function itself is not."""
        self.pending.pop(id(error), None)
        return error

    def advised(self, spot: dict[str, Any], names: Mapping[str, Any]) -> str:
        """What to write instead of the construct at a spot, if that is known."""
        return advice(spot.get("source", ""), next(iter(spot.get("spans", ())), None), names)

    def spot(self, line: int, instruction: int) -> dict[str, Any]:
        """Place, source and columns of an instruction of the function, as errors take them."""
        written = linecache.getline(self.code.co_filename, line).rstrip()
        made: dict[str, Any] = {"place": f"function {self.name}, line {line}", "source": written.strip()}
        first, last, start, stop = next(islice(self.code.co_positions(), instruction // 2, None), (None,) * 4)
        if written and start is not None and stop is not None and first == last == line:
            lead = len(written) - len(written.lstrip())
            columns = [len(written.encode()[:column].decode(errors="ignore")) - lead for column in (start, stop)]
            made["spans"] = [tuple(columns)]
        return made

    def order(self, roots: Sequence[Node], without: Container[int] = ()) -> list[Node]:
        """The nodes below `roots` and these, each once, after its parts; then it is known which of them hold a tensor.

        Nodes that stand in `without`, by identity, are left out, with what is below them.
        """
        done: dict[int, Node] = {}
        waiting = [node for node in reversed(roots) if id(node) not in without]
        while waiting:
            node = waiting[-1]
            missing = [part for part in reversed(children(node)) if id(part) not in done and id(part) not in without]
            if missing and id(node) not in done:
                waiting += missing
                continue
            done.setdefault(id(waiting.pop()), node)
            if id(node) not in self.tensors:
                self.kept.append(node)
                self.tensors[id(node)] = any(self.tensors[id(part)] for part in children(node))
        return list(done.values())

    def holds_tensor(self, node: Node) -> bool:
        """Whether an argument occurs in `node`; call after `order`."""
        return self.tensors[id(node)]

    def shape(self, node: Node) -> tuple[Expr, ...]:
        """The axes of a value, as elaboration has them; each value's are found once."""
        for part in self.order([node], self.axes):
            if id(part) in self.refusals:
                raise self.refusals[id(part)]
            if isinstance(part, Call | Subscript):
                same = self._same(part)
                if same is not None:
                    self.axes[id(part)] = same
                    continue
                made = self._stand_in(part)
                self.axes[id(part)] = made.axes
                if isinstance(made, Pieces):
                    self.pieces[id(part)] = len(made.parts)
        return self.axes.get(id(node), ())

    def parts(self, node: Node) -> int:
        """How many arrays a value is made of, as that of split; 0 for an array."""
        self.shape(node)
        return self.pieces.get(id(node), 0)

    def _same(self, node: Node) -> tuple[Expr, ...] | None:
        """The axes of what is done entry by entry to arrays of one shape and to numbers, in short; None for something else."""
        if not isinstance(node, Call) or node.options or node.op not in OPS or OPS[node.op].kind not in ("elementwise", "condition"):
            return None
        if any(id(a) in self.pieces or not isinstance(a, Name | Number | Call | Subscript) for a in node.args):
            return None
        shapes = {self.axes.get(id(a), ()) for a in node.args} - {()}
        return next(iter(shapes), ()) if len(shapes) <= 1 else None

    def _stand_in(self, node: Node) -> Array:
        """An array as `node` says, of arrays with the axes of the parts below it."""
        tensors: dict[str, Tensor] = {}

        def stand_in(part: Node) -> Node:
            if not self.holds_tensor(part):
                return part
            if isinstance(part, Group | Slice) or id(part) in self.pieces:
                return rebuilt(part, [stand_in(p) for p in children(part)])
            name = part.id if isinstance(part, Name) else f"part{len(tensors)}"
            tensors[name] = Tensor(name, self.axes[id(part)], "input")
            if isinstance(part, Call) and part.op in CONDITIONS:
                return Call("greater", (Name(name), Number(Integer(0))))
            return Name(name)

        plain = rebuilt(node, [stand_in(p) for p in children(node)])
        if isinstance(plain, Call) and plain.op in CONDITIONS:
            # Of a condition there is no value, but one in where has its axes.
            plain = Call("where", (plain, Number(Integer(1)), Number(Integer(0))))
        draft = Draft(tensors, (), {})
        draft.infers = tensors
        try:
            return Reader(draft, sorted(self.letters)).value(plain)
        except SymbackpropError as e:
            stands = self.stands(draft.met) if isinstance(e, AxisError) and draft.met else None
            if stands:
                raise Restated(stands) from None
            raise self.error(e.reason, e.fix, type(e), e.notes) from None

    def stands(self, met: tuple[Expr, Expr]) -> Mapping[Expr, Expr] | None:
        """What a letter stands for that met a formula; or a number, where arrays that the function was given have numbers for sizes."""
        letter, size = met if met[0].is_Symbol else met[::-1]
        if self.fixed and letter.is_Symbol and size.is_Integer:
            return {letter: size}
        stands = stands_for(met)
        return stands if stands and all(formula.is_positive for formula in stands.values()) else None


def rebuilt(node: Node, parts: Sequence[Node]) -> Node:
    """`node` with other parts, given in the order of `children`."""
    rest: Iterator[Node] = iter(parts)
    match node:
        case Call():
            return Call(node.op, tuple(next(rest) for _ in node.args), tuple((name, next(rest)) for name, _ in node.options))
        case Subscript():
            return Subscript(next(rest), tuple(rest))
        case Group():
            return Group(tuple(rest))
        case Slice():
            return Slice(*(None if part is None else next(rest) for part in (node.start, node.stop, node.step)))
    return node
