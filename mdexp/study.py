"""`python -m mdexp.study`, the same command as `mdexp study`."""

import sys

from mdexp.commands.study import main

if __name__ == "__main__":
    sys.exit(main())
