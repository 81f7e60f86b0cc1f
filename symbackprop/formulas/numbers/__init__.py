"""Numbers that remember how they were computed, and arrays of them."""
