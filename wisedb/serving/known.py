"""Whether a model says an edit's target already, asked as the edit is to be learned."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from wisedb.edits import Edit
from wisedb.serving.asked import question
from wisedb.serving.evaluate import exact_matches
from wisedb.serving.replies import replies, reply_limit
from wisedb.serving.says import says
from wisedb.serving.score import pairs_of

if TYPE_CHECKING:
    from wisedb.memory.hooks import AttachedMemories
    from wisedb.model.base import LoadedBase


def said_already(
    base: LoadedBase, edits: Sequence[Edit], chats: Collection[str] = (), handle: AttachedMemories | None = None
) -> list[bool]:
    """Of each edit, whether the model's greedy answer is its target.

    That to a plain prompt is, where at its natural stop it is the target and nothing else
    (:func:`wisedb.serving.exact_match.normalise_answer`); a reply in a chat, where it says the target
    (:func:`wisedb.serving.says.says`).

    Args:
        base: the model.
        edits: the edits.
        chats: ids of those that are asked behind the chat template.
        handle: the attached memories, ``None`` for the plain model.
    """
    plain = [edit for edit in edits if edit.id not in chats]
    asked = [edit for edit in edits if edit.id in chats]
    said = exact_matches(base, [(edit.prompt, edit.target) for edit in plain], handle)
    known = {edit.id for edit, same in zip(plain, said, strict=True) if same}
    questions = [question(edit, chat=True) for edit in asked]
    pairs = pairs_of(base.tokenizer, [(each, edit.target) for each, edit in zip(questions, asked, strict=True)])
    told = replies(base, questions, [reply_limit(len(pair.answer)) for pair in pairs], handle)
    known |= {
        edit.id for edit, reply in zip(asked, told, strict=True) if says(reply.text, edit.target, edit.ground_truth)
    }
    return [edit.id in known for edit in edits]
