"""Texts of expressions: times a number that has a name, without parentheses that change nothing."""

import ast

SUMS = ast.Add | ast.Sub


def parsed(text: str) -> ast.expr:
    """The tree of an expression, which may run over several lines."""
    return ast.parse(f"({text}\n)", mode="eval").body


def factored(text: str, way: str) -> tuple[str, str]:
    """An expression times a number written as labels write it, and what is missing in words."""
    sign, body = ("-", way[1:]) if way.startswith("-") else ("", way)
    over, under = [], []
    for part in body.split(" * ") if body and body != "1" else ():
        top, _, below = part.partition("/")
        over += [top] if top != "1" else []
        under += [below] if below else []
    tree = parsed(text)
    loose = isinstance(tree, ast.UnaryOp | ast.IfExp | ast.Compare) or (isinstance(tree, ast.BinOp) and isinstance(tree.op, SUMS))
    made = sign + " * ".join([*over, f"({text})" if loose else text]) + "".join(f" / {u}" for u in under)
    said = [f"the factor {' * '.join(over)} is missing"] if over else []
    said += [f"the division by {' and '.join(under)} is missing"] if under else []
    said += ["the sign is turned"] if sign else []
    return made, " and ".join(said)


def tidy(text: str, author: str) -> str:
    """An expression without the parentheses that change nothing, but for those that the author wrote."""
    k = 0
    while (k := text.find("(", k)) >= 0:
        stop = _closing(text, k)
        without = text[:k] + text[k + 1 : stop] + text[stop + 1 :]
        if text[k : stop + 1] not in author and _same(without, text):
            text = without
        else:
            k += 1
    return text


def _closing(text: str, at: int) -> int:
    depth = 0
    for k in range(at, len(text)):
        depth += (text[k] == "(") - (text[k] == ")")
        if not depth:
            return k
    return at


def _same(one: str, other: str) -> bool:
    try:
        return ast.dump(parsed(one)) == ast.dump(parsed(other))
    except SyntaxError:
        return False
