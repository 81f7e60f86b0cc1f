"""What names of NumPy and Python stand for while a function is traced."""
