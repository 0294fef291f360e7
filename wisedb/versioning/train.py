"""Plans → trained memories → blobs: the work of a commit, all of it before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from wisedb.config import EditorChoice
from wisedb.editors.common.limits import ensure_room
from wisedb.editors.protocol import Editor
from wisedb.editors.streams import ShardPlan, effective
from wisedb.edits import Edit
from wisedb.memory.kinds.masks import random_mask
from wisedb.memory.merging import merged_memory
from wisedb.model.locate import locate
from wisedb.model.tokens import encode_prompt, pad_batch
from wisedb.progress import Listener, Progress
from wisedb.serving.assemble import lent
from wisedb.serving.key_blobs import STATISTICS, KeyWriter
from wisedb.serving.memory_codec import SHARD, Draft, delta_blob, mask_blob, read_mask, read_memories, tensor
from wisedb.serving.resources import prepare
from wisedb.store.commits import MemoryEntry
from wisedb.versioning.streams import choice_in, choice_of, find_start

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class Written:
    """The state after a commit, not landed yet.

    Attributes:
        memories: the commit's list of memories.
        draft: the new blobs in front of the store's.
        merged: the commit's ``merged``.
        trained: how many edits were trained for it.
    """

    memories: tuple[MemoryEntry, ...]
    draft: Draft
    merged: Mapping[str, Any] | None
    trained: int


def write(
    store: Store,
    base: LoadedBase,
    memories: Sequence[MemoryEntry],
    heads: Sequence[str],
    editor: Editor,
    choice: EditorChoice,
    plans: Sequence[ShardPlan],
    in_force: Sequence[Edit],
    *,
    draft: Draft | None = None,
    progress: Listener | None = None,
) -> Written:
    """Train what the plans ask for.

    Args:
        store: read from, never written to.
        base: the base model; it is left as it was.
        memories: those that the plans change, and those that stay as they are.
        heads: the commits behind which earlier versions of them are found.
        editor: who trains.
        choice: settings and seed of the memories that are begun here; the others keep theirs.
        plans: the memories that change.
        in_force: every edit in force afterwards, to find the merge's threshold.
        draft: blobs of ``memories`` that aren't in the store yet; what is trained joins them.
        progress: is told after each edit.

    Raises:
        TrainingFailed: see the editor.
    """
    draft = Draft(store.recent) if draft is None else draft
    entries = {memory.id: memory for memory in memories}
    work = _Count(progress)
    trained = 0
    starts = [None if plan.id is None else find_start(store, heads, plan.id, plan.stream) for plan in plans]
    for plan, start in zip(plans, starts, strict=True):
        new = effective(plan.stream)[0 if start is None else start.items :]
        ensure_room(base.model, base.tokenizer, [item.edit for item in new])
        work.total += len(new)
    for plan, start in zip(plans, starts, strict=True):
        items = effective(plan.stream)
        if not items:
            entries.pop(str(plan.id))
            continue
        # A memory is trained to its end as it was begun: only so is it a function of its stream.
        own = choice if plan.id is None else choice_of(store, plan.id)
        settings = editor.configure(own.settings)
        if plan.id is None:
            projection = locate(base.model, store.config.base.target)
            seed = int(plan.mask_seed or 0)
            mask = random_mask((projection.d_ff, projection.d_model), settings.mask_ratio, seed)
            memory_id = draft.put(mask_blob(mask, settings.mask_ratio, seed, own))
        else:
            memory_id, mask = plan.id, read_mask(draft, plan.id)
        begin = None if start is None else (tensor(draft.get(start.delta), "values"), start.items)
        result = editor.train(prepare(store, base, own), settings, own.seed, mask, begin, items, work.inner())
        work.finish(len(items) - (0 if start is None else start.items))
        trained += len(items) - (0 if start is None else start.items)
        delta_id = draft.put(delta_blob(memory_id, plan.stream, result), None if start is None else start.delta)
        before = entries[memory_id].blobs if memory_id in entries else {}
        entries[memory_id] = MemoryEntry(memory_id, SHARD, {**before, "mask": memory_id, "delta": delta_id})
    after = with_keys(store, base, draft, tuple(entries.values()), editor, choice, in_force)
    merged = merge_record(store, base, draft, after, editor.configure(choice.settings), in_force)
    return Written(after, draft, merged, trained)


def with_keys(
    store: Store,
    base: LoadedBase,
    draft: Draft,
    memories: Sequence[MemoryEntry],
    editor: Editor,
    choice: EditorChoice,
    in_force: Sequence[Edit],
) -> tuple[MemoryEntry, ...]:
    """The memories with the keys of their edits, where keys route.

    Keys and activation can't take turns: where one memory has keys, all get some, those that were written for the
    activation router too. They keep their thresholds, and answer where both say so.
    """
    metas = [(_meta(store, draft, memory.id), _meta(store, draft, memory.main)) for memory in memories]
    own = [editor.configure(choice_in(mask).settings) for mask, _ in metas]
    if not memories or not any(settings.keyed for settings in (*own, editor.configure(choice.settings))):
        return tuple(memories)
    records = {edit.id: edit for edit in in_force}
    writer = KeyWriter(base, store.config.base, draft, choice.pool)
    return tuple(
        memory
        if memory.main not in draft.blobs and memory.blobs.get(STATISTICS) == writer.prepare()
        else writer.keyed(memory, [records[each] for each in delta["edits"]], rephrases=settings.train_rephrases)
        for memory, settings, (_, delta) in zip(memories, own, metas, strict=True)
    )


def _meta(store: Store, draft: Draft, blob_id: str) -> Mapping[str, Any]:
    return draft.blobs[blob_id].meta if blob_id in draft.blobs else store.recent.meta(blob_id)


def merge_record(
    store: Store,
    base: LoadedBase,
    draft: Draft,
    memories: Sequence[MemoryEntry],
    settings: Any,
    in_force: Sequence[Edit],
) -> dict[str, Any] | None:
    """How the memories are merged: the TIES density, and the threshold of the merge.

    The threshold is found as a shard's is: the smallest activation of the edits in force, times a ratio (WISE §2.3.1).
    It is 0 where keys alone decide: nobody asks for it then. ``fitted`` says whether the merge is more than TIES, see
    :func:`wisedb.serving.merge_memories.consolidated`.
    """
    if not memories:
        return None
    if not settings.hinged:
        return {"density": settings.density, "threshold": 0.0, "fitted": settings.fit_merge}
    merged = replace(merged_memory(read_memories(draft, memories), 0.0, settings.density), keys=None)
    activations = prompt_activations(base, store.config.base.target, merged, [edit.prompt for edit in in_force])
    threshold = min(activations) * settings.threshold_ratio if activations else 0.0
    return {"density": settings.density, "threshold": threshold}


@torch.no_grad()
def prompt_activations(
    base: LoadedBase, target: str, memory: Any, prompts: Sequence[str], *, batch: int = 32
) -> list[float]:
    """Δ_act of each prompt under one memory."""
    found: list[float] = []
    with lent(base.model, target, [memory], "merge") as handle:
        for start in range(0, len(prompts), batch):
            ids = [encode_prompt(base.tokenizer, prompt) for prompt in prompts[start : start + batch]]
            padded, mask = pad_batch(ids, base.tokenizer.pad_token_id or 0, "right")
            if handle is None:
                raise RuntimeError("a memory was lent, so there is a handle")
            with handle.boundary([len(row) for row in ids]), handle.record() as record:
                device = base.model.device
                base.model(input_ids=padded.to(device), attention_mask=mask.to(device), use_cache=False)
            found.extend(record.activations[:, 0].tolist())
    return found


class _Count:
    """Joins the reports of several trainings into one count."""

    def __init__(self, listener: Listener | None) -> None:
        self._listener, self.total, self._before = listener, 0, 0

    def inner(self) -> Listener | None:
        listener = self._listener
        if listener is None:
            return None
        before = self._before

        def report(progress: Progress) -> None:
            listener(Progress("training", min(before + progress.done, self.total), self.total, progress.loss))

        return report

    def finish(self, count: int) -> None:
        self._before += count
