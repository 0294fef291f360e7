"""What an edit batch is trained on, and which of it each step takes: new edits and earlier ones, as they are due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from random import Random
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wisedb.editors.common.conversations import Prompt, replies
from wisedb.editors.common.sequences import Minibatch, collate
from wisedb.editors.keyed.dataset import EncodedDataset, Example, within_budgets
from wisedb.editors.keyed.paraphrases import paraphrases
from wisedb.editors.keyed.repetition import SpacedRepetition
from wisedb.editors.keyed.sharding import size_in_slots
from wisedb.edits import Edit
from wisedb.model.tokens import joined

if TYPE_CHECKING:
    from wisedb.editors.keyed.context import TrainingContext
    from wisedb.editors.keyed.settings import KeyedSettings

# A batch of so few edits borrows no paraphrases: in its few steps it would learn them at the cost of its own prompts.
# Of trial edits of ZsRE six at a time EM was .87 without and .83 with them, twelve at a time .92 either way.
_SMALL_BATCH = 8
# How many times more, at most, an edit is seen whose prompt ends in white space. Of 12 shipped edits with a space
# behind their prompts EM was .33 with 40 views each, of 6 it was 1 with 160. Set by hand.
_APART = 3
# Where a merge puts what several shards held into one, an edit borrows so many times as many: what a crowded memory
# holds it carries over to fewer other wordings. Of 350 trial edits of atlas Gen. was .949 with 4, .956 with 8.
_MERGE_FACTOR = 2
# Earlier edits that a batch rehearses, at most: all of a shard of moderate size. Of 100 trial edits of CounterFact, a
# commit each, EM was .92 with 32 drawn from the shard, .97 with all of it.
_REHEARSED = 128


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What one training is about.

    Attributes:
        new: the batch's edits, each under its own prompt, behind contexts and in borrowed words.
        old: earlier edits of the shard to rehearse, each under its own prompt and behind one context.
        apart: how many of the batch's edits are learned with white space at their prompts' ends and without: the answer
            then begins with other tokens.
    """

    new: EncodedDataset
    old: EncodedDataset
    apart: int = 0

    @property
    def cost(self) -> int:
        """Sequences of a minibatch that one prompt of each new edit counts for."""
        return sum(self.new.cost(edit) for edit in range(len(self.new)))

    def sample(self, chooser: Random) -> list[Example]:
        """Each new edit under its own prompt, in each of its replies, and under one other prompt."""
        others = [(edit, other_prompt(self.new, edit, chooser)) for edit in range(len(self.new))]
        asked = dict.fromkeys(self.new.asked)
        return [*asked, *(example for example in others if example[1] and example not in asked)]

    def features(self, chooser: Random) -> Tensor:
        """A(x) of the new edits' tokens, under the prompts of a sample, and of the earlier ones', ``(N, d_ff)``."""
        return torch.cat([*self.new.features(self.sample(chooser)), *self.old.features(self.old.own)])


def training_set(
    context: TrainingContext,
    settings: KeyedSettings,
    edits: Sequence[Edit],
    earlier: Sequence[Edit],
    chooser: Random,
    *,
    merging: bool = False,
) -> TrainingSet:
    """What a batch behind ``earlier`` edits is trained on.

    Args:
        context: the base model made ready.
        settings: contexts, paraphrases, train_rephrases, rehearsal, format and end count here.
        edits: the batch.
        earlier: the shard's edits so far.
        chooser: where every random choice comes from.
        merging: whether one shard is to hold what several held.

    Raises:
        TrainingFailed: a prompt is longer than the model reads.
    """
    rehearsed = _rehearsed(earlier, chooser) if settings.rehearsal else ()
    new, old = _texts(context, settings, edits, rehearsed, chooser, merging=merging)
    return TrainingSet(
        EncodedDataset(context, new, end=settings.end),
        EncodedDataset(context, old, end=settings.end, cache=context.cache),
        sum(edit.prompt != edit.prompt.rstrip() for edit in edits),
    )


def merging_set(
    context: TrainingContext, settings: KeyedSettings, edits: Sequence[Edit], chooser: Random
) -> EncodedDataset:
    """What several shards' edits are trained on together; nothing is computed of it yet. Arguments as above."""
    new, _ = _texts(context, settings, edits, (), chooser, merging=True)
    return EncodedDataset(context, new, end=settings.end, cache=context.cache)


