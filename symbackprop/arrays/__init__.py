"""Index equations as a graph of array operations."""
