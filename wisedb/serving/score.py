"""Teacher-forced scoring: what a model predicts at every token of a given answer, in batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from wisedb.memory.slots import BASE
from wisedb.model.chat import encode_reply, user
from wisedb.model.tokens import encode_pair, pad_batch
from wisedb.serving.asked import Prompt, encode_as_learned

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from wisedb.memory.hooks import AttachedMemories

_LOGIT_BUDGET = 1 << 26
_MOST_ROWS = 64


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt and the answer over which it is scored, as token ids."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """What the model said over one pair.

    Attributes:
        expected: the answer's token ids.
        predicted: the argmax before each of them, given the prompt and the answer's tokens so far.
        route: the index of the memory that answered, ``-1`` for the base.
        loss: nats a token, the mean over the answer's.
    """

    expected: tuple[int, ...]
    predicted: tuple[int, ...]
    route: int
    loss: float

    @property
    def share(self) -> float:
        """The share of the answer's tokens that are the argmax, 0 to 1."""
        return agreement(self.expected, self.predicted)


def agreement(one: Sequence[int], other: Sequence[int]) -> float:
    """The share of places at which two token sequences of equal length agree, 0 to 1."""
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)


def pairs_of(
    tokenizer: PreTrainedTokenizerBase, texts: Iterable[tuple[Prompt, str]], *, chat: bool = False
) -> list[Pair]:
    """Encode prompts and answers; the end token is not part of what is scored.

    Args:
        tokenizer: the tokenizer.
        texts: prompts with their answers; that of a conversation is the beginning of the reply.
        chat: a text is a user's message behind the chat template too.
    """
    pairs = []
    for prompt, answer in texts:
        if chat or not isinstance(prompt, str):
            asked = (user(prompt),) if isinstance(prompt, str) else prompt
            prompt_ids = encode_as_learned(tokenizer, asked)
            answer_ids = encode_reply(tokenizer, asked, answer)
        else:
            prompt_ids, answer_ids = encode_pair(tokenizer, prompt, answer, end=False)
        pairs.append(Pair(tuple(prompt_ids), tuple(answer_ids)))
    return pairs


@torch.no_grad()
def score(
    model: PreTrainedModel,
    pairs: Sequence[Pair],
    pad_id: int,
    *,
    handle: AttachedMemories | None = None,
    routes: Sequence[int] | None = None,
    meant: Sequence[int] | None = None,
) -> list[Scored]:
    """Score pairs, in their order.

    Every pair is routed by its prompt alone, as in generation. Batches are padded on the right, of similar lengths and
    of bounded size; a pair's score doesn't depend on its neighbours.

    Args:
        model: the model, with its memories attached or plain.
        pairs: what to score.
        pad_id: fills the shorter rows, behind their ends.
        handle: the attached memories, ``None`` for a plain model.
        routes: forces each pair's route instead of asking the router (the oracle).
        meant: with it, which of the memory's edits is meant, see :meth:`wisedb.memory.hooks.AttachedMemories.oracle`.

    Returns:
        One :class:`Scored` for each pair.
    """
    found: dict[int, Scored] = {}
    for rows in _batches(pairs, int(model.config.get_text_config().vocab_size)):
        batch = [pairs[row] for row in rows]
        ids, mask = pad_batch([[*pair.prompt, *pair.answer] for pair in batch], pad_id, "right")
        with ExitStack() as stack:
            record = None
            if handle is not None:
                stack.enter_context(handle.boundary([len(pair.prompt) for pair in batch]))
                if routes is not None:
                    told = None if meant is None else [meant[row] for row in rows]
                    stack.enter_context(handle.oracle([routes[row] for row in rows], told))
                record = stack.enter_context(handle.record()) if handle.memories else None
            logits = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device), use_cache=False).logits
            best = logits.argmax(-1).cpu()
            taken = [BASE] * len(rows) if record is None else record.routes.tolist()
        for place, (row, pair) in enumerate(zip(rows, batch, strict=True)):
            start = len(pair.prompt) - 1
            places = slice(start, start + len(pair.answer))
            expected = torch.tensor(pair.answer, device=logits.device)
            loss = float(torch.nn.functional.cross_entropy(logits[place, places].float(), expected))
            found[row] = Scored(pair.answer, tuple(best[place, places].tolist()), int(taken[place]), loss)
    return [found[row] for row in range(len(pairs))]


def mean_share(scores: Sequence[Scored]) -> float | None:
    """The mean of the shares, ``None`` over nothing."""
    return sum(item.share for item in scores) / len(scores) if scores else None


def _batches(pairs: Sequence[Pair], vocabulary: int) -> Iterable[list[int]]:
    # Longest first, so that one batch has rows of similar length and the largest batch comes first.
    order = sorted(range(len(pairs)), key=lambda row: -len(pairs[row].prompt) - len(pairs[row].answer))
    while order:
        length = len(pairs[order[0]].prompt) + len(pairs[order[0]].answer)
        count = max(1, min(_MOST_ROWS, _LOGIT_BUDGET // (length * vocabulary)))
        yield order[:count]
        order = order[count:]
