"""What editors share beside the base model: derived once, kept as blobs that commits name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from wisedb.memory.kinds.base import Part
    from wisedb.model.base import LoadedBase

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Resource(Generic[T]):
    """Something that is a function of the base model, of a module perhaps, and of other resources.

    Attributes:
        name: the kind of its blob, and how commits name it: ``name``, or ``name:module``.
        make: computes it, from the base model, the other resources, and the module's path (empty without one).
        read: what a blob of it holds.
    """

    name: str
    make: Callable[[LoadedBase, Resources, str], Part]
    read: Callable[[Part], T]


class Resources(Protocol):
    """Where editors find resources."""

    def get(self, resource: Resource[T], module: str = "") -> T:
        """The one that the memory's commit names, or else the one that was made before, or else made now.

        Args:
            resource: which.
            module: the module that it is of, if it is of one.
        """

    def blob(self, resource: Resource[T], module: str = "") -> str:
        """The id of its blob; made if it must be."""
