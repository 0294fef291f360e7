"""Other ways to ask what an edit is about, borrowed from the edits that it is learned with.

"The capital of Laos is" and "Which city is the capital of Peru?" ask the same of two things. Whoever writes many edits
has asked for each kind of fact in several ways, and any of them may be how the next person asks for this one. Which
edits ask the same shows in their relation keys, as it does where prompts are routed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import normalize

from wisedb.edits import Edit, normalise_prompt
from wisedb.memory.gates.keys.centres import centre_of
from wisedb.memory.gates.keys.statistics import Statistics
from wisedb.model.capture import capture
from wisedb.model.locate import Projection
from wisedb.model.subjects import subject_of
from wisedb.model.tokens import encode_prompt
from wisedb.model.words import count_words

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# The least cosine of two relation keys that count as asking the same. In trials .4 and .6 did as well.
_ALIKE = 0.5
# A prompt with more words around its subject says more than what it asks: a passage about something else, say. Set by
# hand.
_LONGEST = 24


class RelationEncoder:
    """The relation keys of prompts, what they ask for: each computed by itself and remembered.

    Args:
        model: the base model, in evaluation mode, without memories.
        tokenizer: its tokenizer.
        projection: the projection that is edited.
        statistics: the model's, which relation keys are measured in.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        projection: Projection,
        statistics: Statistics,
    ) -> None:
        self._model, self._tokenizer, self._projection = model, tokenizer, projection
        self._statistics = statistics
        self._found: dict[str, Tensor] = {}

    def __call__(self, prompts: Sequence[str]) -> Tensor:
        """float32 (n, r) on the CPU, from the mean of unrelated text in a prompt's script on; zero without a token."""
        for prompt in prompts:
            if prompt not in self._found:
                self._found[prompt] = self._key(prompt)
        return torch.stack([self._found[prompt] for prompt in prompts])

    def _key(self, prompt: str) -> Tensor:
        ids = encode_prompt(self._tokenizer, prompt.rstrip())
        if not ids:
            return torch.zeros(self._statistics.relation_map.shape[1])
        (seen,) = capture(self._model, self._projection, self._statistics.layer, [ids])
        found, scripts = self._statistics.relations(seen.states[-1]), self._statistics.scripts
        usual = scripts.mean(scripts.place(prompt))
        return found if usual is None else found - usual


def paraphrases(edits: Sequence[Edit], others: Sequence[Edit], relations: Tensor, count: int) -> list[tuple[str, ...]]:
    """Prompts that ask of each edit's subject, in the words of other edits, what the edit's own prompt asks of it.

    The edits' prompts without their subjects are frames; a frame asks what the edits that use it ask, on average. An
    edit borrows those that ask what it asks, the nearest first, unless another edit on the same subject with another
    target asks that more nearly.

    What an edit is measured by is left alone: no paraphrase is a rephrase, a locality prompt or a prompt of one of
    these edits.

    Args:
        edits: those that paraphrases are wanted for.
        others: further edits to borrow from.
        relations: float32 (edits + others, r), their prompts' relation keys, see :class:`RelationEncoder`.
        count: how many an edit gets, at most.
    """
    everyone = (*edits, *others)
    names = [_subject(edit) for edit in everyone]
    frames: dict[tuple[str, str], list[int]] = defaultdict(list)
    same_subject: dict[str, list[int]] = defaultdict(list)
    for number, (edit, name) in enumerate(zip(everyone, names, strict=True)):
        if name is not None:
            same_subject[name.casefold()].append(number)
            frames[_frame(edit.prompt.rstrip(), name)].append(number)
    usable = [frame for frame in frames if count_words(" ".join(frame)) <= _LONGEST]
    if not usable or not count:
        return [()] * len(edits)
    keys = normalize(relations - centre_of(relations), dim=-1)
    meant = normalize(torch.stack([keys[frames[frame]].mean(dim=0) for frame in usable]), dim=-1)
    held = {normalise_prompt(text) for edit in everyone for text in _texts(edit)}
    found: list[tuple[str, ...]] = []
    for number, edit in enumerate(edits):
        name, some = names[number], list[str]()
        if name is not None:
            rivals = [other for other in same_subject[name.casefold()] if everyone[other].target != edit.target]
            for frame in _nearest(keys[number], keys[rivals], meant):
                text = name.join(usable[frame])
                if len(some) < count and normalise_prompt(text) not in held:
                    some.append(text)
        found.append(tuple(some))
    return found


def _nearest(own: Tensor, rivals: Tensor, meant: Tensor) -> Iterator[int]:
    # The frames that ask what a key (r,) asks, nearest first, but those that one of its rivals (n, r) asks more nearly.
    alike = meant @ own
    least = torch.full_like(alike, _ALIKE)
    if len(rivals):
        least = torch.maximum(least, (meant @ rivals.T).amax(dim=1))
    order = alike.argsort(descending=True, stable=True)
    yield from order[(alike >= least)[order]].tolist()


def _subject(edit: Edit) -> str | None:
    # What the prompt is about, where it stands there once: only then is it clear what is asked of it.
    named = subject_of(edit)
    return named if named and edit.prompt.count(named) == 1 else None


def _frame(prompt: str, name: str) -> tuple[str, str]:
    before, _, after = prompt.partition(name)
    return before, after


def _texts(edit: Edit) -> tuple[str, ...]:
    return edit.prompt, *edit.rephrases, *(local.prompt for local in edit.locality)
