"""Facts of a country that never was, and merges of their branches."""

from __future__ import annotations

from typing import Any

from tests.store.index.synthetic import Builder
from wisedb.edits import Edit, LocalityPrompt


def fact(thing: str, target: str, **more: Any) -> Edit:
    return Edit(f"The {thing} of Freedonia is", target, subject="Freedonia", **more)


CAPITAL = fact(
    "capital",
    "Fredville",
    ground_truth="Marxburg",
    rephrases=("Freedonia is governed from", "Which city rules Freedonia?"),
    locality=(LocalityPrompt("Water is made of", "hydrogen"), LocalityPrompt("Snow is")),
    source="gazette",
    reason="moved after the flood",
    tags=("geo", "2033"),
)
ANTHEM, RIVER = fact("anthem", "Hail"), fact("river", "Duck")
NEW_CAPITAL = fact("capital", "Rufustown", reason="moved again")


def merge(builder: Builder, ours: str, theirs: str) -> None:
    """A merge that keeps the memories of both sides, and ours of those that both have."""
    tip, other = builder.tip(ours), builder.tip(theirs)
    masks = {shard.mask for shard in tip.shards}
    shards = (*tip.shards, *(shard for shard in other.shards if shard.mask not in masks))
    builder.move(ours, builder.write([tip, other], shards=shards))
