"""The program `trackflow`, also as `python -m trackflow`."""

import sys

from trackflow.cli import main as cli


def main() -> None:
    """Run the command as a process of its own."""
    if sys.argv[1:2] == ["import"]:
        from trackflow.sources.parsing.arrow_start import start_without_pandas

        start_without_pandas()
    cli.main()


if __name__ == "__main__":
    main()
