"""The command: `python -m mdexp.run [key=value ...]`, or `mdexp [key=value ...]`."""

import sys

from mdexp.app import main

if __name__ == "__main__":
    sys.exit(main())
