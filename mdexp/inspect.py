"""`python -m mdexp.inspect`, the same command as `mdexp inspect`."""

import sys

from mdexp.commands.inspect import main

if __name__ == "__main__":
    sys.exit(main())
