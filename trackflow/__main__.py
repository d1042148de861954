"""`python -m trackflow` is the `trackflow` command."""

from trackflow.cli import main

main()
