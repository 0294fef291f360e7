"""What the model says to the facts in force: unedited, and at the commit; as prompts, and in a chat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wisedb.model.chat import template_digest
from wisedb.report.contents import Answers, Report
from wisedb.serving.answer import answer_prompts
from wisedb.serving.asked import Chat

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.progress import Listener
    from wisedb.store.store import Store


def with_answers(
    report: Report,
    store: Store,
    base: LoadedBase,
    *,
    limit: int | None = None,
    max_new_tokens: int = 20,
    progress: Listener | None = None,
) -> Report:
    """Ask the model each fact's prompt, greedily, before the edits and at the report's commit.

    Facts that end a conversation are asked by their last message alone.

    Args:
        report: what was gathered.
        store: the store.
        base: its base model, verified; it is left as it was.
        limit: the newest so many facts only; all by default.
        max_new_tokens: the longest answer.
        progress: is told how far a merge is that must be fitted first.

    Raises:
        InputError: a prompt is too long for the model.
    """
    chosen = report.facts if limit is None else report.facts[len(report.facts) - min(limit, len(report.facts)) :]
    prompts = [str(fact["prompt"]) for fact in chosen]

    def ask(mode: str, chat: Chat | None) -> Sequence[str]:
        if not prompts:
            return []
        said = answer_prompts(
            store,
            base,
            prompts,
            report.commit,
            mode,
            max_new_tokens=max_new_tokens,
            chat=chat,
            greedy=True,
            progress=progress,
        )
        return [one.text for one in said]

    before, after = ask("base", None), ask("retrieve", None)
    none: Sequence[str | None] = [None] * len(prompts)
    chats = template_digest(base.tokenizer) is not None
    chat_before, chat_after = (ask("base", Chat()), ask("retrieve", Chat())) if chats else (none, none)
    answers = {
        str(fact["id"]): Answers(*said, *said_in_chat)
        for fact, said, said_in_chat in zip(
            chosen, zip(before, after, strict=True), zip(chat_before, chat_after, strict=True), strict=True
        )
    }
    return replace(report, answers=answers, asked=len(chosen))
