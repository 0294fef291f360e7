"""A user's message sentence by sentence: subject and question have to stand in the same one, or a pronoun for it.

What a message asks shows where the reply begins, but not if the question stands among other sentences, or behind
other questions: the state there says what the whole conversation comes to. So the router asks again: each sentence in
which the subject of an edit stands is read by itself, as the first message of a conversation, up to the block at which
what is asked shows. Messages without such a sentence, which are nearly all, cost nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import torch

from wisedb.memory.gates.keys.index import KeyIndex
from wisedb.memory.gates.keys.prompt_features import PromptFeatures
from wisedb.memory.gates.keys.pronouns import place_of
from wisedb.memory.gates.keys.replies import Meant, Reply
from wisedb.memory.gates.keys.score import EditScores, named_edits, score_edits
from wisedb.memory.gates.keys.sentence_reader import SentenceReader, Sentences, sentences_of
from wisedb.memory.gates.keys.token_flags import STOP, name_in

# Sentences of one message that are read, the first ones with a subject; a document isn't a question. Set by hand.
_MOST = 8
# Log odds more that the mention of an aspect must reach, a cosine of .66 in the place of .5: what a text is to be about
# is asked for less clearly than by a question. Chosen on 78 requests for texts, 42 of which name an edit's fact: 35
# begin with it (22 by the whole request alone), and 4 of the others too, as without this; from .5 on 42 and 7.
_ASPECT = 2.5


class Heard(NamedTuple):
    """What the messages in front of replies ask for.

    Attributes:
        scores: float32 (B, 1, n), of each memory; −∞ for rows without a message that may mean an edit.
        best: int64 (B, 1): the edit that is meant most.
        meant: of each row the edits that its message asks for, in the order in which it does.
    """

    scores: torch.Tensor
    best: torch.Tensor
    meant: tuple[tuple[Meant, ...], ...]


def score_messages(
    whole: PromptFeatures, reply: Reply, index: KeyIndex, threshold: float, read: SentenceReader
) -> Heard:
    """What the last message of each row means, sentence by sentence.

    The host looks at what stands in the messages.

    Args:
        whole: what was seen of the rows, (B, S).
        reply: the replies; rows without one are passed over.
        index: the keys.
        threshold: what a score must reach to matter.
        read: reads a sentence.
    """
    rows = whole.seen.shape[0]
    scores = whole.tokens.new_full((rows, 1, index.memories), -torch.inf)
    best = torch.zeros(rows, 1, dtype=torch.int64, device=scores.device)
    meant: list[dict[int, Meant]] = [{} for _ in range(rows)]
    cases = [
        case
        for row in reply.there.nonzero()[:, 0].tolist()
        for case in _cases(whole, reply, row, index, threshold, read)
    ]
    if not cases:
        return Heard(scores, best, tuple(() for _ in meant))
    # The places of each row's message that ask for an edit's fact, and for nothing more.
    settled: list[set[int]] = [set() for _ in range(rows)]

    def hear(cases: Sequence[_Case], asked: Sentences, less: float = 0.0) -> None:
        found = _scored(whole, cases, index, asked)
        each = found._replace(scores=found.scores - less)
        for number, case in enumerate(cases):
            top, memory = each.scores[number, 0].max(dim=-1)
            if bool(top > scores[case.row, 0].max()):
                best[case.row] = each.best[number]
            scores[case.row] = torch.maximum(scores[case.row], each.scores[number])
            # What a sentence asks for by itself is not asked for by the message once more.
            if bool(top >= threshold) and not (case.whole and meant[case.row]):
                edit = int(each.best[number, 0])
                text = bool(asked.text[number])
                one = Meant(edit, int(memory), int(index.stops[edit]), tuple(case.request or case.text), text=text)
                meant[case.row].setdefault(edit, one)
                settled[case.row].update(() if text else case.own)

    asked = read([case.text for case in cases])
    hear(cases, asked)
    requests = [case for case, text in zip(cases, asked.text.tolist(), strict=True) if text]
    aspects = _aspects(whole, requests, index, threshold, read)
    if aspects:
        mentioned = read([case.text for case in aspects])
        hear(aspects, mentioned._replace(text=torch.ones_like(mentioned.text)), _ASPECT)
    said = [list(row.values()) for row in meant]
    for row in range(rows):
        if read.ends and said[row] and _asks_no_more(whole, reply, row, settled[row], read):
            said[row][-1] = said[row][-1]._replace(ends=True)
    return Heard(scores, best, tuple(map(tuple, said)))


def _scored(whole: PromptFeatures, cases: Sequence[_Case], index: KeyIndex, asked: Sentences) -> EditScores:
    """What some stretches mean, from what each asks."""
    relations = asked.relations.to(whole.tokens.device)
    tokens, flags, seen = _prompts(whole, cases)
    # One position more, at which what is asked stands.
    seen = torch.nn.functional.pad(seen, (0, 1), value=True)
    tokens = torch.nn.functional.pad(tokens, (0, 0, 0, 1))
    flags = torch.nn.functional.pad(flags, (0, 1), value=STOP)
    placed = relations[:, None].expand(-1, tokens.shape[1], -1)
    at = seen.sum(dim=1, keepdim=True) - 1
    chats = torch.ones(len(cases), dtype=torch.bool, device=tokens.device)
    return score_edits(tokens, placed, flags, seen, at, index, chat=chats)


def _aspects(
    whole: PromptFeatures, requests: Sequence[_Case], index: KeyIndex, threshold: float, read: SentenceReader
) -> list[_Case]:
    """What requests for a text want of their subject: their clauses with a pronoun ("its history, and its capital").

    Of everything that a text is to be about at once the whole request says too little.
    """
    found: list[_Case] = []
    for case, edit in zip(requests, _named(whole, requests, index, threshold), strict=True):
        subject = read.subject(edit)
        clauses = read.pronouns.clauses(case.text) if subject else []
        texts = [read.pronouns.in_place([case.text[place] for place in clause], subject) for clause in clauses]
        found += [case._replace(text=text, request=case.text) for text in texts if text is not None][:_MOST]
    return found


def _asks_no_more(
    whole: PromptFeatures, reply: Reply, row: int, settled: Collection[int], read: SentenceReader
) -> bool:
    """Whether a row's message asks for nothing but what stands at some of its positions."""
    ids, flags = whole.ids[row].tolist(), whole.flags[row].tolist()
    sentences = sentences_of(ids, flags, reply.message[row].nonzero()[:, 0].tolist(), read.pronouns.leads)

    def quiet(place: int) -> bool:
        return place in settled or bool(flags[place] & STOP) or ids[place] in read.pronouns.joiners

    others = [[ids[place] for place in sentence] for sentence in sentences if not all(map(quiet, sentence))]
    return not others or (len(others) <= _MOST and bool(read(others).nothing.all()))


