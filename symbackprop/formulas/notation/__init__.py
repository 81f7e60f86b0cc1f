"""What stands in a formula and its context, before anything has a value: trees, names, indices, conventions, readings."""
