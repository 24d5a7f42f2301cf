"""Whether anybody reads what a run tells: a run that nobody listens to ends, and its place is free.

Gradio closes a run when its reader goes away, but not when there never was one: a program that orders and never fetches, one
that is cancelled before gradio has noted its run. It puts each message in a queue for the visitor's stream to take out. So a
message that lies there untouched says it all; a tab in the background goes on reading.
"""

import time
from typing import Any

from gradio.context import LocalContext

UNHEARD = 10.0
"""Seconds that a message may lie unread: longer than a slow line or a command typed by hand takes."""


class Listener:
    """`listener()` is whether the event that is being handled still has a reader; to be made while gradio handles it."""

    def __init__(self) -> None:
        blocks = LocalContext.blocks.get(None)
        self._queue: Any = getattr(blocks, "_queue", None)
        self._event_id = LocalContext.event_id.get(None)
        self._oldest: Any = None
        self._since = time.monotonic()

    def __call__(self) -> bool:
        """True where there is no queue to look at, as in a handler that is called directly."""
        if self._queue is None or self._event_id is None:
            return True
        event = self._queue.event_ids_to_events.get(self._event_id)
        if event is None or not event.alive:  # cancelled, or its reader went away
            return False
        messages = self._queue.pending_messages_per_session.get(event.session_hash)
        return messages is not None and self._moves(messages)

    def _moves(self, messages: Any) -> bool:
        """Whether the oldest message is another one than UNHEARD seconds ago."""
        oldest = next(iter(list(messages._queue)), None)
        if oldest is None or oldest is not self._oldest:
            self._oldest, self._since = oldest, time.monotonic()
        return time.monotonic() - self._since < UNHEARD
