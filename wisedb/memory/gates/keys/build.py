"""Keys from edits: how a subject is spelt, what is asked of it, and whether the model knows such things."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

import regex
import torch

from wisedb.edits import Edit
from wisedb.memory.gates.keys.chat_statistics import ChatStatistics
from wisedb.memory.gates.keys.edit_keys import EditKeys
from wisedb.memory.gates.keys.question_map import question_state
from wisedb.memory.gates.keys.spellings import legible, moved, spellings_of, typed_spellings
from wisedb.memory.gates.keys.statistics import SWAPS, Statistics
from wisedb.memory.gates.keys.token_flags import SPACE, STOP
from wisedb.model.capture import capture
from wisedb.model.chat import encode_question, user
from wisedb.model.locate import Projection
from wisedb.model.opening import Opening, read_opening
from wisedb.model.subjects import subject_of, with_other_subjects
from wisedb.model.tokens import encode_prompt
from wisedb.model.words import full_stop

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from wisedb.memory.gates.base import KeyFormat

_ENDS = regex.compile(r"[\p{Sentence_Terminal}…]")


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
            spellings = spellings_of(tokenizer, prompt, ids, subject)
            # What was taught behind other messages is no answer to the bare prompt.
            if format != "chat" and not edit.messages:
                relation, known = _asked(model, projection, tokenizer, statistics, ids, others)
                typed = [
                    spelt
                    for spelt in typed_spellings(tokenizer, subject, spellings)
                    if legible(subject or "", len(spelt[0]))
                ]
                found.add(owner, relation, known, [*spellings, *typed], 0)
                for text in _renderings(prompt):
                    ids, name = encode_prompt(tokenizer, text), _as(text, subject)
                    spelt = spellings_of(tokenizer, text, ids, name)
                    whole, first, last = spelt[0]
                    if legible(name, last - first) if name and last else legible(text, len(whole)):
                        relation, _ = _asked(model, projection, tokenizer, statistics, ids, ())
                        found.add(owner, relation, known, spelt, 0, typed=1)
            if chat is not None and format != "raw":
                relation, question = _asked_in_chat(model, projection, tokenizer, chat, opening, prompt)
                own = moved(spellings[0], question)
                typed = [own, *spellings[1:], *typed_spellings(tokenizer, subject, spellings)]
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
        torch.tensor([statistics.scripts.place(edits[owner].prompt) for owner in found.owners], dtype=torch.int32),
        torch.tensor(found.typed, dtype=torch.int32),
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


def _renderings(prompt: str) -> list[str]:
    """A prompt as people type it: without capitals, and with nothing else; what it is itself left out."""
    return [text for text in dict.fromkeys((prompt.lower(), prompt.upper())) if text != prompt]


def _as(text: str, subject: str | None) -> str | None:
    # The subject as it stands in a rendering of its prompt.
    ways = () if subject is None else (subject.lower(), subject.upper())
    return next((way for way in ways if way in text), subject)


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
        self.typed: list[int] = []

    def add(
        self,
        owner: int,
        relation: torch.Tensor,
        known: float,
        spellings: Sequence[tuple[list[int], int, int]],
        stops: int,
        conversation: Sequence[int] = (),
        typed: int = 0,
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
        self.typed.append(typed)


def stops_of(tokenizer: PreTrainedTokenizerBase, statistics: Statistics, target: str) -> int:
    """How many tokens end a sentence in a target that is said as a sentence, 1 at least."""
    ids = torch.tensor(tokenizer(as_sentence(target), add_special_tokens=False)["input_ids"], dtype=torch.int64)
    if not len(statistics.flags):
        return 1
    return max(1, int(((statistics.flags[ids.clamp(max=len(statistics.flags) - 1)] & STOP) > 0).sum()))


def as_sentence(target: str) -> str:
    """A target as it is said in a chat: with a sign that ends a sentence."""
    return target if _ENDS.fullmatch(target.rstrip("\"'”’)»」』）")[-1:]) else target + full_stop(target)


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
