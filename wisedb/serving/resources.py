"""Resources of a store: those that commits name, remembered from store to store, made where there are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from wisedb.config import POOL, BaseModel
from wisedb.editors.resources import Resource
from wisedb.model.chat import template_digest
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.memory_codec import blob_of, part_of
from wisedb.store.derived_cache import cached_blob

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.progress import Listener
    from wisedb.store.blobs import Blob

T = TypeVar("T")


class StoreResources:
    """The resources of one memory.

    Args:
        base: the base model.
        record: which model that is.
        pending: where blobs are read from, and put.
        named: name → blob, those that a commit names.
        progress: is told while one is made.

    Attributes:
        progress: see above.
        used: name → blob, those that were asked for; what is trained with them is to name them.
    """

    def __init__(
        self,
        base: LoadedBase,
        record: BaseModel,
        pending: PendingBlobs,
        named: Mapping[str, str],
        progress: Listener | None = None,
    ) -> None:
        self.progress = progress
        self._base, self._record, self._pending = base, record, pending
        self._named = dict(named)
        self.used: dict[str, str] = {}

    def get(self, resource: Resource[T], module: str = "") -> T:
        """See :class:`wisedb.editors.resources.Resources`."""
        blob_id = self.blob(resource, module)
        return self._base.derived.get(("resource", blob_id), lambda: resource.read(part_of(self._pending.get(blob_id))))

    def blob(self, resource: Resource[T], module: str = "") -> str:
        """See :class:`wisedb.editors.resources.Resources`."""
        name = ":".join(part for part in (resource.name, module, resource.variant) if part)
        if name not in self._named:
            self._named[name] = self._pending.put(self._made(resource, module))
        self.used[name] = self._named[name]
        return self._named[name]

    def _made(self, resource: Resource[T], module: str) -> Blob:
        dtype, pool = str(self._base.model.dtype), self._named.get(POOL)
        # A function of the base model and the pool alone: what it needs on the way is none of the memory's, which must
        # name the same whether this was made now or remembered.
        inner = PendingBlobs(self._pending)
        needed = StoreResources(self._base, self._record, inner, {} if pool is None else {POOL: pool}, self.progress)

        # The template lies in a file of its own, which the fingerprint doesn't cover.
        template = template_digest(self._base.tokenizer)
        variant = (resource.variant,) if resource.variant else ()
        made_from = (self._record.fingerprint, template, module, dtype, pool, *variant)
        # Only what it holds is kept with the model (:meth:`get`): its bytes are wanted once a memory, and lie on disk.
        return cached_blob(
            resource.name, made_from, lambda: blob_of(resource.name, resource.make(self._base, needed, module))
        )
