"""The program `trackflow`, also as `python -m trackflow`."""

import gc

from trackflow.cli import main as cli


def main() -> None:
    """Run the command as a process of its own."""
    # Modules are many objects and no garbage: looking for some every 700 objects takes a tenth of
    # the time until the first byte.
    gc.set_threshold(50_000, *gc.get_threshold()[1:])
    cli.main()


if __name__ == "__main__":
    main()
