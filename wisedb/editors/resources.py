"""What editors share beside the base model: derived once, kept as blobs that commits name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from wisedb.memory.kinds.base import Part
    from wisedb.model.base import LoadedBase
    from wisedb.progress import Listener

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Resource(Generic[T_co]):
    """Something that is a function of the base model, of a module perhaps, and of other resources.

    Attributes:
        name: the kind of its blob, and how commits name it: ``name``, ``name:module`` or ``name:module:variant``.
        make: computes it, from the base model, the other resources, and the module's path (empty without one).
        read: what a blob of it holds.
        variant: tells those of one name and module apart that are made with different settings: a digest of them, empty
            where there are none. It stands behind the name and the module in commits.
    """

    name: str
    make: Callable[[LoadedBase, Resources, str], Part]
    read: Callable[[Part], T_co]
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """A resource that an editor needs to train.

    Attributes:
        resource: which.
        module: the module that it is of, empty if it is of none.
    """

    resource: Resource[object]
    module: str = ""


class Resources(Protocol):
    """Where editors find resources.

    Attributes:
        progress: is told while one is made; None where nobody listens.
    """

    progress: Listener | None

    def get(self, resource: Resource[T], module: str = "") -> T:
        """The one that the memory's commit names, or else the one that was made before, or else made now.

        Args:
            resource: which.
            module: the module that it is of, if it is of one.
        """

    def blob(self, resource: Resource[T], module: str = "") -> str:
        """The id of its blob; made if it must be."""