def _texts(
    context: TrainingContext,
    settings: KeyedSettings,
    edits: Sequence[Edit],
    rehearsed: Sequence[Edit],
    chooser: Random,
    *,
    merging: bool,
) -> tuple[list[tuple[tuple[Prompt, ...], str]], list[tuple[tuple[Prompt, ...], str]]]:
    """Of each edit of a batch, and of each that is rehearsed, its prompts and its target."""
    prefixes = context.pool.contexts[: settings.contexts]
    in_chat = context.chat is not None and settings.format != "raw"
    count = settings.paraphrases * (_MERGE_FACTOR if merging else len(edits) > _SMALL_BATCH)
    borrowed = _borrowed(context, edits, rehearsed, count)

    def prompts(edit: Edit, behind: Sequence[str], more: Sequence[str] | None = None) -> tuple[tuple[Prompt, ...], str]:
        rephrases = edit.rephrases if settings.train_rephrases else ()
        # Rephrases, and who asks it without, end in no white space; it is learned both ways.
        bare = edit.prompt.rstrip()
        prefixed = (bare, *(joined(prefix, bare) for prefix in behind))
        if not in_chat:
            return tuple(dict.fromkeys((edit.prompt, *prefixed, *(more or ()), *rephrases))), edit.target
        # Most people ask it behind its template.
        plain = () if _chat_only(edit, settings) else tuple(dict.fromkeys((edit.prompt, *prefixed, *rephrases)))
        first, later = replies(edit.prompt, edit.conversation[:-1])
        return (first, later, *plain), edit.target

    def again(edit: Edit) -> tuple[tuple[Prompt, ...], str]:
        # Of a chat's long prompts each costs as much as training on several: two are enough to be reminded by.
        if not in_chat:
            return prompts(edit, chooser.sample(prefixes, min(1, len(prefixes))))
        first, later = replies(edit.prompt, edit.conversation[:-1])
        others = (later,) if _chat_only(edit, settings) else (later, edit.prompt)
        return (first, chooser.choice(others)), edit.target

    new = [prompts(edit, prefixes, some) for edit, some in zip(edits, borrowed, strict=True)]
    return new, [again(edit) for edit in rehearsed]


def _chat_only(edit: Edit, settings: KeyedSettings) -> bool:
    # What is taught behind other messages is no answer to the bare prompt.
    return settings.format == "chat" or bool(edit.messages)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one step works on.

    Attributes:
        new, old: which examples of each dataset.
        minibatches: the new ones and then the old ones, in minibatches of like kind.
    """

    new: Sequence[Example]
    old: Sequence[Example]
    minibatches: Sequence[Minibatch]


class MinibatchSampler:
    """Draws minibatches by spaced repetition.

    Args:
        data: what from.
        settings: minibatch and rehearsal count here.
        chooser: where every random choice comes from.

    Attributes:
        new, old: when the edits of each dataset are due.
    """

    def __init__(self, data: TrainingSet, settings: KeyedSettings, chooser: Random) -> None:
        self._data = data
        self._chooser = chooser
        self._rehearsal = min(settings.rehearsal, len(data.old), settings.minibatch - 1)
        self._budget = settings.minibatch - self._rehearsal
        self.new = SpacedRepetition(len(data.new), self._budget, chooser)
        self.old = SpacedRepetition(len(data.old), self._rehearsal, chooser, learned=True)

    def steps(self, times: int) -> int:
        """Steps in which every new edit is seen so often; long answers take more of them, and those learned twice."""
        each = times * (1 + _APART * self._data.apart / len(self._data.new))
        return ceil(each * self._data.cost / min(self._data.cost, self._budget))

    def next(self) -> Step:
        """The next step: the edits that are due, under as many of their prompts as there is room for."""
        numbers = self.new.next()
        new, old = self._data.new, self._data.old
        each = max(1, self._budget // sum(new.cost(edit) for edit in numbers))
        rehearsed = [(edit, self._prompt(old, edit)) for edit in self.old.next()]
        examples: list[Example] = []
        for edit in numbers:
            others = range(1, new.prompts(edit))
            if each == 1:
                examples.append((edit, self._prompt(new, edit)))
            else:
                chosen = self._chooser.sample(others, min(each - 1, len(others)))
                examples += [(edit, prompt) for prompt in (0, *chosen)]
        some, again = within_budgets(new, examples, self._budget, old, rehearsed, self._rehearsal)
        return Step(some, again, collate([*new.sequences(some), *old.sequences(again)]))

    def update(self, step: Step, correct: Sequence[bool], now: int) -> None:
        """Take in which sequences of a step were answered correctly, in their order."""
        cut = len(step.new)
        for schedule, examples, marks in ((self.new, step.new, correct[:cut]), (self.old, step.old, correct[cut:])):
            seen: dict[int, bool] = {}
            for (edit, _), good in zip(examples, marks, strict=True):
                seen[edit] = seen.get(edit, True) and good
            for edit, good in seen.items():
                schedule.update(edit, now, correct=good)

    def _prompt(self, data: EncodedDataset, edit: int) -> int:
        # Its own prompt half of the time.
        return 0 if self._chooser.random() < 0.5 else other_prompt(data, edit, self._chooser)


def other_prompt(data: EncodedDataset, edit: int, chooser: Random) -> int:
    """One of an edit's prompts that is not its own; 0 if there is none."""
    return chooser.randrange(1, data.prompts(edit)) if data.prompts(edit) > 1 else 0


def _borrowed(
    context: TrainingContext, edits: Sequence[Edit], earlier: Sequence[Edit], count: int
) -> list[tuple[str, ...]]:
    # Of a chat model's edits only their own questions are learned.
    if context.relations is None or context.chat is not None or not count:
        return [()] * len(edits)
    relations = context.relations([edit.prompt for edit in (*edits, *earlier)])
    found = paraphrases(edits, earlier, relations, count)
    # A passage lacks room as it is: under other prompts too, fewer are learned.
    return [some if size_in_slots(edit) == 1 else () for edit, some in zip(edits, found, strict=True)]


def _rehearsed(earlier: Sequence[Edit], chooser: Random) -> Sequence[Edit]:
    # So many that a stream that arrives one by one need not pay for the whole of a large shard with each edit.
    chosen = chooser.sample(range(len(earlier)), min(len(earlier), _REHEARSED))
    return [earlier[number] for number in sorted(chosen)]
