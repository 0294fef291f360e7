"""Where replies begin, what they answer, and where a memory stops answering."""

from __future__ import annotations

import pytest
import torch

from wisedb.memory.gates.keys.replies import Replies, ends_of, last_reply
from wisedb.memory.gates.keys.statistics import ChatStatistics
from wisedb.memory.gates.keys.token_flags import STOP

HEADER, OPENING = (7, 8), (9, 7)


def whole(count: int) -> torch.Tensor:
    return torch.ones(1, count, dtype=torch.bool)


@pytest.fixture
def chat() -> ChatStatistics:
    frame = (torch.tensor(part, dtype=torch.int32) for part in (HEADER, OPENING))
    header, opening = frame
    return ChatStatistics(torch.zeros(2), torch.eye(2), header, header, opening, "0" * 64)


def test_a_stretch_of_ids_is_found_where_it_ends() -> None:
    ids = torch.tensor([[7, 8, 1, 7, 8], [8, 7, 7, 8, 2]])
    assert ends_of(ids, torch.tensor(HEADER)).int().tolist() == [[0, 1, 0, 0, 1], [0, 0, 0, 1, 0]]


def test_the_last_reply_answers_the_message_in_front_of_it(chat: ChatStatistics) -> None:
    #                     user: 1 2      reply: 3    user: 4      reply: 5
    ids = torch.tensor([[*HEADER, 1, 2, *OPENING, 3, *HEADER, 4, *OPENING, 5]])
    found = last_reply(ids, whole(ids.shape[1]), chat)
    assert found.there.tolist() == [True] and found.begins.tolist() == [11]
    assert ids[found.message].tolist() == [4]
    # While the first reply is said the second question isn't known.
    earlier = whole(ids.shape[1])
    earlier[:, 7:] = False
    found = last_reply(ids, earlier, chat)
    assert found.begins.tolist() == [5] and ids[found.message].tolist() == [1, 2]


@pytest.mark.parametrize("ids", [[1, 2, 3], [*HEADER, 1, 2], [1, 2, *OPENING]])
def test_where_no_reply_has_begun_there_is_none(chat: ChatStatistics, ids: list[int]) -> None:
    found = last_reply(torch.tensor([ids]), whole(len(ids)), chat)
    assert not found.there.any() and found.begins.tolist() == [-1] and not found.message.any()


def test_a_memory_answers_from_the_opening_to_the_sentence_in_which_the_fact_is_said() -> None:
    flags = torch.tensor([[STOP, 0, STOP, 0, 0, STOP, 0, STOP]], dtype=torch.uint8).repeat(3, 1)
    replies = Replies(torch.tensor([2, 2, -1]), torch.tensor([1, 2, 0]), flags)
    one, two, plain = replies.answered(8).int().tolist()
    assert one == [0, 0, 1, 1, 1, 0, 0, 0]
    assert two == [0, 0, 1, 1, 1, 1, 1, 0]
    assert plain == [1] * 8
    assert torch.equal(replies.answered(3), replies.answered(8)[:, -3:])


def test_what_is_said_later_is_put_behind_what_is_kept() -> None:
    replies = Replies(torch.tensor([0]), torch.tensor([1]), torch.tensor([[0, 0]], dtype=torch.uint8))
    stopped = replies.extended(2, torch.tensor([[STOP]], dtype=torch.uint8))
    assert stopped.answered(1).tolist() == [[False]]
    # A candidate that was not taken is said anew.
    again = stopped.extended(2, torch.tensor([[0, 0]], dtype=torch.uint8))
    assert again.answered(2).tolist() == [[True, True]]
