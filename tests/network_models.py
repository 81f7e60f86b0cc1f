"""ReLU networks with softmax and cross entropy, and other programs written by hand, for the tests of generated code."""

from sympy import log

from symbackprop.calculus.index import Index, parse_shape
from symbackprop.calculus.program import Call, Equation, Fact, Program, Tensor
from symbackprop.calculus.term import Total
from symbackprop.ops.entrywise.elementwise import relu


def network(letters="d h c", samples="n", sizes=None):
    """Weights "inputs outputs", as X @ W1 + b1."""
    names = letters.split()
    c = names[-1]
    labels = parse_shape(f"{samples} {c}")
    tensors = {
        "X": Tensor("X", parse_shape(f"{samples} {names[0]}"), "input"),
        "Y": Tensor("Y", labels, "label", (Fact("simplex", "Y", 1),)),
    }
    rows, previous = [], "X"
    for k in range(1, len(names)):
        last = k == len(names) - 1
        w = tensors[f"W{k}"] = Tensor(f"W{k}", parse_shape(f"{names[k - 1]} {names[k]}"), "parameter")
        b = tensors[f"b{k}"] = Tensor(f"b{k}", parse_shape(names[k]), "parameter")
        z = tensors["O" if last else f"A{k}"] = Tensor("O" if last else f"A{k}", parse_shape(f"{samples} {names[k]}"))
        i, j = z.indices
        r = Index("r0", w.axes[0])
        rows.append(Equation(z, z.indices, Total(tensors[previous][i, r] * w[r, j], r) + b[j]))
        if not last:
            previous = f"H{k}"
            tensors[previous] = Tensor(previous, z.axes)
            rows.append(Equation(tensors[previous], z.indices, relu(z[i, j])))
    yhat = tensors["Yhat"] = Tensor("Yhat", labels)
    rows.append(Equation(yhat, yhat.indices, Call("softmax", ("O",), (("axis", 1),))))
    loss = tensors["J"] = Tensor("J", ())
    r, s = Index("r0", labels[0]), Index("r1", labels[1])
    rows.append(Equation(loss, (), -Total(tensors["Y"][r, s] * log(yhat[r, s]), r, s) / labels[0]))
    return Program("network", tensors, tuple(rows), "J", "O", labels[0], sizes or {})
