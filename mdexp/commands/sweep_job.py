"""One job of a sweep in this process: `python -m mdexp.commands.sweep_job` with the words of its command.

The command that made the sweep has judged it; what became of it lies in its folder.
"""

import sys

from mdexp.commands.run import run_judged

if __name__ == "__main__":
    sys.exit(run_judged(sys.argv[1:]))
