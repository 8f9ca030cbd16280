"""Attacks by way of processes: to start some, to signal others, to become somebody else."""

from tests.sandbox.attacks import Attack

_START = "start a process"
_STARTING = {
    "os.system": "import os\nos.system(f'echo x > {drop}')",
    "os.popen": "import os\nans = os.popen(f'cat {canary}').read()",
    "subprocess": (
        "import subprocess\nans = subprocess.check_output(['/bin/cat', canary]).decode()"
    ),
    "_posixsubprocess": (
        "import subprocess\n"
        "subprocess._USE_VFORK = False\n"
        "ans = subprocess.getoutput('echo reached')"
    ),
    "posix_spawn": (
        "import os\n"
        "pid = os.posix_spawn('/bin/sh', ['sh', '-c', f'echo x > {drop}'], {})\n"
        "os.waitpid(pid, 0)"
    ),
    "fork": "import os\nif os.fork() == 0: os._exit(0)\nos.wait()\nprint('reached')",
    "forkpty": "import os\npid, fd = os.forkpty()\nif pid == 0: os._exit(0)\nprint('reached')",
    "forked program that stays": (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        for _ in range(10**8): pass\n"
        "    os._exit(0)\n"
        "print('reached')"
    ),
    "exec": "import os\nos.execv('/bin/sh', ['sh', '-c', f'echo x > {drop}'])",
    "multiprocessing": (
        "import multiprocessing\n"
        "p = multiprocessing.get_context('fork').Process(target=print)\n"
        "p.start()\np.join()\nprint('reached')"
    ),
    "process pool": (
        "from concurrent.futures import ProcessPoolExecutor\n"
        "with ProcessPoolExecutor(1) as pool: print(pool.submit(str, 'reached').result(1))"
    ),
    "asyncio": (
        "import asyncio\n"
        "async def main():\n"
        "    p = await asyncio.create_subprocess_shell('true')\n"
        "    await p.wait()\n"
        "asyncio.run(main())\nprint('reached')"
    ),
    "pty": "import pty\npty.spawn(['/bin/sh', '-c', f'echo x > {drop}'])",
    "webbrowser": "import webbrowser\nwebbrowser.get('sh %s').open(drop)\nprint('tried')",
}
_FORK_BOMB = """\
import os
for _ in range(5):
    try:
        os.fork()
    except OSError:
        pass
    else:
        print('reached')
"""
_THREAD_BOMB = """\
import threading
started = []
for _ in range(200):
    t = threading.Thread(target=threading.Event().wait, args=(0.3,), daemon=True)
    t.start()
    started.append(t)
if len(started) == 200: print('reached')
"""
_SIGNAL = "signal another process"
# URG is ignored by whoever does not handle it: nobody on the machine is harmed.
_SIGNALLING = {
    "the host": "import os, signal\nos.kill(host, signal.SIGURG)",
    "its parent": "import os, signal\nos.kill(os.getppid(), signal.SIGURG)\nprint('reached')",
    "its group": "import os, signal\nos.killpg(0, signal.SIGURG)\nprint('reached')",
    "the host's group": "import os, signal\nos.killpg(os.getpgid(host), signal.SIGURG)",
    "everybody": "import os\nos.kill(-1, 0)\nprint('reached')",
    "init": "import os\nos.kill(1, 0)\nprint('reached')",
    "the host by a descriptor": (
        "import os, signal\nsignal.pidfd_send_signal(os.pidfd_open(host), signal.SIGURG)"
    ),
    "queued": "import signal\nsignal.pthread_kill(host, signal.SIGURG)",
    "by its terminal": (
        "import fcntl, os\nfor fd in range(20): fcntl.fcntl(fd, 8, host)\nprint('reached')"
    ),
}
_NOT_ALONE = {"queued", "by its terminal", "its group", "the host's group", "init", "everybody"}
_BECOME = {
    "setuid": "import os\nos.setuid(0)\nprint('reached')",
    "setresuid": "import os\nos.setresuid(0, 0, 0)\nprint('reached')",
    "setgroups": "import os\nos.setgroups([0])\nprint('reached')",
    "nice": "import os\nos.nice(-5)\nprint('reached')",
    "other's priority": "import os\nos.setpriority(os.PRIO_PROCESS, host, 19)\nprint('reached')",
    "affinity": "import os\nos.sched_setaffinity(host, {0})\nprint('reached')",
    "realtime": (
        "import os\nos.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))\nprint('reached')"
    ),
    "limits of the host": (
        "import resource\nresource.prlimit(host, resource.RLIMIT_CORE, (0, 0))\nprint('reached')"
    ),
    "unshare": (
        "import numpy, ctypes\nif ctypes.CDLL(None).unshare(0x10000000) == 0: print('reached')"
    ),
    "new session": "import os\nos.setsid()\nprint('reached')",
}

PROCESSES = (
    *(
        Attack(f"start: {way}", _START, text, control=way in ("os.system", "subprocess", "fork"))
        for way, text in _STARTING.items()
    ),
    Attack("fork bomb", "multiply", _FORK_BOMB, control=True),
    Attack("thread bomb", "start 200 threads", _THREAD_BOMB),
    *(
        Attack(f"signal: {way}", _SIGNAL, text, control=way not in _NOT_ALONE)
        for way, text in _SIGNALLING.items()
    ),
    *(Attack(f"become: {way}", "change what it may do", text) for way, text in _BECOME.items()),
)
