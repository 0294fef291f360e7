"""A conversation with the model at a commit: what was said, and the next reply, piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wisedb.errors import InputError, UsageError
from wisedb.model.chat import Message, encode_chat, user
from wisedb.model.tokens import context_length, end_tokens
from wisedb.serving.assemble import attached_at_commit, check_mode
from wisedb.serving.generate import check_chat, continue_tokens
from wisedb.serving.generation import Generation, generations
from wisedb.serving.pieces import Pieces
from wisedb.serving.stopping import Stop

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

    from wisedb.memory.hooks import AttachedMemories
    from wisedb.model.base import LoadedBase
    from wisedb.progress import Listener
    from wisedb.store.store import Store

LONGEST = 512
"""Tokens of a reply, if nothing else is said."""


class Conversation:
    """A user and a model, in turns. Replies are greedy if nothing else is said.

    Args:
        model: the model, with its memories attached or plain.
        tokenizer: its tokenizer.
        handle: the attached memories, ``None`` for a plain model.
        system: the system message, ``None`` for the template's own.
        max_new_tokens: the longest reply, in tokens; also bounded by the model's context.
        own: the model's own settings for generation, to be followed.

    Raises:
        UsageError: ``max_new_tokens`` is below 1, or the tokenizer has no template for this.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        handle: AttachedMemories | None = None,
        *,
        system: str | None = None,
        max_new_tokens: int = LONGEST,
        own: GenerationConfig | None = None,
    ) -> None:
        _check(tokenizer, system, max_new_tokens)
        self._model, self._tokenizer, self._handle = model, tokenizer, handle
        self._limit, self._own = max_new_tokens, own
        self._system: tuple[Message, ...] = () if system is None else ({"role": "system", "content": system},)
        self._turns: tuple[Message, ...] = ()
        self._stop = Stop()

    @property
    def messages(self) -> tuple[Message, ...]:
        """What was said so far, behind the system message if one was given."""
        return (*self._system, *self._turns)

    def say(self, text: str, listen: Callable[[str], object] | None = None) -> Generation:
        """Say something, and get the reply; both are kept.

        Args:
            text: the user's message.
            listen: is called with each piece of the reply as it comes about; together they are its text.

        Raises:
            InputError: the message is blank, or the conversation fills the model's context. Nothing is kept then.
        """
        if not text.strip():
            raise InputError("an empty message can't be answered", hint="Say something.")
        found = self._reply([*self.messages, user(text)], self._handle, listen)
        self._turns = (*self._turns, user(text), {"role": "assistant", "content": found.text})
        return found

    def ask_base(self, listen: Callable[[str], object] | None = None) -> Generation:
        """Ask the unedited model what was asked last, in the same conversation; the conversation stays as it is.

        Args:
            listen: as for :meth:`say`.

        Raises:
            UsageError: nothing was asked yet.
        """
        if not self._turns:
            raise UsageError("nothing was asked yet", hint="Ask something first.")
        with _silenced(self._handle):
            return self._reply(self.messages[:-1], None, listen)

    def reset(self) -> None:
        """Begin anew, behind the same system message."""
        self._turns = ()

    def stop(self) -> None:
        """End the reply that comes about, behind its next token; it is kept as far as it came.

        From another thread, a signal's handler or whoever listens.
        """
        self._stop.wanted = True

    def _reply(
        self, messages: Sequence[Message], handle: AttachedMemories | None, listen: Callable[[str], object] | None
    ) -> Generation:
        ids = encode_chat(self._tokenizer, messages)
        length, limit = context_length(self._model), self._limit
        if length is not None:
            if len(ids) >= length:
                raise InputError(
                    f"the conversation has {len(ids)} tokens, the model takes {length}", hint="Begin a new one."
                )
            limit = min(limit, length - len(ids))
        ends = end_tokens(self._model, self._tokenizer)
        pieces = None if listen is None else Pieces(self._tokenizer, ends, listen)
        self._stop.wanted = False
        said = continue_tokens(
            self._model, self._tokenizer, [ids], limit, handle=handle, streamer=pieces, stop=self._stop, own=self._own
        )
        (found,) = generations([messages[-1]["content"]], said, handle, chat=True)
        return found


@contextmanager
def conversation_at(
    store: Store,
    base: LoadedBase,
    at: str = "HEAD",
    mode: str = "retrieve",
    *,
    system: str | None = None,
    max_new_tokens: int = LONGEST,
    progress: Listener | None = None,
) -> Iterator[Conversation]:
    """A conversation with the model at a commit, for the length of a block.

    Args:
        store: the store.
        base: its base model, verified; it is left as it was.
        at: the commit.
        mode: ``retrieve``, ``merge``, ``context``, ``hybrid`` or ``base``.
        system: the system message, ``None`` for the template's own.
        max_new_tokens: the longest reply, in tokens.
        progress: is told how far a merge is that must be fitted first.

    Raises:
        UnknownRevision: no such commit.
        UsageError: no such mode, less than one token, or the model has no chat template for this.
    """
    chosen = check_mode(mode)
    commit = None if chosen == "base" else store.objects.commit(store.resolve(at))
    # Before anybody waits for memories.
    _check(base.tokenizer, system, max_new_tokens)
    with attached_at_commit(store, base, commit, chosen, progress=progress) as handle:
        options: dict[str, Any] = {"system": system, "max_new_tokens": max_new_tokens, "own": base.generation}
        yield Conversation(base.model, base.tokenizer, handle, **options)


def _check(tokenizer: PreTrainedTokenizerBase, system: str | None, max_new_tokens: int) -> None:
    if max_new_tokens < 1:
        raise UsageError("at least one new token must be asked for", hint="Give --max-new-tokens 1 or more.")
    check_chat(tokenizer, system, hint="Ask it plain prompts with 'wisedb generate'.")


@contextmanager
def _silenced(handle: AttachedMemories | None) -> Iterator[None]:
    """No memory answers inside, always-on ones neither."""
    if handle is None:
        yield
        return
    memories, unsure = (*handle.always_on, *handle.memories), handle.unsure
    handle.set(())
    try:
        yield
    finally:
        handle.set(memories, unsure)
