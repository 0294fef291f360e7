"""What is usual in a base model: the scale on which its token embeddings and its hidden states are compared.

Keys are cosines, and cosines mean little where a few directions carry most of the variance. Tokens are whitened by the
covariance of unrelated text. What a prompt asks (its relation) shows in the state of its last token half way up; there
the covariance is that WITHIN a text whose subject is exchanged for made-up names, so that the direction in which the
subject moves the state counts little and the one in which the question moves it counts much (within-class covariance
normalisation, Hatch et al., Interspeech 2006). A pure function of the model and the texts: computed once a base model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import torch

from wisedb.errors import CorruptObject, UsageError
from wisedb.memory.gates.keys.centres import CENTRES, ScriptMeans
from wisedb.memory.gates.keys.chat_statistics import (
    CHAT_TENSORS,
    CLOSING_TENSORS,
    ChatStatistics,
    compute_chat_statistics,
    thinking_of,
)
from wisedb.memory.gates.keys.question_map import shipped_questions, shipped_statements
from wisedb.memory.gates.keys.reading_layers import chat_layers, relation_layer
from wisedb.memory.gates.keys.token_flags import STOP, token_flags
from wisedb.memory.gates.keys.whitening import main_directions, white
from wisedb.model.capture import capture
from wisedb.model.chat import chat_format
from wisedb.model.locate import Projection
from wisedb.model.subjects import names, with_other_subjects
from wisedb.model.tokens import encode_prompt
from wisedb.progress import Counter, Listener

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TOKEN_SIZE = 64
"""Most dimensions of a whitened token."""

RELATION_SIZE = 48
"""Most dimensions of a relation key."""

SWAPS = 8
"""How often a text's subject is exchanged."""

# Of a chat model, whose prompts are long, so many texts have their subjects exchanged. With 16 in the place of 48 the
# keys of plain questions of SmolLM2-135M-Instruct moved as much as with other texts, and .001 of what they decide.
_VARIED = 16

