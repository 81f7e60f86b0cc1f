"""A derivative read back from its LaTeX alone: its parts in order, each by its own line, then the right side."""

import numpy as np
from round_trip import read_index, read_matrix

from symbackprop.pages.parts import is_inverse
from symbackprop.typesetting.latex import latex


def read_back(result, form, arrays, dims):
    """The value of a Result in a form. Only `arrays` are known to begin with."""
    return read_written(result.written(form), arrays, dims)


def read_written(written, arrays, dims, damage=lambda text: text):
    """The value of what is written, its parts read one after the other; `damage` is done to each line before it is read."""
    writer = written.writer
    values = {}
    named = {str(a) for a in written.program.axes}  # kron(x, y) @ C makes the axis of C m n, whatever it was called
    sizes = {axis: size for axis, size in dims.items() if axis in named}

    def learn(name, value):
        values[latex(writer.names(name))] = value
        tensor = written.program.tensors[name]
        if tensor.derivative:
            values["d", *[latex(writer.names(part)) for part in tensor.derivative]] = value
        elif len(tensor.tangent_of) > 1:
            values["dot", *[latex(writer.names(part)) for part in tensor.tangent_of]] = value
        for e in written.program.equations:
            if is_inverse(e) and e.rhs.arguments[0] == name:
                learn(e.name, np.linalg.inv(value))

    for name, value in arrays.items():
        if name in written.program.tensors:
            is_index = written.program.tensors[name].role == "index"
            learn(name, np.asarray(value, int) + 1 if is_index else np.asarray(value, float))  # letters count from 1
    for part in (*written.parts, written.whole):
        shape = tuple(int(a.subs({s: sizes[str(s)] for s in a.free_symbols})) for a in part.equation.tensor.axes)
        value = np.asarray(read(part, written, writer, values, sizes, shape, damage), float)
        learn(part.name, value)
    return value


def read(part, written, writer, values, sizes, shape, damage):
    """One line, by the reader of its form."""
    text = damage(latex(written.right_side(part)))
    if part.value is not None:
        kept = [size for size in shape if size != 1]
        flat = [int(np.prod(shape[: len(shape) - 2])), int(np.prod(shape[len(shape) - 2 :]))] if len(kept) > 2 else kept
        if len(kept) == 3:
            first = part.equation.tensor.orders or (1, 2)
            cut = 1 if next(o for o in first if o) == 1 else 2
            flat = [int(np.prod(kept[:cut])), int(np.prod(kept[cut:]))]
        return read_matrix(text, values, sizes, tuple(flat)).reshape(shape)
    letters = list(writer.free(part.equation.indices).values())
    return read_index(text, values, sizes, letters, shape)
