"""What the parts of a formula are worth at concrete sizes, under a reading."""
