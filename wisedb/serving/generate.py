"""Answers of a model, in batches, with the route that each took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

from wisedb.errors import InputError, UsageError
from wisedb.memory.slots import BASE
from wisedb.model.chat import chat_format
from wisedb.model.tokens import context_length, end_tokens, pad_batch
from wisedb.serving.asked import Chat, Prompt, encode_asked
from wisedb.serving.stopping import LineEnd, Strayed

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from transformers.generation.streamers import BaseStreamer

    from wisedb.memory.gates.keys.replies import Meant
    from wisedb.memory.hooks import AttachedMemories


_MOST_ROWS = 32


@dataclass(frozen=True, slots=True)
class Continuation:
    """One answer.

    Attributes:
        text: the continuation only, without white space around it, up to the end token or the end of the line.
        route: the index of the memory that answered, ``-1`` for the base.
        activations: what the router that decides says of each memory, in the handle's order.
        stopped: it ended by itself; False where the token limit cut it off.
        said: the edits that memories said in a chat, counted over all memories: each with its first character of the
            text and the one behind its last.
        facts: the edits whose facts were put into its context, counted over all memories.
    """

    text: str
    route: int
    activations: tuple[float, ...]
    stopped: bool
    said: tuple[tuple[int, int, int], ...] = ()
    facts: tuple[int, ...] = ()


def continue_prompts(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    *,
    max_new_tokens: int = 20,
    handle: AttachedMemories | None = None,
    one_line: bool = True,
    chat: Chat | None = None,
    expected: Sequence[str] | None = None,
    own: GenerationConfig | None = None,
    seed: int = 0,
) -> list[Continuation]:
    """Continue prompts, greedily if nothing else is said.

    White space at the end of a plain prompt that a memory answers is taken as not there: behind it an answer begins
    with other tokens than those that were learned. Where the base model answers it is the prompt's as any other sign.

    Args:
        model: the model, with its memories attached or plain.
        tokenizer: its tokenizer.
        prompts: the prompts; each answer is what it would be alone. In a chat one may be a whole conversation.
        max_new_tokens: the longest answer, in tokens; also bounded by the model's context.
        handle: the attached memories, ``None`` for a plain model.
        one_line: the end of the first line that is not blank ends an answer, as the end token does; not in a chat.
        chat: each prompt is a user's message behind the chat template; ``None`` to continue it as it is.
        expected: of each prompt the only answer that matters: one that says something else is cut off where it does.
        own, seed: as for :func:`continue_tokens`.

    Raises:
        UsageError: ``max_new_tokens`` is below 1, or a chat or a system message that the tokenizer has no template for.
        InputError: a prompt is empty or fills the model's context.
    """
    if max_new_tokens < 1:
        raise UsageError("at least one new token must be asked for", hint="Give --max-new-tokens 1 or more.")
    if chat is not None:
        check_chat(tokenizer, chat.system)
        one_line = False
    encoded = [encode_asked(tokenizer, prompt, chat) for prompt in prompts]
    length = context_length(model)
    for prompt, ids in zip(prompts, encoded, strict=True):
        if not ids:
            raise InputError("an empty prompt can't be continued", hint="Give the prompt.")
        if length is not None and len(ids) >= length:
            shown = prompt if isinstance(prompt, str) else prompt[-1]["content"]
            raise InputError(
                f"the prompt {shown[:40]!r}… has {len(ids)} tokens, the model takes {length}", hint="Shorten it."
            )
    order = sorted(range(len(prompts)), key=lambda row: -len(encoded[row]))
    found: dict[int, Continuation] = {}
    for start in range(0, len(order), _MOST_ROWS):
        rows = order[start : start + _MOST_ROWS]
        limit = max_new_tokens if length is None else min(max_new_tokens, length - len(encoded[rows[0]]))
        batch = [encoded[row] for row in rows]
        width = len(batch[0])
        stop = None if expected is None else Strayed(tokenizer, width, [expected[row] for row in rows])
        options: dict[str, Any] = {"handle": handle, "one_line": one_line, "own": own, "seed": seed}
        answers = continue_tokens(model, tokenizer, batch, limit, stop=stop, **options)
        found.update(zip(rows, answers, strict=True))
    bare = {
        row: prompt.rstrip()
        for row, prompt in enumerate(prompts)
        if chat is None and isinstance(prompt, str) and found[row].route != BASE and prompt.rstrip() not in ("", prompt)
    }
    if bare:
        again = continue_prompts(
            model,
            tokenizer,
            list(bare.values()),
            max_new_tokens=max_new_tokens,
            handle=handle,
            one_line=one_line,
            expected=None if expected is None else [expected[row] for row in bare],
            own=own,
            seed=seed,
        )
        found.update((row, answer) for row, answer in zip(bare, again, strict=True) if answer.route == found[row].route)
    return [found[row] for row in range(len(prompts))]


def check_chat(
    tokenizer: PreTrainedTokenizerBase, system: str | None = None, *, hint: str = "Ask it without --chat."
) -> None:
    """Refuse a chat that the tokenizer has no template for.

    Args:
        tokenizer: the tokenizer.
        system: the system message, ``None`` for none of one's own.
        hint: what to do where there is no template.

    Raises:
        UsageError: there is no template that wisedb can read, or it takes no system message.
    """
    found = chat_format(tokenizer)
    if found is None:
        raise UsageError("this model's tokenizer has no chat template that wisedb can read", hint=hint)
    if system is not None and not found.system:
        raise UsageError("this model's chat template takes no system message", hint="Leave out --system.")


@torch.no_grad()
def continue_tokens(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    encoded: Sequence[Sequence[int]],
    limit: int,
    *,
    handle: AttachedMemories | None = None,
    one_line: bool = False,
    streamer: BaseStreamer | None = None,
    stop: StoppingCriteria | None = None,
    own: GenerationConfig | None = None,
    seed: int = 0,
) -> list[Continuation]:
    """Continue one batch of token ids, greedily if nothing else is said.

    Args:
        model: the model, with its memories attached or plain.
        tokenizer: its tokenizer.
        encoded: the rows, none of them empty, with room for ``limit`` tokens in the model's context.
        limit: the longest answer, in tokens.
        handle: the attached memories, ``None`` for a plain model.
        one_line: the end of the first line that is not blank ends an answer.
        streamer: is given the tokens of a single row as they come.
        stop: ends the answers early.
        own: the model's own settings for generation, to be followed; by default the likeliest token follows.
        seed: where its random choices come from, if it samples; the same for each row, which is asked by itself then.
    """
    if own is not None and own.do_sample and len(encoded) > 1:
        options: dict[str, Any] = {"handle": handle, "one_line": one_line, "stop": stop, "own": own, "seed": seed}
        apart = (continue_tokens(model, tokenizer, [row], limit, **options) for row in encoded)
        return [answer for answers in apart for answer in answers]
    ends = end_tokens(model, tokenizer)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else (ends[0] if ends else 0)
    ids, mask = pad_batch([list(row) for row in encoded], pad, "left")
    width = ids.shape[1]
    settings = GenerationConfig(do_sample=False, num_beams=1) if own is None else deepcopy(own)
    settings.update(
        max_length=None,
        max_new_tokens=limit,
        pad_token_id=pad,
        eos_token_id=ends or None,
        bos_token_id=tokenizer.bos_token_id,
        use_cache=True,
        num_return_sequences=1,
        return_dict_in_generate=False,
        **({} if streamer is None else {"num_beams": 1}),
    )
    criteria = [*([LineEnd(tokenizer, width)] if one_line else []), *([] if stop is None else [stop])]
    with (
        nullcontext() if not settings.do_sample else _seeded(seed),
        nullcontext() if handle is None or not handle.memories else handle.record() as record,
    ):
        output = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            generation_config=settings,
            stopping_criteria=StoppingCriteriaList(criteria),
            streamer=streamer,
        )
        routes = [BASE] * len(encoded) if record is None else record.routes.tolist()
        activations = [()] * len(encoded) if record is None else record.activations.tolist()
        meant: list[tuple[Meant, ...]] = [()] * len(encoded) if record is None else record.meant
    facts: list[tuple[int, ...]] = [()] * len(encoded) if record is None or not record.facts else record.facts
    answers = []
    rows = zip(encoded, output[:, width:].tolist(), routes, activations, meant, facts, strict=True)
    for asked, row, route, activation, edits, told in rows:
        cut = next((place for place, token in enumerate(row) if token in ends), None)
        text = tokenizer.decode(row if cut is None else row[:cut], skip_special_tokens=True)
        line, *rest = text.lstrip().split("\n", 1) if one_line else [text]
        said = row if cut is None else row[:cut]
        places = [] if handle is None else handle.said(edits, said, asked)
        answers.append(
            Continuation(
                line.strip(),
                int(route),
                tuple(float(value) for value in activation),
                cut is not None or bool(rest),
                tuple((edit, *_characters(tokenizer, said, tokens)) for edit, tokens in places),
                told,
            )
        )
    return answers


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Random choices from a seed, for the length of a block."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def _characters(tokenizer: PreTrainedTokenizerBase, said: Sequence[int], tokens: range) -> tuple[int, int]:
    """The characters of a reply, without white space around it, that some of its tokens are."""
    whole, before, upto = (
        tokenizer.decode(said[:end], skip_special_tokens=True) for end in (len(said), tokens.start, tokens.stop)
    )
    blank = len(whole) - len(whole.lstrip())
    # The space in front of a sentence is none of it.
    start = len(upto) - len(upto[len(before) :].lstrip())
    return max(0, start - blank), min(max(0, len(upto.rstrip()) - blank), len(whole.strip()))
