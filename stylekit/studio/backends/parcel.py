"""A frame on its way from another process: without what the receiver has, and with its tensors where they can be sent."""

from dataclasses import replace

from stylekit.job import Job
from stylekit.transfer import Frame


def packed(frame: Frame) -> Frame:
    """Ready to be sent."""
    terms = {name: loss.cpu() for name, loss in frame.terms.items()}
    return replace(frame, painting=frame.painting.cpu(), terms=terms, colors=None, kept=None, places=())


def unpacked(frame: Frame, job: Job) -> Frame:
    """As `paint` gives it."""
    size = (frame.painting.shape[2], frame.painting.shape[3])
    return replace(frame, colors=job.colors, kept=job.kept(size), places=job.places)
