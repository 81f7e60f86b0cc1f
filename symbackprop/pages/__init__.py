"""Documents made of blocks: a derivation, a Hessian, an expression."""
