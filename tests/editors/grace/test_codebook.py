"""The codebook: the paper's three rules, exact undoing, and a lookup that defers outside all balls."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wisedb.editors.grace.codebook import GraceCodebook, initial_radius
from wisedb.errors import CorruptObject, UsageError

_INITIAL = 1.0
DEFERRED = -1


def _book(*entries: tuple[float, str]) -> GraceCodebook:
    """Keys on a line (x, 0), each with its number as value and as edit."""
    book = GraceCodebook.empty(2, 3, _INITIAL)
    for number, (x, label) in enumerate(entries):
        book = book.add(torch.tensor([x, 0.0]), torch.full((3,), float(number)), label, f"e{number}")
    return book


def _at(book: GraceCodebook, *places: float) -> list[int]:
    """The row that answers at each place, as the memory places its keys."""
    change = book.change("module")
    placed = change.place("module", torch.device("cpu"), torch.float32)
    distances = torch.cdist(torch.tensor([[x, 0.0] for x in places]), placed.keys)
    nearest, entry = distances.min(dim=1)
    return [
        int(change.answering[at]) if near <= placed.radii[at] else DEFERRED
        for near, at in zip(nearest.tolist(), entry.tolist(), strict=True)
    ]


def test_far_apart_each_edit_gets_its_own_ball() -> None:
    book = _book((0.0, "a"), (5.0, "b"))
    assert book.radii.tolist() == [1.0, 1.0] and book.change("module").entries == 2
    assert _at(book, 0.0, 0.9, 1.0, 1.1, 3.9, 4.0, 6.0, 6.5) == [0, 0, 0, DEFERRED, DEFERRED, 1, 1, DEFERRED]


def test_the_same_label_near_by_expands_the_ball() -> None:
    book = _book((0.0, "a"), (1.5, "a"))
    assert book.change("module").entries == 1 and book.owners.tolist() == [0, 0]
    assert book.radii[0] == 1.5
    assert _at(book, 1.5, -1.5, 1.6) == [0, 0, DEFERRED]
    # Well inside there is nothing to expand.
    assert _book((0.0, "a"), (0.5, "a")).radii[0] == 1.0


def test_another_label_near_by_splits_the_balls() -> None:
    book = _book((0.0, "a"), (0.8, "b"))
    assert book.change("module").entries == 2
    assert book.radii[1] == pytest.approx(0.4) and book.radii[0] < 0.4
    assert book.radii[0] == pytest.approx(0.4, rel=1e-4)
    assert _at(book, 0.0, 0.39, 0.8, 0.41, 1.3) == [0, 0, 1, 1, DEFERRED]


def test_a_split_never_makes_a_ball_grow() -> None:
    book = _book((0.0, "a"), (0.2, "b"), (-0.9, "c"))
    assert book.radii[0] == pytest.approx(0.1, rel=1e-3)
    # The distance is .9, its half more than what the nearest ball is left with.
    assert book.radii[2] == pytest.approx(0.45)
    assert _book((0.0, "a"), (2.0, "a"), (2.5, "b")).radii.tolist()[2] == _INITIAL


def test_the_nearest_key_decides_where_balls_overlap() -> None:
    # Both keep ε_init: they are just far enough apart for no conflict, after which the first one expands.
    book = _book((0.0, "a"), (2.1, "b"), (-0.5, "a"))
    assert _at(book, 1.0, 1.11, 2.0) == [0, 1, 1]


def test_an_absorbed_edits_key_does_not_answer() -> None:
    book = _book((0.0, "a"), (1.5, "a"), (3.4, "b"))
    # The nearest KEY of 3.4 is the absorbed one; the nearest entry is 0, at 3.4 > ε_init + 1.5.
    assert book.radii[2] == _INITIAL
    placed = book.change("module").place("module", torch.device("cpu"), torch.float32)
    assert book.change("module").answering.tolist() == [0, 2]
    assert torch.equal(placed.keys, book.keys[[0, 2]]) and placed.radii.tolist() == [1.5, 1.0]


_PLACES = st.lists(
    st.tuples(st.integers(-20, 20), st.sampled_from("abc")), min_size=1, max_size=8, unique_by=lambda item: item[0]
)


@settings(max_examples=60, deadline=None)
@given(_PLACES, st.data())
def test_an_edit_taken_out_is_as_if_it_never_was(places: list[tuple[int, str]], data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.integers(0, len(places) - 1)))
    book, expected = GraceCodebook.empty(2, 3, _INITIAL), GraceCodebook.empty(2, 3, _INITIAL)
    for number, (x, label) in enumerate(places):
        row = (torch.tensor([x / 4, 0.0]), torch.full((3,), float(number)), label, f"e{number}")
        book = book.add(*row)
        expected = expected if number in gone else expected.add(*row)

    left = book.without({f"e{number}" for number in gone})

    assert left.edits == expected.edits and left.labels == expected.labels
    for name in ("keys", "values", "radii", "owners"):
        assert torch.equal(getattr(left, name), getattr(expected, name)), name


@settings(max_examples=60, deadline=None)
@given(_PLACES)
def test_a_key_that_answers_is_found_by_itself(places: list[tuple[int, str]]) -> None:
    book = _book(*((x / 4, label) for x, label in places))
    entries = _at(book, *(x / 4 for x, _ in places))
    # An edit that shares another's key may be taken by a third one: that is how the paper's rules split balls.
    owners = book.owners.tolist()
    assert all(entry in (row, DEFERRED) for row, entry in enumerate(entries) if owners[row] == row)
    # The newest edit always gets what it says.
    assert entries[-1] != DEFERRED and book.labels[entries[-1]] == book.labels[-1]


def test_adding_makes_a_new_codebook() -> None:
    book = _book((0.0, "a"))
    kept = {name: getattr(book, name).clone() for name in ("keys", "values", "radii", "owners")}
    book.add(torch.tensor([0.5, 0.0]), torch.zeros(3), "b", "other")
    assert all(torch.equal(tensor, getattr(book, name)) for name, tensor in kept.items())


def test_it_goes_on_from_the_memory() -> None:
    book = _book((0.0, "a"), (0.8, "b"), (1.0, "b"))
    again = GraceCodebook.of(book.change("module"), book.labels, book.edits, _INITIAL)
    row = (torch.tensor([0.2, 0.0]), torch.zeros(3), "c", "newer")
    one, other = again.add(*row), book.add(*row)
    assert all(torch.equal(getattr(one, name), getattr(other, name)) for name in ("keys", "radii", "owners"))
    with pytest.raises(CorruptObject):
        GraceCodebook.of(book.change("module"), book.labels[:2], book.edits[:2], _INITIAL)


def test_edits_that_do_not_fit_are_refused() -> None:
    book = _book((0.0, "a"))
    for key, edit in ((torch.zeros(2), "e0"), (torch.zeros(3), "e1")):
        with pytest.raises(UsageError):
            book.add(key, torch.zeros(3), "a", edit)
    with pytest.raises(UsageError):
        book.without(["e7"])


def test_the_first_radius_is_in_units_of_how_far_prompts_lie_apart() -> None:
    keys = torch.tensor([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0], [9.0, 0.0]])
    # Nearest others: 1, 1, 2, 6; the lower median is 1.
    assert initial_radius(keys, 0.5) == pytest.approx(0.5)
    assert initial_radius(10 * keys, 0.5) == pytest.approx(5.0)
    for few in (keys[:1], keys[:0], torch.zeros(3, 2)):
        with pytest.raises(UsageError):
            initial_radius(few, 0.5)
