"""The verbs that need the model: each is bound to :class:`wisedb.repository.Repository` as a method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wisedb.progress import Listener
from wisedb.repository.adding import warn_left_out
from wisedb.repository.turns import in_turn

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from wisedb.edits import Edit
    from wisedb.export.merged import ExportResult
    from wisedb.repository.repository import Repository
    from wisedb.serving.conversation import Conversation
    from wisedb.serving.evaluation import Evaluation
    from wisedb.serving.explain import Explanation
    from wisedb.serving.facts_for import FactsFor
    from wisedb.serving.generation import Generation


def load(
    repository: Repository, rev: str = "HEAD", mode: str = "retrieve", **kwargs: Any
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model of one's own at ``rev``, with its tokenizer; see :func:`wisedb.serving.load.load`."""
    from wisedb.serving.load import load

    return load(repository.store, rev, mode, **{**repository.located, **kwargs})


@in_turn
def generate(
    repository: Repository,
    prompts: str | Sequence[str],
    at: str = "HEAD",
    mode: str = "retrieve",
    base: bool = False,
    max_new_tokens: int = 20,
    progress: Listener | None = None,
    *,
    chat: bool = False,
    system: str | None = None,
    greedy: bool = False,
    seed: int = 0,
) -> list[Generation]:
    """Answer prompts at a commit (or by the plain base model), by the model's own settings for generation.

    With ``chat`` each is a user's message behind the model's chat template, behind the ``system`` message if one is
    given. With ``greedy`` the likeliest token follows, whatever the model's settings are; ``seed`` is for those that
    sample. See :func:`wisedb.serving.answer.answer_prompts`.
    """
    from wisedb.serving.answer import answer_prompts
    from wisedb.serving.asked import Chat

    asked = [prompts] if isinstance(prompts, str) else list(prompts)
    repository.store.resolve(at)
    chosen = "base" if base else mode
    how = Chat(system) if chat or system is not None else None
    options: dict[str, Any] = {"max_new_tokens": max_new_tokens, "greedy": greedy, "seed": seed}
    return answer_prompts(repository.store, repository.base, asked, at, chosen, chat=how, progress=progress, **options)


@in_turn
def context(repository: Repository, asked: str | Sequence[Mapping[str, Any]], at: str = "HEAD") -> FactsFor:
    """The facts in force at a commit that a prompt, or messages as OpenAI's API takes them, ask for.

    Their text is to be put into the context of whichever model answers; see :mod:`wisedb.serving.facts_for`.
    """
    from wisedb.serving.facts_for import facts_for

    repository.store.resolve(at)
    return facts_for(repository.store, repository.base, asked, at)


@contextmanager
def chat(
    repository: Repository,
    at: str = "HEAD",
    mode: str = "retrieve",
    *,
    system: str | None = None,
    max_new_tokens: int = 512,
    progress: Listener | None = None,
) -> Iterator[Conversation]:
    """A conversation with the model at a commit, for a ``with`` block; see :mod:`wisedb.serving.conversation`.

    Inside the block the base model is the conversation's: a verb that needs one loads another.
    """
    from wisedb.serving.conversation import conversation_at

    repository.store.resolve(at)
    options: dict[str, Any] = {"system": system, "max_new_tokens": max_new_tokens, "progress": progress}
    with (
        repository.lent_base() as base,
        conversation_at(repository.store, base, at, mode, **options) as conversation,
    ):
        yield conversation


@in_turn
def explain(
    repository: Repository,
    prompt: str,
    at: str = "HEAD",
    mode: str = "retrieve",
    *,
    chat: bool = False,
    system: str | None = None,
    without: str | None = None,
    progress: Listener | None = None,
) -> Explanation:
    """Why the model answers ``prompt`` so at a commit; see :func:`wisedb.serving.explain.explain`.

    With ``chat`` it is a user's message behind the model's chat template and the ``system`` message, if there is one.
    With ``without``, an edit's id, it is also asked with that edit switched off, and with another one.
    """
    from wisedb.serving.asked import Chat
    from wisedb.serving.explain import explain

    how = Chat(system) if chat or system is not None else None
    commit_id = repository.store.resolve(at)
    return explain(
        repository.store, repository.base, prompt, commit_id, mode, chat=how, without=without, progress=progress
    )


@in_turn
def evaluate(
    repository: Repository,
    rev: str = "HEAD",
    data: Edit | str | Path | Iterable[Edit | str | Path] | None = None,
    mode: str = "retrieve",
    limit: int | None = None,
    *,
    chat: bool = False,
    forms: bool = False,
    seed: int = 0,
    progress: Listener | None = None,
) -> Evaluation:
    """Measure a commit.

    With ``chat`` everything is asked as a user's message behind the model's chat template. With ``forms`` the tables of
    :mod:`wisedb.serving.forms` are measured too, their choices by ``seed``. See
    :func:`wisedb.serving.evaluate.evaluate`.
    """
    from wisedb import importers
    from wisedb.serving.evaluate import evaluate

    records = None
    if data is not None:
        reading = importers.refuse_bad(importers.read(data))
        warn_left_out(reading.left_out)
        records = reading.edits
    commit_id = repository.store.resolve(rev)
    return evaluate(
        repository.store,
        repository.base,
        commit_id,
        records,
        mode,
        limit,
        chat=chat,
        forms_seed=seed if forms else None,
        progress=progress,
    )


@in_turn
def export(
    repository: Repository,
    rev: str,
    directory: str | Path,
    format: str = "merged",
    mode: str | None = None,
    progress: Listener | None = None,
    *,
    force: bool = False,
) -> ExportResult:
    """Write a commit's model to a folder; see :func:`wisedb.export.merged.export`."""
    from wisedb.export.merged import export

    return export(
        repository.store, rev, Path(directory), format, mode, force=force, progress=progress, **repository.located
    )
