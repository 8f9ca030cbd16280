"""`python -m mdexp.store`, the same command as `mdexp store`."""

import sys

from mdexp.commands.store import main

if __name__ == "__main__":
    sys.exit(main())
