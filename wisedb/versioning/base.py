"""Where a store's base model is, and which one it is: moved, or another one taken in its place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wisedb.errors import BaseModelMismatch
from wisedb.model.base import LoadedBase, load_base
from wisedb.model.checkpoint import check_forward
from wisedb.model.identity import Difference
from wisedb.model.recognise import compare, describe, refusal
from wisedb.serving.memory_codec import read_memories

if TYPE_CHECKING:
    from wisedb.config import BaseModel
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class BaseSet:
    """What a store says of its base model now.

    Attributes:
        base: the record.
        differences: in what it is another one than the store was made for, what changes no function included.
    """

    base: BaseModel
    differences: tuple[Difference, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb base set --json`` prints it."""
        return {
            "model": self.base.source,
            "fingerprint": self.base.fingerprint,
            "differences": [each.to_json() for each in self.differences],
        }


def set_base(
    store: Store,
    model: str,
    *,
    revision: str | None = None,
    gguf_file: str | None = None,
    accept: bool = False,
    trust_remote_code: bool | None = None,
    **kwargs: Any,
) -> tuple[BaseSet, LoadedBase]:
    """Load a model, compare it with the store's base, and write down where it is.

    One that computes the same is taken, whatever else differs. Of one that doesn't, what differs is told; if it is
    accepted, later commits are made for it, and what was made for the one before is taken as made for it. Its edits are
    not trained anew.

    Args:
        store: the store.
        model, revision, gguf_file: as in :func:`wisedb.model.base.load_base`.
        accept: take it in any case, as long as the modules are there that the memories change.
        trust_remote_code: whether its own Python code may be run, from now on; as before by default.
        **kwargs: as in :func:`wisedb.model.base.load_base`.

    Returns:
        what the store says now, and the loaded model.

    Raises:
        ModelNotFound, UnsupportedModel: there is no such model, or it doesn't run.
        BaseModelMismatch: it is another one and wasn't accepted, or has other modules; nothing has changed.
        StoreBusy, NoSpace, StoreNotWritable: nothing has changed.
    """
    config = store.config
    before = config.trust_remote_code and trust_remote_code is None
    code = trust_remote_code is True
    base = load_base(model, revision, gguf_file=gguf_file, trust_remote_code=code, if_allowed=before, **kwargs)
    check_forward(base.name, base.model)
    was = config.base
    found = compare(was, base, rest=True)
    if any(each.matters for each in found):
        if not accept:
            raise refusal(base, found)
        _check_modules(store, base)
        record = describe(base)
        accepted = tuple(dict.fromkeys((*config.accepted, was.fingerprint)))
    else:
        # The same model: history knows it by the record that it has.
        record = replace(was, model=base.name, revision=base.revision, gguf_file=base.gguf_file)
        accepted = config.accepted
    store.write_config(replace(config, base=record, trust_remote_code=base.code, accepted=accepted))
    return BaseSet(record, tuple(found)), base


def _check_modules(store: Store, base: LoadedBase) -> None:
    """Refuse a model in which the memories in force have no place."""
    _, head = store.head_commit()
    for memory in read_memories(store.objects, head.memories):
        for module in memory.modules:
            projection = base.projection(module)
            shape = (projection.d_ff, projection.d_model)
            if (wanted := memory.change.shape(module)) != shape:
                raise BaseModelMismatch(
                    f"{module} of {base.name} has the shape {shape}, and a memory changes {wanted}",
                    hint="Its edits fit no other architecture: `wisedb init --model` starts a store for it.",
                )
