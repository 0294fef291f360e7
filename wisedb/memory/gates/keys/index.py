"""The keys of all memories that stand beside a model, made ready for one product with every prompt.

What a token says depends on what else there is: a token counts for log((N + 1) / df) / log(N + 1), df the number of
documents (unrelated texts and edits in force) that have it or one very like it. The same weights find a subject that
nobody named, as the stretch of the prompt in which rare tokens are dense, and put a named one aside that says next to
nothing ("who").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from wisedb.memory.gates.keys.centres import centres_of
from wisedb.memory.gates.keys.edit_keys import EditKeys, same_statistics
from wisedb.memory.gates.keys.similar_tokens import SimilarTokens
from wisedb.memory.gates.keys.statistics import Statistics
from wisedb.memory.gates.keys.token_flags import whole_names

_LEAST = 0.01
_DENSE = 0.5
# A subject that says little by itself and less than a tenth of its prompt is not what the prompt turns on.
_WEAK = 2.0
_WEAK_SHARE = 0.1
# However little a model seems to know, its states tell one question from another a little.
_KNOWN = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class KeyIndex:
    """k keys with n readings over a table of u tokens.

    Attributes:
        statistics: the base model's.
        memories: how many memories there are, with keys or without.
        table: float32 (u, p), whitened tokens of length 1.
        token_rows: int64 (s,), the readings' tokens, one reading after the other, as rows of the table.
        weights: float32 (s,), how much each counts, > 0.
        starts: int64 (n,), where each reading begins among the token rows.
        totals: float32 (n,), the sum of each reading's weights.
        ends: int64 (n, 2), each reading's first and last token, as rows of the table.
        whole: bool (n, 2): whether a name begins with the one and ends with the other in the edit's own prompt too.
        readings: int64 (k, m), each key's readings; n where it has fewer.
        relations: float32 (k, r), centred and of length 1.
        centre: float32 (g, r), what is taken off relation keys before they are compared. Of a question in a chat (the
            last row) that is zero, the mean of unrelated questions, so that what is meant doesn't depend on how many
            edits there are; of plain prompts there is one for each script.
        group: int64 (k,), which of them each key is compared by.
        knowledge: float32 (k,).
        chat: bool (k,): keys of questions in a chat, the others are of plain prompts.
        stops: int64 (edits,): in a chat, how many tokens that end a sentence each edit's answer has; 0 without a key.
        memory: int64 (k,), whose key it is.
        edit: int64 (k,), the place of its edit among the edits of all memories, one memory after the other.
    """

    statistics: Statistics
    memories: int
    table: torch.Tensor
    token_rows: torch.Tensor
    weights: torch.Tensor
    starts: torch.Tensor
    totals: torch.Tensor
    ends: torch.Tensor
    whole: torch.Tensor
    readings: torch.Tensor
    relations: torch.Tensor
    centre: torch.Tensor
    group: torch.Tensor
    knowledge: torch.Tensor
    chat: torch.Tensor
    stops: torch.Tensor
    memory: torch.Tensor
    edit: torch.Tensor

    def to(self, device: torch.device) -> KeyIndex:
        """The index on a device; itself if it is there."""
        if self.table.device == device:
            return self
        fields = (name for name in self.__dataclass_fields__ if isinstance(getattr(self, name), torch.Tensor))
        return replace(self, **{name: getattr(self, name).to(device) for name in fields})

    def only(self, keys: torch.Tensor) -> KeyIndex | None:
        """These keys alone (int64 (c,), rising), None for none: the host looks at how many there are."""
        if not len(keys):
            return None
        count = len(self.starts)
        kept = self.readings[keys]
        readings = torch.unique(kept[kept < count])
        sizes = torch.diff(self.starts, append=self.starts.new_tensor([len(self.token_rows)]))[readings]
        begins = sizes.cumsum(0) - sizes
        place = (self.starts[readings] - begins).repeat_interleave(sizes)
        place = place + torch.arange(len(place), device=place.device)
        used, token_rows = torch.unique(self.token_rows[place], return_inverse=True)
        renumbered = torch.full((count + 1,), len(readings), device=keys.device)
        renumbered[readings] = torch.arange(len(readings), device=keys.device)
        return replace(
            self,
            table=self.table[used],
            token_rows=token_rows,
            weights=self.weights[place],
            starts=begins,
            totals=self.totals[readings],
            ends=torch.searchsorted(used, self.ends[readings]),
            whole=self.whole[readings],
            readings=renumbered[kept],
            relations=self.relations[keys],
            group=self.group[keys],
            knowledge=self.knowledge[keys],
            chat=self.chat[keys],
            memory=self.memory[keys],
            edit=self.edit[keys],
        )


def build_index(
    rings: Sequence[EditKeys | None],
    sizes: Sequence[int],
    embed: Callable[[torch.Tensor], torch.Tensor],
    similar: SimilarTokens | None = None,
) -> KeyIndex | None:
    """Put the keys of several memories together.

    Args:
        rings: one a memory, in the order in which the memories are counted.
        sizes: how many edits each memory holds.
        embed: the model's embedding module: int64 (u,) → (u, d).
        similar: what was found of the same model's tokens before, which is then added to.

    Returns:
        None if no memory has a key.

    Raises:
        UsageError: the rings rest on different statistics.
    """
    held = [(number, ring) for number, ring in enumerate(rings) if ring is not None and len(ring)]
    if not held:
        return None
    statistics = same_statistics(ring for _, ring in held)
    ordinal = [sum(sizes[:number]) for number in range(len(sizes))]
    memory = torch.cat([torch.full((len(ring),), number) for number, ring in held])
    edit = torch.cat([ring.owners.long() + ordinal[number] for number, ring in held])
    relations = torch.cat([ring.relations.float() for _, ring in held])
    knowledge = torch.cat([ring.knowledge for _, ring in held])
    stops = torch.cat([ring.stops.long() for _, ring in held])
    chat = stops > 0
    # Plain prompts and questions in a chat are compared with their like alone.
    scripts = torch.cat([ring.scripts.long() for _, ring in held])
    typed = torch.cat([ring.typed for _, ring in held]) > 0
    centre, group = centres_of(relations, scripts, chat, typed, statistics.scripts)

    spelt = _Readings([ring for _, ring in held])
    table = spelt.table(statistics)
    similar = similar or SimilarTokens(statistics, embed)
    vectors = similar.vectors(table)
    weights = _weights(similar, table, spelt, statistics, edit)
    kept = spelt.kept(weights, table)
    spans = [tokens[first:last] for tokens, first, last in kept]
    rows = torch.searchsorted(table, torch.tensor([token for span in spans for token in span]))
    used, token_rows = torch.unique(rows, return_inverse=True)
    lengths = torch.tensor([len(span) for span in spans])
    token_weights = weights[rows]
    starts = lengths.cumsum(0) - lengths
    total = torch.zeros(len(spans)).index_add_(0, torch.arange(len(spans)).repeat_interleave(lengths), token_weights)
    return KeyIndex(
        statistics,
        len(rings),
        vectors[used],
        token_rows,
        token_weights,
        starts,
        total,
        torch.stack([token_rows[starts], token_rows[starts + lengths - 1]], dim=1),
        whole_names(kept, statistics.flags),
        _padded(spelt.kept_keys, len(relations)),
        torch.nn.functional.normalize(relations - centre[group], dim=-1),
        centre,
        group,
        _smoothed(knowledge, chat, typed),
        chat,
        torch.zeros(sum(sizes), dtype=torch.int64).scatter_reduce_(0, edit, stops, "amax"),
        memory,
        edit,
    )


def _smoothed(knowledge: torch.Tensor, chat: torch.Tensor, typed: torch.Tensor) -> torch.Tensor:
    # An edit by itself says little about what the model knows; half of it is what all edits say. In a chat it is given.
    plain = knowledge[~chat & ~typed]
    mean = plain.mean() if len(plain) else knowledge.new_zeros(())
    return torch.where(chat, knowledge, ((knowledge + mean) / 2).clamp(min=_KNOWN))


def _padded(keys: list[int], count: int) -> torch.Tensor:
    """Reading → key turned round: (k, m) readings of each key, n for none."""
    found: list[list[int]] = [[] for _ in range(count)]
    for reading, key in enumerate(keys):
        found[key].append(reading)
    width = max(len(some) for some in found)
    return torch.tensor([some + [len(keys)] * (width - len(some)) for some in found])


class _Readings:
    """All readings of several rings, keys counted through."""

    def __init__(self, rings: Sequence[EditKeys]) -> None:
        self.keys: list[int] = []
        self.tokens: list[list[int]] = []
        self.subjects: list[tuple[int, int]] = []
        self.whole: list[bool] = []
        self.kept_keys: list[int] = []
        first = 0
        self.typed: list[bool] = []
        for ring in rings:
            lengths = ring.readings[:, 1].tolist()
            self.tokens += [part.tolist() for part in torch.split(ring.tokens.long(), lengths)]
            self.subjects += [(row[2], row[3]) for row in ring.readings.tolist()]
            keys = [key + first for key in ring.readings[:, 0].tolist()]
            self.whole += [place == 0 or keys[place - 1] != key for place, key in enumerate(keys)]
            self.keys += keys
            self.typed += (ring.typed[ring.readings[:, 0].long()] > 0).tolist()
            first += len(ring)

    def table(self, statistics: Statistics) -> torch.Tensor:
        """int64 (u,): every token that occurs, sorted."""
        own = torch.tensor([token for tokens in self.tokens for token in tokens], dtype=torch.int64)
        table: torch.Tensor = torch.unique(torch.cat([own, statistics.texts.long()]))
        return table

    def kept(self, weights: torch.Tensor, table: torch.Tensor) -> list[tuple[list[int], int, int]]:
        """The readings that are kept, each with the subject's first token and the one behind its last.

        :attr:`kept_keys` says whose each is.
        """
        weight = dict(zip(table.tolist(), weights.tolist(), strict=True))
        found: list[tuple[list[int], int, int]] = []
        self.kept_keys = []
        weak = -1
        for key, tokens, (first, last), whole in zip(self.keys, self.tokens, self.subjects, self.whole, strict=True):
            if key == weak:
                continue
            if whole:
                says = [weight[token] for token in tokens]
                named = sum(says[first:last])
                weak = key if last and named < _WEAK and named < _WEAK_SHARE * sum(says) else -1
                if not last or weak == key:
                    first, last = dense_stretch(says)
            self.kept_keys.append(key)
            found.append((tokens, first, last))
        return found


def dense_stretch(weights: Sequence[float]) -> tuple[int, int]:
    """Where rare tokens are dense: the stretch with the largest sum of (weight − ½), and one token at least.

    Args:
        weights: what each token counts for, 0 to 1; one at least.
    """
    best, found, running, start = -math.inf, (0, 1), 0.0, 0
    for place, weight in enumerate(weights):
        if running <= 0:
            running, start = 0.0, place
        running += weight - _DENSE
        if running > best:
            best, found = running, (start, place + 1)
    return found


def _weights(
    similar: SimilarTokens, table: torch.Tensor, spelt: _Readings, statistics: Statistics, edit: torch.Tensor
) -> torch.Tensor:
    """What each token of the table counts for, float32 (u,)."""
    texts = statistics.documents()
    documents, tokens = [], []
    # An edit is one document, however many prompts it has.
    for key, ids, whole, typed in zip(spelt.keys, spelt.tokens, spelt.whole, spelt.typed, strict=True):
        if whole and not typed:
            documents += [int(edit[key])] * len(ids)
            tokens += ids
    first = int(edit.max()) + 1
    for number, ids in enumerate(texts):
        documents += [first + number] * len(ids)
        tokens += ids
    # A pair (document, row of the table) as one number.
    width = len(table)
    coded = torch.unique(torch.tensor(documents) * width + torch.searchsorted(table, torch.tensor(tokens)))
    # From "this document has that token" to "this document has a token like that one".
    one, like = similar.pairs(table)
    many = torch.bincount(one, minlength=width)
    row = coded % width
    often = many[row]
    begins = (many.cumsum(0) - many)[row] - (often.cumsum(0) - often)
    reached = like[begins.repeat_interleave(often) + torch.arange(int(often.sum()))]
    having = torch.unique((coded - row).repeat_interleave(often) + reached) % width
    frequency = torch.bincount(having, minlength=width).clamp(min=1).float()
    count = len(texts) + len(torch.unique(edit))
    return (torch.log((count + 1) / frequency) / math.log(count + 1)).clamp(min=_LEAST)
