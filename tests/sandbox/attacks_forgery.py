"""Attacks on the way of the answer: to find what carries it, and to answer for another program.

A program may answer for itself whatever it likes. `13` is what no other program's answer is.
"""

from tests.sandbox.attacks import Attack

_FORGE = "answer for another program"
_SEE = "see the objects of the sandbox outside its own process"
# Every text within reach that may be the secret of an answer.
_FOUND = """\
import gc, sys
found = set()
def look(thing, depth=0):
    if isinstance(thing, bytes): found.update(thing.decode('latin1').split('"'))
    elif isinstance(thing, str): found.add(thing)
    elif depth < 3:
        for part in gc.get_referents(thing): look(part, depth + 1)
frame = sys._getframe()
while frame:
    for local in list(frame.f_locals.values()): look(local)
    frame = frame.f_back
tokens = [t for t in found if len(t) == 16 and set(t) <= set('0123456789abcdef')] or ['0']
"""
_FRAMES = """
import json, os, struct
for token in [*tokens, '0' * 16]:
    for reply in (
        ['value', 13], [token, 'value', 13], {'token': token, 'status': 'ok', 'answer': 13},
        {'token': token, 'status': 'ran', 'found': 'value', 'value': 13, 'stdout': ''},
    ):
        text = json.dumps(reply).encode()
        for frame in (
            struct.pack('<I', len(text)) + text, struct.pack('>I', len(text)) + text,
            struct.pack('<Q', len(text)) + text, text + b'\\n', token.encode() + text,
        ):
            for fd in range(12):
                try: os.write(fd, frame + frame)
                except Exception: pass
"""
# What a program may say of itself, in the form in which it is asked to.
_LIE = """
import os, struct
text = TEXT.replace('TOKEN', tokens[0]).encode()
for fd in range(12):
    try: os.write(fd, struct.pack('<I', len(text)) + text)
    except OSError: pass
while True: pass
"""
_START = '{"token": "TOKEN", "status": "ran", "stdout": "", '
_LIES = {
    "an answer of its own": _START + '"found": "value", "value": 12}',
    "nan": _START + '"found": "value", "value": NaN}',
    "infinity": _START + '"found": "value", "value": 1e999}',
    "a list": _START + '"found": "value", "value": [1]}',
    "an object": _START + '"found": "value", "value": {"a": 1}}',
    "no value": _START + '"found": "value"}',
    "null": _START + '"found": "value", "value": null}',
    "many digits": _START + '"found": "value", "value": ' + "9" * 4000 + "}",
    "too many digits": _START + '"found": "value", "value": ' + "9" * 5000 + "}",
    "a long text": _START + '"found": "value", "value": "' + "x" * 9000 + '"}',
    "half a letter": _START + '"found": "value", "value": "\\ud800"}',
    "half a letter printed": _START[:-4] + '"\\ud800", "found": "nothing", "value": null}',
    "half a letter as error": '{"token": "TOKEN", "status": "runtime_error", "error": "\\ud800"}',
    "much printed": _START[:-4] + '"' + "x" * 9000 + '", "found": "nothing", "value": null}',
    "a list printed": _START[:-4] + '[1], "found": "nothing", "value": null}',
    "something found": _START + '"found": "forgery", "value": 12}',
    "a list found": _START + '"found": ["value"], "value": 12}',
    "a status": '{"token": "TOKEN", "status": "forgery", "error": ""}',
    "a list as status": '{"token": "TOKEN", "status": ["ran"], "error": ""}',
    "ok": '{"token": "TOKEN", "status": "ok", "answer": 13, "error": ""}',
    "a long error": '{"token": "TOKEN", "status": "memory", "error": "' + "x" * 9000 + '"}',
    "a number as error": '{"token": "TOKEN", "status": "memory", "error": 1}',
    "no error": '{"token": "TOKEN", "status": "runtime_error"}',
    "depth": '{"token": "TOKEN", "x": ' + "[" * 9000 + "]" * 9000 + "}",
    "numeric": '{"token": "TOKEN", "status": "numeric"}',
    "nothing": "",
    "no object": "[13]",
    "another token": _START.replace("TOKEN", "0" * 16) + '"found": "value", "value": 13}',
    "a list as token": '{"token": ["TOKEN"], "status": "ran"}',
}
_MARKS = """
for token in tokens:
    print(token)
    print(f'{token}["value", 13]')
    print(f'{token}\\n["value", 13]\\n{token}')
"""
_GIVEN = """\
def bound(names): return 13
def portable(value, max_text): return ['value', 13]
def answer(program, max_text): return ['value', 13]
def returned(names): return 13
type = str = len = abs = None
print(['value', 13])
"""
_OTHERS = """\
import gc, sys
frame = sys._getframe()
while frame:
    for local in list(frame.f_locals.values()):
        if isinstance(local, bytes | bytearray) and b'"program"' in local: print('reached')
    frame = frame.f_back
"""
_HOST = """\
import gc
names = sorted({type(thing).__name__ for thing in gc.get_objects()})
if any(name in ('MontyTier', 'CPythonTier', 'Sandbox', 'World') for name in names): print('reached')
"""
_REFERRERS = """\
import gc, sys
for thing in gc.get_referrers(globals()) + gc.get_referrers(gc.get_referrers(globals())):
    if isinstance(thing, dict):
        for key in list(thing):
            if key != '__builtins__': thing[key] = 13
"""
_OUTER = """\
import sys
frame = sys._getframe(1)
while frame:
    for name in list(frame.f_globals):
        if not name.startswith('__'): frame.f_globals[name] = lambda *args, **kwargs: ['value', 13]
    frame = frame.f_back
"""
_TRACEBACK = """\
try: 1 / 0
except ZeroDivisionError as error:
    frame = error.__traceback__.tb_frame
    while frame.f_back: frame = frame.f_back
    frame.f_globals.clear()
    frame.f_builtins.clear()
"""
_GENERATOR = """\
def walk():
    yield walking.gi_frame.f_back.f_back
walking = walk()
frame = next(walking)
while frame:
    for name in list(frame.f_globals): frame.f_globals[name] = None
    frame = frame.f_back
"""
_CLOSED = """\
import os
for fd in range(64):
    try: os.close(fd)
    except OSError: pass
"""
_DUPLICATED = """\
import os
for fd in range(64):
    for other in range(64):
        try: os.dup2(fd, other)
        except OSError: pass
"""
_LONG_REPLY = """\
import os
for fd in range(64):
    try:
        while os.write(fd, b'x' * 65536): pass
    except OSError: pass
"""
_SLOW_REPLY = """\
import os
for fd in range(64):
    try: os.write(fd, b'{')
    except OSError: pass
while True: pass
"""
_PARTIAL = _FOUND + _FRAMES.replace("frame + frame", "frame[:-3]") + "os._exit(0)"
_LENGTH = """\
import os
for fd in range(64):
    for head in (b'\\xff' * 8, b'\\x00' * 8, b'999999999\\n'):
        try: os.write(fd, head)
        except OSError: pass
os._exit(0)
"""
_READ_REPLIES = """\
import os
for fd in range(64):
    try:
        os.set_blocking(fd, False)
        if os.read(fd, 9): print('reached')
    except OSError: pass
"""
_STDOUT = "import sys\nsys.stdout = sys.stderr = sys.stdin = None\nsys.__stdout__ = None\nans = 13"
_EVIL_STDOUT = """\
import sys
class Evil:
    def write(self, text): raise SystemExit
    def flush(self): raise KeyboardInterrupt
    def __getattr__(self, name): raise MemoryError
sys.stdout = sys.__stdout__ = sys.stderr = Evil()
ans = 13
"""
_JSON = """\
import json, sys
json.dumps = json.dump = lambda *args, **kwargs: '["value", 13]'
json.JSONEncoder.encode = json.JSONEncoder.iterencode = lambda *args: '["value", 13]'
json.encoder.c_make_encoder = None
json.encoder.encode_basestring_ascii = json.encoder.ESCAPE = lambda text: '"reached"'
ans = 12
"""
_HARMLESS_END = "import os\nos._exit(0)"

