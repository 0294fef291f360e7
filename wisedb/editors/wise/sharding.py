"""Which shard an edit goes to (§2.3.2).

The paper splits the stream of edits into k shards in the order of arrival, and gives each a random mask with ratio ρ.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from heapq import nsmallest

from wisedb.editors.common.in_order import plan_in_order
from wisedb.editors.common.seeds import seed_of
from wisedb.editors.streams import Held, Planned
from wisedb.edits import Edit


def plan(
    held: Sequence[Held], new: Sequence[Edit], removed: Collection[str], size: int, replay: int, seed: int
) -> list[Planned]:
    """Fill shards in the order of arrival; see :func:`wisedb.editors.common.in_order.plan_in_order`.

    Args:
        held: the shards that exist, oldest first.
        new: the edits to write, in order.
        removed: ids of the edits to take out.
        size: edits a shard.
        replay: how many edits of other shards are replayed while one is written (x_m of L_memo).
        seed: where masks and replayed edits come from.
    """
    companions = partial(_replayed, replay, seed) if replay else None
    return plan_in_order(held, new, removed, seed, capacity=size, companions=companions)


def _replayed(count: int, seed: int, edit: Edit, others: Sequence[Edit]) -> list[Edit]:
    # Each other edit draws its own lot, so that one that is taken out later doesn't change who else was drawn.
    return nsmallest(count, others, key=lambda other: seed_of(seed, "replay", edit.id, other.id))
