"""The objective and its derivatives of one vector, as scipy.optimize takes them."""

import re

from symbackprop.code.names import Scope
from symbackprop.kinds.kind import Kind
from symbackprop.modules.module import Offer
from symbackprop.modules.pieces import function_of
from symbackprop.modules.record import FunctionText
from symbackprop.modules.writer import ModuleWriter

NAMES = ("last", "at", "both", "fun", "jac", "hess", "hessp", "here", "sizes")
"""What as_objective calls its own values and functions."""

BODY = """
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

def fun(theta):
    return float(both(theta)[0])

def jac(theta):
    return pack(both(theta)[1])

def hess(theta):
    return hessian(at(theta)["params"]@)

def hessp(theta, v):
    here = at(theta)
    if "product" not in here:
        here["product"] = hessian_operator(here["params"]@)
    return pack(here["product"](unpack(v, like)))

return Objective(fun, jac, hess, hessp)
"""
"""The body of as_objective; @ stands for the data as keyword arguments."""


def _objective(writer: ModuleWriter) -> list[FunctionText]:
    """The objective and its derivatives over theta = pack(params), as scipy.optimize takes them."""
    data = writer.data_names
    axes = [letter for t in writer.parameters for a in t.axes for letter in sorted(a.free_symbols, key=str)]
    held = {a for t in writer.data for a in t.axes}
    known = all(a in held or a in writer.program.sizes for a in axes)
    taken = [writer.names.size(a) for a in dict.fromkeys(axes) if a in held]
    fields = ("fun: Callable  # theta -> the objective", "jac: Callable  # theta -> its gradient", "hess: Callable  # theta -> its Hessian")
    lines = ["", *fields, "hessp: Callable  # theta, v -> its Hessian times v"]
    record = FunctionText(
        ("class Objective(NamedTuple):",), ("The objective over theta = pack(params), as scipy.optimize.minimize takes it.",), tuple(lines)
    )
    doc = [f"fun, jac, hess and hessp of theta = pack(params), for {', '.join(data) or 'no data'} held fixed.", ""]
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
    text = re.sub(rf"\b({'|'.join(own)})\b", lambda m: own[m[1]], BODY.strip("\n"))
    body_lines += [line.replace("@", after) for line in text.splitlines()]
    arguments = [*data, "like=None" if known else "like", *(["check=True"] if writer.checked(writer.data) else [])]
    return [record, function_of("as_objective", arguments, [*doc, *writer.said(writer.data)], body_lines)]


OFFER = Offer(
    functions=_objective,
    checks=lambda writer, words: (),  # it calls what the others test
    needs=("hessian", "hvp"),
    imports=("from collections.abc import Callable",),
)
KINDS = (Kind(name="objective", offer=OFFER),)
