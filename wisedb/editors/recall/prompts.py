"""The prompts behind which an edit's answer is trained."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from wisedb.editors.common.conversations import Prompt, encoded, replies
from wisedb.editors.common.limits import ensure_fits
from wisedb.editors.common.seeds import seed_of
from wisedb.editors.common.sequences import Encoded
from wisedb.editors.recall.settings import RecallSettings
from wisedb.edits import Edit
from wisedb.model.tokens import context_length, joined

if TYPE_CHECKING:
    from wisedb.editors.recall.context import RowContext

# Answer tokens that are trained at once: of a passage fewer unrelated prompts are taken. Set by hand: so many rows of
# 128,000 logits are half a GB.
_ANSWERS = 1024


def taught(context: RowContext, settings: RecallSettings, seed: int, edit: Edit) -> list[Encoded]:
    """An edit's own prompt first, with its answer, and all others; a function of the edit, the model and the pool.

    In a chat it is learned as the reply to its own question, first and behind a sentence; a plain prompt is learned
    bare, behind contexts, and in the place of unrelated prompts. One that ends in white space is learned without, too.

    Args:
        context: the base model made ready.
        settings: contexts, unrelated, train_rephrases, format and end count here.
        seed: which unrelated prompts are taken comes from it and from the edit's id.
        edit: the edit.

    Raises:
        TrainingFailed: its own prompt and answer are more than the model reads.
    """
    asked: list[Prompt] = []
    if context.chat is not None and settings.format != "raw":
        asked += replies(edit.prompt, edit.conversation[:-1])
    if not asked or not (settings.format == "chat" or edit.messages):
        bare = edit.prompt.rstrip()
        rephrases = edit.rephrases if settings.train_rephrases else ()
        contexts = (joined(context_, bare) for context_ in context.pool.contexts[: settings.contexts])
        asked += dict.fromkeys((edit.prompt, bare, *contexts, *rephrases))
        asked += _unrelated(context, settings, seed, edit)
    limit = context_length(context.forward.model)
    found = [encoded(context.tokenizer, context.chat, prompt, edit.target, end=settings.end) for prompt in asked]
    ensure_fits(edit.prompt, found[0].prompt, len(found[0].ids) - found[0].prompt, limit)
    # Behind a context a long passage may no longer fit: it is learned behind the prompts that do.
    fitting = [each for each in found if limit is None or len(each.ids) <= limit]
    return fitting[: max(len(asked) - settings.unrelated, _ANSWERS // (len(found[0].ids) - found[0].prompt))]


def _unrelated(context: RowContext, settings: RecallSettings, seed: int, edit: Edit) -> list[str]:
    prompts = context.pool.prompts
    chooser = Random(seed_of(seed, "unrelated", edit.id))
    return chooser.sample(prompts, min(settings.unrelated, len(prompts)))
