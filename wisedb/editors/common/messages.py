"""Users' messages, written by a chat model itself: each to the end of its first sentence, and no further."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from wisedb.model.locate import locate
from wisedb.model.opening import read_opening
from wisedb.model.tokens import end_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_WORDS = 24
_ENDS = ".?!"


def message_in(words: Sequence[str]) -> str:
    """A user's message to the end of its first sentence, of 24 words at most, from a text's words."""
    end = next((place for place, word in enumerate(words) if word[-1] in _ENDS), len(words) - 1)
    return " ".join(words[: min(end + 1, _WORDS)])


class MessageWriter:
    """Lets a model write behind what its chat template begins with.

    Args:
        model: a causal language model in evaluation mode, without memories.
        tokenizer: its tokenizer.
        start: the token ids that stand before the first message of a conversation; not empty.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, start: Sequence[int]) -> None:
        self._model, self._tokenizer, self._start = model, tokenizer, list(start)
        projection = locate(model)
        self._opening = read_opening(model, projection, start[:-1], projection.layers)
        self._ends = frozenset(end_tokens(model, tokenizer))

    def __call__(self, rows: int, tokens: int, top_k: int, report: Callable[[int], None] = lambda _: None) -> list[str]:
        """Texts, each from a message's beginning to a word behind its first sentence at least.

        Tokens are drawn with torch's own generator, at temperature 1.

        Args:
            rows: how many.
            tokens: the longest, in tokens.
            top_k: drawn from so many of the likeliest tokens.
            report: told, as they come, how many more have ended.
        """
        if self._opening.states is None:
            first = torch.tensor([self._start] * rows, device=self._model.device)
            whole = continued(self._model, self._tokenizer, first, tokens, top_k)
            return _texts(self._tokenizer, whole[:, len(self._start) :].tolist())
        said: list[list[int]] = [[] for _ in range(rows)]
        going = list(range(rows))
        given = torch.full((rows, 1), self._start[-1], device=self._model.device)
        cache = self._opening.cache(rows)
        for _ in range(tokens):
            logits = self._model(input_ids=given, past_key_values=cache, use_cache=True).logits[:, -1].float()
            likely, ids = logits.topk(min(top_k, logits.shape[-1]))
            given = ids.gather(1, torch.multinomial(likely.softmax(-1), 1))
            for row, token in zip(going, given[:, 0].tolist(), strict=True):
                said[row].append(token)
            left = [place for place, row in enumerate(going) if not self._ended(said[row])]
            report(len(going) - len(left))
            if not left:
                break
            if len(left) < len(going):
                places = torch.tensor(left, device=given.device)
                cache.batch_select_indices(places)
                given, going = given[places], [going[place] for place in left]
        return _texts(self._tokenizer, said)

    def _ended(self, said: Sequence[int]) -> bool:
        if said[-1] in self._ends:
            return True
        # What a word ends with is seen once the next one begins: there are points in numbers.
        words = self._tokenizer.decode(said, skip_special_tokens=True).split()
        return len(words) > _WORDS or any(word[-1] in _ENDS for word in words[:-1])


def continued(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, first: torch.Tensor, tokens: int, top_k: int
) -> torch.Tensor:
    """Texts that go on at temperature 1, drawn from so many of the likeliest tokens.

    Args:
        model, tokenizer: whose.
        first: int64 (B, T), what they begin with.
        tokens: how many come behind it, at most.
        top_k: see above.

    Returns:
        int64 (B, T + tokens) or fewer columns.
    """
    pads = (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id, 0)
    found: torch.Tensor = model.generate(
        input_ids=first,
        attention_mask=torch.ones_like(first),
        do_sample=True,
        temperature=1.0,
        top_k=top_k,
        top_p=1.0,
        num_beams=1,
        max_new_tokens=tokens,
        pad_token_id=next(token for token in pads if token is not None),
    )
    return found


def _texts(tokenizer: PreTrainedTokenizerBase, ids: list[list[int]]) -> list[str]:
    found: list[str] = tokenizer.batch_decode(ids, skip_special_tokens=True)
    return found
