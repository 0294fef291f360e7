"""Which edit stands behind an answer, and which commit brought it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wisedb.edits import Edit, normalise_prompt
from wisedb.store.facts import in_force
from wisedb.store.index.fill import numbers
from wisedb.store.index.gather import words
from wisedb.store.index.session import Session
from wisedb.store.lines import since_all
from wisedb.store.rows import COLUMNS, WIDTH, to_edits

if TYPE_CHECKING:
    from wisedb.store.queries import Source

CANDIDATES: Final = 5
"""How many similar facts are named."""

NO_WORD: Final = 0.25
"""The score that a fact without any word of the prompt has at most."""

# Words that the prompt shares with a fact's prompt, rephrases or subject, each weighing ln(1 + facts / facts that have
# it) (inverse document frequency, K. Spärck Jones 1972), as a share of the weight of all of the prompt's words; and,
# for a quarter, Jaro-Winkler similarity of the prompts (W. Winkler 1990), which sees spellings that are off a little.
_SIMILAR: Final = """
    WITH force AS MATERIALIZED (SELECT number, id, key{found} FROM whole_edits WHERE number IN ({in_force})),
    weights AS (SELECT count(*) AS facts{weights} FROM force),
    best AS MATERIALIZED (
        SELECT force.number, round(
            0.75 * {coverage} + 0.25 * jaro_winkler_similarity(force.key, $1), 9
        ) AS score
        FROM force, weights ORDER BY force.key = $1 DESC, score DESC, force.id LIMIT {limit}
    )
    SELECT {columns}, number, key, score FROM whole_edits JOIN best USING (number)
    ORDER BY key = $1 DESC, score DESC, id
"""

# Of a longer prompt the longest words are looked for: the time grows with their number, and short ones tell little.
_ASKED: Final = 64

# Facts with many equal words are looked through for a rephrase that is exactly the prompt.
_LOOKED_AT: Final = 64


@dataclass(frozen=True, slots=True)
class Blame:
    """The answer to "why does it say that".

    Attributes:
        edit: the fact in force whose prompt is the one asked about, or else one of whose rephrases is; ``None`` where
            there is none.
        commit: the commit that brought it into force, ``None`` without an edit.
        candidates: (edit, commit, score) of the most similar facts in force, best first, without ``edit``; the score is
            between 0 and 1.
    """

    edit: Edit | None
    commit: str | None
    candidates: tuple[tuple[Edit, str, float], ...]


def blame(store: Source, prompt: str, rev: str = "HEAD") -> Blame:
    """Find the fact in force at ``rev`` that answers ``prompt``.

    The commit named is where the edit was made: if it came through a merge, the one on the merged branch.

    Raises:
        UnknownRevision, AmbiguousId: ``rev`` names no commit, or several.
        MissingObject, CorruptObject: the history is damaged.
    """
    commit = store.resolve(rev)
    key = normalise_prompt(prompt)

    def ask(session: Session) -> Blame:
        number = session.number(commit)
        rows = _similar(session, number, key, _telling(prompt))
        edits = to_edits(rows)
        exact = [place for place, row in enumerate(rows) if row[WIDTH + 1] == key]
        exact = exact or [place for place, edit in enumerate(edits) if key in map(normalise_prompt, edit.rephrases)]
        near = [place for place in range(len(rows)) if place not in exact][:CANDIDATES]
        since = since_all(session, number, {place: rows[place][WIDTH] for place in (*exact, *near)})
        # Of several the one that came last; the others are candidates like any.
        chosen = max((place for place in exact if place in since), key=lambda place: since[place], default=None)
        others = sorted(place for place in since if place != chosen)[:CANDIDATES]
        named = _ids(session, since.values())
        candidates = tuple(
            (edits[place], named[since[place]], min(1.0, max(0.0, float(rows[place][WIDTH + 2])))) for place in others
        )
        if chosen is None:
            return Blame(None, None, candidates)
        return Blame(edits[chosen], named[since[chosen]], candidates)

    return store.index.run(ask, commits=[commit])


def _similar(session: Session, commit: int, key: str, asked: list[str]) -> list[tuple[Any, ...]]:
    """The facts at a commit that are most like a prompt: their columns, number, key and score."""
    # A column for each word: joining words and facts would make a row for each pair.
    count = range(len(asked))
    query = _SIMILAR.format(
        in_force=in_force(commit),
        found="".join(f", contains(words, ${place + 2}) AS found{place}" for place in count),
        weights="".join(
            f", ln(1 + count(*) / greatest(count(*) FILTER (found{place}), 1)) AS weight{place}" for place in count
        ),
        coverage=(
            f"({' + '.join(f'found{place}::INTEGER * weight{place}' for place in count)})"
            f" / ({' + '.join(f'weight{place}' for place in count)})"
            if asked
            else "0"
        ),
        columns=COLUMNS,
        limit=_LOOKED_AT,
    )
    return session.rows(query, [key, *(f" {word} " for word in asked)])


def _telling(prompt: str) -> list[str]:
    return sorted(set(words(prompt)), key=lambda word: (-len(word), word))[:_ASKED]


def _ids(session: Session, commits: Iterable[int]) -> dict[int, str]:
    query = "SELECT number, id FROM whole_commits WHERE number IN (SELECT unnest($1::VARCHAR::INTEGER[]))"
    return dict(session.rows(query, [numbers(commits)]))
