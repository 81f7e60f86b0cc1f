"""The source of one generated function: a tensor of a program from its leaves, for evaluating a single result."""

from symbackprop.calculus.program import Program
from symbackprop.code.body import body
from symbackprop.code.layout_text import bracketed
from symbackprop.code.names import PYTHON, code_names
from symbackprop.code.spelling import Spelling


def function_text(program: Program, name: str, spelling: Spelling) -> str:
    """A module with a function of the leaves of `program`, by keyword, that returns the tensor `name` and is called as that is in the code.

    Arguments are arrays of shapes that fit; lists and integers are converted. A size that no leaf has is an argument too.
    Raises TargetError for what has no spelling.
    """
    program = program.needed([name])
    names = code_names(program, PYTHON)
    inner = body(program, [name], spelling, names, PYTHON)
    called = names(program.tensors[name])
    leaves = program.leaves
    missing = [size for size in sorted(inner.sizes, key=str) if not any(size in t.axes for t in leaves)]
    arguments = [*[names(t) for t in leaves], *[names.size(size) for size in missing]]
    np = spelling.library
    lines = [*spelling.imports, "", "", *bracketed(f"def {called}(", ["*", *arguments] if arguments else [], "):")]
    floats = [names(t) for t in leaves if t.role != "index"]
    if floats:
        lines += [f"    {line}" for line in bracketed(f"dtype = {np}.result_type(", [f"{np}.float32", *floats], ")", 4)]
        lines += [f"    {n} = {np}.asarray({n}, dtype)" for n in floats]
    elif inner.dtype:
        lines.append(f"    dtype = {spelling.spell('no_dtype')}")
    lines += [f"    {names(t)} = {np}.asarray({names(t)})" for t in leaves if t.role == "index"]
    for size in sorted(inner.sizes, key=str):
        where = [(t, k) for t in leaves for k, a in enumerate(t.axes) if a == size]
        if where:
            lines.append(f"    {names.size(size)} = {names(where[0][0])}.shape[{where[0][1]}]")
    lines += [f"    {line}" if line else "" for line in inner.lines]
    lines.append(f"    return {inner.results[name]}")
    for h in spelling.all_helpers(inner.helpers):
        lines += ["", "", spelling.helpers[h].strip("\n")]
    return "\n".join(lines) + "\n"
