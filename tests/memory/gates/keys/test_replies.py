"""Where replies begin, what they answer, and which edit says what of them."""

from __future__ import annotations

import pytest
import torch

from wisedb.memory.gates.keys.chat_statistics import ChatStatistics
from wisedb.memory.gates.keys.replies import Meant, Replies, Stretch, behind_all, ends_of, last_reply, said_by

HEADER, OPENING = (7, 8), (9, 7)
EARLIER, PRONOUNS = torch.tensor([3], dtype=torch.int32), torch.zeros(0, 2, dtype=torch.int32)


def whole(count: int) -> torch.Tensor:
    return torch.ones(1, count, dtype=torch.bool)


@pytest.fixture
def chat() -> ChatStatistics:
    frame = (torch.tensor(part, dtype=torch.int32) for part in (HEADER, OPENING))
    header, opening = frame
    return ChatStatistics((0,), torch.zeros(2), torch.eye(2), header, header, opening, EARLIER, PRONOUNS, "0" * 64)


def test_a_stretch_of_ids_is_found_where_it_ends() -> None:
    ids = torch.tensor([[7, 8, 1, 7, 8], [8, 7, 7, 8, 2]])
    assert ends_of(ids, torch.tensor(HEADER)).int().tolist() == [[0, 1, 0, 0, 1], [0, 0, 0, 1, 0]]


def test_the_last_reply_answers_the_message_in_front_of_it(chat: ChatStatistics) -> None:
    #                     user: 1 2      reply: 3    user: 4      reply: 5
    ids = torch.tensor([[*HEADER, 1, 2, *OPENING, 3, *HEADER, 4, *OPENING, 5]])
    found = last_reply(ids, whole(ids.shape[1]), chat)
    assert found.there.tolist() == [True] and found.begins.tolist() == [11]
    assert ids[found.message].tolist() == [4]
    assert ids[found.before].tolist() == [1, 2, *OPENING, 3]
    # While the first reply is said the second question isn't known.
    earlier = whole(ids.shape[1])
    earlier[:, 7:] = False
    found = last_reply(ids, earlier, chat)
    assert found.begins.tolist() == [5] and ids[found.message].tolist() == [1, 2]
    assert not found.before.any()


@pytest.mark.parametrize("ids", [[1, 2, 3], [*HEADER, 1, 2], [1, 2, *OPENING]])
def test_where_no_reply_has_begun_there_is_none(chat: ChatStatistics, ids: list[int]) -> None:
    found = last_reply(torch.tensor([ids]), whole(len(ids)), chat)
    assert not found.there.any() and found.begins.tolist() == [-1] and not found.message.any()


END, LATER = 5, {5, 6}
ONE, TWO, LONG = Meant(0, 0, 1), Meant(3, 1, 1), Meant(4, 1, 2)


@pytest.mark.parametrize(
    ("meant", "reply", "said"),
    [
        ((), (1, END, 2), []),
        ((ONE,), (), [range(1)]),
        ((ONE,), (1, 2), [range(3)]),
        # The token that ends the sentence is said by the edit, the next one is not.
        ((ONE,), (1, END, 2), [range(2)]),
        ((LONG,), (1, END, 2, 6, 3), [range(4)]),
        ((ONE, TWO), (1,), [range(2)]),
        ((ONE, TWO), (1, END, 2, END, 3), [range(2), range(2, 4)]),
        ((LONG, ONE), (END, END), [range(2), range(2, 3)]),
    ],
)
def test_each_edit_says_its_sentences(meant: tuple[Meant, ...], reply: tuple[int, ...], said: list[range]) -> None:
    assert said_by(meant, reply, LATER) == list(zip(meant, said, strict=False))


LAST = TWO._replace(ends=True)


@pytest.mark.parametrize(
    ("meant", "reply", "end"),
    [
        ((ONE, LAST), (1, END, 2), None),
        ((ONE, LAST), (1, END, 2, END), 4),
        # Who went on all the same is left alone.
        ((ONE, LAST), (1, END, 2, END, 3, END), 4),
        ((), (1, END), None),
    ],
)
def test_a_place_is_behind_the_last_fact(meant: tuple[Meant, ...], reply: tuple[int, ...], end: int | None) -> None:
    assert behind_all(meant, reply, LATER) == end


@pytest.mark.parametrize("last", [LAST, TWO._replace(text=True)], ids=["end", "text"])
def test_an_end_and_a_text_begin_at_one_place_behind_what_was_said(last: Meant) -> None:
    replies = Replies((1,), ((last,),))
    told, after = replies.stretches([[0, 9, 1, END]], 3, LATER)
    assert told == Stretch(0, last, False, (1,), range(2))
    assert after == Stretch(0, last, True, (1, END), range(2, 3), after=True)
    assert replies.stretches([[0, 9, 1, END, 4]], 1, LATER) == []


def test_where_the_message_asks_for_other_things_too_the_model_goes_on_as_it_does() -> None:
    assert Replies((1,), ((TWO,),)).stretches([[0, 9, 1, END]], 1, LATER) == []


def test_stretches_are_those_of_the_tokens_that_are_looked_at() -> None:
    replies = Replies((2, -1, 3), ((ONE, TWO), (), (ONE,)))
    ids = [[0, 0, 9, 1, END, 2], [7] * 6, [0, 0, 0, 9, 8, END]]
    assert replies.answers
    found = replies.stretches(ids, 6, LATER)
    assert found == [
        Stretch(0, ONE, False, (1,), range(2)),
        Stretch(0, TWO, True, (2,), range(2, 4)),
        Stretch(2, ONE, False, (8,), range(2)),
    ]
    assert replies.stretches(ids, 1, LATER) == [Stretch(0, TWO, True, (2,), range(3, 4))]


def test_rows_that_another_memory_answers_are_left_out() -> None:
    replies = Replies((2, 2, 2), ((ONE, TWO), (ONE,), ()))
    assert replies.only([1, 1, -1]) == Replies((2, 2, 2), ((ONE, TWO), (), ()))
    assert not replies.only([-1, -1, -1]).answers
