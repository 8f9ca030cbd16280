"""`python -m mdexp.harvest`, the same command as `mdexp harvest`."""

import sys

from mdexp.commands.harvest import main

if __name__ == "__main__":
    sys.exit(main())
