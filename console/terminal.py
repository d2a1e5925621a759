"""Where output goes: a terminal with colours and its own width, or a pipe with plain lines of a fixed width."""

import sys

from rich.console import Console

# Without a terminal (a pipe, a log) nobody tells the width.
PLAIN_WIDTH = 118


def output() -> Console:
    """Return standard output as a rich console; characters that it cannot show become question marks."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    console = Console(highlight=False, emoji=False)
    return console if console.is_terminal else Console(highlight=False, emoji=False, width=PLAIN_WIDTH)
