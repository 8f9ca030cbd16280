"""Which colour and dashes a name has: the same in every chart of a page. style.css sets them."""

from collections.abc import Iterable

TOTALS = ("mix", "loss")  # of all thoughts together
NUM_STYLES = 7  # series-0 of the totals, and those that thoughts take in turn


def series_classes(thoughts: Iterable[str]) -> dict[str, str]:
    """A class for each total and thought, in the order of the run's settings; of more thoughts than
    there are styles the later share one, and are told apart by the name at the end of the line."""
    numbers = enumerate(name for name in dict.fromkeys(thoughts) if name not in TOTALS)
    own = {name: f"series-{1 + number % (NUM_STYLES - 1)}" for number, name in numbers}
    return dict.fromkeys(TOTALS, "series-0") | own
