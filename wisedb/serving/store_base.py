"""The base model of a store, loaded and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wisedb.model.recognise import load_for

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.store.store import Store


def load_base_of(store: Store, **kwargs: Any) -> LoadedBase:
    """Load a store's base model; its own Python code is run where the user of this machine allowed it.

    Args:
        store: the store.
        **kwargs: as in :func:`wisedb.model.recognise.load_for`.

    Raises:
        ModelNotFound, UnsupportedModel, BaseModelMismatch: see there.
    """
    return load_for(store.config.base, **{"if_allowed": store.config.trust_remote_code, **kwargs})
