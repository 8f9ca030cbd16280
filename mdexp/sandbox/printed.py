"""Splits the output of a batch into its programs' outputs, by marks that they cannot know."""

_NUMBER_LINE = 8  # characters at most


class Printed:
    """Collects standard output as Monty hands it over; standard error is dropped.

    Before each program the driver prints a line of mark and number. Of one that prints more than
    `max_bytes`, more than that is kept, and not all. It is not stopped here: Monty hands text over
    late and in large pieces, so that this would end another program and lose what others printed.
    """

    def __init__(self, mark: str, max_bytes: int) -> None:
        self._mark, self._kept = mark, max_bytes + _NUMBER_LINE
        self._parts: list[str] = []  # up to the last mark
        self._last = ""  # after it

    def __call__(self, stream: str, text: str) -> None:
        if stream != "stdout":
            return
        *parts, last = (self._last + text).split(self._mark)
        self._parts += parts
        # Its end may be half of the next mark.
        excess = len(last) > self._kept + len(self._mark)
        self._last = last[: self._kept] + last[-len(self._mark) :] if excess else last

    def by_program(self) -> dict[int, str]:
        """Each program's output, by its number in the batch."""
        texts = {}
        for part in [*self._parts, self._last][1:]:
            number, whole, text = part.partition("\n")
            if whole:
                texts[int(number)] = text
        return texts
