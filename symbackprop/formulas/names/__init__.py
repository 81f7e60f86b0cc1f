"""Names of formulas as tensors at concrete sizes: what a context declares and defines, and random numbers where it says nothing."""
