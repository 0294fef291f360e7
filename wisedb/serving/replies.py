"""What a model says to many questions: greedy, each to its natural stop or to a limit that its answer fits into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from wisedb.model.chat import chat_format
from wisedb.serving.asked import Chat, Prompt, question
from wisedb.serving.generate import Continuation, continue_prompts
from wisedb.serving.score import pairs_of

if TYPE_CHECKING:
    from wisedb.edits import Edit
    from wisedb.memory.hooks import AttachedMemories
    from wisedb.model.base import LoadedBase

REPLY_TOKENS: Final = 32
"""Tokens of a reply: those of an answer that is longer have room for it in the next multiple."""

_EXTRA_TOKENS = 8
"""Tokens beyond the target's that an answer may take until it stops by itself: closing punctuation, a newline."""
_ANSWER_BATCH = 64
"""Prompts that are answered with one token limit."""


def answers(
    base: LoadedBase,
    asked: Sequence[tuple[str, str]],
    handle: AttachedMemories | None = None,
    *,
    others: bool = True,
) -> list[Continuation]:
    """The greedy answers to plain prompts.

    An answer stops at the end token, or at the end of the line where the expected answer is one line.

    Args:
        base: the model.
        asked: prompts, each with the answer that is expected: its length bounds what is said.
        handle: the attached memories, ``None`` for the plain model.
        others: whether answers other than the expected ones are wanted; otherwise they are cut off where they stray.
    """
    lengths = [len(pair.answer) for pair in pairs_of(base.tokenizer, asked)]
    found: dict[int, Continuation] = {}
    for lines in (True, False):
        rows = [row for row, (_, target) in enumerate(asked) if ("\n" in target) != lines]
        rows.sort(key=lambda row: lengths[row])
        # Answers of similar length together: one long target must not make every prompt wait for its length.
        for start in range(0, len(rows), _ANSWER_BATCH):
            some = rows[start : start + _ANSWER_BATCH]
            said = continue_prompts(
                base.model,
                base.tokenizer,
                [asked[row][0] for row in some],
                max_new_tokens=lengths[some[-1]] + _EXTRA_TOKENS,
                handle=handle,
                one_line=lines,
                expected=None if others else [asked[row][1] for row in some],
            )
            found.update(zip(some, said, strict=True))
    return [found[row] for row in range(len(asked))]


def replies(
    base: LoadedBase,
    prompts: Sequence[Prompt],
    limits: Sequence[int],
    handle: AttachedMemories | None = None,
    *,
    chat: bool = False,
    one_line: bool = False,
) -> list[Continuation]:
    """The greedy replies to prompts and conversations.

    A model that thinks is asked behind an empty thought: its own may be longer than any limit.

    Args:
        base: the model.
        prompts: what is asked; a conversation always behind the chat template.
        limits: the longest reply to each, in tokens.
        handle: the attached memories, ``None`` for the plain model.
        chat: a text is a user's message behind the template too.
        one_line: the end of the line ends what continues a text.

    Raises:
        UsageError: there is no template.
        InputError: a prompt is empty or too long.
    """
    groups: dict[tuple[int, bool], list[int]] = {}
    for row, (prompt, limit) in enumerate(zip(prompts, limits, strict=True)):
        groups.setdefault((limit, chat or not isinstance(prompt, str)), []).append(row)
    asked = Chat(thoughtless=chat_format(base.tokenizer))
    found: dict[int, Continuation] = {}
    for (limit, framed), rows in groups.items():
        said = continue_prompts(
            base.model,
            base.tokenizer,
            [prompts[row] for row in rows],
            max_new_tokens=limit,
            handle=handle,
            one_line=one_line,
            chat=asked if framed else None,
        )
        found.update(zip(rows, said, strict=True))
    return [found[row] for row in range(len(prompts))]


def edit_answers(
    base: LoadedBase, edits: Sequence[Edit], handle: AttachedMemories | None = None, *, chat: bool = False
) -> list[Continuation]:
    """The greedy answers to the edits' own questions, in a chat behind the template.

    Args:
        base: the model.
        edits: what is asked about.
        handle: the attached memories, ``None`` for the plain model.
        chat: each prompt is a user's message.
    """
    if not chat:
        return answers(base, [(edit.prompt, edit.target) for edit in edits], handle)
    asked = [question(edit, chat=True) for edit in edits]
    pairs = pairs_of(base.tokenizer, zip(asked, (edit.target for edit in edits), strict=True), chat=True)
    return replies(base, asked, [reply_limit(len(pair.answer)) for pair in pairs], handle, chat=True)


def reply_limit(target: int) -> int:
    """The longest reply, in tokens, in which a target of so many tokens must be said."""
    return -(-(target + _EXTRA_TOKENS) // REPLY_TOKENS) * REPLY_TOKENS
