"""What people write that is not in the language: what to call it, and what to write instead. Names of functions are in ops/absent.py."""

import ast

FOREIGN = ("scipy", "torch", "jnp", "jax", "tf", "F", "nn", "math", "sp", "anp", "sbp", "special", "linalg")
"""What modules are mostly called whose functions people paste; a tensor may be called so too."""
MODULES = ("np", "numpy")
"""What NumPy is called in a text."""
IDLE = ("dtype", "out", "order", "casting", "subok", "copy", "mode", "constant_values")
"""Options of NumPy without a meaning here: arrays are of real numbers, nothing is changed in place, and zeros are put around."""
PARTS = {
    **dict.fromkeys(("float16", "float32", "float64", "int32", "int64"), "leave it out: code keeps the dtype of its arguments"),
    "random": "make the random array an argument",
    "fft": "make the matrix of the transform an argument, F @ x",
    "nan": "write where(condition, a, b)",
    "add": "write x + y, or sum(x, axis=0) for its reduce, cumsum(x) for its accumulate",
    "multiply": "write x * y, or prod(x, axis=0) for its reduce, cumprod(x) for its accumulate",
    "maximum": "write maximum(x, y), or max(x, axis=0) for its reduce",
    "minimum": "write minimum(x, y), or min(x, axis=0) for its reduce",
    "logaddexp": "write logaddexp(x, y), or logsumexp(x, axis=0) for its reduce",
}
"""Parts of NumPy that are no values of the language, and what to write instead."""
LARGE = "write a large number, such as 1e9 (of a mask -1e9)"
"""What to write for infinity."""
NAMED = {
    ast.Lambda: ("a lambda", "write the expression out"),
    ast.IfExp: ("if ... else", "use where(condition, a, b)"),
    ast.BoolOp: ("and / or", "write (x > 0) & (y > 0) or (x > 0) | (y > 0) in where"),
    ast.ListComp: ("a comprehension", "use whole-array operations"),
    ast.GeneratorExp: ("a comprehension", "use whole-array operations"),
    ast.SetComp: ("a comprehension", "use whole-array operations"),
    ast.DictComp: ("a comprehension", "use whole-array operations"),
    ast.NamedExpr: ("an assignment :=", "give it an equation of its own"),
    ast.JoinedStr: ("a formatted string", "leave it out"),
    ast.Await: ("await", "leave it out"),
    ast.Yield: ("yield", "leave it out"),
    ast.YieldFrom: ("yield", "leave it out"),
    ast.Dict: ("a dictionary", "leave it out"),
    ast.Set: ("a set", "leave it out"),
    ast.Starred: ("*", "name each argument"),
}
"""Parts of Python that are not in the language: what to call them, and what to do."""
