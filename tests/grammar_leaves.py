"""The leaves of the grammar of random expressions: axes, tensors, slices of them, numbers."""

NAMES = "n", "d", "k"
ONE = ("", 1)


class Leaves:
    """Makes up tensors and writes what has no operands."""

    def __init__(self, choose):
        self.choose = choose
        self.tensors, self.facts = {}, {}
        self.made = {}
        self.drawn = []

    def pick(self, options):
        options = list(options)
        return options[self.choose.number(0, len(options) - 1)]

    def chance(self, one_in):
        return self.choose.number(0, one_in - 1) == one_in - 1

    def axis(self):
        """An axis; often one of before, for sums inside sums and products over the same axis."""
        if self.drawn and self.chance(3):
            return self.pick(self.drawn)
        plain = [(name, 0) for name in NAMES]
        self.drawn.append(self.pick([*plain, *plain, *plain, ("", 2), ("", 3), ONE, *((name, -1) for name in NAMES)]))
        return self.drawn[-1]

    def axes(self, rank):
        return tuple(self.axis() for _ in range(rank))

    def tensor(self, axes, fact=""):
        """A tensor of exactly these plain axes, known already or new."""
        known = [t for t, a in {**self.tensors, **self.made}.items() if a == axes and self.facts.get(t, "") == fact]
        if known and not self.chance(3):
            return self.pick(known)
        name = f"{'xXTT'[len(axes)] if not fact else 'p' if fact == 'positive' else 's'}{len(self.tensors)}"
        self.tensors[name] = axes
        if fact:
            self.facts[name] = fact
        return name

    def leaf(self, axes, fact=""):
        """A tensor, sliced where a size is n - 1 or n - 2; turned over where that is drawn."""
        plain = tuple((name, 0) if name else (name, offset) for name, offset in axes)
        if len(plain) == 2 and not fact and plain == axes and self.chance(5):
            return self.tensor(plain[::-1]) + ".T"
        text = self.tensor(plain, fact)
        if all(a == b for a, b in zip(axes, plain, strict=True)):
            return text
        return f"{text}[{', '.join(self.slice(a) for a in axes)}]"

    def slice(self, axis):
        if not axis[0] or axis[1] == 0:
            return ":"
        return self.pick(["1:", ":-1"] if axis[1] == -1 else ["1:-1", "2:", ":-2"])

    def constant(self):
        sizes = sorted({name for axes in self.tensors.values() for name, _ in axes if name})
        return self.pick(["2", "0.5", "3", "1.5", "0.1", "1", "-1", "pi", "0", *sizes, *sizes])

    def inserted(self, axes):
        """These axes with one more at a place: (the axes, the place)."""
        place = self.choose.number(0, len(axes))
        return (*axes[:place], self.axis(), *axes[place:]), place

    def counted(self, place, rank):
        """The place from the front or from the end."""
        return place if self.chance(2) else place - rank

    def narrower(self, axes):
        """Axes that broadcast to `axes`."""
        kept = axes[self.choose.number(0, len(axes)) :] if axes else axes
        return tuple(ONE if self.chance(5) else a for a in kept)
