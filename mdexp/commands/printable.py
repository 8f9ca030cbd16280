"""Text that nobody has vetted, fit for a terminal: its control sequences are shown, not obeyed."""

KEPT = "\n\t"


def printable(text: str) -> str:
    """The text; a sign that prints nothing itself (ESC, bidi marks, ...) as Python writes it."""
    return "".join(c if c.isprintable() or c in KEPT else ascii(c)[1:-1] for c in text)
