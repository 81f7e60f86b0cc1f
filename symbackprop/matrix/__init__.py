"""Index form to matrix form: matrix expressions, their laws, and how they are written."""
