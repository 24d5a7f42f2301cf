"""Where a run is computed: in this process, on a cluster, or on a GPU that ZeroGPU lends. The engine knows nothing of it."""

from collections.abc import Callable, Iterator

from stylekit.job import Job
from stylekit.studio import hosting
from stylekit.studio.backends import afar, here, zerogpu
from stylekit.transfer import Dials, Frame


def frames(job: Job, dials: Dials, moved: Callable[[], None] = lambda: None) -> Iterator[Frame]:
    """`paint`, wherever it runs; raises what that raises, and BusyError where there is no room for it.

    `moved` is called when the machine that painted was lost, and another one goes on.
    """
    if hosting.cluster_address():
        return afar.frames(job, dials, moved)
    return zerogpu.frames(job, dials) if hosting.borrows_gpu() else here.frames(job, dials)


def gatys_units(job: Job) -> tuple[float, dict[str, float]]:
    """The recipe's weights in the units of Gatys et al. 2016; raises what `Objective.gatys_units` raises.

    One look at each picture: where a GPU is lent for runs alone, on the CPU.
    """
    return here.gatys_units(job, "cpu" if hosting.borrows_gpu() else None)
