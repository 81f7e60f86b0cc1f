"""`python -m symbackprop` is `symbackprop`."""

from symbackprop.commands.cli import main

if __name__ == "__main__":
    main()
