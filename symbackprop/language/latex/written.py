r"""A tree back to LaTeX that reads as the same tree. Braces, which mean nothing to the reader, keep together what would fall apart."""

from collections.abc import Callable
from dataclasses import replace

from symbackprop.language.latex import commands as known
from symbackprop.language.latex import nodes as n
from symbackprop.language.latex.leaves import relational
from symbackprop.language.latex.operators import is_indicator_mark

CHAIN, SUM, PRODUCT, RUN, FACTOR = range(5)
"""How tightly a place binds; what binds less than its place needs braces."""
LEVELS: dict[type, int] = {n.Chain: CHAIN, n.Signature: CHAIN, n.Sum: SUM, n.Product: PRODUCT, n.Juxtaposition: RUN, n.Evaluated: RUN} | {
    n.Slice: CHAIN
}
ATOMS = (n.Bracket, n.Number, n.Fraction, n.Root, n.Binomial, n.Matrix, n.Cases, n.Accent, n.Dots, n.Call, n.Leibniz, n.Nothing)
OPENED = {"": r"\left.", r"\lvert": r"\lvert", r"\lVert": r"\lVert"}


def write(formula: n.Formula) -> str:
    """LaTeX of a whole formula, its remarks left out."""
    made = ""
    for statement in formula.statements:
        made += _link(statement, bool(made)) + _statement(statement)
    return made


def _link(statement: n.Statement, behind: bool) -> str:
    """What leads from one statement to the next."""
    if statement.link not in ("", "\\\\"):
        return f" {statement.link} "
    body = statement.body
    first = body.sides[0] if isinstance(body, n.Chain) else body
    joins = isinstance(body, n.Chain) and isinstance(first, n.Nothing)
    loose = _sign(body) or (
        not isinstance(body, n.Chain) and _text(body, CHAIN).startswith(("-", "+", "\\pm", "\\mp", "\\cup", "\\cap", "\\set", "\\o"))
    )
    joins = joins or _statement(statement).startswith(r"\left.")
    return "" if not behind else r" \text{; } " if joins or loose else " \\\\ "


def _sign(node: n.Node) -> bool:
    return isinstance(node, n.Name) and (node.id in known.SIGNS or node.id in known.TERMS)


def _statement(statement: n.Statement) -> str:
    made = "" if isinstance(statement.body, n.Nothing) else _text(statement.body, CHAIN)
    for condition in statement.conditions:
        made += (" " if condition.word else ", ") + _condition(condition)
    return made


def _condition(condition: n.Condition) -> str:
    parts = r" \text{ and } ".join(_text(part, CHAIN) for part in condition.parts)
    return rf"\text{{{_prose(condition.word)} }} {parts}".strip() if condition.word else parts


def _prose(text: str) -> str:
    return "".join(rf"\{c}" if c in "%$_&#" else c for c in text)


def _text(node: n.Node, level: int) -> str:
    """A node where things bind as tightly as `level` says."""
    made = WRITERS[type(node)](node)
    own = LEVELS.get(type(node), FACTOR)
    if isinstance(node, n.Leibniz) and node.form == "slash":
        own = PRODUCT
    return f"{{{made}}}" if own < level or isinstance(node, n.Listing) else made


def _closed(node: n.Node) -> str:
    """A node as one factor that takes nothing of what follows."""
    made = _text(node, FACTOR)
    return f"{{{made}}}" if _reach(node) and not _braced(made) else made


def _braced(text: str) -> bool:
    """Whether one pair of braces holds the whole text."""
    depth = 0
    for k, c in enumerate(text):
        depth += (c == "{" and text[k - 1 : k] != "\\") - (c == "}" and text[k - 1 : k] != "\\")
        if not depth:
            return k == len(text) - 1 and text[0] == "{"
    return False


