"""`python -m baseline` is the command `baseline`."""

from baseline.cli import main

main()
