"""The evidence, held against its formula written out."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.memory.sides import Tolerance
from wisedb.memory.gates.keys import score as evidence
from wisedb.memory.gates.keys.index import KeyIndex
from wisedb.memory.gates.keys.name_boundaries import ENDING, LONGER, PART
from wisedb.memory.gates.keys.score import found_so_far, relation_score, score_edits, subject_score
from wisedb.memory.gates.keys.statistics import Statistics
from wisedb.memory.gates.keys.token_flags import (
    APART,
    LINKED,
    SAME_NAME,
    SAME_WORD,
    join_before,
    join_behind,
)

P, R = 5, 4

# Sums of a few dozen numbers, taken in another order.
SUMS: Tolerance = {"rtol": 1e-5, "atol": 1e-4}


def made(seed: int, keys: int, memories: int) -> KeyIndex:
    generator = torch.Generator().manual_seed(seed)

    def unit(*size: int) -> torch.Tensor:
        return torch.nn.functional.normalize(torch.randn(*size, generator=generator), dim=-1)

    def whole(most: int, count: int) -> torch.Tensor:
        return torch.randint(most, (count,), generator=generator)

    lengths = whole(3, 2 * keys) + 1
    slots = whole(7, int(lengths.sum()))
    weights = torch.rand(len(slots), generator=generator) * 0.9 + 0.1
    starts = lengths.cumsum(0) - lengths
    readings = torch.stack([torch.arange(keys) * 2, torch.arange(keys) * 2 + 1], dim=1)
    readings[0, 1] = 2 * keys
    statistics = Statistics(
        0,
        torch.zeros(P),
        torch.eye(P),
        torch.zeros(R),
        torch.eye(R),
        torch.zeros(0, dtype=torch.int32),
        torch.zeros(0, dtype=torch.int32),
        torch.zeros(0, dtype=torch.uint8),
        (),
    )
    totals = torch.stack([part.sum() for part in torch.split(weights, lengths.tolist())])
    return KeyIndex(
        statistics,
        memories,
        unit(7, P),
        slots,
        weights,
        starts,
        totals,
        torch.stack([slots[starts], slots[starts + lengths - 1]], dim=1),
        torch.rand(2 * keys, 2, generator=generator) < 0.8,
        readings,
        unit(keys, R),
        torch.randn(2, R, generator=generator) * 0.1,
        torch.zeros(keys, dtype=torch.int64),
        torch.rand(keys, generator=generator),
        torch.zeros(keys, dtype=torch.bool),
        torch.zeros(keys, dtype=torch.int64),
        whole(memories, keys),
        torch.arange(keys),
    )


def some_prompts(
    seed: int, index: KeyIndex, rows: int = 3
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokens, half of them the table's own, relation keys, flags, and which are seen: six positions a row."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.nn.functional.normalize(torch.randn(rows, 6, P, generator=generator), dim=-1)
    own = index.table[torch.randint(7, (rows, 6), generator=generator)]
    tokens = torch.where(torch.rand(rows, 6, 1, generator=generator) < 0.5, own, tokens)
    flags = torch.randint(0, 256, (rows, 6), generator=generator, dtype=torch.uint8)
    return tokens, torch.randn(rows, 6, R, generator=generator), flags, torch.rand(rows, 6, generator=generator) < 0.7


def longer(tokens: torch.Tensor, flags: torch.Tensor, index: KeyIndex, reading: int) -> float:
    """j of one reading and one prompt."""
    follows = join_before(flags)
    cases = (
        (follows.tolist(), {APART: 0.0, SAME_WORD: LONGER, SAME_NAME: LONGER, LINKED: PART}),
        (join_behind(flags, follows)[0].tolist(), {APART: 0.0, SAME_WORD: ENDING, SAME_NAME: LONGER, LINKED: 0.0}),
    )
    costs = []
    for side, (beside, cost) in enumerate(cases):
        near = tokens @ index.table[index.ends[reading, side]]
        found = [cost[beside[place]] for place, value in enumerate(near.tolist()) if value >= 0.8]
        costs.append(min(found, default=0.0) if index.whole[reading, side] else 0.0)
    return sum(costs)


def score(tokens: torch.Tensor, relation: torch.Tensor, flags: torch.Tensor, index: KeyIndex, key: int) -> float:
    """s of one key and one prompt: tokens (T, p), relation key (r,), flags (T,), as the module's formulas have it."""
    ends = [*index.starts.tolist()[1:], len(index.token_rows)]
    strengths = []
    for reading in index.readings[key].tolist():
        if reading == len(index.starts):
            continue
        some = range(int(index.starts[reading]), ends[reading])
        found = [max(0.0, float((tokens @ index.table[index.token_rows[i]]).max())) for i in some]
        weights = [float(index.weights[i]) for i in some]
        coverage = sum(w * m for w, m in zip(weights, found, strict=True)) / sum(weights)
        says = sum(w * m * m for w, m in zip(weights, found, strict=True))
        strength = -evidence.COVERAGE * math.log(max(1.03 - coverage, 0.03)) + evidence.INFORMATION * says
        strengths.append(strength - longer(tokens, flags, index, reading))
    asked = torch.nn.functional.normalize(relation - index.centre[0], dim=0) @ index.relations[key]
    related = float(index.knowledge[key]) * (evidence.RELATION * float(asked) - evidence.UNASKED)
    return max(strengths) + related - evidence.BIAS


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 3))
def test_every_position_has_the_score_of_the_prompt_that_ends_there(seed: int, keys: int, memories: int) -> None:
    index = made(seed, keys, memories)
    tokens, relations, flags, seen = some_prompts(seed + 1, index)
    at = seen.cumsum(dim=1) - 1
    meant = score_edits(tokens, relations, flags, seen, at, index)
    for row in range(3):
        for position in range(6):
            here = [place for place in range(position + 1) if seen[row, place]]
            if not here:
                assert torch.isinf(meant.scores[row, position]).all()
                continue
            prompt = (tokens[row, here], relations[row, here[-1]], flags[row, here])
            wanted = [score(*prompt, index, key) for key in range(keys)]
            for memory in range(memories):
                own = [wanted[key] for key in range(keys) if index.memory[key] == memory]
                expected = torch.tensor(max(own) if own else -math.inf)
                torch.testing.assert_close(meant.scores[row, position, memory], expected, rtol=1e-4, atol=1e-3)
            assert wanted[int(meant.best[row, position])] > max(wanted) - 1e-3
    whole = score_edits(tokens, relations, flags, seen, at[:, -1:], index)
    torch.testing.assert_close(whole.scores, meant.scores[:, -1:], rtol=1e-4, atol=1e-3)


