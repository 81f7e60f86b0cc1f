"""NumPy notation as a matrix expression, made by the builders alone: no law of the package is applied."""

import ast
from functools import partial

from sympy import Integer, S

from symbackprop.calculus.index import Index, axis, parse_shape
from symbackprop.matrix import building as b
from symbackprop.matrix.nodes import Commutation, Elementwise, Eye, Leaf, Scalar, Unit
from symbackprop.matrix.slices import row, total


class Texts(ast.NodeVisitor):
    """Reads one text over tensors of given shapes."""

    def __init__(self, shapes):
        self.known = {name: Leaf((*parse_shape(shape), None, None)[:2], name) for name, shape in shapes.items()}
        self.letters = {}

    def read(self, text):
        return self.visit(ast.parse(text, mode="eval").body)

    def visit_Name(self, node):
        return self.known.get(node.id) or self.letters.get(node.id) or Scalar(axis(node.id))

    def visit_Constant(self, node):
        return Scalar(Integer(node.value))

    def visit_UnaryOp(self, node):
        return b.negative(self.visit(node.operand))

    def visit_Attribute(self, node):
        assert node.attr == "T"
        return b.transpose(self.visit(node.value))

    def visit_Subscript(self, node):
        return ("across", self.visit(node.value))

    def visit_BinOp(self, node):
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.MatMult):
            left = b.transpose(left) if left.shape[1] is None and right.shape[0] == left.shape[0] else left
            return b.matmul(left, right)
        if isinstance(node.op, ast.Pow):
            return b.elementwise(left, right.expr)
        if isinstance(node.op, ast.Add | ast.Sub):
            sign = 1 if isinstance(node.op, ast.Add) else -1
            return b.plus([(1, left), (sign, right)])
        assert isinstance(node.op, ast.Mult)
        if isinstance(left, tuple):
            return b.matmul(b.diag(left[1]), right)
        if left.is_scalar or right.is_scalar:
            return b.scale(S.One, [left], right) if left.is_scalar else b.scale(S.One, [right], left)
        if right.shape[1] is None and left.shape[1] is not None:
            return b.matmul(left, b.diag(right))
        return b.hadamard([left, right])

    def visit_Compare(self, node):
        assert isinstance(node.ops[0], ast.Gt)
        return b.bracket(">", self.visit(node.left), self.visit(node.comparators[0]))

    def visit_Call(self, node):
        if isinstance(node.func, ast.Attribute):
            return self.summed(self.visit(node.func.value), {k.arg: k.value.value for k in node.keywords}.get("axis"))
        if node.func.id == "sum":
            return self.sum(node.args[0])
        arguments = [self.visit(a) for a in node.args]
        return getattr(self, f"make_{node.func.id}")(*arguments)

    def summed(self, x, along):
        left, right = b.transpose(b.ones(x.shape[0])), b.ones(x.shape[1]) if x.shape[1] is not None else None
        if right is None:
            return b.matmul(left, x)
        if along is None:
            return b.matmul(left, x, right)
        return b.matmul(x, right) if along == 1 else b.transpose(b.matmul(left, x))

    def sum(self, generator):
        (run,) = generator.generators
        names = [run.target.id] if isinstance(run.target, ast.Name) else [e.id for e in run.target.elts]
        wholes = run.iter.args if isinstance(run.iter, ast.Call) else [run.iter]
        values = [self.visit(w) for w in wholes]
        at = Index("s", values[0].shape[0])
        self.letters = {name: row(value, at) for name, value in zip(names, values, strict=True)}
        return total(at, self.visit(generator.elt))

    def make_outer(self, u, v):
        return b.matmul(u, b.transpose(v))

    def make_eye(self, size):
        return Eye((size.expr, size.expr))

    def make_ones(self, size):
        return b.ones(size.expr)

    def make_commutation(self, m, n):
        return Commutation(m.expr, n.expr)

    def make_norm(self, x):
        return Elementwise(b.squared_norm(x), S.Half)

    def make_unit(self, size, place):
        return Unit((size.expr, None), place.expr)

    make_inv, make_diag, make_diagonal, make_trace = map(staticmethod, (b.inverse, b.diag, b.diagonal, b.trace))
    make_kron, make_vec = map(staticmethod, (b.kron, b.vec))


for name in ("sinh", "cosh", "tanh", "relu"):
    setattr(Texts, f"make_{name}", staticmethod(partial(lambda name, x: b.function_of(name, [x]), name)))
