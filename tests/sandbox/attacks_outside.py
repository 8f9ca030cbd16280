"""Attacks on the environment and by way of the network."""

from tests.sandbox.attacks import Attack

_SEE = "see a variable of our environment"
_SEEING = {
    "os.environ": "import os\nans = str(dict(os.environ))",
    "os.getenv": "import os\nans = os.getenv('CANARY')",
    "os.environb": "import os\nans = str(os.environb)",
    "posix.environ": "import posix\nans = str(posix.environ)",
    "/proc/self/environ": "ans = open('/proc/self/environ').read()",
    "environment of the host": "ans = open(f'/proc/{host}/environ').read()\nprint('reached')",
    "loaded os": "import sys\nans = str(sys.modules['os'].environ)",
    "os of a module": "import random\nans = str(random._os.environ)",
    "C library": (
        "import numpy, ctypes\n"
        "environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), 'environ')\n"
        "import itertools\n"
        "ans = str(list(itertools.takewhile(bool, (environ[i] for i in range(999)))))"
    ),
    "arguments": "import sys\nans = str(sys.argv) + str(sys.orig_argv) + str(sys.flags)",
}
_CONNECT = "connect to a server"
_CONNECTING = {
    "socket": "import socket\nsocket.create_connection(('127.0.0.1', port), 0.1)",
    "_socket": (
        "import _socket\n"
        "s = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)\n"
        "s.connect(('127.0.0.1', port))"
    ),
    "urllib": (
        "import urllib.request\n"
        "try: urllib.request.urlopen(f'http://127.0.0.1:{port}', timeout=0.1)\n"
        "except OSError as error: print(error)"
    ),
    "http.client": (
        "import http.client\nhttp.client.HTTPConnection('127.0.0.1', port, timeout=0.1).connect()"
    ),
    "asyncio": (
        "import asyncio\n"
        "async def main(): await asyncio.open_connection('127.0.0.1', port)\n"
        "asyncio.run(main())"
    ),
    "smtplib": (
        "import smtplib\n"
        "try: smtplib.SMTP('127.0.0.1', port, timeout=0.1)\n"
        "except OSError as error: print(error)"
    ),
    "numpy.DataSource": (
        "import numpy\nnumpy.lib.npyio.DataSource(None).exists(f'http://127.0.0.1:{port}/x')"
    ),
}
_RESOLVE = "import socket\nsocket.getaddrinfo('127.0.0.1', port)\nprint('reached')"
_PAIR = "import socket\nsocket.socketpair()\nprint('reached')"
_UDP = """\
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b'x', ('127.0.0.1', port))
print('reached')
"""
_UNIX = "import socket\nsocket.socket(socket.AF_UNIX).bind(drop)"
_NETLINK = "import socket\nsocket.if_nameindex()\nprint('reached')"
_BY_CTYPES = """\
import numpy, ctypes
libc = ctypes.CDLL(None)
if libc.socket(2, 1, 0) >= 0: print('reached')
"""

ENVIRONMENT = tuple(
    Attack(way, _SEE, text, control=way != "loaded os" and way != "arguments")
    for way, text in _SEEING.items()
)
NETWORK = (
    *(
        Attack(way, _CONNECT, text, control=way != "numpy.DataSource")
        for way, text in _CONNECTING.items()
    ),
    Attack("getaddrinfo", "ask for an address", _RESOLVE, control=True),
    Attack("socketpair", "open a socket", _PAIR, control=True),
    Attack("datagram", "send a datagram", _UDP, control=True),
    Attack("unix socket", "offer a socket in the file system", _UNIX, control=True),
    Attack("netlink", "ask for the interfaces", _NETLINK, control=True),
    Attack("socket of the C library", "open a socket", _BY_CTYPES, control=True),
)
