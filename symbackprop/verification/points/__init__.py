"""The points at which two sides are compared, and what they reach."""
