"""The codebook: the paper's three rules, exact undoing, and a lookup that defers outside all balls."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wisedb.editors.grace.codebook import DEFERRED, Codebook, initial_radius, replace
from wisedb.errors import CorruptObject, UsageError

_INITIAL = 1.0


def _book(*entries: tuple[float, str]) -> Codebook:
    """Keys on a line (x, 0), each with its number as value and as edit."""
    book = Codebook.empty(2, 3, _INITIAL)
    for number, (x, label) in enumerate(entries):
        book = book.add(torch.tensor([x, 0.0]), torch.full((3,), float(number)), label, f"e{number}")
    return book


def _at(book: Codebook, *places: float) -> list[int]:
    return book.lookup(torch.tensor([[x, 0.0] for x in places])).entry.tolist()


def test_far_apart_each_edit_gets_its_own_ball() -> None:
    book = _book((0.0, "a"), (5.0, "b"))
    assert book.radii.tolist() == [1.0, 1.0] and book.entries == 2
    assert _at(book, 0.0, 0.9, 1.0, 1.1, 3.9, 4.0, 6.0, 6.5) == [0, 0, 0, DEFERRED, DEFERRED, 1, 1, DEFERRED]


def test_the_same_label_near_by_expands_the_ball() -> None:
    book = _book((0.0, "a"), (1.5, "a"))
    assert book.entries == 1 and book.owners.tolist() == [0, 0]
    assert book.radii[0] == 1.5
    assert _at(book, 1.5, -1.5, 1.6) == [0, 0, DEFERRED]
    # Well inside there is nothing to expand.
    assert _book((0.0, "a"), (0.5, "a")).radii[0] == 1.0


def test_another_label_near_by_splits_the_balls() -> None:
    book = _book((0.0, "a"), (0.8, "b"))
    assert book.entries == 2
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
    answering = book.answering()
    assert answering["owners"].tolist() == [0, 2]
    assert torch.equal(answering["keys"], book.keys[[0, 2]]) and answering["radii"].tolist() == [1.5, 1.0]


_PLACES = st.lists(
    st.tuples(st.integers(-20, 20), st.sampled_from("abc")), min_size=1, max_size=8, unique_by=lambda item: item[0]
)


@settings(max_examples=60, deadline=None)
@given(_PLACES, st.data())
def test_an_edit_taken_out_is_as_if_it_never_was(places: list[tuple[int, str]], data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.integers(0, len(places) - 1)))
    book, expected = Codebook.empty(2, 3, _INITIAL), Codebook.empty(2, 3, _INITIAL)
    for number, (x, label) in enumerate(places):
        row = (torch.tensor([x / 4, 0.0]), torch.full((3,), float(number)), label, f"e{number}")
        book = book.add(*row)
        expected = expected if number in gone else expected.add(*row)

    left = book.without({f"e{number}" for number in gone})

    assert left.edits == expected.edits and left.labels == expected.labels
    for name, tensor in expected.tensors().items():
        assert torch.equal(left.tensors()[name], tensor), name


@settings(max_examples=60, deadline=None)
@given(_PLACES)
def test_every_edits_own_key_gets_its_own_label_or_defers(places: list[tuple[int, str]]) -> None:
    book = _book(*((x / 4, label) for x, label in places))
    entries = _at(book, *(x / 4 for x, _ in places))
    assert all(
        entry == DEFERRED or book.labels[entry] == label for entry, (_, label) in zip(entries, places, strict=True)
    )
    # The newest edit's own key always answers.
    assert entries[-1] != DEFERRED


def test_adding_makes_a_new_codebook() -> None:
    book = _book((0.0, "a"))
    kept = {name: tensor.clone() for name, tensor in book.tensors().items()}
    book.add(torch.tensor([0.5, 0.0]), torch.zeros(3), "b", "other")
    assert all(torch.equal(kept[name], tensor) for name, tensor in book.tensors().items())


def test_lookup_takes_queries_of_any_shape() -> None:
    book = _book((0.0, "a"), (5.0, "b"))
    queries = torch.tensor([[[0.1, 0.0], [9.0, 0.0], [5.0, 0.5]], [[5.0, 0.0], [0.0, 0.0], [2.5, 0.0]]])
    found = book.lookup(queries)
    assert found.entry.tolist() == [[0, DEFERRED, 1], [1, 0, DEFERRED]]
    assert torch.allclose(found.distance, torch.tensor([[0.1, 4.0, 0.5], [0.0, 0.0, 2.5]]))
    assert torch.equal(book.lookup(queries.bfloat16().float()).entry, book.lookup(queries.bfloat16()).entry)


def test_an_empty_codebook_defers() -> None:
    found = Codebook.empty(2, 3, _INITIAL).lookup(torch.zeros(4, 5, 2))
    assert found.entry.shape == (4, 5) and bool((found.entry == DEFERRED).all()) and bool(found.distance.isinf().all())


def test_a_value_stands_in_the_place_of_the_output_from_the_prompts_last_token_on() -> None:
    book = _book((0.0, "a"), (5.0, "b"))
    output = torch.randn(3, 4, 3, generator=torch.Generator().manual_seed(0))
    answered = replace(output, book, torch.tensor([1, DEFERRED, 0]), torch.tensor([2, 0, 3]))
    assert torch.equal(answered[0, 2:], torch.ones(2, 3)) and torch.equal(answered[0, :2], output[0, :2])
    assert torch.equal(answered[1], output[1])
    assert torch.equal(answered[2, 3], torch.zeros(3)) and torch.equal(answered[2, :3], output[2, :3])
    empty = Codebook.empty(2, 3, _INITIAL)
    assert torch.equal(replace(output, empty, torch.full((3,), DEFERRED), torch.zeros(3).long()), output)


def test_it_is_kept_as_tensors_and_meta() -> None:
    book = _book((0.0, "a"), (0.8, "b"), (1.0, "b"))
    again = Codebook.from_tensors(book.tensors(), book.meta())
    assert again.meta() == book.meta()
    assert all(torch.equal(again.tensors()[name], tensor) for name, tensor in book.tensors().items())
    with pytest.raises(CorruptObject):
        Codebook.from_tensors({"keys": book.keys}, book.meta())
    with pytest.raises(CorruptObject):
        Codebook.from_tensors({**book.tensors(), "owners": torch.tensor([0, 2, 1])}, book.meta())
    with pytest.raises(CorruptObject):
        Codebook.from_tensors({**book.tensors(), "radii": torch.tensor([1.0, torch.inf, 0.0])}, book.meta())


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
