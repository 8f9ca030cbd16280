"""Gives each name its colour and dashes, the same in every chart of a page; style.css defines
them."""

from collections.abc import Iterable

TOTALS = ("mix", "loss")  # of all thoughts together
NUM_STYLES = 7  # series-0 is for totals; thoughts take the others in turn


def series_classes(thoughts: Iterable[str]) -> dict[str, str]:
    """A class for each total and thought, in the order of the run's settings. If there are more
    thoughts than styles, the later ones share one; the name at the end of a line tells them
    apart."""
    numbers = enumerate(name for name in dict.fromkeys(thoughts) if name not in TOTALS)
    own = {name: f"series-{1 + number % (NUM_STYLES - 1)}" for number, name in numbers}
    return dict.fromkeys(TOTALS, "series-0") | own
