"""Notes: the formulas of a file with their places, and what is said of them; nothing here knows mathematics."""
