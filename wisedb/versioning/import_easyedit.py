"""Side memories that were trained elsewhere, taken over as a commit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from wisedb.canonical import digest
from wisedb.config import EditorChoice, Setting
from wisedb.editors.registry import find, settings_of
from wisedb.editors.streams import Held, StreamItem, Trained
from wisedb.edits import Edit, LocalityPrompt, distinct
from wisedb.errors import BaseModelMismatch, ConflictingEdits
from wisedb.importers.easyedit import SavedEdit, SavedMemory, SavedWise, read_checkpoint
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.model.locate import weight_of
from wisedb.model.tensors import to_raw
from wisedb.progress import Listener
from wisedb.serving.activations import prompt_activations
from wisedb.serving.blobs import PendingBlobs
from wisedb.serving.memory_codec import origin_blob, version_blob
from wisedb.store.memory_entry import MemoryEntry
from wisedb.store.signature import Signature
from wisedb.versioning.fact_changes import facts_of
from wisedb.versioning.land import read_tip
from wisedb.versioning.proposal import CommitResult, Proposal, commit_proposal
from wisedb.versioning.streams import Owned, before, read_streams

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.model.locate import Projection
    from wisedb.store.store import Store

SOURCE: Final = "EasyEdit WISE checkpoint"

# EasyEdit's name → ours, for the settings with which a memory is trained anew after a revert.
_SETTINGS: Final = {
    "mask_ratio": "mask_ratio",
    "edit_lr": "learning_rate",
    "n_iter": "steps",
    "norm_constraint": "max_delta",
    "alpha": "alpha",
    "beta": "beta",
    "gamma": "gamma",
    "act_ratio": "threshold_ratio",
    "save_freq": "shard_size",
    "densities": "density",
}


def import_easyedit(
    store: Store, base: LoadedBase, path: Path, signature: Signature, *, progress: Listener | None = None
) -> CommitResult:
    """Take the side memories of an EasyEdit WISE checkpoint into the store, as one commit on HEAD.

    ΔW is taken over as it is, entry by entry. The thresholds are found anew, since Δ_act is measured otherwise here:
    the smallest activation of a memory's own edits, times the checkpoint's ``act_ratio``. The edits are read back from
    its token ids. Only if one of them is reverted is its memory trained anew, with the checkpoint's settings.

    Args:
        store: the store, for the model and the projection that the checkpoint was made for.
        base: its base model.
        path: what EasyEdit's ``WISE.save()`` wrote.
        signature: who, when and why.
        progress: as for a commit.

    Raises:
        InputError: the file is no such checkpoint, or can't be read without running it.
        BaseModelMismatch: it was made for another weight.
        ConflictingEdits: one of its prompts has an edit in force already.
        RefMoved: another writer landed first; nothing is written.
    """
    signature.checked()
    saved = read_checkpoint(path)
    tip = read_tip(store)
    choice = store.config.editor
    held = read_streams(store, tip.commit, choice)
    facts = facts_of(held)
    pending = PendingBlobs(store.objects)
    target = _target(store)
    own = EditorChoice("wise", _settings(saved, target), choice.seed, choice.resources)
    entries: list[MemoryEntry] = []
    records: list[Edit] = []
    for memory, edits in zip(saved.memories, _edits(base, saved), strict=True):
        taken = next((edit for edit in edits if edit.key in facts), None)
        if taken is not None:
            raise ConflictingEdits(
                f"“{taken.prompt}” has an edit in force already",
                hint="Revert that one first, or import into a branch without it.",
            )
        items = tuple(StreamItem(edit) for edit in edits)
        if not items:
            continue
        entry = _put(pending, base, saved, memory, items, own, before([*tip.commit.memories, *entries]))
        entries.append(entry)
        records.extend(edits)
        held.append(Owned(own, Held(entry.id, items, None, open=False)))
    proposal = Proposal(
        tip, choice, (tip.id,), (*tip.commit.memories, *entries), tuple(held), (), tuple(records), pending
    )
    return commit_proposal(store, base, proposal, signature, action="import", progress=progress)


def _put(
    pending: PendingBlobs,
    base: LoadedBase,
    saved: SavedWise,
    memory: SavedMemory,
    items: Sequence[StreamItem],
    own: EditorChoice,
    beside: str,
) -> MemoryEntry:
    projection = base.projection(str(own.settings["target"]))
    delta = _delta(projection, saved, memory)
    mask = delta != 0
    values = delta[mask]
    # Two memories may have the same mask; what tells them apart is what was trained.
    seed = int(digest(to_raw(values)[2])[:8], 16)
    change = MaskedDelta.under(projection.name, mask, values)
    levels = prompt_activations(base, change, [item.edit.prompt for item in items])
    threshold = min(levels) * float(own.settings["threshold_ratio"])
    origin = pending.put(origin_blob(change, own, seed))
    main = pending.put(version_blob(origin, items, Trained(change, "activation", threshold), beside))
    blobs = {change.origin: origin, change.main: main}
    return MemoryEntry(origin, change.kind, "activation", own, change.modules, main, blobs)


def _target(store: Store) -> str:
    """The module that the store edits: its editor's, or that of the memories that it has."""
    named = store.config.editor.settings.get("target")
    modules = store.head_commit()[1].modules
    return str(named or (modules[0] if modules else ""))


def _delta(projection: Projection, saved: SavedWise, memory: SavedMemory) -> Tensor:
    """ΔW, (d_ff, d_model), on the CPU."""
    weight = weight_of(projection).detach().cpu()
    original, edited = (
        (tensor.T if projection.transposed else tensor).float() for tensor in (saved.original, memory.weight)
    )
    if original.shape != weight.shape or not torch.equal(original.to(weight.dtype), weight):
        raise BaseModelMismatch(
            f"the checkpoint was made for another weight than {projection.name}",
            hint="Make a store with 'wisedb init --model … --target …' for the model and layer of its inner_params.",
        )
    return (edited - original).to(saved.original.dtype)


def _edits(base: LoadedBase, saved: SavedWise) -> list[list[Edit]]:
    """The edits in force of each memory: where a prompt was edited again, only the newest counts."""

    def text(ids: Sequence[int]) -> str:
        return str(base.tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def edit(each: SavedEdit) -> Edit:
        other = text(each.locality)
        locality = (LocalityPrompt(other, None),) if other else ()
        return Edit(text(each.prompt), text(each.target), locality=locality, source=SOURCE)

    read = [[edit(each) for each in memory.edits] for memory in saved.memories]
    newest = {each.key: each for edits in read for each in edits}
    return [distinct([each for each in edits if newest[each.key] is each]) for edits in read]


def _settings(saved: SavedWise, target: str) -> dict[str, Setting]:
    given: dict[str, Any] = {ours: saved.settings[name] for name, ours in _SETTINGS.items() if saved.settings.get(name)}
    replay = 1 if saved.settings.get("replay") else 0
    return settings_of(find("wise"), {**given, "replay": replay, "target": target})
