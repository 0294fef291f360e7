"""Tokens that are taken for one: by the definition, and whatever was found before."""

from __future__ import annotations

from dataclasses import replace

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.memory.keyed import statistics_of
from tests.models import tiny_model
from wisedb.memory.gates.keys import similar_tokens
from wisedb.memory.gates.keys.similar_tokens import SIMILAR, SimilarTokens
from wisedb.memory.gates.keys.statistics import Statistics


def statistics(width: int = 4) -> Statistics:
    """Statistics that leave embeddings as they are."""
    found = statistics_of(tiny_model("llama"))
    return replace(found, token_mean=torch.zeros(width), token_map=torch.eye(width))


@given(st.lists(st.sets(st.integers(0, 39), min_size=1), min_size=1, max_size=4), st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_pairs_are_those_of_the_definition_in_any_order(tables: list[set[int]], seed: int) -> None:
    # Few directions, so that many are alike.
    embedded = torch.randn(40, 4, generator=torch.Generator().manual_seed(seed))
    found = SimilarTokens(statistics(), lambda ids: embedded[ids])
    for tokens in tables:
        table = torch.tensor(sorted(tokens))
        vectors = found.vectors(table)
        torch.testing.assert_close(vectors, torch.nn.functional.normalize(embedded[table], dim=-1))
        cosines = vectors.double() @ vectors.double().T
        assert torch.stack(found.pairs(table), dim=1).tolist() == (cosines > SIMILAR).nonzero().tolist()


def test_a_large_table_is_searched_in_parts() -> None:
    count = similar_tokens._COLUMNS + 2 * similar_tokens._ROWS + 3
    embedded = torch.randn(count, 4, generator=torch.Generator().manual_seed(0))
    one, other = SimilarTokens(statistics(), lambda ids: embedded[ids]).pairs(torch.arange(count))
    vectors = statistics().tokens(embedded).double()
    assert torch.equal(torch.stack([one, other], dim=1), (vectors @ vectors.T > SIMILAR).nonzero())


def test_known_tokens_are_not_asked_for_again() -> None:
    embedded, asked = torch.randn(9, 4), list[int]()

    def embed(ids: torch.Tensor) -> torch.Tensor:
        asked.extend(ids.tolist())
        return embedded[ids]

    found = SimilarTokens(statistics(), embed)
    for table in ([1, 4, 7], [1, 7], [0, 4, 8]):
        found.pairs(torch.tensor(table))
    assert asked == [1, 4, 7, 0, 8]
