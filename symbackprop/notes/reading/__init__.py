"""Reading notes: the formulas of a file, with their places, and the links of a folder."""