def _reach(node: n.Node | None) -> int:
    """How far a node goes on behind itself: 0 not at all, 1 over factors side by side, 2 to the end of a product."""
    if isinstance(node, n.Big):
        return 2
    if isinstance(node, n.Operator | n.Differential):
        return max(1 if node.of is None or isinstance(node, n.Operator) else 0, _reach(node.of))
    if isinstance(node, n.Leibniz):
        return max(1, _reach(node.of)) if node.of is None or node.form == "operator" else 0
    if isinstance(node, n.Juxtaposition):
        return _reach(node.factors[-1])
    if isinstance(node, n.Name):
        sums = node.id == r"\Sigma" and any(s.mark == "_" and relational(s.items) for s in node.scripts)
        bare_d = node.id == "d" and node.style in ("", "mathrm") and not node.accents and not node.scripts
        return int(node.style == "operatorname" or sums or bare_d)
    return int(isinstance(node, n.Text))


# Leaves.


def _name(node: n.Name) -> str:
    if node.style == "operatorname":
        made = rf"\operatorname{{{node.id}}}"
    elif node.style == "mathrm" and len(node.id) > 1 and not node.id.startswith("\\"):
        made = rf"\text{{{_prose(node.id)}}}"
    else:
        made = rf"\{node.style}{{{node.id}}}" if node.style else r"{\prime}" if node.id == r"\prime" else node.id
    for mark in reversed(node.accents):
        made = rf"\{mark}{{{made}}}"
    upright_d = node.id == "d" and node.style == "mathrm" and not node.accents
    return _scripted(f"{{{made}}}" if upright_d and node.scripts else made, node.scripts)


def _scripted(base: str, scripts: tuple[n.Script, ...]) -> str:
    """A base with its scripts; a second one in the same place goes round a group."""
    taken = ""
    for mark, text in _each_script(scripts):
        if mark in taken or (mark == "'" and "^" in taken):
            base, taken = f"{{{base}}}", ""
        base, taken = base + text, taken + mark
    return base


def _scripts(scripts: tuple[n.Script, ...]) -> str:
    return "".join(text for _, text in _each_script(scripts))


def _each_script(scripts: tuple[n.Script, ...]) -> list[tuple[str, str]]:
    """The scripts with their marks; primes behind something that stands above go with it, as TeX wants them."""
    made: list[tuple[str, str]] = []
    for k, script in enumerate(scripts):
        behind = k and scripts[k - 1].mark == "^" and scripts[k - 1].items and not _sign(scripts[k - 1].items[-1])
        if script.mark[0] == "'" and behind:
            *others, last = scripts[k - 1].items
            primes = r"\prime " * len(script.mark)
            made[-1] = "^", f"^{{{_listed((*others, n.Nothing()))}{_closed(last)} {primes.strip()}}}"
        else:
            made.append((script.mark[0], script.mark if script.mark[0] in "'!" else f"{script.mark}{{{_listed(script.items)}}}"))
    return made


def _listed(items: tuple[n.Node, ...]) -> str:
    return ", ".join("" if isinstance(item, n.Nothing) else _text(item, CHAIN) for item in items)


def _scripted_node(node: n.Scripted) -> str:
    plain = isinstance(node.of, ATOMS) and not (isinstance(node.of, n.Leibniz) and node.of.form != "over")
    base = _text(node.of, FACTOR)
    return _scripted(base if plain or _braced(base) else f"{{{base}}}", node.scripts)


def _prose_node(node: n.Text) -> str:
    return rf"{{\text{{ {_prose(node.text)} }}}}"


def _slice(node: n.Slice) -> str:
    return f"{_text(node.start, CHAIN) if node.start else ''}:{_text(node.stop, CHAIN) if node.stop else ''}"


# Operators.


def _run(node: n.Juxtaposition) -> str:
    made = []
    for k, factor in enumerate(node.factors):
        text = _text(factor, FACTOR) if k == len(node.factors) - 1 else _closed(factor)
        bracket = factor.of if isinstance(factor, n.Scripted) else factor
        marked = k and is_indicator_mark(node.factors[k - 1]) and isinstance(bracket, n.Bracket)
        made.append(f"{{{text}}}" if marked or _sign(factor) else text)
    return " ".join(made)


