"""What formulas on paper mean, and whether they are true: readings, numbers, counterexamples, corrections."""
