"""`python -m mdexp.export`, the same command as `mdexp export`."""

import sys

from mdexp.commands.export import main

if __name__ == "__main__":
    sys.exit(main())
