"""The time stands still, and is the same in every tier."""

from collections.abc import Iterator

import pytest

from mdexp.records import ProgramResult
from mdexp.sandbox.cpython import CPythonTier, confinement
from mdexp.sandbox.monty import MontyTier
from mdexp.sandbox.settings import SandboxSettings

SETTINGS = SandboxSettings(
    timeout_s=2.0, memory_mib=64, output_kib=16, workers=1, cpython="confined"
)
BOTH = {
    "datetime.datetime.now()": "2024-01-01 00:00:00",
    "repr(datetime.datetime.now())": "datetime.datetime(2024, 1, 1, 0, 0)",
    "datetime.datetime.now(datetime.timezone.utc)": "2024-01-01 00:00:00+00:00",
    "datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=2)))": (
        "2024-01-01 02:00:00+02:00"
    ),
    "datetime.datetime.now() - datetime.datetime(2023, 12, 31)": "1 day, 0:00:00",
    "datetime.date.today()": "2024-01-01",
    "time.time()": "1704067200.0",
    "time.monotonic()": "1704067200.0",
    "time.perf_counter()": "1704067200.0",
    "time.process_time()": "0.0",
    "time.thread_time()": "0.0",
    "time.localtime()[:6]": "(2024, 1, 1, 0, 0, 0)",
    "time.gmtime()[:6]": "(2024, 1, 1, 0, 0, 0)",
    "time.localtime(86400)[:6]": "(1970, 1, 2, 0, 0, 0)",
    "time.gmtime(0)[:6]": "(1970, 1, 1, 0, 0, 0)",
    "time.ctime()": "Mon Jan  1 00:00:00 2024",
    "time.asctime()": "Mon Jan  1 00:00:00 2024",
    "time.strftime('%Y-%m-%d %H')": "2024-01-01 00",
}
CPYTHON_ALONE = {
    "datetime.datetime.utcnow()": "2024-01-01 00:00:00",
    "datetime.datetime.today()": "2024-01-01 00:00:00",
    "type('D', (datetime.datetime,), {}).now().isoformat()": "2024-01-01T00:00:00",
    "type(datetime.datetime.now()) is datetime.datetime": "True",
    "time.time_ns()": "1704067200000000000",
    "time.monotonic_ns() - time.perf_counter_ns()": "0",
    "time.process_time_ns()": "0",
    "time.clock_gettime(time.CLOCK_REALTIME)": "1704067200.0",
    "time.sleep(3600)": "None",
}


@pytest.fixture(scope="module")
def monty() -> Iterator[MontyTier]:
    tier = MontyTier(SETTINGS, 1, seconds=2.0, confined=False)
    yield tier
    tier.close()


@pytest.fixture(scope="module")
def cpython() -> Iterator[CPythonTier]:
    tier = CPythonTier(SETTINGS, workers=1, confined=not confinement())
    yield tier
    tier.close()


def _program(expression: str) -> str:
    return f"import datetime\nimport time\nans = str({expression})"


def _answer(result: ProgramResult) -> object:
    return result.answer if result.status == "ok" else result.error


@pytest.mark.parametrize(("expression", "now"), BOTH.items())
def test_monty_has_this_time(monty: MontyTier, expression: str, now: str) -> None:
    (result,) = monty.run([_program(expression)])
    assert _answer(result) == now


@pytest.mark.parametrize("kind", ["slim", "full"])
@pytest.mark.parametrize(("expression", "now"), (BOTH | CPYTHON_ALONE).items())
def test_cpython_has_the_same(cpython: CPythonTier, expression: str, now: str, kind: str) -> None:
    assert _answer(cpython.run(_program(expression), 2.0, kind=kind)) == now  # type: ignore[arg-type]


def test_the_time_limit_is_not_measured_by_the_stopped_clock(cpython: CPythonTier) -> None:
    """A program that waits uses no CPU time; the template's own clock ends it all the same."""
    waiting = "import _thread\nlock = _thread.allocate_lock()\nlock.acquire()\nlock.acquire()"
    assert cpython.run(waiting, 0.05, kind="slim").status == "timeout"