FORGERY = (
    Attack("written frames", _FORGE, _FOUND + _FRAMES),
    Attack("printed marks", _FORGE, _FOUND + _MARKS),
    Attack("printed reply", _FORGE, "print('[\"value\", 13]')\nprint({'token': 1, 'answer': 13})"),
    Attack("redefined sandbox", _FORGE, _GIVEN),
    Attack("partial frames", _FORGE, _PARTIAL),
    Attack("lengths", _FORGE, _LENGTH),
    Attack("an end without an answer", "be taken for done", _HARMLESS_END),
    Attack("an end with a code", "be taken for done", "import os\nos._exit(13)"),
    *(
        Attack(f"says {what}", "harm us by what it says", f"{_FOUND}TEXT = {text!r}{_LIE}")
        for what, text in _LIES.items()
    ),
    Attack("programs of others", "read another program", _OTHERS),
    Attack("host objects", _SEE, _HOST),
    Attack("referrers", _FORGE, _REFERRERS),
    Attack("outer frames", _FORGE, _OUTER),
    Attack("traceback", _FORGE, _TRACEBACK),
    Attack("generator's frame", _FORGE, _GENERATOR),
    Attack("closed descriptors", "end its worker", _CLOSED),
    Attack("copied descriptors", _FORGE, _DUPLICATED),
    Attack("endless reply", "fill our memory", _LONG_REPLY),
    Attack("reply that never ends", "hold up its worker", _SLOW_REPLY),
    Attack("replies of others", "read another program's answer", _READ_REPLIES),
    Attack("no standard output", "end its worker", _STDOUT),
    Attack("evil standard output", "end its worker", _EVIL_STDOUT),
    Attack("json that lies", _FORGE, _JSON),
)
