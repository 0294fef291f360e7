"""Keys from edits: how a subject is spelt, what is asked of it, and whether the model knows such things."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

import torch

from wisedb.edits import Edit
from wisedb.memory.gates.keys.chat_statistics import ChatStatistics
from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.memory.gates.keys.question_map import question_state
from wisedb.memory.gates.keys.statistics import SWAPS, Statistics
from wisedb.memory.gates.keys.token_flags import SPACE, STOP
from wisedb.model.capture import capture
from wisedb.model.chat import encode_question, user
from wisedb.model.locate import Projection
from wisedb.model.opening import Opening, read_opening
from wisedb.model.subjects import subject_of, with_other_subjects
from wisedb.model.tokens import encode_prompt

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from wisedb.memory.gates.base import KeyFormat

CARRIERS = ("{}", "The {}")
"""A word is often spelt with other tokens at the beginning of a text than behind a space."""

_ENDS = ".!?…。！？"


def build_keys(
    model: PreTrainedModel,
    projection: Projection,
    tokenizer: PreTrainedTokenizerBase,
    statistics: Statistics,
    edits: Sequence[Edit],
    *,
    rephrases: bool = False,
    format: KeyFormat = "both",
) -> EditKeys:
    """The keys of a memory's edits.

    Each edit is run by itself, so that its keys are the same whatever other edits there are. Locality prompts are
    never looked at.

    Args:
        model: the base model, in evaluation mode, without memories.
        projection: the projection that is edited.
        tokenizer: its tokenizer.
        statistics: those of the model (:func:`wisedb.memory.gates.keys.statistics.compute_statistics`).
        edits: the memory's edits, in its order.
        rephrases: whether each edit's rephrases are keys too; they can't measure generalization then.
        format: of which prompts keys are made; behind a template only where the statistics know one.
    """
    if not edits:
        return EditKeys.empty(statistics)
    found = _Keys()
    chat = statistics.chat
    start, blocks = ((), 0) if chat is None else (chat.start.tolist(), chat.layers[-1])
    opening = read_opening(model, projection, start, blocks)
    for owner, edit in enumerate(edits):
        asked = _endings(tokenizer, statistics, edit.prompt)
        for prompt in dict.fromkeys((*asked, *(edit.rephrases if rephrases else ()))):
            ids = encode_prompt(tokenizer, prompt)
            if not ids:
                continue
            subject = subject_of(edit, prompt)
            chooser = Random(f"{edit.id}/{prompt}")
            others = with_other_subjects(prompt, subject, statistics.words, SWAPS, chooser)
            spellings = _spellings(tokenizer, prompt, ids, subject)
            # What was taught behind other messages is no answer to the bare prompt.
            if format != "chat" and not edit.messages:
                relation, known = _asked(model, projection, tokenizer, statistics, ids, others)
                found.add(owner, relation, known, spellings, 0)
            if chat is not None and format != "raw":
                relation, question = _asked_in_chat(model, projection, tokenizer, chat, opening, prompt)
                own = _moved(spellings[0], question)
                typed = [own, *spellings[1:], *_typed(tokenizer, subject, spellings)]
                behind = _conversation(tokenizer, chat, edit) if prompt in asked else []
                found.add(owner, relation, 1.0, typed, stops_of(tokenizer, statistics, edit.target), behind)
    if not found.owners:
        return EditKeys.empty(statistics)
    return EditKeys(
        statistics,
        torch.tensor(found.owners, dtype=torch.int32),
        torch.stack(found.relations).half(),
        torch.tensor(found.knowledge, dtype=torch.float32),
        torch.tensor(found.tokens, dtype=torch.int32),
        torch.tensor(found.readings, dtype=torch.int32),
        torch.tensor(found.stops, dtype=torch.int32),
        torch.tensor([token for ids in found.conversations for token in ids], dtype=torch.int32),
        torch.tensor([len(ids) for ids in found.conversations], dtype=torch.int32),
    )


def _endings(tokenizer: PreTrainedTokenizerBase, statistics: Statistics, prompt: str) -> tuple[str, ...]:
    """The prompt as it is looked for: without white space at its end, which the router passes over.

    Where the router doesn't, since the tokenizer makes one token of that and the sign before it, or since the flags of
    an older store don't tell new lines, the prompt is looked for as it stands too.
    """
    bare = prompt.rstrip()
    ids, whole = encode_prompt(tokenizer, bare), encode_prompt(tokenizer, prompt)
    behind = torch.tensor(whole[len(ids) :], dtype=torch.int64)
    passed_over = whole[: len(ids)] == ids and bool(len(statistics.flags)) and (statistics.flags[behind] & SPACE).all()
    return (bare,) if passed_over else tuple(dict.fromkeys((prompt, bare)))


def _conversation(tokenizer: PreTrainedTokenizerBase, chat: ChatStatistics, edit: Edit) -> list[int]:
    """The conversation that an edit's prompt ends, as token ids up to where the answer begins; none without one."""
    return encode_question(tokenizer, edit.conversation, chat.opening.tolist(), chat.thinking) if edit.messages else []


