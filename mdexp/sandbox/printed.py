"""What a program prints, up to a limit."""


class OutputFull(Exception):
    """Raised into Monty, which then ends the program."""


class Printed:
    """Collects standard output as Monty hands it over; standard error is dropped."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes
        self._parts: list[str] = []
        self.overflowed = False

    def __call__(self, stream: str, text: str) -> None:
        if stream != "stdout":
            return
        encoded = text.encode()
        self._parts.append(encoded[: self._left].decode(errors="ignore"))
        self._left -= len(encoded)
        if self._left < 0:
            self._left, self.overflowed = 0, True
            raise OutputFull

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def last_line(self) -> str | None:
        """The last line that is not blank."""
        lines = self.text.rstrip().splitlines()
        return lines[-1].strip() if lines else None
