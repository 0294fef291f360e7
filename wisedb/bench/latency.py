"""What side memories cost at inference: an edited model against the unedited one.

Both run in one process on the same prompts, taking turns round by round, so that what else the machine does hits both
alike. Each round asks both for one token (the prefill) and for :data:`TOKENS` more, batch 1, greedy, with the KV cache;
in each, one prompt goes ahead unmeasured. Of each prompt and kind the least time of all rounds counts: what is above it
is the machine's doing. The overhead is the median over the prompts of edited / unedited, 1.0 meaning no cost.

The prompts are edits', so that a memory answers: the dearer case.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import torch
from transformers import GenerationConfig

from wisedb.model.tokens import context_length, encode_prompt
from wisedb.progress import Listener, Progress
from wisedb.serving.assemble import attached_at_commit, check_mode

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store

PROMPTS: Final = 6
ROUNDS: Final = (5, 20)
"""At least, and at most where they are quick."""
SECONDS: Final = 10.0
"""No further round is begun after so long, once the least number is done."""
TOKENS: Final = 16


@dataclass(frozen=True, slots=True)
class Overhead:
    """Time relative to the unedited model's.

    Attributes:
        prefill: to the first token, the prompt's pass included.
        decode: for each token after it.
    """

    prefill: float | None
    decode: float | None


@torch.no_grad()
def overhead(
    store: Store,
    base: LoadedBase,
    commit: Commit,
    mode: str,
    prompts: Sequence[str],
    *,
    rounds: tuple[int, int] = ROUNDS,
    progress: Listener | None = None,
) -> Overhead:
    """Time a model at a commit against the unedited one.

    Args:
        store: the store.
        base: its base model; it is left as it was.
        commit: the commit.
        mode: how its memories answer.
        prompts: what to ask; some of them, evenly spread, are taken.
        rounds: how often both take their turn, at least and at most.
        progress: is told about it.
    """
    chosen = check_mode(mode)
    asked = _encoded(base, _spread(prompts))
    if not asked:
        return Overhead(None, None)
    plain = [_Times() for _ in asked]
    edited = [_Times() for _ in asked]
    started = time.perf_counter()
    for turn in range(rounds[1]):
        if turn >= rounds[0] and time.perf_counter() - started > SECONDS:
            break
        if progress is not None:
            progress(Progress("timing", turn, rounds[1]))
        _round(base, asked, plain)
        with attached_at_commit(store, base, commit, chosen):
            _round(base, asked, edited)
    if progress is not None:
        progress(Progress("timing", rounds[1], rounds[1]))
    return Overhead(
        _ratio([(one.prefill, other.prefill) for one, other in zip(edited, plain, strict=True)]),
        _ratio([(one.decode, other.decode) for one, other in zip(edited, plain, strict=True)]),
    )


@dataclass(slots=True)
class _Times:
    """The least seconds of one prompt: for the first token, and for it and :data:`TOKENS` more."""

    prefill: float = float("inf")
    whole: float = float("inf")

    @property
    def decode(self) -> float:
        return (self.whole - self.prefill) / TOKENS


def _round(base: LoadedBase, asked: Sequence[torch.Tensor], times: Sequence[_Times]) -> None:
    _seconds(base, asked[0], 1 + TOKENS)
    for ids, best in zip(asked, times, strict=True):
        best.prefill = min(best.prefill, _seconds(base, ids, 1))
        best.whole = min(best.whole, _seconds(base, ids, 1 + TOKENS))


def _seconds(base: LoadedBase, ids: torch.Tensor, tokens: int) -> float:
    settings: Any = GenerationConfig(
        max_new_tokens=tokens,
        min_new_tokens=tokens,
        do_sample=False,
        num_beams=1,
        use_cache=True,
        pad_token_id=base.tokenizer.pad_token_id or 0,
        eos_token_id=base.tokenizer.eos_token_id,
        bos_token_id=base.tokenizer.bos_token_id,
    )
    _settle(ids.device)
    started = time.perf_counter()
    base.model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=settings)
    _settle(ids.device)
    return time.perf_counter() - started


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _encoded(base: LoadedBase, prompts: Sequence[str]) -> list[torch.Tensor]:
    length = context_length(base.model)
    rows = [encode_prompt(base.tokenizer, prompt) for prompt in prompts]
    fitting = [row for row in rows if row and (length is None or len(row) + 1 + TOKENS <= length)]
    return [torch.tensor([row], device=base.model.device) for row in fitting]


def _spread(prompts: Sequence[str]) -> list[str]:
    count = min(PROMPTS, len(prompts))
    return [prompts[place * len(prompts) // count] for place in range(count)]


def _ratio(pairs: Sequence[tuple[float, float]]) -> float | None:
    # On a machine that stalls, a difference of two times may come out as nothing.
    usable = [edited / plain for edited, plain in pairs if plain > 0 and edited > 0]
    return median(usable) if usable else None
