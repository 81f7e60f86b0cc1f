"""Program to program: what is worth computing, without inverses, divisions by 0 and undefined parts beside a 0."""
