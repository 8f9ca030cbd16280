"""`python -m mdexp.ledger`, the same command as `mdexp ledger`."""

import sys

from mdexp.commands.ledger import main

if __name__ == "__main__":
    sys.exit(main())
