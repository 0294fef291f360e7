"""What was seen of the sequences in a key-value cache, so that going on from it is the same as starting over.

It lives on the cache object itself: it is freed with it, and a copy of the cache (the usual way to reuse a prompt) has
its copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from wisedb.errors import UsageError

P = TypeVar("P", bound=Iterable[Tensor])
"""Some positions of some sequences: tensors (B, T, …), of which its type can be made again."""

# transformers renamed it in 5.24, and takes the old name until 6.
_NAMES = ("cache", "past_key_values")


class CacheState(Generic[P]):
    """What one router keeps of all positions that calls put into one cache.

    Args:
        owner: the router; what another one kept means nothing to it.
        attribute: its own place on the cache; see :func:`state_attribute`.
        parts: (first position, positions), in order. A cache whose length only the device knows has one part, without
            a first position.
    """

    def __init__(self, owner: object, attribute: str, parts: tuple[tuple[int | None, P], ...] = ()) -> None:
        self.owner = owner
        self.attribute = attribute
        self.parts = parts

    def __deepcopy__(self, memo: dict[int, Any]) -> CacheState[P]:
        # The tensors are never written to, and the owner says whose they are: both are shared.
        return CacheState(self.owner, self.attribute, self.parts)

    def before(self, past: int | Tensor, rows: int) -> list[P]:
        """The first ``past`` positions of each of ``rows`` rows, in parts; none if nothing was seen.

        Raises:
            UsageError: the cache's rows were rearranged so that they no longer are the rows that were seen.
        """
        return [part for _, part in self._before(past, rows)]

    def extended(self, past: int | Tensor, now: P, most: int | None = None) -> CacheState[P]:
        """With the positions from ``past`` on; ``most`` is how many of a cache of fixed size are kept, None for all."""
        now = _each(now, Tensor.detach) if any(tensor.requires_grad for tensor in now) else now
        kept = self._before(past, _size(now)[0])
        if isinstance(past, int):
            return CacheState(self.owner, self.attribute, (*kept, (past, now)))
        whole = joined([*(part for _, part in kept), now])
        if most is not None:
            whole = _each(whole, lambda tensor: tensor[:, -most:])
        return CacheState(self.owner, self.attribute, ((None, whole),))

    def _before(self, past: int | Tensor, rows: int) -> list[tuple[int | None, P]]:
        found = []
        for start, part in self.parts:
            if isinstance(past, Tensor):
                part = _filled(part, past > 0)
            elif past == 0 or (start is not None and start >= past):
                continue
            elif start is not None and past - start < _size(part)[1]:
                part = _each(part, lambda tensor, last=past - start: tensor[:, :last])  # type: ignore[misc]
            found.append((start, _repeated(part, rows)))
        return found


def state_attribute(router: str, module: str = "") -> str:
    """The place on a cache of a router's state, at one module or for all."""
    # Compilers take a dot for the way to an attribute of an attribute.
    return f"_wisedb_{router}_{module.replace('.', '_')}"


def state_of(cache: Any, owner: object, attribute: str) -> CacheState[Any]:
    """The state that the cache carries for its owner, or an empty one if it carries none."""
    found = getattr(cache, attribute, None)
    return found if isinstance(found, CacheState) and found.owner is owner else CacheState(owner, attribute)


def save_state(cache: Any, state: CacheState[Any]) -> None:
    """Let the cache carry the state."""
    setattr(cache, state.attribute, state)


def joined(parts: Sequence[P]) -> P:
    """Positions one after the other; one part at least."""
    if len(parts) == 1:
        return parts[0]
    make: Any = type(parts[0])
    found: P = make(*(torch.cat(tensors, dim=1) for tensors in zip(*parts, strict=True)))
    return found


def length_of(cache: Any) -> int | Tensor:
    """How many positions the cache holds; a tensor () where only the device knows, 0 where there is no cache."""
    if cache is None or not hasattr(cache, "get_seq_length"):
        return 0
    length: int | Tensor = cache.get_seq_length()
    # A static cache counts in place: without a copy the answer would grow while the call runs.
    return length.clone() if isinstance(length, Tensor) else length


def cache_given(arguments: Mapping[str, Any]) -> Any:
    """The cache among a call's arguments, or None."""
    return next((cache for name in _NAMES if (cache := arguments.get(name)) is not None), None)


def cache_in(output: Any) -> Any:
    """The cache that a forward call returned, or None."""
    if isinstance(output, tuple):
        return next((item for item in output if hasattr(item, "get_seq_length")), None)
    return next((cache for name in _NAMES if (cache := getattr(output, name, None)) is not None), None)


def _each(part: P, change: Callable[[Tensor], Tensor]) -> P:
    make: Any = type(part)
    found: P = make(*(change(tensor) for tensor in part))
    return found


def _size(part: Iterable[Tensor]) -> tuple[int, int]:
    rows, positions = next(iter(part)).shape[:2]
    return rows, positions


def _filled(part: P, filled: Tensor) -> P:
    # A static cache knows its length on the device only; a length of 0 says that it was emptied.
    return _each(part, lambda tensor: torch.where(filled, tensor, tensor.new_zeros(())))


def _repeated(part: P, rows: int) -> P:
    there = _size(part)[0]
    times, rest = divmod(rows, there)
    if rest or not times:
        raise UsageError(
            f"the cache was filled by {there} rows and is used by {rows}",
            hint="Repeat a cache's rows with batch_repeat_interleave, or compute the cache anew.",
        )
    return part if times == 1 else _each(part, lambda tensor: tensor.repeat_interleave(times, dim=0))
