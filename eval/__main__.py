"""`python -m eval` is the command `evaluate`."""

from eval.cli import main

main()
