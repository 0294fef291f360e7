"""A commit as a plain checkpoint: its memories in the base model's weights, once it is known what that costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wisedb.export.bake import bake
from wisedb.export.cost import Cost, asked_at, continuations, measure_cost
from wisedb.progress import Progress
from wisedb.serving.memory_codec import read_memories
from wisedb.serving.merge_memories import merge_memories
from wisedb.serving.store_base import load_base_of

if TYPE_CHECKING:
    from wisedb.progress import Listener
    from wisedb.store.store import Store

_README = """# {name}, with {count} edited facts

This checkpoint was exported by wisedb from commit `{commit}` of a store for `{model}`.

It is a plain `transformers` checkpoint: the memories are part of its weights (changed: {modules}). **The change is
always on.** The gates, which let a memory answer only where it is meant, are not part of a plain checkpoint, so prompts
that have nothing to do with the edits may be answered differently from the base model. Where that matters, load the
store or the `adapter` export with `wisedb.load`.
{measured}"""

_MEASURED = """
Measured when it was exported: of the edits' target tokens {reliability} are the likeliest, and of {prompts} unrelated
prompts {agreement} are continued as the base model does.
"""


def write_checkpoint(
    store: Store,
    commit_id: str,
    folder: Path,
    kwargs: dict[str, Any],
    *,
    force: bool,
    progress: Listener | None,
) -> Cost:
    """Write a commit's model to a folder as a plain checkpoint.

    Args:
        store: the store.
        commit_id: the commit.
        folder: where to; it is there, and empty.
        kwargs: as in :func:`wisedb.model.base.load_base`.
        force: write it whatever it costs.
        progress: is told how far a merge is that must be fitted first.

    Raises:
        CannotBake: a memory is of a kind that no weight can say.
        TooCostly: without force, and it would leave too little of the base model as it was; nothing was written.
    """
    base, commit = store.config.base, store.objects.commit(commit_id)
    there = read_memories(store.objects, commit.memories)
    # Fitted to the model as it is trained, whatever dtype is written.
    memories = there and merge_memories(store, load_base_of(store, **kwargs), commit, there, progress=progress)
    loaded = load_base_of(store, **{"dtype": "auto", **kwargs})
    if progress is not None:
        progress(Progress("measuring", 0, 1))
    asked = asked_at(store, loaded, commit_id, commit, there)
    before = continuations(loaded, asked.unrelated)
    bake(loaded, memories)
    cost = measure_cost(loaded, asked, before)
    if progress is not None:
        progress(Progress("measuring", 1, 1))
    if not force:
        cost.check()
    loaded.model.generation_config = loaded.generation
    loaded.model.save_pretrained(folder)
    loaded.saved_tokenizer().save_pretrained(folder)
    modules = dict.fromkeys(module for memory in memories for module in memory.modules)
    (folder / "README.md").write_text(
        _README.format(
            name=Path(base.source).name,
            count=sum(len(memory.edits) for memory in memories),
            commit=commit_id,
            model=base.source,
            modules=", ".join(f"`{module}`" for module in modules) or "none",
            measured=_measured(cost),
        ),
        encoding="utf-8",
    )
    (folder / "wisedb-export.json").write_text(
        json.dumps({"commit": commit_id, "base": base.to_json(), "modules": list(modules), **cost.to_json()}, indent=2)
        + "\n",
        encoding="utf-8",
    )
    return cost


def _measured(cost: Cost) -> str:
    if cost.reliability is None or cost.agreement is None:
        return ""
    return _MEASURED.format(
        reliability=f"{cost.reliability:.1%}", agreement=f"{cost.agreement:.1%}", prompts=cost.prompts
    )
