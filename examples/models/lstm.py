"""An LSTM unrolled over the times of a sequence (Hochreiter, Schmidhuber 1997), with a linear reading of its last state."""
# ruff: noqa: F722, F821

import numpy as np

import symbackprop as sbp


def unrolled(steps):
    """The function of an LSTM over `steps` times, a loop of Python in it."""

    def lstm(
        X: f"n {steps} d",
        y: "n",
        Wi: "h d",
        Ui: "h h",
        bi: "h",
        Wf: "h d",
        Uf: "h h",
        bf: "h",
        Wo: "h d",
        Uo: "h h",
        bo: "h",
        Wg: "h d",
        Ug: "h h",
        bg: "h",
        w: "h",
    ):
        """Half the mean squared error of the prediction."""
        H = C = None
        for t in range(steps):
            x = X[:, t]
            zi, zf, zo, zg = x @ Wi.T + bi, x @ Wf.T + bf, x @ Wo.T + bo, x @ Wg.T + bg
            if t:
                zi, zf, zo, zg = zi + H @ Ui.T, zf + H @ Uf.T, zo + H @ Uo.T, zg + H @ Ug.T
            I = sbp.sigmoid(zi)
            F = sbp.sigmoid(zf)
            R = sbp.sigmoid(zo)
            G = np.tanh(zg)
            C = F * C + I * G if t else I * G
            H = R * np.tanh(C)
        out = H @ w
        return np.mean((out - y) ** 2) / 2

    return lstm


PARAMETERS = ["Wi", "Ui", "bi", "Wf", "Uf", "bf", "Wo", "Uo", "bo", "Wg", "Ug", "bg", "w"]

model = sbp.trace(unrolled(5), parameters=PARAMETERS, output="out", samples="n")
