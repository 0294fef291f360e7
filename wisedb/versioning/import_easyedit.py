"""Side memories that were trained elsewhere, taken over as a commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from wisedb.canonical import digest
from wisedb.config import EditorChoice, Setting
from wisedb.editors.protocol import editor as find_editor
from wisedb.editors.streams import ShardStream, StreamItem, TrainedShard
from wisedb.edits import Edit, LocalityPrompt, distinct
from wisedb.errors import BaseModelMismatch, ConflictingEdits
from wisedb.importers.easyedit import SavedEdit, SavedMemory, SavedWise, read_checkpoint
from wisedb.memory.kinds.masked_delta import SideMemory
from wisedb.model.locate import locate, weight_of
from wisedb.model.tensors import to_raw
from wisedb.progress import Listener
from wisedb.serving.memory_codec import SHARD, Draft, delta_blob, mask_blob
from wisedb.store.commits import MemoryEntry
from wisedb.versioning.commit import CommitResult, Proposal, change
from wisedb.versioning.land import Signature, read_tip
from wisedb.versioning.streams import read_streams
from wisedb.versioning.train import prompt_activations

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
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
    "save_freq": "shard_capacity",
    "densities": "density",
}


def adopt_easyedit(
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
    streams = read_streams(store, tip.commit, choice)
    held = {edit.key: edit for stream in streams for edit in stream.in_force}
    draft = Draft(store.objects)
    own = EditorChoice(choice.name, _settings(saved), choice.seed, choice.pool)
    entries: list[MemoryEntry] = []
    records: list[Edit] = []
    for memory, edits in zip(saved.memories, _edits(base, saved), strict=True):
        taken = next((edit for edit in edits if edit.key in held), None)
        if taken is not None:
            raise ConflictingEdits(
                f"“{taken.prompt}” has an edit in force already",
                hint="Revert that one first, or import into a branch without it.",
            )
        items = tuple(StreamItem(edit) for edit in edits)
        if not items:
            continue
        entry = _put(draft, store, base, saved, memory, items, own)
        entries.append(entry)
        records.extend(edits)
        streams.append(ShardStream(entry.id, items, None, open=False))
    proposal = Proposal(
        tip, choice, (tip.id,), (*tip.commit.memories, *entries), tuple(streams), (), tuple(records), draft
    )
    return change(store, base, proposal, signature, action="import", progress=progress)


def _put(
    draft: Draft,
    store: Store,
    base: LoadedBase,
    saved: SavedWise,
    memory: SavedMemory,
    items: Sequence[StreamItem],
    own: EditorChoice,
) -> MemoryEntry:
    delta = _delta(store, base, saved, memory)
    mask = delta != 0
    values = delta[mask]
    # Two memories may have the same mask; what tells them apart is what was trained.
    seed = int(digest(to_raw(values)[2])[:8], 16)
    mask_id = draft.put(mask_blob(mask, float(mask.float().mean()), seed, own))
    quiet = SideMemory(mask_id, mask, values, 0.0)
    levels = prompt_activations(base, store.config.base.target, quiet, [item.edit.prompt for item in items])
    threshold = min(levels) * float(own.settings["threshold_ratio"])
    delta_id = draft.put(delta_blob(mask_id, items, TrainedShard(values, threshold)))
    return MemoryEntry(mask_id, SHARD, {"mask": mask_id, "delta": delta_id})


def _delta(store: Store, base: LoadedBase, saved: SavedWise, memory: SavedMemory) -> Tensor:
    """ΔW, (d_ff, d_model), on the CPU."""
    projection = locate(base.model, store.config.base.target)
    weight = weight_of(projection).detach().cpu()
    original, edited = (
        (tensor.T if projection.transposed else tensor).float() for tensor in (saved.original, memory.weight)
    )
    if original.shape != weight.shape or not torch.equal(original.to(weight.dtype), weight):
        raise BaseModelMismatch(
            f"the checkpoint was made for another weight than {store.config.base.target}",
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


def _settings(saved: SavedWise) -> dict[str, Setting]:
    given: dict[str, Any] = {ours: saved.settings[name] for name, ours in _SETTINGS.items() if saved.settings.get(name)}
    replay = 1 if saved.settings.get("replay") else 0
    return asdict(find_editor("wise").configure({"preset": "paper", **given, "replay": replay}))
