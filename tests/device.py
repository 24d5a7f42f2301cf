"""A second device where there is none: tensors that claim to be elsewhere, and a mode in which only they may meet.

    with SecondDevice() as device:
        encoder = Toy().to(device.name)
        ...

An `Elsewhere` says that it is on the device "meta", the only one that autograd knows on every machine and that stores nothing;
its numbers lie in a tensor on the CPU. In the mode every operation is carried out with those, so that what comes out has the
very bits of the CPU. As with a GPU, an operation on tensors of both devices is an error, unless it copies from one to the
other, or is done element by element and the one on the CPU is a single number. What brings numbers to the host is counted: on
a GPU each such read waits for everything that was asked before. Blind to operations that some GPUs lack, to precision and
memory.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class Mixed(RuntimeError):
    """An operation on tensors of two devices."""


class Elsewhere(torch.Tensor):
    """A tensor that says it is on the second device."""

    numbers: Tensor
    """on the CPU"""

    @staticmethod
    def __new__(cls, numbers: Tensor) -> "Elsewhere":
        layout = {"strides": numbers.stride(), "storage_offset": numbers.storage_offset(), "dtype": numbers.dtype}
        claimed: Elsewhere = torch.Tensor._make_wrapper_subclass(cls, numbers.shape, device=SecondDevice.name, **layout)
        claimed.numbers = numbers
        return claimed

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise Mixed(f"{operation} on a tensor of the second device, outside of its mode")


class SecondDevice(TorchDispatchMode):
    """The mode."""

    name = "meta"

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        """how often numbers went to the host"""

    def __torch_dispatch__(self, operation: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        ours = [x for x in tensors if isinstance(x, Elsewhere)]
        if operation not in COPIES:
            _check(operation, ours, [x for x in tensors if not isinstance(x, Elsewhere)])
        to = self._destination(operation, args, kwargs, bool(ours))
        if kwargs.get("device") is not None:
            kwargs["device"] = torch.device("cpu")
        out = operation(*tree_map(_numbers, args), **tree_map(_numbers, kwargs))
        self.reads += bool(ours) and (not to or any(isinstance(x, bool | int | float) for x in tree_leaves(out)))
        known = {id(x.numbers): x for x in ours}  # what was changed in place stays the tensor that it was

        def claimed(x: Any) -> Any:
            return x if not isinstance(x, Tensor) else known[id(x)] if id(x) in known else Elsewhere(x)

        return tree_map(claimed, out) if to else out

    def _destination(self, operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any], ours: bool) -> bool:
        """Whether what comes out is on the second device."""
        if operation is torch.ops.aten.copy_.default:
            return isinstance(args[0], Elsewhere)
        asked = kwargs.get("device")
        return ours if asked is None else torch.device(asked).type == self.name


def _check(operation: Any, ours: Sequence[Tensor], others: Sequence[Tensor]) -> None:
    """Raises Mixed where both devices meet as they must not."""
    if empty := [x for x in others if x.device.type == SecondDevice.name]:
        raise Mixed(f"{operation} on {len(empty)} made by torch.tensor(..., device=...), which waits for the host: use new_full.")
    elementwise = torch.Tag.pointwise in operation.tags
    if ours and any(x.dim() or not elementwise for x in others):
        raise Mixed(f"{operation} on tensors of both devices: {[tuple(x.shape) for x in others]} are on the CPU")


def _numbers(x: Any) -> Any:
    return x.numbers if isinstance(x, Elsewhere) else x