class _Keys:
    """The columns of some keys, while they are filled."""

    def __init__(self) -> None:
        self.owners: list[int] = []
        self.relations: list[torch.Tensor] = []
        self.knowledge: list[float] = []
        self.tokens: list[int] = []
        self.readings: list[tuple[int, int, int, int]] = []
        self.stops: list[int] = []
        self.conversations: list[Sequence[int]] = []

    def add(
        self,
        owner: int,
        relation: torch.Tensor,
        known: float,
        spellings: Sequence[tuple[list[int], int, int]],
        stops: int,
        conversation: Sequence[int] = (),
    ) -> None:
        """One key."""
        for spelt, first, last in spellings:
            self.readings.append((len(self.owners), len(spelt), first, last))
            self.tokens.extend(spelt)
        self.owners.append(owner)
        self.relations.append(relation)
        self.knowledge.append(known)
        self.stops.append(stops)
        self.conversations.append(conversation)


def stops_of(tokenizer: PreTrainedTokenizerBase, statistics: Statistics, target: str) -> int:
    """How many tokens end a sentence in a target that is said as a sentence, 1 at least."""
    ids = torch.tensor(tokenizer(as_sentence(target), add_special_tokens=False)["input_ids"], dtype=torch.int64)
    if not len(statistics.flags):
        return 1
    return max(1, int(((statistics.flags[ids.clamp(max=len(statistics.flags) - 1)] & STOP) > 0).sum()))


def as_sentence(target: str) -> str:
    """A target as it is said in a chat: with a sign that ends a sentence."""
    return target if target.rstrip("\"'”’)»")[-1:] in _ENDS else target + "."


def _asked_in_chat(
    model: PreTrainedModel,
    projection: Projection,
    tokenizer: PreTrainedTokenizerBase,
    chat: ChatStatistics,
    opening: Opening,
    prompt: str,
) -> tuple[torch.Tensor, list[int]]:
    """The relation key (r,) of a prompt as a user's message, and the message's token ids."""
    asked = encode_question(tokenizer, [user(prompt)], chat.opening.tolist(), chat.thinking)
    (seen,) = capture(model, projection, chat.layers, [asked], opening=opening)
    behind = len(chat.asked(())) - len(chat.start)
    return chat.relations(question_state(seen.states)), asked[len(chat.start) : -behind]


def _moved(spelt: tuple[list[int], int, int], message: list[int]) -> tuple[list[int], int, int]:
    """A prompt and where its subject stands, as it is written in a message: without special tokens around it."""
    ids, first, last = spelt
    for offset in range(len(ids) - len(message) + 1):
        if ids[offset : offset + len(message)] == message:
            return (message, first - offset, last - offset) if first >= offset and last else (message, 0, 0)
    return (message, 0, 0) if message else spelt