def _product(node: n.Product) -> str:
    made = ""
    for k, (factor, sign) in enumerate(zip(node.factors, (*node.signs, ""), strict=True)):
        text = "" if isinstance(factor, n.Nothing) else _text(factor, RUN)
        last = k == len(node.factors) - 1
        made += f"{{{text}}}" if not last and _reach(factor) == 2 and not _braced(text) else text
        made += f" {sign} " if sign else ""
    return made


def _sum(node: n.Sum) -> str:
    pieces = [f"{sign} " * bool(sign) + _text(term, PRODUCT) for sign, term in zip(node.signs, node.terms, strict=True)]
    first = pieces[0].replace(" ", "", 1) if node.signs[0] in ("+", "-") else pieces[0]
    return " ".join([first, *pieces[1:]])


def _chain(node: n.Chain) -> str:
    made = ""
    for side, sign in zip(node.sides, (*node.signs, ""), strict=True):
        made += _side(side) + (f" {sign} " if sign else "")
    return made.strip()


def _side(node: n.Node) -> str:
    return "" if isinstance(node, n.Nothing) else _text(node, SUM)


def _signature(node: n.Signature) -> str:
    return f"{_side(node.of)} : {_side(node.source)} {node.sign} {_side(node.target)}"


def _bracket(node: n.Bracket) -> str:
    guard = FACTOR if "|" in node.separators else CHAIN
    made = ""
    for item, separator in zip(node.items, (*node.separators, ""), strict=False):
        colon = isinstance(item, n.Chain) and isinstance(item.sides[0], n.Nothing) and item.signs[0] == ":"
        made += "" if isinstance(item, n.Nothing) else _text(item, FACTOR if colon else CHAIN if isinstance(item, n.Slice) else guard)
        made += _separator(separator)
    if node.spaced and _parts(node.spaced) == _parts(node.items):
        made = r" \; ".join(_text(item, CHAIN) for item in node.spaced)
    left = r"\left." if not node.open else rf"\left{node.open}" if not node.shut else node.open
    right = r"\right." if not node.shut else rf"\right{node.shut}" if not node.open else node.shut
    return f"{left} {made} {right}" if left.startswith("\\") else f"{left}{made}{right}"


def _separator(separator: str) -> str:
    if separator in ("", "|"):
        return r" \mid " if separator else ""
    plain = separator in ",;." or separator.startswith("\\")
    return f"{separator} " if plain else rf" \text{{ {_prose(separator)} }} "


def _parts(items: tuple[n.Node, ...]) -> list:
    """The terms of sums and the factors of runs, one behind the other."""
    made: list = []
    for item in items:
        if isinstance(item, n.Sum):
            made += [*zip(item.signs, item.terms, strict=True)]
        elif isinstance(item, n.Juxtaposition):
            made += item.factors
        else:
            made.append(item)
    return made


def _call(node: n.Call) -> str:
    argument = _text(node.argument, CHAIN)
    bare = not isinstance(node.argument, n.Bracket)
    function = _name(replace(node.function, scripts=())) + _scripts(node.function.scripts)
    return function + (f"{{{argument}}}" if bare and not _braced(argument) else argument)


def _big(node: n.Big) -> str:
    return f"{node.sign}{_scripts(node.scripts)} {_text(node.of, PRODUCT)}"


def _differential(node: n.Differential) -> str:
    return _by(node.sign, node.scripts, node.of)


def _by(sign: str, scripts: tuple[n.Script, ...], of: n.Node | None) -> str:
    if of is None:
        return sign + _scripts(scripts)
    text = _closed(of)
    apart = sign in (r"\partial", r"\delta") or _braced(text)
    return f"{sign}{_scripts(scripts)} {text}" if apart else f"{sign}{_scripts(scripts)}{{{text}}}"


