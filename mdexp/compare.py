"""`python -m mdexp.compare`, the same command as `mdexp compare`."""

import sys

from mdexp.commands.compare import main

if __name__ == "__main__":
    sys.exit(main())
