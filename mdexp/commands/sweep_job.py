"""Run one job of a sweep in this process: `python -m mdexp.commands.sweep_job key=value ...`.

The command that made the sweep has judged it; what became of it lies in its folder.
"""

import sys

from mdexp.commands.run import run_judged

if __name__ == "__main__":
    sys.exit(run_judged(sys.argv[1:]))
