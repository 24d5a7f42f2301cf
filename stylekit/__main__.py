"""`python -m stylekit`, and the command `stylekit`: the command line as a process of its own."""

import os
import signal
import sys
from typing import NoReturn

from stylekit.threads import yield_cores


def run() -> int:
    """Run the command line; returns the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)
    yield_cores()
    from stylekit.cli import main

    return main()


def leave(number: int, _: object) -> NoReturn:
    """A signal handler for as long as nothing is begun: an exception in the middle of an import would come out as another."""
    os._exit(128 + number)


if __name__ == "__main__":
    sys.exit(run())