class _Case(NamedTuple):
    """What may ask for an edit.

    Attributes:
        row: of whose message.
        places: the positions in which a subject may stand.
        text: the token ids that are read for what is asked.
        own: the positions of the sentence that asks, without the one before in which its subject stands; none of the
            whole message, which may ask for other things besides.
        whole: whether the whole message is read.
        request: those of the request for a text whose aspect is read; none where ``text`` is all that is asked.
    """

    row: int
    places: list[int]
    text: list[int]
    own: list[int]
    whole: bool = False
    request: Sequence[int] = ()


def _cases(
    whole: PromptFeatures, reply: Reply, row: int, index: KeyIndex, threshold: float, read: SentenceReader
) -> list[_Case]:
    """The sentences of a row's message in which the subject of an edit stands, or a word for one that was named."""
    ids, flags = whole.ids[row].tolist(), whole.flags[row].tolist()
    places = reply.message[row].nonzero()[:, 0].tolist()
    sentences = sentences_of(ids, flags, places, read.pronouns.leads)
    earlier = sentences_of(ids, flags, reply.before[row].nonzero()[:, 0].tolist(), read.pronouns.leads)
    # A name may have a full stop in it.
    entire = [places] if len(sentences) > 1 else []
    stretches = [
        _Case(row, some, [ids[place] for place in some], [] if some is places else some)
        for some in (*earlier, *sentences, *entire)
    ]
    named = _named(whole, stretches, index, threshold)
    first, last = len(earlier), len(earlier) + len(sentences)
    clauses, inside = _apart(whole, stretches[first:last], named[first:last], index, threshold, read)
    stretches = [*stretches[:first], *clauses, *stretches[last:]]
    named = [*named[:first], *inside, *named[last:]]
    found: list[_Case] = []
    for number, case in enumerate(stretches[first:], start=first):
        if named[number] is not None:
            found.append(case._replace(whole=case.places is places))
            asked = [place for place in case.places if not flags[place] & STOP]
            found += _asked_before(case._replace(places=asked), number, stretches, named, flags, read)
        elif case.places is not places:
            found += _named_before(case, stretches[:number], named[:number], read)
    return found[:_MOST]


