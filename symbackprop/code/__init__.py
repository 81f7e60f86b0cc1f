"""A graph of array operations as statements, one after the other."""
