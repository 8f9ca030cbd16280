"""`python -m mdexp.plan`, the same command as `mdexp plan`."""

import sys

from mdexp.commands.plan import main

if __name__ == "__main__":
    sys.exit(main())
