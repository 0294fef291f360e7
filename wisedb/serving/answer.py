"""What the model says at a commit, on the base model that is lent for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wisedb.serving.asked import Chat
from wisedb.serving.assemble import attached_at_commit, check_mode
from wisedb.serving.generate import continue_prompts
from wisedb.serving.generation import Generation, generations

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.progress import Listener
    from wisedb.store.store import Store


def answer_prompts(
    store: Store,
    base: LoadedBase,
    prompts: Sequence[str],
    at: str = "HEAD",
    mode: str = "retrieve",
    *,
    max_new_tokens: int = 20,
    chat: Chat | None = None,
    greedy: bool = False,
    seed: int = 0,
    progress: Listener | None = None,
) -> list[Generation]:
    """Answer prompts at a commit, up to the end of the line; in a chat to the end of the reply.

    The model's own settings for generation are followed: a repetition penalty, sampling. Without any it is greedy.

    Args:
        store: the store.
        base: its base model, verified; it is left as it was.
        prompts: the prompts.
        at: the commit.
        mode: ``retrieve``, ``merge``, ``context``, ``hybrid`` or ``base``.
        max_new_tokens: the longest answer.
        chat: each prompt is a user's message behind the chat template.
        greedy: pass over the model's own settings, as whatever measures does.
        seed: where random choices come from, if the model samples.
        progress: is told how far a merge is that must be fitted first.

    Raises:
        UnknownRevision: no such commit.
        UsageError: no such mode, less than one token, or a chat with a model that has no chat template.
        InputError: a prompt is empty or too long.
    """
    chosen = check_mode(mode)
    commit = None if chosen == "base" else store.objects.commit(store.resolve(at))
    with attached_at_commit(store, base, commit, chosen, progress=progress) as handle:
        answers = continue_prompts(
            base.model,
            base.tokenizer,
            prompts,
            max_new_tokens=max_new_tokens,
            handle=handle,
            chat=chat,
            own=None if greedy else base.generation,
            seed=seed,
        )
        return generations(prompts, answers, handle, chat=chat is not None)
