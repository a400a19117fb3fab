"""The program's entry: `moorage` and `python -m moorage`."""

import sys

from moorage.cli.main import main as _main


def main() -> int:
    """Run the command line; returns the exit status."""
    return _main()


if __name__ == "__main__":
    sys.exit(main())
