"""What the model answers at one commit and at another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisedb.serving.answer import answer_prompts

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class Answered:
    """One prompt's answers.

    Attributes:
        prompt: the prompt.
        before: the answer at the commit looked from.
        after: the answer at the commit looked at.
    """

    prompt: str
    before: str
    after: str

    def to_json(self) -> dict[str, str]:
        """``{"prompt", "from", "to"}``."""
        return {"prompt": self.prompt, "from": self.before, "to": self.after}


def diff_answers(
    store: Store,
    base: LoadedBase,
    a: str,
    b: str,
    prompts: Sequence[str],
    mode: str = "retrieve",
    *,
    max_new_tokens: int = 20,
) -> tuple[Answered, ...]:
    """Answer prompts at two commits.

    Raises:
        UnknownRevision: one of them is none.
    """
    before = answer_prompts(store, base, prompts, a, mode, max_new_tokens=max_new_tokens)
    after = answer_prompts(store, base, prompts, b, mode, max_new_tokens=max_new_tokens)
    return tuple(
        Answered(prompt, one.text, other.text) for prompt, one, other in zip(prompts, before, after, strict=True)
    )
