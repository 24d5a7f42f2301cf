"""How the process keeps its memory: what a step frees stays for the next step, instead of going back to the system.

On Linux, glibc's malloc gives large blocks back as soon as they are freed, and the system hands them out again page by page, each
filled with zeros. A step on a CPU frees and asks for hundreds of megabytes (`python -m bench.memory` says what that costs).
"""

import ctypes

ARENA_MAX, MMAP_THRESHOLD, TRIM_THRESHOLD = -8, -3, -1
"""Names of `mallopt`'s parameters: glibc's malloc.h."""

KEPT = 512 * 2**20
"""Bytes that are kept free at the end of the heap, and below which a block comes from the heap at all."""


def keep_freed() -> bool:
    """Let malloc keep up to `KEPT` bytes that were freed, in one heap for all threads. Returns whether it could be told so.

    It is for the whole process, so whoever owns the process calls it: the page, the command line, a program of yours.
    Without glibc (macOS, Windows, musl) nothing changes, and the answer is False. https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no such function; no such library; Windows, where None names none
        return False
    return all([mallopt(ARENA_MAX, 1), mallopt(MMAP_THRESHOLD, KEPT), mallopt(TRIM_THRESHOLD, KEPT)])
