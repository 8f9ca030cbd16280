"""`python -m mdexp.solve`, the same command as `mdexp solve`."""

import sys

from mdexp.commands.solve import main

if __name__ == "__main__":
    sys.exit(main())
