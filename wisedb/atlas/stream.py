"""The edit stream: counterfactual edits over facts that the model knows, built from the tables by a seed.

Each edit asks for another object of its relation. Its rephrases are the fact's two held-out templates, and its
locality prompts come from facts that no edit of the stream touches: a near neighbour (same relation, another
subject), then the same subject in another relation where there is one, then something unrelated.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Set

from wisedb.atlas.facts import Atlas, Fact
from wisedb.edits import Edit, LocalityPrompt
from wisedb.errors import InputError

_SOURCE = "atlas"
_LARGEST_SHARE = 0.6
"""Of a relation's usable facts that are edited; the others are its neighbours."""


def build_stream(atlas: Atlas, right: Set[tuple[Fact, int]], count: int, seed: int) -> list[Edit]:
    """``count`` edits, the same for the same arguments.

    Args:
        atlas: relations and facts.
        right: ``(fact, template)`` of each prompt that the model answers rightly; nothing else is used.
        count: length of the stream.
        seed: of every choice.

    Raises:
        InputError: if the model knows too few facts for ``count`` edits.
    """
    rng = random.Random(seed)
    usable: dict[str, list[tuple[Fact, int]]] = {}
    for relation in atlas.relations:
        candidates = [each for fact in atlas.of(relation.name) if (each := _prompt(fact, right, rng)) is not None]
        rng.shuffle(candidates)
        usable[relation.name] = candidates
    chosen = _evenly(usable, count)
    rng.shuffle(chosen)
    edited = {fact for fact, _ in chosen}
    free = [each for fact in atlas.facts if fact not in edited for each in _known(fact, right)]
    by_relation: dict[str, list[tuple[Fact, int]]] = {}
    by_subject: dict[str, list[tuple[Fact, int]]] = {}
    for fact, template in free:
        by_relation.setdefault(fact.relation, []).append((fact, template))
        by_subject.setdefault(fact.subject, []).append((fact, template))
    edits: list[Edit] = []
    for fact, template in chosen:
        near = by_relation[fact.relation]
        twins = [each for each in near if each[1] == template] or near
        locality = [rng.choice(twins)]
        same_subject = [each for each in by_subject.get(fact.subject, []) if each[0].relation != fact.relation]
        if same_subject:
            locality.append(rng.choice(same_subject))
        unrelated = rng.choice([name for name in by_relation if name not in {each[0].relation for each in locality}])
        locality.append(rng.choice(by_relation[unrelated]))
        objects = sorted({other.object for other in atlas.of(fact.relation)} - {fact.object})
        edits.append(
            Edit(
                prompt=atlas.prompt(fact, template),
                target=rng.choice(objects),
                subject=fact.subject,
                ground_truth=fact.object,
                rephrases=tuple(atlas.prompt(fact, other) for other in fact.held_out),
                locality=tuple(LocalityPrompt(atlas.prompt(other, number), other.object) for other, number in locality),
                source=_SOURCE,
                tags=(fact.relation,),
            )
        )
    return edits


def to_lines(edits: Iterable[Edit]) -> str:
    """JSON lines in wisedb's own layout, without ids, with a newline at the end of each."""
    return "".join(f"{json.dumps(edit.content(), ensure_ascii=False)}\n" for edit in edits)


def _known(fact: Fact, right: Set[tuple[Fact, int]]) -> list[tuple[Fact, int]]:
    return [(fact, template) for template in fact.trained if (fact, template) in right]


def _prompt(fact: Fact, right: Set[tuple[Fact, int]], rng: random.Random) -> tuple[Fact, int] | None:
    """The fact and one trained template that the model answers, if it answers both held-out ones too."""
    known = _known(fact, right)
    if not known or any((fact, template) not in right for template in fact.held_out):
        return None
    return rng.choice(known)


def _evenly(usable: dict[str, list[tuple[Fact, int]]], count: int) -> list[tuple[Fact, int]]:
    """One of each relation in turn, as long as a relation may give one."""
    queues = [each[: int(len(each) * _LARGEST_SHARE)] for each in usable.values()]
    chosen: list[tuple[Fact, int]] = []
    depth = 0
    while len(chosen) < count and any(len(queue) > depth for queue in queues):
        chosen += [queue[depth] for queue in queues if len(queue) > depth]
        depth += 1
    if len(chosen) < count:
        raise InputError(
            f"the model knows too few facts: {len(chosen)} edits can be made, {count} are wanted",
            hint="Train it longer, or ask for fewer edits.",
        )
    return chosen[:count]
