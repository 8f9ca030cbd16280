"""Signals as exit codes, wherever they strike."""

import signal
import time
import weakref
from collections.abc import Callable

import pytest

from mdexp.commands.signals import signals_as_exits


class _Dying:
    """Gets a signal while it is finalized, where Python drops what is raised."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_an_exit_code(number: signal.Signals) -> None:
    with pytest.raises(SystemExit) as stop, signals_as_exits():
        signal.raise_signal(number)
    assert stop.value.code == 128 + number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lost_in_a_finalizer_comes_again(number: signal.Signals) -> None:
    with pytest.raises(SystemExit) as stop:
        _waits_after(lambda: _Dying(number))
    assert stop.value.code == 128 + number


def test_a_signal_lost_in_a_callback_of_a_weak_reference_comes_again() -> None:
    watched = [_Watched()]
    reference = weakref.ref(watched[0], lambda _: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(SystemExit) as stop:
        _waits_after(watched.clear)
    assert stop.value.code == 128 + signal.SIGTERM
    assert reference() is None


def test_other_errors_of_finalizers_are_told_as_before() -> None:
    told: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.unraisablehook", lambda lost: told.append(lost.exc_value))
        with signals_as_exits():
            _Failing()
    assert [str(error) for error in told] == ["no"]


class _Watched:
    pass


class _Failing:
    def __del__(self) -> None:
        raise ValueError("no")


def _waits_after(act: Callable[[], object]) -> None:
    with signals_as_exits():
        act()
        time.sleep(20)
        pytest.fail("the signal was lost")
