"""The decisions: which commits, in which order, in how many bundles."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wisedb.errors import CorruptObject
from wisedb.sharing.manifest import Bundle
from wisedb.sharing.plan import Layout, ancestry, levels, together, wanted_bundles


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Node → earlier nodes that it has as parents."""
    size = draw(st.integers(1, 12))
    return {
        str(number): sorted(draw(st.sets(st.integers(0, number - 1).map(str), max_size=3))) if number else []
        for number in range(size)
    }


def reached(graph: Mapping[str, list[str]], starts: set[str]) -> set[str]:
    found = set(starts)
    for node in sorted(graph, key=int, reverse=True):
        if node in found:
            found |= set(graph[node])
    return found


@given(graphs(), st.data())
def test_ancestry_is_all_of_it_parents_first(graph: dict[str, list[str]], data: st.DataObject) -> None:
    some = st.sets(st.sampled_from(sorted(graph)), max_size=4)
    starts, stop = data.draw(some), reached(graph, data.draw(some))
    order = ancestry(graph.__getitem__, sorted(starts), stop)
    assert len(order) == len(set(order))
    assert set(order) == reached(graph, starts) - stop
    for place, node in enumerate(order):
        assert all(parent in stop or parent in order[:place] for parent in graph[node])


def test_a_long_line_is_no_problem() -> None:
    order = ancestry(lambda node: [str(int(node) - 1)] if node != "0" else [], ["20000"])
    assert order[0] == "0" and len(order) == 20001


@given(graphs())
def test_levels_need_only_what_came_before(graph: dict[str, list[str]]) -> None:
    steps = levels({node: [*parents, "elsewhere"] for node, parents in graph.items()})
    before: set[str] = set()
    for step in steps:
        assert all(set(graph[node]) <= before for node in step)
        before |= set(step)
    assert before == set(graph)


def test_blobs_that_need_one_another() -> None:
    with pytest.raises(CorruptObject):
        levels({"a": ["b"], "b": ["a"]})


def bundle(name: str, size: int, *tips: str) -> Bundle:
    return Bundle(name, size, 1, tips)


def test_bundles_are_wanted_while_a_tip_is_missing() -> None:
    listed = [bundle("a", 1, "1"), bundle("b", 1, "2", "3"), bundle("c", 1, "4"), bundle("d", 1)]
    assert [each.name for each in wanted_bundles(listed, {"1", "2"}.__contains__)] == ["b", "c", "d"]
    assert [each.name for each in wanted_bundles(listed, {"1", "2", "3", "4"}.__contains__)] == ["d"]


@settings(max_examples=30)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=400))
def test_the_number_of_bundles_is_bounded_and_so_is_the_work(pushes: list[int]) -> None:
    layout = Layout(most=8, small=1000, sum=4000)
    there: list[Bundle] = []
    moved: dict[str, int] = {}
    for number, size in enumerate(pushes):
        taken = together(there, 1, layout)
        there = [each for each in there if each not in taken]
        weight = size + sum(each.bytes for each in taken)
        parts = [str(number), *(name for each in taken for name in each.tips)]
        for part in parts:
            moved[part] = moved.get(part, 0) + 1
        there.append(bundle(f"{number}", weight, *parts))
        small = [each for each in there if each.bytes < layout.small]
        assert len(small) <= layout.most
        assert weight <= layout.sum + size
    # Every push's part is in exactly one bundle, and was moved a few times only.
    assert sorted(tip for each in there for tip in each.tips) == sorted(map(str, range(len(pushes))))
    assert max(moved.values()) <= 8


def test_few_bundles_are_left_alone() -> None:
    assert together([bundle(str(n), 1) for n in range(7)], 1, Layout(most=8)) == []
    assert len(together([bundle(str(n), 1) for n in range(8)], 1, Layout(most=8))) == 8
    assert together([bundle(str(n), 100) for n in range(8)], 1, Layout(most=8, small=100)) == []
