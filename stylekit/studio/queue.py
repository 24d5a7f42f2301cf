"""Who is next."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from stylekit.errors import BusyError


class Line:
    """Who is being painted for and who waits, first come, first served. Shared by all visitors; knows only numbers."""

    def __init__(self, places: int, most_waiting: int) -> None:
        self._lock = threading.Lock()
        self._places, self._most_waiting = places, most_waiting
        self._tickets: list[int] = []  # in the order of arrival; the first `places` of them are being served
        self._next = 0

    @contextmanager
    def ticket(self) -> Iterator[int]:
        """A place in the line, given back at the end. Raises BusyError when too many wait already."""
        with self._lock:
            if len(self._tickets) >= self._places + self._most_waiting:
                raise BusyError("The studio is full; please try again in a few minutes.")
            number, self._next = self._next, self._next + 1
            self._tickets.append(number)
        try:
            yield number
        finally:
            with self._lock:
                self._tickets.remove(number)

    def ahead(self, ticket: int) -> int:
        """How many must finish before this one's turn; 0 = it is."""
        with self._lock:
            return max(0, self._tickets.index(ticket) - self._places + 1)
