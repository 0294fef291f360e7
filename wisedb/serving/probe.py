"""What a model answers to a few prompts, by which another version or machine is told to compute the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

from wisedb.edits import Edit
from wisedb.errors import CorruptObject
from wisedb.model.tokens import context_length, encode_prompt
from wisedb.serving.assemble import attached_at_commit

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.store.store import Store

PROMPTS: Final = ("The capital of France is", "Once upon a time there was", "2 + 2 =")
"""What every model is asked."""

_EDITS: Final = 3
_LIKELIEST: Final = 5
_DIGITS: Final = 5
# What rounding alone may change, beside logits of tens: float32 sums in another order, and halves.
_EXACT, _ROUGH = 2e-3, 0.25


@dataclass(frozen=True, slots=True)
class Compared:
    """How far a model is from what a commit says of it.

    Attributes:
        same: whether it computes the same, as far as rounding lets one tell.
        largest: the largest difference of a logit; ``None`` where the likeliest tokens are not there.
    """

    same: bool
    largest: float | None


def probed(edits: Sequence[Edit]) -> list[str]:
    """The prompts that are asked at a commit that writes some edits."""
    return [*PROMPTS, *(edit.prompt for edit in edits[:_EDITS])]


@torch.no_grad()
def probe(base: LoadedBase, prompts: Sequence[str]) -> dict[str, Any]:
    """Ask a model, with whatever is attached to it.

    Args:
        base: the model.
        prompts: what to ask; one that is too long for the model is cut at its beginning.

    Returns:
        ``prompts``, ``dtype``, and for each prompt its five likeliest next tokens (``tokens``) with their ``logits``.
    """
    model, limit = base.model, context_length(base.model)
    tokens, logits = [], []
    for prompt in prompts:
        ids = encode_prompt(base.tokenizer, prompt)[-(limit or 1 << 30) :]
        if not ids:
            ids = [0]
        given = torch.tensor([ids], device=model.device)
        said = model(input_ids=given, attention_mask=torch.ones_like(given), use_cache=False).logits[0, -1].float()
        values, places = said.topk(min(_LIKELIEST, said.shape[0]))
        tokens.append(places.tolist())
        logits.append([round(value, _DIGITS) for value in values.tolist()])
    return {
        "prompts": list(prompts),
        "dtype": str(model.dtype).removeprefix("torch."),
        "tokens": tokens,
        "logits": logits,
    }


@torch.no_grad()
def compare_probe(base: LoadedBase, was: Mapping[str, Any]) -> Compared:
    """Ask a model again what :func:`probe` asked, and compare the same tokens' logits.

    Args:
        base: the model, with the same attached to it.
        was: what was kept.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    now = probe(base, [str(prompt) for prompt in was["prompts"]])
    exact = was["dtype"] == now["dtype"] == "float32"
    largest = 0.0
    for before, after, one, other in zip(was["tokens"], now["tokens"], was["logits"], now["logits"], strict=True):
        there = dict(zip(after, other, strict=True))
        if not set(before[:1]) <= set(there):
            return Compared(False, None)
        shared = [(value, there[token]) for token, value in zip(before, one, strict=True) if token in there]
        largest = max(largest, *(abs(value - found) for value, found in shared))
    return Compared(largest <= (_EXACT if exact else _ROUGH), largest)


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """Whether the model at a commit still computes what it did when the commit was made.

    Attributes:
        commit: the commit.
        compared: what came of it; ``None`` where the commit, of an earlier version, kept nothing to compare.
        made_with: package → version of what made the commit, ``None`` where that isn't known.
        now: the same of what runs here.
    """

    commit: str
    compared: Compared | None
    made_with: Mapping[str, str] | None
    now: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """All fields; ``same`` and ``largest`` are null where there was nothing to compare."""
        return {
            "commit": self.commit,
            "same": None if self.compared is None else self.compared.same,
            "largest": None if self.compared is None else self.compared.largest,
            "made_with": None if self.made_with is None else dict(self.made_with),
            "now": dict(self.now),
        }

    @property
    def problem(self) -> str | None:
        """What is wrong, in a line; ``None`` if nothing is."""
        if self.compared is None or self.compared.same:
            return None
        largest = self.compared.largest
        apart = "its likeliest tokens are others" if largest is None else f"by {largest:.3g}"
        was = ", ".join(
            f"{name} {version} → {self.now.get(name, 'none')}"
            for name, version in (self.made_with or {}).items()
            if self.now.get(name) != version
        )
        why = was or "the versions are the same"
        return f"the model answers otherwise than when the commit was made ({apart}; {why})"


def check_model(store: Store, base: LoadedBase, commit_id: str, now: Mapping[str, str]) -> ModelCheck:
    """Ask the model at a commit again what it was asked when the commit was made.

    Args:
        store: the store.
        base: its base model; it is left as it was.
        commit_id: the commit.
        now: package → version of what runs here.

    Raises:
        CorruptObject: what was kept can't be read.
    """
    commit = store.objects.commit(commit_id)
    if commit.probe is None:
        return ModelCheck(commit_id, None, commit.made_with, now)
    with attached_at_commit(store, base, commit):
        try:
            compared = compare_probe(base, commit.probe)
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptObject(
                f"the probe of commit {commit_id[:12]} can't be read: {error}", hint="Run `wisedb fsck`."
            ) from error
    return ModelCheck(commit_id, compared, commit.made_with, now)
