"""How torch's threads share the processor's cores with other programs: no more threads than cores, and those that wait yield.

Every operation is shared out among all threads and takes as long as the last of them. Those that are done spin, by default for
milliseconds, to be quick at the next operation; where another program wants the same core, it is the last thread that they keep
from its work. `python -m bench.speed --busy 0 1 2` measures it. The number of threads does not follow the load from moment to
moment: sums are added up in another order with another number, and a recipe would not give the same picture, bit for bit.
"""

import contextlib
import math
import os
import sys
from pathlib import Path

WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
"""What the environment says of threads that wait: to every OpenMP, and to GNU's, which torch has on Linux.

https://www.openmp.org/spec-html/5.0/openmpse55.html, https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html
"""

QUOTAS = (
    ("/sys/fs/cgroup/cpu.max",),
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)
"""Where Linux says how much of the processor's time a container has, in how much time: cgroup's second version, and its first."""


def yield_cores() -> bool:
    """Let threads that wait yield their core after some microseconds. Returns whether it is in time: before torch is imported.

    It is for the whole process, so whoever owns the process calls it: the page, the command line, a program of yours. What the
    environment says already stays as it is.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # about ten microseconds: many operations follow each other at once
    return "torch" not in sys.modules


def limit_threads() -> int:
    """Let torch have no more threads than this process is given cores; returns how many it has. OMP_NUM_THREADS may say fewer.

    For the calling thread, and for those that have not used torch yet.
    """
    import torch

    if (quota := _quota()) < torch.get_num_threads():
        torch.set_num_threads(math.ceil(quota))
    return torch.get_num_threads()


def _quota() -> float:
    """The cores' worth of time that the container has; infinite where it has all. (Affinity is OpenMP's own business.)"""
    for files in QUOTAS:
        with contextlib.suppress(OSError, ValueError):
            quota, period = " ".join(Path(file).read_text() for file in files).split()
            return float(quota) / float(period) if float(quota) > 0 else math.inf  # -1: all, in the first version
    return math.inf
