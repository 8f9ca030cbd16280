"""`python -m mdexp.suit`, the same command as `mdexp suit`."""

import sys

from mdexp.commands.suit import main

if __name__ == "__main__":
    sys.exit(main())
