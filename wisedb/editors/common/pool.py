"""Unrelated prompts and prefix contexts, written by the model itself, so that no data set is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Final

import torch

from wisedb.config import POOL as POOL_NAME
from wisedb.editors.common.messages import MessageWriter, continued, message_in
from wisedb.editors.resources import Resource, Resources
from wisedb.edits import normalise_prompt
from wisedb.errors import CorruptObject, UsageError
from wisedb.memory.kinds.base import Part
from wisedb.model.chat import chat_format
from wisedb.model.words import full_stop, pieces
from wisedb.progress import Counter, Listener

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from wisedb.model.base import LoadedBase

_BATCH = 64
_ROUNDS = 24
_TOKENS = 32
_TOP_K = 50
_PROMPT_WORDS = (3, 14)
_CONTEXT_WORDS = (4, 9)
# Messages that are written together, at most, and one in so many beyond those that are missing: some come twice. A few
# more rows cost less than another round.
_MESSAGES, _SPARE = 192, 8


@dataclass(frozen=True, slots=True)
class Pool:
    """What a store keeps beside its edits to train them well.

    Attributes:
        prompts: unrelated prompts x_i, over which a side memory must stay quiet.
        contexts: prefixes behind which each edit is trained too; each ends like a sentence.
        generator: how they were made.
        held_out: unrelated prompts that only measure; no training may see them.
    """

    prompts: tuple[str, ...]
    contexts: tuple[str, ...]
    generator: Mapping[str, Any]
    held_out: tuple[str, ...] = ()

    def to_meta(self) -> dict[str, Any]:
        """The meta data of the pool's blob, without what only measures."""
        return {"prompts": list(self.prompts), "contexts": list(self.contexts), "generator": dict(self.generator)}

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> Pool:
        """Read what :meth:`to_meta` wrote.

        Raises:
            CorruptObject: it is something else.
        """
        texts = {name: meta.get(name, []) for name in ("prompts", "contexts", "held_out")}
        generator = meta.get("generator", {})
        listed = all(
            isinstance(each, list | tuple) and all(type(text) is str for text in each) for each in texts.values()
        )
        if not listed or not isinstance(generator, Mapping) or not {"prompts", "contexts"} <= set(meta):
            raise CorruptObject("a pool lists prompts and contexts, and this one doesn't", hint="Run `wisedb fsck`.")
        return cls(tuple(texts["prompts"]), tuple(texts["contexts"]), dict(generator), tuple(texts["held_out"]))


