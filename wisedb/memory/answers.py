"""What an edit says in a reply: its own question is read by itself, and its memory answers it.

However a user came to ask for a fact (in other words, between other sentences, late in a conversation), the memory says
what it says to the question that it learned: behind the chat template, as the first message of a conversation or, where
the edit says so, behind the messages that it was taught with. One fixed sentence stands for whatever the reply said
before. The states that this gives behind the last block stand in the place of the model's own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from wisedb.memory.gates.keys.chat_statistics import ChatStatistics
from wisedb.memory.gates.keys.questions import AskedOf
from wisedb.memory.gates.keys.replies import Meant, Stretch
from wisedb.memory.guard import Guard
from wisedb.memory.routing import HostSlots

# Replies that are remembered, token by token: the same facts are asked for again and again.
_REMEMBERED = 4096
# Edits whose keys and values are kept, so that the next token of a reply costs one token.
_OPEN = 32


class Answering(NamedTuple):
    """A question that is read with a memory.

    Attributes:
        slots: the memory's slot.
        there: bool (1, T): where it answers.
        states: where what the last block gives, (1, T, d_model), is left.
    """

    slots: HostSlots
    there: Tensor
    states: list[Tensor]


Run = Callable[[Sequence[int], int, Meant, Any], tuple[Tensor, Any]]
"""Token ids, the first of them at which a memory answers, the edit that is meant and a cache that holds what stands in
front → what the last block gives, (T, d_model), and the cache with them."""


_Place = tuple[int, bool]
"""An edit, and whether something was said before it."""

# Stands where no edit is asked.
_NO_EDIT = -1


class AnswerReader:
    """Reads what edits say; each beginning of an answer once.

    Args:
        chat: the template's frame.
        questions: of each edit its own question, counted over all memories' edits.
        run: runs the model with a memory.
    """

    def __init__(self, chat: ChatStatistics, questions: Mapping[int, AskedOf], run: Run) -> None:
        self._chat, self._questions, self._run = chat, questions, run
        self._known: OrderedDict[tuple[_Place, tuple[int, ...]], Tensor] = OrderedDict()
        self._open: OrderedDict[_Place, tuple[tuple[int, ...], Any]] = OrderedDict()
        # What is known belongs to all threads, and so do the caches that go on.
        self._guard = Guard()

    def forget(self) -> None:
        """Read everything anew: the model was moved."""
        with self._guard:
            self._known.clear()
            self._open.clear()

    def __call__(self, stretch: Stretch) -> Tensor:
        """What the last block gives at the tokens of a stretch, (n, d_model)."""
        place, said = (stretch.meant.edit, stretch.later), stretch.said
        first = len(said) + 1 - len(stretch.places)
        keys = [(place, said[:count]) for count in range(first, len(said) + 1)]
        with self._guard:
            if any(key not in self._known for key in keys):
                self._read(stretch.meant, place, said, first)
            found = torch.stack([self._known[key] for key in keys])
            for key in keys:
                self._known.move_to_end(key)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found

    def text(self, meant: Meant) -> Tensor:
        """What the last block gives where the base model begins the text that was asked for, (1, d_model).

        It is read behind the sentence that stands for whatever the reply said before: behind a fact alone, many a model
        takes the text for said, and ends.
        """
        key: tuple[_Place, tuple[int, ...]] = ((_NO_EDIT, True), meant.heard)
        with self._guard:
            if key not in self._known:
                asked = [*self._chat.asked(meant.heard), *self._chat.earlier.tolist()]
                states, _ = self._run(asked, len(asked), meant, None)
                self._known[key] = states[-1]
            self._known.move_to_end(key)
            return self._known[key][None]

    @torch.no_grad()
    def _read(self, meant: Meant, place: _Place, said: tuple[int, ...], first: int) -> None:
        before, cache = self._open.pop(place, ((), None))
        if cache is not None and len(before) < len(said) and said[: len(before)] == before and len(before) < first:
            ids, begins, known = said[len(before) :], 0, len(before) + 1
        else:
            edit, later = place
            question = self._questions[edit]
            asked = [
                *(question.conversation or self._chat.asked(question.ids)),
                *(self._chat.earlier.tolist() if later else ()),
            ]
            ids, begins, known, cache = (*asked, *said), len(asked) - 1, 0, None
        states, cache = self._run(ids, begins, meant, cache)
        for count, state in enumerate(states[begins:], start=known):
            self._known[place, said[:count]] = state
        self._open[place] = (said, cache)
        while len(self._open) > _OPEN:
            self._open.popitem(last=False)