def test_rows_taken_some_at_a_time_are_the_same() -> None:
    index = made(3, 5, 2)
    tokens, relations, flags, seen = some_prompts(4, index, rows=9)
    arguments = (tokens, relations, flags, torch.ones_like(seen), torch.arange(6).expand(9, -1), index)
    at_once = score_edits(*arguments)
    before, evidence._BUDGET = evidence._BUDGET, 100
    try:
        in_parts = score_edits(*arguments)
    finally:
        evidence._BUDGET = before
    torch.testing.assert_close(in_parts.scores, at_once.scores)
    assert torch.equal(in_parts.best, at_once.best)


def test_a_whole_subject_is_worth_more_than_half_of_it() -> None:
    index = made(0, 4, 1)
    found = torch.ones(3, 7)
    found[1] *= 0.9
    found[2] = 0
    strength = subject_score(found, index)
    assert (strength[0] > strength[1]).all() and (strength[1] > strength[2]).all()
    # The whole subject is worth 3.5 times the weight of coverage, plus what it says.
    assert (strength[0] >= evidence.COVERAGE * 3.5).all()


def test_what_is_asked_counts_as_far_as_the_model_knows() -> None:
    index = made(0, 4, 1)
    index.knowledge[0] = 0
    asked = index.relations * 3 + index.centre[0]
    related = relation_score(asked, index)
    assert (related[:, 0] == 0).all()
    own = related.diagonal()[1:]
    torch.testing.assert_close(own, index.knowledge[1:] * (evidence.RELATION - evidence.UNASKED))
    assert (related.argmax(dim=0)[1:] == torch.arange(1, 4)).all()


