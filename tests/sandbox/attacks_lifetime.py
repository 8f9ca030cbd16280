"""Attacks on the end: to swallow it, to disarm it, to outlive it."""

from mdexp.records import ProgramStatus
from tests.sandbox.attacks import Attack

_ENDLESS = "run for ever"
_OUTLIVE = "outlive its own end"
_STOPPED: tuple[ProgramStatus, ...] = ("timeout", "memory")
_SWALLOWING = {
    "endless": "while True: pass",
    "bare except": "while True:\n    try:\n        while True: pass\n    except: pass",
    "base exception": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    ),
    "finally": ("def f():\n    try:\n        while True: pass\n    finally: f()\nf()"),
    "context manager": (
        "class C:\n"
        "    def __enter__(self): return self\n"
        "    def __exit__(self, *args): return True\n"
        "while True:\n    with C():\n        while True: pass"
    ),
    "finalizer": (
        "class C:\n    def __del__(self):\n        while True: pass\nc = C()\ndel c\nans = 1"
    ),
    "in C": "ans = sum(1 for _ in iter(int, 1))",
    "in C alone": "import itertools, collections\ncollections.deque(itertools.repeat(0), maxlen=0)",
    "contains": "import itertools\n1 in itertools.repeat(0)",
    "asleep": "import time\nwhile True: time.sleep(1000)",
    "waiting for input": "while True:\n    try: input()\n    except EOFError: pass",
}
_SIGNALS = """\
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
try: signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
except Exception: pass
while True: pass
"""
_TIMERS = """\
import signal
for disarm in (
    lambda: signal.alarm(0),
    lambda: signal.setitimer(signal.ITIMER_REAL, 0),
    lambda: signal.setitimer(signal.ITIMER_VIRTUAL, 0),
    lambda: signal.setitimer(signal.ITIMER_PROF, 0),
):
    try: disarm()
    except Exception: pass
while True: pass
"""
_LIMITS = """\
import resource
for limit in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_DATA):
    for value in (resource.RLIM_INFINITY, 10**12):
        try:
            resource.setrlimit(limit, (value, value))
            if limit == resource.RLIMIT_AS: print('reached')
        except Exception: pass
while True: pass
"""
_SELF_STOP = "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nans = 1"
_SELF_KILL = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\nans = 1"
_WAIT_LOCK = "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()"
_WAIT_FD = "import select\nselect.select([], [], [])"
_PAUSE = "import signal\nsignal.pause()"
_THREAD = """\
import threading
def stay():
    while True: pass
threading.Thread(target=stay).start()
ans = 1
"""
_DAEMON = _THREAD.replace("target=stay", "target=stay, daemon=True")
_RAW_THREAD = """\
import _thread
def stay():
    while True: pass
_thread.start_new_thread(stay, ())
ans = 1
"""
_THREAD_POOL = """\
from concurrent.futures import ThreadPoolExecutor
ThreadPoolExecutor(8).submit(lambda: [0 for _ in iter(int, 1)])
ans = 1
"""
_ATEXIT = """\
import atexit
@atexit.register
def stay():
    while True: pass
ans = 1
"""
_ATEXIT_WRITE = "import atexit\natexit.register(lambda: open(drop, 'w').write('x'))\nans = 1"
_FINALIZE = (
    "import weakref\nclass C: pass\nc = C()\nweakref.finalize(c, lambda: open(drop, 'w'))\nans = 1"
)
_DEL_AT_EXIT = """\
class Stay:
    def __del__(self):
        while True: pass
stay = Stay()
ans = 1
"""
_CYCLE = """\
class Stay:
    def __init__(self): self.me = self
    def __del__(self):
        while True: pass
Stay()
ans = 1
"""
_GENERATOR = """\
def stay():
    try: yield 1
    finally:
        while True: pass
kept = stay()
ans = next(kept)
"""
_HOOK = """\
import sys
def stay(*args):
    while True: pass
sys.excepthook = sys.unraisablehook = sys.displayhook = stay
raise ValueError
"""
_EXITS = {
    "SystemExit": "ans = 1\nraise SystemExit",
    "SystemExit with a text": "raise SystemExit('bye')",
    "endless SystemExit": (
        "class C:\n    def __str__(self):\n        while True: pass\nraise SystemExit(C())"
    ),
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "GeneratorExit": "raise GeneratorExit",
    "BaseException": "raise BaseException('x')",
    "own BaseException": "class E(BaseException): pass\nraise E",
    "exception group": "raise BaseExceptionGroup('x', [SystemExit(), KeyboardInterrupt()])",
    "quit": "quit()",
}
_TELLING = {
    "str that raises": "def __str__(self): raise SystemExit",
    "str that never ends": "def __str__(self):\n        while True: pass",
    "str that is none": "def __str__(self): return 1",
    "str that is huge": "def __str__(self): return 'x' * 10**7",
    "str that recurses": "def __str__(self): return str(self)",
    "class that lies": "__class__ = property(lambda self: 1 / 0)",
    "surrogates": "def __str__(self): return '\\ud800\\0\\x1b[2J'",
}

LIFETIME = (
    *(
        Attack(f"swallowed: {way}", _ENDLESS, text, () if way == "waiting for input" else _STOPPED)
        for way, text in _SWALLOWING.items()
    ),
    Attack("signals ignored", _ENDLESS, _SIGNALS),
    Attack("timers disarmed", _ENDLESS, _TIMERS),
    Attack("limits raised", _ENDLESS, _LIMITS),
    Attack("stopped", _ENDLESS, _SELF_STOP),
    Attack("killed", "end more than itself", _SELF_KILL),
    Attack("waiting for a lock", _ENDLESS, _WAIT_LOCK),
    Attack("waiting for nothing", _ENDLESS, _WAIT_FD),
    Attack("waiting for a signal", _ENDLESS, _PAUSE),
    Attack("thread", _OUTLIVE, _THREAD),
    Attack("daemon thread", _OUTLIVE, _DAEMON),
    Attack("raw thread", _OUTLIVE, _RAW_THREAD),
    Attack("thread pool", _OUTLIVE, _THREAD_POOL),
    Attack("at exit", _OUTLIVE, _ATEXIT),
    Attack("at exit, a file", _OUTLIVE, _ATEXIT_WRITE),
    Attack("finalize", _OUTLIVE, _FINALIZE),
    Attack("deleted at exit", _OUTLIVE, _DEL_AT_EXIT),
    Attack("cycle", _OUTLIVE, _CYCLE),
    Attack("generator closed late", _OUTLIVE, _GENERATOR),
    Attack("hooks", _OUTLIVE, _HOOK),
    *(Attack(f"exit: {way}", "end more than itself", text) for way, text in _EXITS.items()),
    *(
        Attack(
            f"error: {way}",
            "make its error dangerous to tell",
            f"class E(Exception):\n    {text}\nraise E('x')",
        )
        for way, text in _TELLING.items()
    ),
)
