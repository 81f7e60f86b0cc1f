"""The slow, obvious evaluation of equations as they stand, in numbers and exactly."""
