"""Earlier changes of several modules, standing beside a model while the next ones are computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from wisedb.memory.kinds.additive import FactoredDelta


@contextmanager
def standing(changes: Mapping[nn.Module, FactoredDelta]) -> Iterator[None]:
    """Each module gives A(x)·L·R more for the length of a block; no weight is changed and no hook is left.

    Args:
        changes: by module, behind whose other hooks they act.
    """
    with ExitStack() as stack:
        for module, change in changes.items():
            if change.rank:
                stack.callback(module.register_forward_hook(partial(_add, change)).remove)
        yield


def _add(change: FactoredDelta, _module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
    # The model's arguments are tensors here: locate() finds plain matrices alone.
    inputs: Tensor = args[0]
    return output + change.product(inputs).to(output.dtype)
