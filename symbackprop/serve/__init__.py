"""A page of one's own: an expression or a model in a box, its derivative while one types, on this machine alone."""
