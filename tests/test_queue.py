"""The line: first come, first served."""

import pytest

from stylekit.errors import BusyError
from stylekit.studio.queue import Line


def test_the_line_is_first_come_first_served_and_refuses_when_it_is_full():
    line = Line(places=1, most_waiting=1)
    with line.ticket() as first, line.ticket() as second:
        assert (line.ahead(first), line.ahead(second)) == (0, 1)
        with pytest.raises(BusyError, match="full"), line.ticket():
            pass
    with line.ticket() as third:
        assert line.ahead(third) == 0


def test_two_places_mean_two_at_once():
    line = Line(places=2, most_waiting=5)
    with line.ticket() as a, line.ticket() as b, line.ticket() as c, line.ticket() as d:
        assert [line.ahead(t) for t in (a, b, c, d)] == [0, 0, 1, 2]
