"""The stripping of imports reads hostile text: it keeps what is used and never costs much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.sandbox.imports import without_unused_imports


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("import numpy as np\nans = 1", "pass\nans = 1"),
        ("import numpy as np\nans = np.pi", "import numpy as np\nans = np.pi"),
        ("import numpy as np, math\nans = math.pi", "import math\nans = math.pi"),
        ("import os.path\nans = os", "import os.path\nans = os"),
        ("from math import pi, floor as f\nf()", "from math import floor as f\nf()"),
        ("from math import nonsense\nans = 1", "from math import nonsense\nans = 1"),
        ("from sympy import Eq\nans = 1", "from sympy import Eq\nans = 1"),
        ("import numpy.nonsense\nans = 1", "import numpy.nonsense\nans = 1"),
        ("import matplotlib.pyplot as plt\nans = 1", "pass\nans = 1"),
        ("def f():\n    import math  # pi\n    return 1", "def f():\n    pass\n    return 1"),
        ("import math\n# math would help\nans = 1", "pass\n# math would help\nans = 1"),
        ("import math\nexec('ans = math.pi')", "import math\nexec('ans = math.pi')"),
        ("import nosuchmodule\nans = 1", "import nosuchmodule\nans = 1"),
        ("from sympy import *\nans = 1", "from sympy import *\nans = 1"),
        ("import math; ans = 1", "import math; ans = 1"),
        ("import taxes are due", "import taxes are due"),
        ("from the import of goods", "from the import of goods"),
    ],
)
def test_only_what_is_unused_and_known_goes(program: str, expected: str) -> None:
    assert without_unused_imports(program) == expected


@given(st.text(st.sampled_from("import from as math,.*()#\\'\n\t ;é"), max_size=200))
def test_lines_keep_their_numbers(program: str) -> None:
    assert without_unused_imports(program).count("\n") == program.count("\n")


@pytest.mark.parametrize(
    "unit", ["import ", "import a, ", "from ", " ", "from a import b as c, ", "a\nimport math\n"]
)
@pytest.mark.timeout(30)  # some 10 ms, unless it is quadratic
def test_64_kb_keep_their_lines(unit: str) -> None:
    program = "import " + unit * (65536 // len(unit))
    assert without_unused_imports(program).count("\n") == program.count("\n")
