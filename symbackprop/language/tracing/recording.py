"""One run of a function on tracers: where the run is, for errors, and the shapes of the values that it made."""

import linecache
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from types import CodeType, FrameType
from typing import Any

from sympy import Expr, Integer

from symbackprop.calculus.program import Tensor
from symbackprop.errors import SpecError, SymbackpropError
from symbackprop.language.nodes import CONDITIONS, Call, Group, Name, Node, Number, Slice, Subscript, children
from symbackprop.language.reader import Reader
from symbackprop.language.tracing.running import advice
from symbackprop.ops.array import Array, Draft, Pieces

_TURNED = ("transpose", "swapaxes", "moveaxis", "rollaxis", "squeeze", "expand_dims", "reshape", "flatten", "ravel")
VIEWS = frozenset((*_TURNED, "diagonal", "diag", "split", "flip", "broadcast_to", "sliding_window_view"))
"""Ops whose result may share its memory with their first argument."""


class Recording:
    """The run of the function `name`. Nodes are known by identity here: an array that is used twice is one node."""

    def __init__(self, name: str, code: CodeType) -> None:
        self.name, self.code = name, code
        self.axes: dict[int, tuple[Expr, ...]] = {}
        self.pieces: dict[int, int] = {}
        self.tensors: dict[int, bool] = {}
        self.kept: list[Node] = []
        self.names: set[str] = set()
        self.changed: set[int] = set()

    def argument(self, name: str, axes: Sequence[Expr]) -> Name:
        """The node of an argument."""
        node = Name(name)
        self.axes[id(node)], self.tensors[id(node)] = tuple(axes), True
        self.kept.append(node)
        self.names.add(name)
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
        return kind(reason, **spot, notes=notes, fix=(advised and self.advised(spot, frame.f_globals)) or fix)

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

    def change(self, node: Node) -> None:
        """Note that `node` is changed in place, and with it what it is a view of: from now on none of them may be used."""
        self.changed.update(id(part) for part in _shared(node))

    def used(self, node: Node) -> Node:
        """`node`, which the function uses. Raises SpecError if it was changed in place under another name."""
        if self.changed and any(id(part) in self.changed for part in _shared(node)):
            fix = "write A = A + x rather than A += x where the array, or a view of it, has another name too"
            raise self.error("this array was changed in place through another name", fix)
        return node

    def order(self, roots: Sequence[Node]) -> list[Node]:
        """The nodes below `roots` and these, each once, after its parts; then it is known which of them hold a tensor."""
        done: dict[int, Node] = {}
        waiting = list(reversed(roots))
        while waiting:
            node = waiting[-1]
            missing = [part for part in reversed(children(node)) if id(part) not in done]
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
        for part in self.order([node]):
            if isinstance(part, Call | Subscript) and id(part) not in self.axes:
                try:
                    made = self._stand_in(part)
                except SymbackpropError as e:
                    raise self.error(e.reason, e.fix, type(e), e.notes) from None
                self.axes[id(part)] = made.axes
                if isinstance(made, Pieces):
                    self.pieces[id(part)] = len(made.parts)
        return self.axes.get(id(node), ())

    def parts(self, node: Node) -> int:
        """How many arrays a value is made of, as that of split; 0 for an array."""
        self.shape(node)
        return self.pieces.get(id(node), 0)

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
        letters = {str(s) for axes in self.axes.values() for a in axes for s in a.free_symbols}
        draft = Draft(tensors, (), {})
        draft.infers = tensors
        reader = Reader(draft, sorted(letters))
        return reader.value(plain)


def _shared(node: Node) -> Iterator[Node]:
    """`node`, and what it may be a view of."""
    yield node
    while isinstance(node, Subscript) or (isinstance(node, Call) and node.op in VIEWS and node.args):
        node = node.value if isinstance(node, Subscript) else node.args[0]
        yield node


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