def _leibniz(node: n.Leibniz) -> str:
    of = None if node.form == "operator" else node.of
    below = " ".join(_by(node.sign, (), by) for by in node.by)
    if node.form == "slash":
        return f"{_by(node.sign, node.scripts, of)}/{below}"
    beside = "".join(f"{_closed(factor)} {sign} ".replace("  ", " ") for factor, sign in node.beside)
    made = rf"\frac{{{_by(node.sign, node.scripts, of)}}}{{{beside}{below}}}"
    return f"{made} {_closed(node.of)}" if node.form == "operator" and node.of else made


def _operator(node: n.Operator) -> str:
    return f"{node.sign}{_scripts(node.scripts)}" + (f" {_closed(node.of)}" if node.of else "")


def _indicator(node: n.Indicator) -> str:
    mark = _text(node.mark, FACTOR)
    if isinstance(node.mark, n.Scripted):
        mark = _text(node.mark.of, FACTOR) + _scripts(node.mark.scripts)
    elif isinstance(node.mark, n.Name):
        mark = _name(replace(node.mark, scripts=())) + _scripts(node.mark.scripts)
    if node.within == "_":
        return f"{mark}_{{{_listed(node.conditions)}}}"
    return f"{mark}{node.within} {_listed(node.conditions)} {known.SHUT[node.within]}"


def _evaluated(node: n.Evaluated) -> str:
    text = _text(node.of, CHAIN)
    return (text if _braced(text) else f"{{{text}}}") + "|" + _scripts(node.scripts)


def _labelled(node: n.Labelled) -> str:
    of = _text(node.of, CHAIN)
    label = _listed(node.label.items) if isinstance(node.label, n.Listing) else _text(node.label, CHAIN)
    if node.mark in (r"\overset", r"\underset"):
        return rf"{node.mark}{{{label}}}{{{of}}}"
    place = "_" if node.mark == r"\underbrace" else "^"
    return f"{node.mark}{{{of}}}{place}{{{label}}}"


def _matrix(node: n.Matrix) -> str:
    rows = r" \\ ".join(" & ".join("" if isinstance(c, n.Nothing) else _text(c, CHAIN) for c in row) for row in node.rows)
    columns = f"{{{'c' * len(node.rows[0])}}}" if node.kind == "array" else ""
    return rf"\begin{{{node.kind}}}{columns} {rows} \end{{{node.kind}}}"


def _cases(node: n.Cases) -> str:
    rows = []
    for row in node.rows:
        value = "" if isinstance(row.value, n.Nothing) else _text(row.value, CHAIN)
        rows.append(" & ".join([value, *map(_condition, row.conditions)]))
    lines = r" \\ ".join(rows)
    return rf"\begin{{cases}} {lines} \end{{cases}}"


def _root(node: n.Root) -> str:
    return r"\sqrt" + (f"[{_text(node.degree, CHAIN)}]" if node.degree else "") + f"{{{_text(node.of, CHAIN)}}}"


def _over(command: str) -> Callable:
    return lambda node: rf"{command}{{{_text(node.top, CHAIN)}}}{{{_text(node.bottom, CHAIN)}}}"


WRITERS: dict[type, Callable] = {
    n.Name: _name,
    n.Number: lambda node: node.text,
    n.Dots: lambda node: node.id,
    n.Text: _prose_node,
    n.Nothing: lambda node: "{}",
    n.Scripted: _scripted_node,
    n.Accent: lambda node: rf"\{node.mark}{{{_text(node.of, CHAIN)}}}",
    n.Juxtaposition: _run,
    n.Product: _product,
    n.Sum: _sum,
    n.Chain: _chain,
    n.Listing: lambda node: _listed(node.items),
    n.Signature: _signature,
    n.Bracket: _bracket,
    n.Fraction: _over(r"\frac"),
    n.Binomial: _over(r"\binom"),
    n.Root: _root,
    n.Call: _call,
    n.Big: _big,
    n.Differential: _differential,
    n.Leibniz: _leibniz,
    n.Operator: _operator,
    n.Indicator: _indicator,
    n.Evaluated: _evaluated,
    n.Slice: _slice,
    n.Labelled: _labelled,
    n.Matrix: _matrix,
    n.Cases: _cases,
}
