"""Attacks on files: to read the canary, to leave something behind, to change what is there."""

from tests.sandbox.attacks import Attack

_READ = "read a file"
_READING = {
    "open": "open(canary).read()",
    "open bytes": "open(canary, 'rb', buffering=0).read().decode()",
    "open by eval": "eval('open')(canary).read()",
    "open of builtins": "__builtins__['open'](canary).read()",
    "open of imported builtins": "__import__('builtins').open(canary).read()",
    "io.open": "__import__('io').open(canary).read()",
    "io.FileIO": "__import__('io').FileIO(canary).read().decode()",
    "_io.open": "__import__('_io').open(canary).read()",
    "io.open_code": "__import__('io').open_code(canary).read().decode()",
    "os.open": "(lambda os: os.read(os.open(canary, os.O_RDONLY), 999))(__import__('os')).decode()",
    "posix.open": "(lambda os: os.read(os.open(canary, 0), 999))(__import__('posix')).decode()",
    "pathlib": "__import__('pathlib').Path(canary).read_text()",
    "codecs": "__import__('codecs').open(canary).read()",
    "fileinput": "''.join(__import__('fileinput').input(canary))",
    "linecache": "''.join(__import__('linecache').getlines(canary))",
    "tokenize": "__import__('tokenize').open(canary).read()",
    "importlib loader": (
        "__import__('importlib.machinery').machinery.FileFinder and "
        "__import__('importlib.machinery').machinery.SourceFileLoader('x', canary)"
        ".get_data(canary).decode()"
    ),
    "loader of a loaded module": "__import__('json').__spec__.loader.get_data(canary).decode()",
    "frozen loader": "__builtins__['__loader__'].get_data(canary).decode()",
    "subclasses": (
        "[c for c in object.__subclasses__() if c.__name__ == '_IOBase'][0].__subclasses__()[0]"
        ".__subclasses__()[0](canary).read().decode()"
    ),
    "by way of a root descriptor": (
        "''.join(open(f'/proc/self/fd/{fd}' + canary).read() for fd in range(3, 9))"
    ),
    "by way of the host's root": "open(f'/proc/{host}/root{canary}').read()",
    "memory of the host": "open(f'/proc/{host}/mem', 'rb').read(1).decode() + 'reached'",
    "numpy.fromfile": "__import__('numpy').fromfile(canary, dtype='u1').tobytes().decode()",
    "numpy.memmap": "bytes(__import__('numpy').memmap(canary, mode='r')).decode()",
    "numpy.loadtxt": "str(__import__('numpy').loadtxt(canary, dtype=str))",
    "numpy.genfromtxt": "str(__import__('numpy').genfromtxt(canary, dtype=str))",
    "numpy.load": "str(__import__('numpy').load(canary, allow_pickle=True))",
    "numpy.DataSource": "__import__('numpy').lib.npyio.DataSource().open(canary).read()",
    "sympify": "str(__import__('sympy').sympify(f'open({canary!r}).read()'))",
    "parse_expr": "str(__import__('sympy').parse_expr(f'open({canary!r}).read()'))",
    "lambdify": "__import__('sympy').lambdify([], f'open({canary!r}).read()', modules='math')()",
}
_WRITE = "write a file"
_WRITING = {
    "open": "open(drop, 'w').write('x')",
    "append to the canary": "open(canary, 'a').write('x')",
    "os.open": "import os\nos.close(os.open(drop, os.O_CREAT | os.O_WRONLY, 0o666))",
    "pathlib": "import pathlib\npathlib.Path(drop).write_text('x')",
    "mkdir": "import os\nos.mkdir(drop)",
    "mknod": "import os\nos.mknod(drop)",
    "mkfifo": "import os\nos.mkfifo(drop)",
    "symlink": "import os\nos.symlink(canary, drop)",
    "link": "import os\nos.link(canary, drop)",
    "unlink": "import os\nos.unlink(canary)",
    "rename": "import os\nos.rename(canary, drop)",
    "truncate": "import os\nos.truncate(canary, 0)",
    "chmod": "import os\nos.chmod(canary, 0o600)",
    "utime": "import os\nos.utime(canary, (1, 1))",
    "setxattr": "import os\nos.setxattr(canary, 'user.x', b'x')\nprint('reached')",
    "rmtree": "import os, shutil\nshutil.rmtree(os.path.dirname(canary))",
    "tempfile": (
        "import os, tempfile\n"
        "fd, path = tempfile.mkstemp(dir=os.path.dirname(drop))\n"
        "os.write(fd, b'x')"
    ),
    "sqlite3": (
        "import sqlite3\nsqlite3.connect(drop).execute('create table t(x)').connection.commit()"
    ),
    "shelve": "import dbm.dumb\ndbm.dumb.open(drop, 'n')['x'] = 'y'",
    "logging": "import logging\nlogging.basicConfig(filename=drop)\nlogging.error('x')",
    "numpy.save": "import numpy\nnumpy.save(drop, numpy.arange(3))",
    "numpy.tofile": "import numpy\nnumpy.arange(3).tofile(drop)",
    "numpy.memmap": "import numpy\nnumpy.memmap(drop, mode='w+', shape=3)[:] = 1",
    "sympy.preview": "import sympy\nsympy.preview('x', viewer='file', filename=drop)",
}
_LISTING = """\
import os
ans = str(os.listdir(os.path.dirname(canary)) or 'nothing')
print('reached')
"""
_CHDIR = "import os\nos.chdir(os.path.dirname(canary))\nprint('reached')"
_CHROOT = "import os\nos.chroot(os.path.dirname(canary))\nprint('reached')"
_STAT = "import os\nans = os.stat(canary).st_size\nprint('reached')"
# These need descriptors, viewers or rights that a plain process lacks as well, or are slow.
_NO_CONTROL = {
    "parse_expr",
    "lambdify",
    "by way of a root descriptor",
    "by way of the host's root",
    "memory of the host",
    "open of builtins",
    "frozen loader",
    "subclasses",
    "numpy.load",
    "sympy.preview",
    "rmtree",
    "setxattr",
}

FILES = (
    *(
        Attack(f"read: {way}", _READ, f"ans = {text}", control=way not in _NO_CONTROL)
        for way, text in _READING.items()
    ),
    *(
        Attack(f"write: {way}", _WRITE, text, control=way not in _NO_CONTROL)
        for way, text in _WRITING.items()
    ),
    Attack("list a folder", "see which files there are", _LISTING, control=True),
    Attack("change the folder", "go to a folder", _CHDIR, control=True),
    Attack("change the root", "move its root", _CHROOT),
    Attack("stat", "see that a file is there", _STAT, control=True),
)