def make_pool(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    seed: int,
    n_prompts: int = 200,
    n_contexts: int = 10,
    *,
    prompts: Sequence[str] = (),
    progress: Listener | None = None,
) -> Pool:
    """Let the model write texts, and cut them into prompts and contexts.

    Args:
        model: a causal language model in evaluation mode.
        tokenizer: its tokenizer.
        seed: same seed, model, machine: same pool.
        n_prompts: how many unrelated prompts; fewer come out only if the model can't write so many different ones.
        n_contexts: how many prefix contexts (WISE trains an edit behind about 10).
        prompts: the user's own unrelated prompts; they take the place of generated ones.
        progress: told how many texts there are.

    Raises:
        UsageError: an own prompt is empty.
    """
    if any(not prompt.strip() for prompt in prompts):
        raise UsageError("an unrelated prompt is empty", hint="Give only prompts with text in them.")
    chooser = Random(seed)
    messages = _messages(model, tokenizer)
    found_prompts: dict[str, str] = {normalise_prompt(prompt): prompt.strip() for prompt in prompts}
    wanted = len(found_prompts) if prompts else n_prompts
    contexts: dict[str, str] = {}
    there = len(found_prompts)
    counter = Counter(progress, "writing prompts", wanted - there + n_contexts)
    for turn in range(_ROUNDS):
        if len(found_prompts) >= wanted and len(contexts) >= n_contexts:
            break
        # In the last rounds tokens are drawn evenly: a model that always says the same still gets its prompts.
        even = turn >= _ROUNDS - 4
        drawn = chooser.getrandbits(31)
        missing = wanted - len(found_prompts) + n_contexts - len(contexts)
        if messages is None or even:
            texts = _sample(model, tokenizer, drawn, even=even)
        else:
            rows = min(_MESSAGES, missing + missing // _SPARE + 1)
            texts = _written(model, messages, drawn, rows, counter.add)
        for text in texts:
            words = pieces(text if messages is None else message_in(text.split()))
            if len(contexts) < n_contexts and len(words) >= _CONTEXT_WORDS[0]:
                context = _context(words, chooser)
                contexts.setdefault(normalise_prompt(context), context)
            elif len(found_prompts) < wanted and words:
                prompt = _prompt(words, chooser) if messages is None else "".join(words)
                found_prompts.setdefault(normalise_prompt(prompt), prompt)
        if messages is None:
            more = len(found_prompts) + len(contexts) - there
            counter.add(more)
            there += more
    counter.add(wanted + n_contexts)
    generator = {"by": "user" if prompts else "model", "seed": seed, "tokens": _TOKENS, "top_k": _TOP_K}
    return Pool(tuple(found_prompts.values())[:wanted], tuple(contexts.values()), generator)


def _prompt(words: Sequence[str], chooser: Random) -> str:
    # Cut before the text's last word, so that something is left to say, as in a prompt.
    longest = max(1, min(len(words) - 1, _PROMPT_WORDS[1]))
    length = chooser.randint(min(_PROMPT_WORDS[0], longest), longest)
    return "".join(words[:length])


def _messages(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> MessageWriter | None:
    """Writes users' messages behind the chat template, None where there is no template.

    A chat model that is asked to go on with nothing may end at once; what it writes there are users' questions.
    """
    found = chat_format(tokenizer)
    return None if found is None else MessageWriter(model, tokenizer, found.start)


def _context(words: Sequence[str], chooser: Random) -> str:
    text = "".join(words[: chooser.randint(*_CONTEXT_WORDS)]).rstrip(" ,;:-.!?，、；：。！？")
    return text + full_stop(text)


@contextmanager
def _drawing(model: PreTrainedModel, seed: int) -> Iterator[None]:
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), torch.inference_mode():
        torch.manual_seed(seed)
        yield


def _written(
    model: PreTrainedModel, messages: MessageWriter, seed: int, rows: int, report: Callable[[int], None]
) -> list[str]:
    with _drawing(model, seed):
        return _cleaned(messages(rows, _TOKENS, _TOP_K, report))


def _sample(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, seed: int, *, even: bool) -> list[str]:
    with _drawing(model, seed):
        vocabulary = min(int(model.get_input_embeddings().weight.shape[0]), len(tokenizer))
        start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        if even:
            ids = torch.randint(vocabulary, (_BATCH, _TOKENS // 2))
        else:
            drawn = torch.randint(vocabulary, (_BATCH, 1))
            first = drawn if start is None else torch.full_like(drawn, int(start))
            ids = continued(model, tokenizer, first.to(model.device), _TOKENS, _TOP_K)
    return _cleaned(tokenizer.batch_decode(ids, skip_special_tokens=True))


def _cleaned(texts: Iterable[str]) -> list[str]:
    return [cleaned for text in texts if (cleaned := _clean(text))]


def _clean(text: str) -> str:
    # What can't be printed (half a character, control codes) is no part of a prompt.
    return " ".join("".join(sign if sign.isprintable() and sign != "\ufffd" else " " for sign in text).split())


def _no_pool(base: LoadedBase, resources: Resources, module: str) -> Part:
    return Part(Pool((), (), {}).to_meta())


def _read(part: Part) -> Pool:
    return Pool.from_meta(part.meta)


POOL: Final = Resource(POOL_NAME, _no_pool, _read)
"""The store's pool, made at ``init``; empty where the commit names none."""
