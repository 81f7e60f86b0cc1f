"""Hand-written backward passes, run as they stand: what each line is, which gradient is wrong, and the line to blame."""
