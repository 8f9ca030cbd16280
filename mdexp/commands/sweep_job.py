"""Run one job of a sweep in this process: `python -m mdexp.commands.sweep_job key=value ...`.

The sweep's command has validated it; its outcome is written into its folder.
"""

import sys

from mdexp.commands.run import run_judged

if __name__ == "__main__":
    sys.exit(run_judged(sys.argv[1:]))
