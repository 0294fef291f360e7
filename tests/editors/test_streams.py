"""Streams: what counts of them, and which of their items are written together."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wisedb.editors.streams import Held, StreamItem, batches, effective, numbered
from wisedb.edits import Edit

EDITS = [Edit(prompt, target) for prompt in ("Who?", "Where?") for target in ("here", "there")]
STREAMS = st.lists(st.builds(StreamItem, st.sampled_from(EDITS), batch=st.sampled_from([None, 3, 7])), max_size=6)


@given(STREAMS)
def test_of_each_prompt_the_last_item_counts(stream: list[StreamItem]) -> None:
    last = {item.edit.key: item for item in stream}
    found = effective(stream)
    assert {item.edit.key: item for item in found} == last and len(found) == len(last)
    places = [max(place for place, other in enumerate(stream) if other.edit.key == item.edit.key) for item in found]
    assert places == sorted(places)
    assert effective(found) == found
    assert Held("memory", tuple(stream)).in_force == tuple(item.edit for item in found)


@given(STREAMS)
def test_batches_joined_are_the_stream(stream: list[StreamItem]) -> None:
    groups = list(batches(stream))
    assert [item for group in groups for item in group] == stream and all(groups)
    assert all(len({item.batch for item in group}) == 1 for group in groups)
    assert all(len(group) == 1 for group in groups if group[0].batch is None)
    assert all(one[0].batch is None or one[0].batch != other[0].batch for one, other in pairwise(groups))


@given(STREAMS)
def test_only_what_is_equal_counts_of_the_numbers_of_batches(stream: list[StreamItem]) -> None:
    again = [
        StreamItem(item.edit, item.companions, number) for item, number in zip(stream, numbered(stream), strict=True)
    ]
    assert [len(group) for group in batches(again)] == [len(group) for group in batches(stream)]
    assert numbered(again) == numbered(stream)
    assert [number is None for number in numbered(stream)] == [item.batch is None for item in stream]