_TOKEN_SHRINKAGE = 0.05
_RELATION_SHRINKAGE = 0.1
_TENSORS = ("token_mean", "token_map", "relation_mean", "relation_map", "texts", "lengths")
# What the token flags are called in a blob. Stores from before names were looked at have none: nothing is known to go
# on there.
_FLAGS = "marks"
# What the layers that are read in a chat are called in the JSON.
_CHAT_LAYERS = "chat_layers"


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """The statistics of a base model.

    Attributes:
        layer: the block at whose input relations of plain text are read, from 0.
        token_mean: float32 (d,), the mean token embedding.
        token_map: float32 (d, p): centred embeddings times this are white, and p ≤ 64 wide.
        relation_mean: float32 (d_model,), the mean state of a text's last token.
        relation_map: float32 (d_model, r), r ≤ 48.
        texts: int32 (tokens,), the unrelated texts one after the other: how common a token is, is counted there.
        lengths: int32 (texts,), how many tokens each has.
        flags: uint8 (V,), what each token of the vocabulary shows of names
            (:mod:`wisedb.memory.gates.keys.token_flags`); (0,) where that isn't known.
        words: what made-up names are made of.
        scripts: what is usual of texts in each script.
        chat: the same behind the model's chat template, None where it has none.

    Raises:
        CorruptObject: shapes or dtypes that don't belong together, or a value that is not finite.
    """

    layer: int
    token_mean: torch.Tensor
    token_map: torch.Tensor
    relation_mean: torch.Tensor
    relation_map: torch.Tensor
    texts: torch.Tensor
    lengths: torch.Tensor
    flags: torch.Tensor
    words: tuple[str, ...]
    chat: ChatStatistics | None = None
    scripts: ScriptMeans = field(default_factory=ScriptMeans)

    def __post_init__(self) -> None:
        maps = ((self.token_mean, self.token_map), (self.relation_mean, self.relation_map))
        whole = all(
            mean.ndim == 1
            and matrix.ndim == 2
            and matrix.shape[0] == mean.shape[0]
            and all(part.dtype == torch.float32 and bool(torch.isfinite(part).all()) for part in (mean, matrix))
            for mean, matrix in maps
        )
        counted = all(part.dtype == torch.int32 and part.ndim == 1 for part in (self.texts, self.lengths))
        if self.chat is not None:
            wide = (2 * len(self.chat.layers) * len(self.relation_mean), self.relation_map.shape[1])
            whole = whole and self.chat.map.shape == wide
        if self.scripts.scripts:
            whole = whole and self.scripts.means.shape[1] == self.relation_map.shape[1]
        counted = counted and self.flags.dtype == torch.uint8 and self.flags.ndim == 1
        if not whole or not counted or int(self.lengths.sum()) != len(self.texts) or self.layer < 0:
            raise CorruptObject("the statistics' tensors don't belong together", hint="Run `wisedb fsck`.")

    def same(self, other: Statistics) -> bool:
        """Whether both say the same, bit for bit."""
        if self is other:
            return True
        one, two = self.tensors(), other.tensors()
        alike = self.meta() == other.meta() and one.keys() == two.keys()
        return alike and all(torch.equal(one[name], two[name]) for name in one)

    def documents(self) -> list[list[int]]:
        """The unrelated texts as token ids."""
        return [part.tolist() for part in torch.split(self.texts, self.lengths.tolist())]

    def tensors(self) -> dict[str, torch.Tensor]:
        """All tensors by name, for a blob."""
        held = {name: getattr(self, name) for name in _TENSORS}
        if self.chat is not None:
            held |= self.chat.tensors()
        return held | self.scripts.tensors() | ({_FLAGS: self.flags} if len(self.flags) else {})

    def meta(self) -> dict[str, Any]:
        """What is no tensor, as JSON takes it."""
        chat: dict[str, Any] = {} if self.chat is None else {"template": self.chat.template}
        if self.chat is not None and self.chat.thinking is not None:
            chat["thinking"] = asdict(self.chat.thinking) | {"empty": list(self.chat.thinking.empty)}
        # Stores from before several were read say nothing of them.
        if self.chat is not None and self.chat.layers != (self.layer,):
            chat[_CHAT_LAYERS] = list(self.chat.layers)
        return {"layer": self.layer, "words": list(self.words), **self.scripts.meta(), **chat}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> Statistics:
        """What :meth:`tensors` and :meth:`meta` gave.

        Raises:
            CorruptObject: something is missing or of the wrong kind.
        """
        layer, words = meta.get("layer"), meta.get("words")
        known = isinstance(words, list) and all(isinstance(word, str) for word in words)
        template = meta.get("template")
        wanted = set(_TENSORS) | (set() if template is None else set(CHAT_TENSORS))
        ends = set(CLOSING_TENSORS) if template is not None and CLOSING_TENSORS[0] in tensors else set()
        if type(layer) is not int or not known or set(tensors) - {_FLAGS, CENTRES} != wanted | ends:
            raise CorruptObject(f"these are no statistics: {json.dumps(sorted(tensors))}", hint="Run `wisedb fsck`.")
        flags = tensors.get(_FLAGS, torch.zeros(0, dtype=torch.uint8))
        thinking = thinking_of(meta.get("thinking"))
        layers = _layers(meta.get(_CHAT_LAYERS, [layer]))
        chat = None if template is None else ChatStatistics.from_tensors(tensors, layers, str(template), thinking)
        named = {name: tensors[name] for name in _TENSORS}
        scripts = ScriptMeans.from_tensors(tensors, meta)
        return cls(layer, **named, flags=flags, words=tuple(words or ()), chat=chat, scripts=scripts)

    def tokens(self, embedded: torch.Tensor) -> torch.Tensor:
        """Whitened token keys of length 1: embeddings (..., d) → float32 (..., p)."""
        place = embedded.device
        white = (embedded.float() - self.token_mean.to(place)) @ self.token_map.to(place)
        return torch.nn.functional.normalize(white, dim=-1)

    def flags_of(self, ids: torch.Tensor | None, like: torch.Tensor) -> torch.Tensor:
        """What tokens show of names, uint8 (B, T): nothing where their ids or their flags aren't known.

        Args:
            ids: int64 (B, T) or None.
            like: (B, T, …), on whose device the flags are wanted.
        """
        if ids is None or not len(self.flags):
            return torch.zeros(like.shape[:2], dtype=torch.uint8, device=like.device)
        flags, ids = self.flags.to(like.device), ids.to(like.device)
        return torch.where(ids < len(flags), flags[ids.clamp(max=len(flags) - 1)], 0)

    def sentence_ends(self) -> frozenset[int]:
        """The tokens with which a sentence ends."""
        return frozenset(((self.flags & STOP) > 0).nonzero()[:, 0].tolist())

    def relations(self, states: torch.Tensor) -> torch.Tensor:
        """Relation keys before they are centred on other edits: states (..., d_model) → float32 (..., r)."""
        place = states.device
        return (states.float() - self.relation_mean.to(place)) @ self.relation_map.to(place)