def subject_span(tokenizer: PreTrainedTokenizerBase, text: str, ids: Sequence[int], subject: str) -> tuple[int, int]:
    """Where the subject stands among the text's token ids: its first token and the one behind its last.

    A token that holds part of the subject and part of what is around it counts as the subject's. (0, 0) if the text
    doesn't have the subject, whatever its case.
    """
    start = text.find(subject)
    if start < 0 and len(text.lower()) == len(text) and len(subject.lower()) == len(subject):
        start = text.lower().find(subject.lower())
    if start < 0 or not subject.strip():
        return 0, 0
    end = start + len(subject)
    if not getattr(tokenizer, "is_fast", False):
        before, upto = encode_prompt(tokenizer, text[:start].rstrip()), encode_prompt(tokenizer, text[:end])
        return _shared(before, ids), max(_shared(upto, ids), min(len(ids), _shared(before, ids) + 1))
    places = tokenizer(text, add_special_tokens=True, return_offsets_mapping=True)["offset_mapping"][: len(ids)]
    inside = [number for number, (a, b) in enumerate(places) if b > a and b > start and a < end]
    return (inside[0], inside[-1] + 1) if inside else (0, 0)


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _spellings(
    tokenizer: PreTrainedTokenizerBase, prompt: str, ids: list[int], subject: str | None
) -> list[tuple[list[int], int, int]]:
    """(tokens, first, behind the last) of the whole prompt, then of each other way to spell the subject."""
    if subject is None or not subject.strip():
        return [(ids, 0, 0)]
    first, last = subject_span(tokenizer, prompt, ids, subject)
    found = {tuple(ids[first:last])} if last else set[tuple[int, ...]]()
    spellings = [(ids, first, last)]
    for carrier in CARRIERS:
        text = carrier.format(subject.strip())
        carried = encode_prompt(tokenizer, text)
        start, end = subject_span(tokenizer, text, carried, subject.strip())
        spelt = carried[start:end]
        if spelt and tuple(spelt) not in found:
            found.add(tuple(spelt))
            spellings.append((spelt, 0, len(spelt)))
    return spellings


def _typed(
    tokenizer: PreTrainedTokenizerBase, subject: str | None, known: Sequence[tuple[list[int], int, int]]
) -> list[tuple[list[int], int, int]]:
    """Further ways in which people type a subject into a chat: without capitals, and with nothing else."""
    if subject is None or not subject.strip():
        return []
    spelt = {tuple(tokens[first:last]) for tokens, first, last in known}
    found = []
    for name in dict.fromkeys((subject.strip().lower(), subject.strip().upper())):
        for tokens, first, last in _spellings(tokenizer, name, encode_prompt(tokenizer, name), name):
            if last and tuple(tokens[first:last]) not in spelt:
                spelt.add(tuple(tokens[first:last]))
                found.append((tokens[first:last], 0, last - first))
    return found


def _asked(
    model: PreTrainedModel,
    projection: Projection,
    tokenizer: PreTrainedTokenizerBase,
    statistics: Statistics,
    ids: list[int],
    texts: Sequence[str],
) -> tuple[torch.Tensor, float]:
    """The relation key (r,) of a prompt, and how much the model knows of such things.

    Knowledge is the mutual information between who is asked about and the next token, over K texts in which the
    prompt's subject is exchanged for made-up names, in units of log K: I = H(mean p_k) − mean H(p_k). A model whose
    answer doesn't depend on the name has not understood the question, and its states don't tell one question from
    another.
    """
    others = [other for text in texts if (other := encode_prompt(tokenizer, text))]
    seen = list(
        capture(model, projection, statistics.layer, [ids, *others], predictions=True, together=len(others) + 1)
    )
    relation = statistics.relations(seen[0].states[-1])
    said = torch.stack([other.prediction for other in seen[1:] if other.prediction is not None]) if others else None
    if said is None or len(said) < 2:
        return relation, 0.0
    gained = _entropy(said.mean(dim=0)) - _entropy(said).mean()
    return relation, float((gained / math.log(len(said))).clamp(0, 1))


def _entropy(probabilities: torch.Tensor) -> torch.Tensor:
    return -(probabilities * probabilities.clamp(min=1e-12).log()).sum(dim=-1)
