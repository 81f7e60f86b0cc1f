"""Which line is to blame, the statement as it should be, and the smallest arrays that show the fault."""
