"""Where a run is computed: in this process, or on a GPU that ZeroGPU lends for it. The engine knows nothing of it."""

from collections.abc import Iterator

from stylekit.job import Job
from stylekit.studio import hosting
from stylekit.studio.backends import here, zerogpu
from stylekit.transfer import Dials, Frame


def frames(job: Job, dials: Dials) -> Iterator[Frame]:
    """`paint`, wherever it runs; raises what that raises, and BusyError where no GPU is lent."""
    return zerogpu.frames(job, dials) if hosting.borrows_gpu() else here.frames(job, dials)


def gatys_units(job: Job) -> tuple[float, dict[str, float]]:
    """The recipe's weights in the units of Gatys et al. 2016; raises what `Objective.gatys_units` raises.

    One look at each picture: where a GPU is lent for runs alone, on the CPU.
    """
    return here.gatys_units(job, "cpu" if hosting.borrows_gpu() else None)
