"""`python -m mdexp.run`, the same command as `mdexp run`."""

import sys

from mdexp.commands.run import main

if __name__ == "__main__":
    sys.exit(main())
