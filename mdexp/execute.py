"""`python -m mdexp.execute`, the same command as `mdexp execute`."""

import sys

from mdexp.commands.execute import main

if __name__ == "__main__":
    sys.exit(main())
