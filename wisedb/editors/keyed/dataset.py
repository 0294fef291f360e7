"""The edits of one training as sequences, within bounds of memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wisedb.editors.common.conversations import Prompt, encoded
from wisedb.editors.common.limits import ensure_fits
from wisedb.editors.common.sequences import CachedSequence, Encoded, Minibatch, cached, collate
from wisedb.model.tokens import context_length

if TYPE_CHECKING:
    from wisedb.editors.keyed.activation_cache import ActivationCache
    from wisedb.editors.keyed.context import TrainingContext

# Tokens that are computed together, padding included, and answer tokens whose logits are held at once. Set by hand to
# what a small GPU holds: 1,024 rows of 128,000 logits are half a GB.
_TOKENS = 4096
_ANSWERS = 1024
# Answer tokens that count as one sequence of a minibatch: a fact costs one, a passage of two hundred tokens sixteen. A
# dozen, so that answers of fewer than 24 tokens are trained as if there were no such rule.
_TOKENS_PER_UNIT = 12
# Above so many bytes activations are not cached, but computed anew for each step: long passages. Set by hand.
_BYTES = 2 << 30
# Tokens that stand for all where the covariance of A(x) is measured: four times what the preconditioner looks at.
_SAMPLED = 8192

Example = tuple[int, int]
"""Which edit of the dataset, and which of its prompts."""


class EncodedDataset:
    """Edits, each under several prompts, as sequences of prompt and answer.

    What is computed together depends on the dataset alone, never on what was asked before: the result of a training
    must not depend on where it began.

    Args:
        context: what is trained on.
        texts: of each edit, its prompts (its own first) and its target.
        end: whether the target ends with the end token.
        cache: where the sequences of these edits are looked for as they are asked for, and left for the next dataset;
            without it they are computed here, many at once.

    Raises:
        TrainingFailed: prompt and answer are more than the model reads.
    """

    def __init__(
        self,
        context: TrainingContext,
        texts: Sequence[tuple[Sequence[Prompt], str]],
        *,
        end: bool,
        cache: ActivationCache | None = None,
    ) -> None:
        self._context = context
        limit = context_length(context.model)
        self._encoded = [_encode(context, prompts, target, limit, end=end) for prompts, target in texts]
        whole, short = self._sizes()
        # Keys and values of prompts take more room than activations where many blocks stand above ΔW.
        inside = any(each.start for prompts in self._encoded for each in prompts)
        self._prompts = inside and bool(context.forward.state) and short <= _BYTES
        self._cached: dict[Example, CachedSequence] | None = {} if self._prompts or whole <= _BYTES else None
        self._remembered = cache
        if self._cached is None or cache is not None:
            return
        examples = [(edit, prompt) for edit, prompts in enumerate(self._encoded) for prompt in range(len(prompts))]
        for some in self._portions(sorted(examples, key=self._order)):
            self._cached.update(zip(some, self._computed(some), strict=True))

    def __len__(self) -> int:
        return len(self._encoded)

    def encoded(self, edit: int, prompt: int) -> Encoded:
        """One of an edit's prompts with its answer, as token ids."""
        return self._encoded[edit][prompt]

    def prompts(self, edit: int) -> int:
        """How many prompts an edit has; 0 is its own."""
        return len(self._encoded[edit])

    @property
    def own(self) -> list[Example]:
        """Each edit under its own prompt."""
        return [(edit, 0) for edit in range(len(self))]

    @property
    def asked(self) -> list[Example]:
        """Each edit under its own prompt, and in a chat in each of its replies."""
        return [
            (edit, number)
            for edit, prompts in enumerate(self._encoded)
            for number, each in enumerate(prompts)
            if not number or each.start
        ]

    def sequences(self, examples: Sequence[Example]) -> list[CachedSequence]:
        """The sequences of some examples."""
        if self._cached is None:
            return list(self._computed(examples))
        if self._remembered is not None:
            for edit, prompt in examples:
                self._remember(edit, prompt, self._remembered)
        return [self._cached[example] for example in examples]

    def minibatches(self, examples: Sequence[Example]) -> Iterator[tuple[Sequence[Example], Minibatch]]:
        """Many examples in minibatches whose activations and logits fit into memory."""
        for some in self._portions(examples):
            for minibatch in collate(self.sequences(some)):
                yield [some[row] for row in minibatch.rows], minibatch

    def features(self, examples: Sequence[Example]) -> Iterator[Tensor]:
        """A(x) of some examples' tokens, ``(n, d_ff)`` each, of long ones not every token."""
        stride = -(-sum(self._length(example) for example in examples) // _SAMPLED)
        for some in self._portions(examples):
            yield torch.cat([each.features[each.start :] for each in self.sequences(some)])[::stride].clone()

    def cost(self, edit: int) -> int:
        """How many sequences of a minibatch an edit counts for.

        One for each full dozen of its answer's tokens, one at least.
        """
        ids, prompt, _ = self._encoded[edit][0]
        return max(1, (len(ids) - prompt) // _TOKENS_PER_UNIT)

    def longest(self, examples: Sequence[Example]) -> int:
        """Tokens of the longest of some examples."""
        return max(map(self._length, examples), default=0)

    def within(self, examples: Sequence[Example], budget: int) -> Sequence[Example]:
        """As many of the first examples as cost no more than ``budget`` and fit into memory, one at least."""
        some = next(self._portions(examples), [])
        costs = list(accumulate(self.cost(edit) for edit, _ in some))
        return some[: max(1, bisect_right(costs, budget))]

    def _portions(self, examples: Sequence[Example]) -> Iterator[list[Example]]:
        some: list[Example] = []
        longest = answers = 0
        for example in examples:
            ids, prompt, _ = self._encoded[example[0]][example[1]]
            wider, more = max(longest, len(ids)), answers + len(ids) - prompt
            if some and (wider * (len(some) + 1) > _TOKENS or more > _ANSWERS):
                yield some
                some, wider, more = [], len(ids), len(ids) - prompt
            some.append(example)
            longest, answers = wider, more
        if some:
            yield some

    def _remember(self, edit: int, prompt: int, cache: ActivationCache) -> None:
        # An edit's own prompt is asked for by every check, its other ones only where chance takes one.
        if self._cached is None or (edit, prompt) in self._cached:
            return
        prompts = self._encoded[edit]
        places = range(1) if prompt == 0 else range(1, len(prompts))
        found = cache.get([prompts[place] for place in places], self._compute, self._prompts)
        self._cached.update(((edit, place), sequence) for place, sequence in zip(places, found, strict=True))

    def _length(self, example: Example) -> int:
        return len(self._encoded[example[0]][example[1]].ids)

    def _order(self, example: Example) -> tuple[bool, int]:
        # Plain prompts first: they don't run the blocks above ΔW.
        return self._encoded[example[0]][example[1]].start > 0, self._length(example)

    def _sizes(self) -> tuple[int, int]:
        """Bytes that all sequences take, and that they take where prompts are kept as keys and values."""
        context = self._context
        width = context.projection.d_ff + context.projection.d_model
        everything = [each for prompts in self._encoded for each in prompts]
        whole = sum(len(each.ids) for each in everything) * width
        kept = sum(each.start for each in everything)
        return whole * context.feature_bytes, (whole + kept * (context.forward.state - width)) * context.feature_bytes

    def _computed(self, examples: Sequence[Example]) -> tuple[CachedSequence, ...]:
        return self._compute([self._encoded[edit][prompt] for edit, prompt in examples])

    def _compute(self, encoded: Sequence[Encoded]) -> tuple[CachedSequence, ...]:
        found: dict[int, CachedSequence] = {}
        for prompts in (False, True):
            rows = [row for row, each in enumerate(encoded) if (self._prompts and each.start > 0) == prompts]
            context = self._context
            some = cached(context.forward, [encoded[row] for row in rows], prompts=prompts, opening=context.opening)
            found.update(zip(rows, some, strict=True))
        return tuple(found[row] for row in range(len(encoded)))


def within_budgets(
    new: EncodedDataset,
    examples: Sequence[Example],
    budget: int,
    old: EncodedDataset,
    rehearsed: Sequence[Example],
    rehearsal: int,
) -> tuple[Sequence[Example], Sequence[Example]]:
    """What one step takes of two datasets: of each as many of its first examples as its budget holds, one at least.

    Padded to the longest of both they may be twice as many tokens as one minibatch of either: short sequences that
    would be padded to a passage's length wait for another step.

    Args:
        new, old: the datasets.
        examples, rehearsed: what is due of them.
        budget, rehearsal: the budget of each, in sequences.
    """
    sides = [list(new.within(examples, budget)), list(old.within(rehearsed, rehearsal))]
    while sum(map(len, sides)) * max(new.longest(sides[0]), old.longest(sides[1])) > 2 * _TOKENS:
        side = max(sides, key=len)
        if len(side) <= 1:
            break
        side.pop()
    return sides[0], sides[1]


def _encode(
    context: TrainingContext, prompts: Sequence[Prompt], target: str, limit: int | None, *, end: bool
) -> list[Encoded]:
    found = [encoded(context.tokenizer, context.chat, prompt, target, end=end) for prompt in prompts]
    first = prompts[0] if isinstance(prompts[0], str) else prompts[0].question
    ensure_fits(first, found[0].prompt, len(found[0].ids) - found[0].prompt, limit)
    # Behind a context a long passage may no longer fit: it is learned under the prompts that do.
    return [each for each in found if limit is None or len(each.ids) <= limit]
