"""A user's message sentence by sentence: subject and question have to stand in the same one.

What a message asks shows where the reply begins, but not if the question stands among other sentences, or behind
other questions: the state there says what the whole conversation comes to. So the router asks again: each sentence in
which the subject of an edit stands is read by itself, as the first message of a conversation, up to the block at which
what is asked shows. Messages without such a sentence, which are nearly all, cost nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch

from wisedb.memory.gates.keys.index import KeyIndex
from wisedb.memory.gates.keys.prompt_features import PromptFeatures
from wisedb.memory.gates.keys.replies import Reply
from wisedb.memory.gates.keys.score import EditScores, may_be_meant, score_edits
from wisedb.memory.gates.keys.statistics import ChatStatistics, Statistics
from wisedb.memory.gates.keys.token_flags import STOP

Reader = Callable[[Sequence[Sequence[int]]], torch.Tensor]
"""Conversations as token ids → their states (n, d_model) at the last token, where relations are read."""

# Sentences that are remembered: who decodes step by step, without generate, asks of the same ones at each step.
_REMEMBERED = 1024
# Sentences of one message that are read, the first ones with a subject; a document isn't a question. Set by hand.
_MOST = 8


class SentenceReader:
    """Reads sentences by themselves; the base model says the same of each for ever, so that the last ones are kept.

    Args:
        statistics: those of the base model.
        chat: those behind its chat template.
        read: reads a conversation.
    """

    def __init__(self, statistics: Statistics, chat: ChatStatistics, read: Reader) -> None:
        self._statistics, self._chat, self._read = statistics, chat, read
        self._known: OrderedDict[tuple[int, ...], torch.Tensor] = OrderedDict()

    def __call__(self, sentences: Sequence[Sequence[int]]) -> torch.Tensor:
        """The relation keys, float32 (n, r) on the CPU, of sentences as token ids; one at least."""
        asked = [tuple(sentence) for sentence in sentences]
        new = [sentence for sentence in dict.fromkeys(asked) if sentence not in self._known]
        # One at a time: what a sentence asks must not depend on what it is read with.
        for sentence in new:
            states = self._read([self._chat.asked(sentence)])
            self._known[sentence] = self._statistics.chat_relations(states)[0].cpu()
        found = torch.stack([self._known[sentence] for sentence in asked])
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return found


def sentences_of(flags: Sequence[int], places: Sequence[int]) -> list[list[int]]:
    """The sentences of a message, each the positions of its tokens.

    Args:
        flags: what each position shows (:mod:`wisedb.memory.gates.keys.token_flags`).
        places: the message's positions, in order.
    """
    found: list[list[int]] = [[]]
    for place in places:
        found[-1].append(place)
        if flags[place] & STOP:
            found.append([])
    return [sentence for sentence in found if any(not flags[place] & STOP for place in sentence)]


def score_messages(
    whole: PromptFeatures, reply: Reply, index: KeyIndex, threshold: float, read: SentenceReader
) -> tuple[EditScores, torch.Tensor]:
    """What the last message of each row means, sentence by sentence.

    The host looks at what stands in the messages.

    Args:
        whole: what was seen of the rows, (B, S).
        reply: the replies; rows without one are passed over.
        index: the keys.
        threshold: what a score must reach to matter.
        read: reads a sentence.

    Returns:
        the scores, (B, 1, n), −∞ for rows without a message that may mean an edit; and int64 (B,): how many tokens
        that end a sentence the answers of all edits that are meant have.
    """
    rows = whole.seen.shape[0]
    scores = whole.tokens.new_full((rows, 1, index.memories), -torch.inf)
    best = torch.zeros(rows, 1, dtype=torch.int64, device=scores.device)
    stops = torch.zeros(rows, dtype=torch.int64, device=scores.device)
    cases: list[tuple[int, list[int]]] = []
    for row in reply.there.nonzero()[:, 0].tolist():
        places = reply.message[row].nonzero()[:, 0].tolist()
        found = sentences_of(whole.flags[row].tolist(), places)
        some = [(row, sentence) for sentence in found]
        # A name may have a full stop in it.
        some += [(row, places)] if len(found) > 1 else []
        tokens, _, seen = _prompts(whole, some)
        likely = may_be_meant(tokens, seen, index, threshold)
        cases += [case for case, may in zip(some, likely, strict=True) if may][:_MOST]
    if not cases:
        return EditScores(scores, best), stops
    relations = read([whole.ids[row, sentence].tolist() for row, sentence in cases]).to(scores.device)
    tokens, flags, seen = _prompts(whole, cases)
    # One position more, at which what is asked stands.
    seen = torch.nn.functional.pad(seen, (0, 1), value=True)
    tokens = torch.nn.functional.pad(tokens, (0, 0, 0, 1))
    flags = torch.nn.functional.pad(flags, (0, 1), value=STOP)
    placed = relations[:, None].expand(-1, tokens.shape[1], -1)
    at = seen.sum(dim=1, keepdim=True) - 1
    chats = torch.ones(len(cases), dtype=torch.bool, device=scores.device)
    each = score_edits(tokens, placed, flags, seen, at, index, chat=chats)
    meant: dict[int, dict[int, int]] = {}
    for number, (row, _) in enumerate(cases):
        top, memory = each.scores[number, 0].max(dim=-1)
        better = bool(top > scores[row, 0].max())
        scores[row] = torch.maximum(scores[row], each.scores[number])
        if better:
            best[row] = each.best[number]
        if bool(top >= threshold):
            meant.setdefault(row, {})[int(each.best[number, 0])] = int(memory)
    for row, edits in meant.items():
        chosen = int(scores[row, 0].argmax())
        stops[row] = sum(int(index.stops[edit]) for edit, memory in edits.items() if memory == chosen)
    return EditScores(scores, best), stops


def _prompts(
    whole: PromptFeatures, cases: Sequence[tuple[int, list[int]]]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    # The tokens, the flags and what is seen of some stretches of rows.
    numbers = [row for row, _ in cases]
    seen = torch.zeros(len(cases), whole.seen.shape[1], dtype=torch.bool, device=whole.seen.device)
    for number, (_, places) in enumerate(cases):
        seen[number, places] = True
    return whole.tokens[numbers], whole.flags[numbers], seen
