"""Several tensors of one derivation on paper over one set of named parts, each defined once and by one letter."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from symbackprop.calculus.program import Call, Equation, Fact, Program
from symbackprop.pages.parts import Part, formula, is_inverse, lettered, names_of
from symbackprop.pages.written import Written


@dataclass(frozen=True)
class Together:
    """Tensors by name, and their parts in order, over the program that names them all; `facts` are those that this form rests on."""

    program: Program
    parts: tuple[Part, ...]
    wholes: Mapping[str, Part]
    facts: tuple[Fact, ...] = ()

    def in_order(self) -> list[Part]:
        """The parts and the tensors, each after what it is computed from."""
        place = {e.name: k for k, e in enumerate(self.program.equations)}
        return sorted((*self.parts, *self.wholes.values()), key=lambda p: place[p.name])

    def written(self, name: str) -> Written:
        """One of the tensors with the parts that it needs, others of the tensors among them."""
        wanted, kept = names_of(self.wholes[name]), []
        for part in reversed(self.in_order()):
            if part.name in wanted:
                kept.append(part)
                wanted = wanted | names_of(part)
        return Written(self.program, kept[::-1], self.wholes[name])


def together(
    program: Program,
    names: Sequence[str],
    forms: Sequence[str],
    known: Collection[str] = (),
    shown: Collection[str] = (),
    walk: bool = False,
) -> dict[str, Together]:
    """The tensors `names` in each of `forms`: "index", or "matrix", in which those that have no matrix form stand in index form.

    What the reader has anyway (`known`) keeps its name and is defined where it is spoken of; what is `shown` elsewhere is not. With `walk`
    all that they are computed from is a part, else what is worth a name. The letters of parts are the same in all forms.
    """
    names = list(dict.fromkeys(names))
    made = {form: _made(program, names, form, known, shown, walk) for form in forms}
    used = [p.equation for one in made.values() for p in (*one.parts, *one.wholes.values())]
    place = {e.name: k for k, e in enumerate(program.equations)}
    unique = sorted({e.name: e for e in used}.values(), key=lambda e: place[e.name])
    letters = lettered(program, unique, program)
    return {form: replace(one, program=letters) for form, one in made.items()}


def _made(program: Program, names: Sequence[str], form: str, known: Collection[str], shown: Collection[str], walk: bool) -> Together:
    needed = program.needed(names)
    kept = {*known, *shown}
    made: dict[str, Part] = {}
    facts: dict[Fact, None] = {}
    every = [e.name for e in needed.equations if e.name in names or e.name not in kept]
    if form == "index":
        made = {name: Part(needed[name], None) for name in every}
    else:
        # A name that one of them is worth is a name in all of them.
        alone = {} if walk else {name: formula(program, name, kept - {name}) for name in names}
        named = set(every) if walk else {p.name for one in alone.values() for p in one.parts}
        for name in every:
            if name in names or name in named:
                one = alone.get(name)
                if one is None or {p.name for p in one.parts} != named & program.needed([name]).tensors.keys():
                    one = formula(program, name, (kept | named | set(names)) - {name})
                facts |= dict.fromkeys(one.facts)
                made[name] = one.whole
    for e in spoken_of(needed, list(made.values()), known, shown):
        made[e.name] = Part(e, None) if form == "index" else formula(program, e.name, kept - {e.name}).whole
    parts = tuple(made[e.name] for e in needed.equations if e.name in made and e.name not in names and not is_inverse(e))
    return Together(program, parts, {name: made[name] for name in names}, tuple(facts))


def spoken_of(program: Program, parts: Collection[Part], known: Collection[str], shown: Collection[str]) -> list[Equation]:
    """The equations of what the reader has anyway that `parts` speak of, but for those `shown` elsewhere."""
    used = set().union(*map(names_of, parts)) & set(known)
    told = {*shown, *[p.name for p in parts]}
    return [e for e in with_arguments(program, used) if e.name not in told]


def with_arguments(program: Program, names: set[str]) -> list[Equation]:
    """The equations of `names`, and of the arguments of calls among them."""
    for e in reversed(program.equations):
        if isinstance(e.rhs, Call) and e.name in names:
            names = names | set(e.rhs.arguments)
    return [e for e in program.equations if e.name in names]
