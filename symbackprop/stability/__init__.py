"""Program to program: nothing overflows or rounds to 0 where the whole does not."""