def _layers(value: object) -> tuple[int, ...]:
    """What the JSON holds of layers.

    Raises:
        CorruptObject: they are none.
    """
    found = tuple(value) if isinstance(value, list) else ()
    rising = all(type(layer) is int for layer in found) and found == tuple(sorted(set(found)))
    if not found or not rising or found[0] < 0:
        raise CorruptObject("the statistics' layers are none", hint="Run `wisedb fsck`.")
    return found


def compute_statistics(
    model: PreTrainedModel,
    projection: Projection,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    seed: int = 0,
    progress: Listener | None = None,
) -> Statistics:
    """Measure what is usual in a model.

    Args:
        model: the base model, in evaluation mode, without memories.
        projection: the projection that is edited.
        tokenizer: its tokenizer.
        texts: unrelated texts, some hundreds, that the model wrote or the user gave.
        seed: where the made-up names and the directions come from.
        progress: told how many texts were run.

    Raises:
        UsageError: fewer than two texts with tokens.
    """
    format_ = chat_format(tokenizer)
    layer = relation_layer(projection, chat=format_ is not None)
    both = [(text, ids) for text in texts if (ids := encode_prompt(tokenizer, text))]
    encoded = [ids for _, ids in both]
    if len(encoded) < 2:
        raise UsageError("statistics need unrelated texts", hint="Let `wisedb init` write a pool, or give one.")
    words, chooser = names(texts), Random(seed)
    some = texts if format_ is None else texts[:_VARIED]
    others = [other for text in some for other in with_other_subjects(text, None, words, SWAPS, chooser)]
    asked = 0 if format_ is None else len(shipped_questions()) + len(shipped_statements())
    counter = Counter(progress, "measuring", len(encoded) + len(others) + asked)
    plain = list(capture(model, projection, layer, encoded, report=counter.add))
    ends = torch.stack([seen.states[-1] for seen in plain])
    tokens, states = torch.cat([seen.tokens for seen in plain]), torch.cat([seen.states for seen in plain])
    generator = torch.Generator().manual_seed(seed)

    mean = tokens.mean(dim=0)
    token_map = white(tokens - mean, _TOKEN_SHRINKAGE)
    if token_map.shape[0] > TOKEN_SIZE:
        drawn = torch.randn(token_map.shape[0], TOKEN_SIZE, generator=generator)
        # Random directions: cosines survive (Johnson and Lindenstrauss), and no direction is thought unimportant.
        token_map = token_map @ torch.linalg.qr(drawn)[0]

    within = ends - ends.mean(dim=0)
    if others:
        varied = [encode_prompt(tokenizer, other) for other in others]
        found = capture(model, projection, layer, varied, report=counter.add)
        within = torch.stack([seen.states[-1] for seen in found])
        within = within.reshape(-1, SWAPS, within.shape[-1])
        within = (within - within.mean(dim=1, keepdim=True)).flatten(0, 1)
    relation_map = white(within, _RELATION_SHRINKAGE)
    # The directions in which the model's own states differ most, once the subject's have been made small.
    spread = (states - states.mean(dim=0)) @ relation_map
    relation_map = relation_map @ main_directions(spread, RELATION_SIZE)
    width = relation_map.shape[1]
    scripts = ScriptMeans.of([text for text, _ in both], (ends - ends.mean(dim=0)) @ relation_map)
    chat = (
        None
        if format_ is None
        else compute_chat_statistics(model, projection, tokenizer, format_, chat_layers(projection), width, counter)
    )
    return Statistics(
        layer,
        mean,
        token_map.contiguous(),
        ends.mean(dim=0),
        relation_map.contiguous(),
        torch.tensor([token for ids in encoded for token in ids], dtype=torch.int32),
        torch.tensor([len(ids) for ids in encoded], dtype=torch.int32),
        token_flags(tokenizer),
        words,
        chat,
        scripts,
    )