def _named(whole: PromptFeatures, cases: Sequence[_Case], index: KeyIndex, threshold: float) -> list[int | None]:
    """The edit whose subject stands in each of some stretches."""
    tokens, _, seen = _prompts(whole, cases)
    return named_edits(tokens, seen, index, threshold)


def _apart(
    whole: PromptFeatures,
    sentences: Sequence[_Case],
    named: Sequence[int | None],
    index: KeyIndex,
    threshold: float,
    read: SentenceReader,
) -> tuple[list[_Case], list[int | None]]:
    """Sentences, and the edit whose subject stands in each; one that names several subjects clause by clause.

    Args:
        whole: what was seen of the rows.
        sentences, named: them, and the edit whose subject stands in each.
        index, threshold, read: as in :func:`score_messages`.
    """
    found: list[_Case] = []
    edits: list[int | None] = []
    for case, edit in zip(sentences, named, strict=True):
        clauses = [] if edit is None else read.pronouns.clauses(case.text)
        stretches = [[case.places[place] for place in clause] for clause in clauses]
        parts = [
            _Case(case.row, places, [case.text[place] for place in clause], places)
            for places, clause in zip(stretches, clauses, strict=True)
        ]
        inside = _named(whole, parts, index, threshold) if len(parts) > 1 else []
        several = len({subject for each in inside if (subject := read.subject(each))}) > 1
        found += parts if several else [case]
        edits += inside if several else [edit]
    return found, edits


def _named_before(
    case: _Case, before: Sequence[_Case], named: Sequence[int | None], read: SentenceReader
) -> list[_Case]:
    """A sentence with the subject that was named last in the place of its pronoun; none where it has no pronoun."""
    for earlier, edit in zip(reversed(before), reversed(named), strict=True):
        if subject := read.subject(edit):
            text = read.pronouns.in_place(case.text, subject)
            return [] if text is None else [_Case(case.row, [*earlier.places, *case.places], text, case.own)]
    return []


def _asked_before(
    case: _Case,
    number: int,
    stretches: Sequence[_Case],
    named: Sequence[int | None],
    flags: Sequence[int],
    read: SentenceReader,
) -> list[_Case]:
    """What was asked about other things, of the one that a sentence names; none where it asks something itself.

    Args:
        case: the sentence, its places without those that only end it.
        number: its number among the stretches; those in front of it were said before.
        stretches: the sentences, in order.
        named: the edit whose subject stands in each.
        flags: what each of the row's positions shows.
        read: knows the edits' subjects.
    """
    *others, subject = (read.subject(edit) for edit in named[: number + 1])
    words = [token for place, token in zip(stretches[number].places, case.text, strict=True) if place in case.places]
    if not subject or not read.pronouns.only_names(words, subject):
        return []
    found = []
    for earlier, other in zip(stretches[:number], others, strict=True):
        place = place_of(other, earlier.text)
        name = name_in([flags[at] for at in earlier.places]) if place is None else range(place, place + len(other))
        if name and other != subject:
            text = [*earlier.text[: name.start], *subject, *earlier.text[name.stop :]]
            found.append(_Case(case.row, case.places, text, case.own))
    return found


def _prompts(whole: PromptFeatures, cases: Sequence[_Case]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    # The tokens, the flags and what is seen of some stretches of rows.
    numbers = [case.row for case in cases]
    seen = torch.zeros(len(cases), whole.seen.shape[1], dtype=torch.bool, device=whole.seen.device)
    for number, case in enumerate(cases):
        seen[number, case.places] = True
    return whole.tokens[numbers], whole.flags[numbers], seen
