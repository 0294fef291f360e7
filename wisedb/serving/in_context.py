"""The facts in force at a commit as texts for the context, whatever wrote them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from wisedb.editors.common.key_statistics import STATISTICS as KEY_STATISTICS
from wisedb.memory.context.build import UnsureFacts
from wisedb.memory.gates.base import Gate
from wisedb.memory.gates.keys.build import build_keys
from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.memory.kinds.facts_in_context import Fact, FactsInContext
from wisedb.memory.memory import Memory
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.memory_codec import STATISTICS, keys_blob, keys_from, statistics_from
from wisedb.serving.resources import StoreResources
from wisedb.store import history
from wisedb.store.derived_cache import cached_blob

if TYPE_CHECKING:
    from wisedb.edits import Edit
    from wisedb.model.base import LoadedBase
    from wisedb.model.locate import Projection
    from wisedb.store.blobs import Blob
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store

UNSURE: Final = 2.0
"""How far below the keys' threshold, in log odds, ``hybrid`` takes a prompt for unsure.

Of whole numbers the largest at which no prompt about another subject was told a fact, on 24 edits of six relations with
SmolLM2-135M-Instruct: 0 of 24 up to 2, 3 at 3 and 11 at 4. Of other questions on the same subject 4 of 24 lie in it.
"""

KIND: Final = "context-keys"
"""The folder of keys that were made for memories without any."""


def in_context(
    store: Store, base: LoadedBase, commit: Commit, memories: Sequence[Memory], *, keyless: bool = False
) -> list[Memory]:
    """A commit's memories with their facts in the place of what they change.

    Memories that stand behind no keys get some, made of their edits as for any, and remembered.

    Args:
        store: the store.
        base: its base model, with nothing attached.
        commit: the commit.
        memories: its memories, in its order.
        keyless: only those that stand behind no keys; the others stay as they are.

    Raises:
        MissingObject: an edit's record is not there.
    """
    wanted = [memory for memory in memories if not (keyless and memory.gate.by_keys)]
    if not wanted:
        return list(memories)
    texts = _texts(store, wanted)
    keyed = [memory for memory in memories if memory.gate.keys is not None and len(memory.gate.keys)]
    # They change nothing: any module will do behind the block at which keys are compared.
    projection = base.projection(keyed[0].modules[0] if keyed else "")
    pending = PendingBlobs(store.objects)

    def keys_of(memory: Memory) -> EditKeys:
        if memory.gate.keys is not None:
            return memory.gate.keys
        return _made(store, base, commit, pending, projection, [texts[edit] for edit in memory.edits])

    found = []
    for memory in memories:
        if memory not in wanted:
            found.append(memory)
            continue
        facts = tuple(_fact(texts[edit]) for edit in memory.edits)
        change = FactsInContext(projection.name, (projection.d_ff, projection.d_model), facts)
        found.append(Memory(memory.id, change, Gate("keys", 0.0, keys_of(memory)), memory.edits))
    return found


def unsure_facts(store: Store, memories: Sequence[Memory]) -> UnsureFacts:
    """What ``hybrid`` puts into the context where the keys are unsure: the facts of all of a commit's memories."""
    return UnsureFacts(UNSURE, {edit_id: _fact(edit) for edit_id, edit in _texts(store, memories).items()})


def _texts(store: Store, memories: Sequence[Memory]) -> Mapping[str, Edit]:
    wanted = list(dict.fromkeys(edit for memory in memories for edit in memory.edits))
    return {edit.id: edit for edit in history.edits_of(store, wanted)}


def _fact(edit: Edit) -> Fact:
    return Fact(edit.prompt, edit.target)


def _made(
    store: Store,
    base: LoadedBase,
    commit: Commit,
    pending: PendingBlobs,
    projection: Projection,
    edits: Sequence[Edit],
) -> EditKeys:
    """The keys of some edits, on the statistics that the commit names, or else on those of the module."""
    named = [entry.blobs[STATISTICS] for entry in commit.memories if STATISTICS in entry.blobs]
    shared = next((entry.editor.resources for entry in commit.memories if entry.editor is not None), {})
    resources = StoreResources(base, store.config.base, pending, shared)
    measured = named[0] if named else resources.blob(KEY_STATISTICS, projection.name)
    statistics = base.derived.get(("statistics", measured), lambda: statistics_from(pending.get(measured)))
    ids = [edit.id for edit in edits]

    def make() -> Blob:
        found = build_keys(base.model, projection, base.tokenizer, statistics, edits)
        return keys_blob(found, ids, measured)

    made_from = [store.config.base.fingerprint, str(base.model.dtype), measured, *ids]
    return keys_from(cached_blob(KIND, made_from, make), statistics)
