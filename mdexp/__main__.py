"""`python -m mdexp`, which is what the console script `mdexp` runs."""

import sys

from mdexp.commands.console import main

if __name__ == "__main__":
    sys.exit(main())
