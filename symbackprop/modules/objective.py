"""The objective and its derivatives of one vector, as scipy.optimize takes them."""

import re
from collections.abc import Sequence

from symbackprop.code.names import Scope
from symbackprop.modules.pieces import function_of
from symbackprop.modules.record import FunctionText
from symbackprop.modules.writer import ModuleWriter

NAMES = ("last", "at", "both", "fun", "jac", "hess", "hessp", "here", "sizes")
"""What as_objective calls its own values and functions."""

FIRST = """
last = {}

def both(theta):
    if "theta" not in last or not np.array_equal(theta, last["theta"]):
        here = np.array(theta)
        last["both"] = loss_and_gradients(unpack(here, like)@)
        last["theta"] = here
    return last["both"]
"""
SECOND = """
last = {}

def at(theta):
    if "theta" not in last or not np.array_equal(theta, last["theta"]):
        last.clear()
        last["theta"] = np.array(theta)
        last["params"] = unpack(last["theta"], like)
    return last

def both(theta):
    here = at(theta)
    if "both" not in here:
        here["both"] = loss_and_gradients(here["params"]@)
    return here["both"]
"""
FUN = """
def fun(theta):
    return float(both(theta)[0])
"""
JAC = """
def jac(theta):
    return pack(both(theta)[1])
"""
HESS = """
def hess(theta):
    return hessian(at(theta)["params"]@)
"""
HESSP = """
def hessp(theta, v):
    here = at(theta)
    if "product" not in here:
        here["product"] = hessian_operator(here["params"]@)
    return pack(here["product"](unpack(v, like)))
"""
PARTS = {
    "fun": ("", "theta -> the objective", FUN),
    "jac": ("", "theta -> its gradient", JAC),
    "hess": ("hessian", "theta -> its Hessian", HESS),
    "hessp": ("hvp", "theta, v -> its Hessian times v", HESSP),
}
"""What as_objective gives: the word that asks for it, what it is, and its lines, in which @ stands for the data as keyword arguments."""


def objective_functions(writer: ModuleWriter, words: Sequence[str]) -> list[FunctionText]:
    """The objective over theta = pack(params), with the second derivatives that `words` ask for; none where a target can't have it."""
    if "objective" in writer.spelling.lacks or not writer.own or not writer.parameters:
        return []
    given = {name: part for name, part in PARTS.items() if not part[0] or part[0] in words}
    data = writer.data_names
    axes = [letter for t in writer.parameters for a in t.axes for letter in sorted(a.free_symbols, key=str)]
    held = {a for t in writer.data for a in t.axes}
    known = all(a in held or a in writer.program.sizes for a in axes)
    taken = [writer.names.size(a) for a in dict.fromkeys(axes) if a in held]
    lines = ["", *[f"{name}: Callable  # {what}" for name, (_, what, _) in given.items()]]
    record = FunctionText(
        ("class Objective(NamedTuple):",), ("The objective over theta = pack(params), as scipy.optimize.minimize takes it.",), tuple(lines)
    )
    *first, last = given
    doc = [f"{', '.join(first)} and {last} of theta = pack(params), for {', '.join(data) or 'no data'} held fixed.", ""]
    doc.append("`like` gives the shapes of the parameters" + (", by default those that fit the data." if known else "."))
    doc.append("What calls at one theta have in common is computed once.")
    scope = Scope(writer.names)
    own = {word: scope.name(word) for word in NAMES}
    body_lines = writer.checked(writer.data)
    if known:
        pairs = ", ".join(f'"{n}": {n}' for n in data)
        if taken:
            sizes = ", ".join(f'{size}={own["sizes"]}["{size}"]' for size in taken)
            body_lines += ["if like is None:", f"    {own['sizes']} = _sizes_of({{{pairs}}})", f"    like = initialise(0, {sizes})"]
        else:
            body_lines += ["if like is None:", "    like = initialise(0)"]
    after = "".join(f", {n}={n}" for n in data) + writer.unchecked
    whole = [SECOND if len(given) > 2 else FIRST, *[lines for _, _, lines in given.values()], f"\nreturn Objective({', '.join(given)})"]
    text = re.sub(rf"\b({'|'.join(own)})\b", lambda m: own[m[1]], "".join(whole).strip("\n"))
    body_lines += [line.replace("@", after) for line in text.splitlines()]
    arguments = [*data, "like=None" if known else "like", *(["check=True"] if writer.checked(writer.data) else [])]
    return [record, function_of("as_objective", arguments, [*doc, *writer.said(writer.data)], body_lines)]
