"""What losses are called."""

LOSSES = {"L", "J", "C", "E", r"\ell", "l", "Loss", "loss", "Cost", "cost", "F", r"\xi", "R", r"\Phi", "Q", "loss_fn", "S", "O", "U", "V"}


SURE_LOSSES = {"L", "J", "C", "E", r"\ell", "Loss", "loss", "Cost", "cost"}