def test_found_is_a_running_maximum() -> None:
    table = torch.eye(3)
    tokens = torch.tensor([[[1.0, 0, 0], [0, 0.6, 0.8], [0, 1.0, 0]]])
    seen = torch.tensor([[True, True, False]])
    found = found_so_far(tokens, seen, torch.tensor([[0, 1, 1]]), table)
    torch.testing.assert_close(found, torch.tensor([[[1.0, 0, 0], [1.0, 0.6, 0.8], [1.0, 0.6, 0.8]]]))
    torch.testing.assert_close(found_so_far(tokens, seen, torch.tensor([[1]]), table), found[:, -1:])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.floats(-12, 3))
def test_keys_that_cannot_reach_the_threshold_are_left_out_without_a_trace(
    seed: int, keys: int, threshold: float
) -> None:
    index = made(seed, keys, 2)
    prompts = some_prompts(seed, index)
    places = prompts[-1].cumsum(dim=1) - 1
    full, pruned = score_edits(*prompts, places, index), score_edits(*prompts, places, index, threshold=threshold)
    matters = full.scores >= threshold
    torch.testing.assert_close(pruned.scores[matters], full.scores[matters], **SUMS)
    # What matters to nobody may be too high at the end of the prompt, though never so high that it would matter.
    lower = ~matters
    lower[:, -1] = False
    assert (pruned.scores[lower] <= full.scores[lower] + 1e-4).all()
    assert (pruned.scores[:, -1] >= full.scores[:, -1] - 1e-4).all()
    assert torch.equal(pruned.scores >= threshold, matters)
    only_end = score_edits(*prompts, places[:, -1:], index, threshold=threshold)
    ends = matters[:, -1:]
    torch.testing.assert_close(only_end.scores[ends], full.scores[:, -1:][ends], **SUMS)
    assert torch.equal(only_end.scores >= threshold, ends)
    fires = matters.any(dim=-1)
    assert torch.equal(pruned.best[fires], full.best[fires])


def test_some_keys_of_an_index() -> None:
    index = made(5, 5, 2)
    few = index.only(torch.tensor([0, 3]))
    assert few is not None
    found = torch.rand(4, 7)
    used = torch.unique(torch.cat([index.token_rows[index.starts[r] :][: int(n)] for r, n in _sizes(index, [0, 3])]))
    torch.testing.assert_close(subject_score(found[:, used], few), subject_score(found, index)[:, [0, 3]])
    assert few.edit.tolist() == [0, 3]
    assert index.only(torch.tensor([], dtype=torch.int64)) is None


def _sizes(index: KeyIndex, keys: list[int]) -> list[tuple[int, int]]:
    sizes = torch.diff(index.starts, append=torch.tensor([len(index.token_rows)])).tolist()
    return [(r, sizes[r]) for key in keys for r in index.readings[key].tolist() if r < len(index.starts)]


def test_each_key_is_compared_from_its_own_centre() -> None:
    index = made(3, 4, 2)
    generator = torch.Generator().manual_seed(1)
    centre, group = torch.randn(3, R, generator=generator), torch.tensor([0, 1, 1, 0])
    asked = torch.randn(5, R, generator=generator)
    found = relation_score(asked, replace(index, centre=centre, group=group))
    for key, row in enumerate(group.tolist()):
        alone = replace(index, centre=torch.stack([centre[row], centre[2]]))
        torch.testing.assert_close(found[:, key], relation_score(asked, alone)[:, key])
