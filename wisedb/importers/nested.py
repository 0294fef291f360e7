"""Layouts whose facts stand inside their records: ROME's rewrites, several facts a record, statements, passages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from wisedb.edits import Edit, LocalityPrompt
from wisedb.importers.fields import FieldProblem, Fields, filled, first, questions

_FOLLOWS = ("logical_generalization", "compositionality_i", "compositionality_ii", "subject_aliasing")
_REWRITE = frozenset(
    {"relation_id", "id", "seed", "fact_new", "fact_true", "fact_new_uns", "answer_gpt", "time_new", "time_true"}
    | {"subject_id", "target_id"}
)
"""What a rewrite has that an edit has no place for."""

# As the paper spells the first, and as its files do.
_STAYS = ("relation_specificity", "relation_specifity", "forgetfulness")


def rome(record: Fields) -> list[Edit]:
    """CounterFact as ROME has it: one rewrite a record."""
    rewrites = record.inside("requested_rewrite")
    if len(rewrites) != 1:
        raise FieldProblem("requested_rewrite", "must be one object")
    return [_rewrite(rewrites[0], record, "CounterFact")]


def mquake(record: Fields) -> list[Edit]:
    """MQuAKE: several facts a record, and questions that need all of them, kept with the last."""
    return _several(record, "MQuAKE")


def akew(record: Fields) -> list[Edit]:
    """AKEW's facts; what its passages say beside them is asked as following from the edit."""
    source = "AKEW"
    return _several(record, source)


def akew_passage(record: Fields) -> list[Edit]:
    """AKEW's passages: the question, and the passage as its answer."""
    found = []
    for rewrite in record.inside("requested_rewrite"):
        subject = rewrite.text("subject")
        asked = rewrite.text("question", "prompt_full") or filled(rewrite.required("prompt"), subject, "prompt")
        found.append(
            Edit(
                prompt=asked,
                target=rewrite.required("fact_new_uns"),
                subject=subject,
                rephrases=record.texts("paraphrase_prompts"),
                source=record.text("source") or "AKEW",
                reason=record.text("reason"),
                tags=record.texts("tags"),
                portability=tuple(_triplets(rewrite)),
            )
        )
        rewrite.check(_REWRITE | {"prompt", "target_new", "target_true"})
    return found


def unke(record: Fields) -> list[Edit]:
    """UnKE: a question with a long answer, and questions about parts of it."""
    return [
        Edit(
            prompt=record.required("question"),
            target=record.required("answer"),
            subject=record.text("subject"),
            rephrases=record.texts("para_question"),
            source=record.text("source") or "UnKE",
            reason=record.text("reason"),
            tags=record.texts("tags"),
            portability=record.pairs("sub_question", "sub_answer"),
        )
    ]


def ripple(record: Fields) -> list[Edit]:
    """RippleEdits: a statement, taken apart where its answer begins; tests of what follows and of what stays."""
    (edit, *more) = record.inside("edit")
    if more:
        raise FieldProblem("edit", "must be one object")
    follows = tuple(item for name in _FOLLOWS for item in _tests(record.structure(name), name))
    stays = tuple(item for name in _STAYS for item in _tests(record.structure(name), name))
    said = edit.required("prompt").strip().removesuffix(".")
    before = edit.get("original_fact")
    old = str(before.get("prompt") or "").strip().removesuffix(".") if isinstance(before, Mapping) else ""
    prompt, target = _apart(said, old, [item.answer for item in follows if item.answer])
    edit.check({"subject_id", "relation", "target_id"})
    return [
        Edit(
            prompt=prompt,
            target=target,
            subject=record.text("subject"),
            ground_truth=old[len(prompt) :].strip() or None if old.startswith(prompt) else None,
            locality=tuple(dict.fromkeys(stays)),
            source=record.text("source") or "RippleEdits",
            reason=record.text("reason"),
            tags=record.texts("tags"),
            portability=tuple(dict.fromkeys(follows)),
        )
    ]


def _several(record: Fields, source: str) -> list[Edit]:
    rewrites = record.inside("requested_rewrite")
    edits = [_rewrite(rewrite, record, source) for rewrite in rewrites]
    answer = record.text("new_answer")
    follows = [LocalityPrompt(text, answer) for text in record.texts("questions")]
    known = {text for edit in edits for text in (edit.prompt, *edit.rephrases)}
    hops = list(questions(_hops(record.structure("new_single_hops")), "new_single_hops"))
    follows += [item for item in hops if item.prompt not in known]
    last = edits[-1]
    kept = tuple(dict.fromkeys((*last.portability, *follows)))
    return [*edits[:-1], replace(last, portability=kept)]


def _hops(value: Any) -> Any:
    if not isinstance(value, (list, tuple)):
        return value
    return [
        {"question": hop.get("question"), "answer": hop.get("answer")} if isinstance(hop, Mapping) else hop
        for hop in value
    ]


def _rewrite(rewrite: Fields, record: Fields, source: str) -> Edit:
    subject = rewrite.text("subject")
    prompt = filled(rewrite.required("prompt"), subject, "requested_rewrite")
    target = rewrite.required("target_new")
    truth = rewrite.text("target_true", "ground_truth", "target_old")
    triplets = tuple(_triplets(rewrite))
    wordings = (*rewrite.texts("question", "prompt_full"), *record.texts("paraphrase_prompts"))
    rephrases = dict.fromkeys(filled(text, subject, "paraphrase_prompts") for text in wordings)
    rephrases.pop(prompt, None)
    # What is written in a rewrite counts before what its record says.
    reason, origin = rewrite.text("reason") or record.text("reason"), rewrite.text("source") or record.text("source")
    tags = (*rewrite.texts("tags"), *record.texts("tags"))
    rewrite.check(_REWRITE)
    return Edit(
        prompt=prompt,
        target=target,
        subject=subject,
        ground_truth=truth,
        rephrases=tuple(rephrases),
        # Neighbourhood prompts ask the same relation of subjects whose true answer is the old one (ROME, section 3.4).
        locality=(*record.neighbours(record.texts("neighborhood_prompts"), truth), *record.questions("locality")),
        source=origin or source,
        reason=reason,
        tags=tuple(dict.fromkeys(tags)),
        portability=(*triplets, *record.questions("portability")),
    )


def _triplets(rewrite: Fields) -> Iterator[LocalityPrompt]:
    """What was extracted from a passage: ``{subject, prompt, target}``."""
    value = rewrite.structure("unsfact_triplets_gpt")
    for item in value if isinstance(value, (list, tuple)) else ():
        if isinstance(item, Mapping) and isinstance(item.get("prompt"), str):
            subject = item.get("subject")
            prompt = filled(item["prompt"], subject if isinstance(subject, str) else None, "unsfact_triplets_GPT")
            yield LocalityPrompt(prompt, first(item.get("target"), "unsfact_triplets_GPT"))


def _tests(value: Any, name: str) -> Iterator[LocalityPrompt]:
    """The test queries of one of RippleEdits' criteria; of an answer's spellings the first stands for all."""
    for test in value if isinstance(value, (list, tuple)) else ():
        for query in test.get("test_queries") or () if isinstance(test, Mapping) else ():
            if isinstance(query, Mapping) and isinstance(query.get("prompt"), str) and query["prompt"].strip():
                answers = query.get("answers") or ()
                values = [answer.get("value") if isinstance(answer, Mapping) else answer for answer in answers]
                yield LocalityPrompt(query["prompt"], first(values, name))


def _apart(said: str, old: str, answers: list[str]) -> tuple[str, str]:
    """A statement's prompt and target.

    The target is an answer of the tests with which the statement ends; or what it says otherwise than the statement of
    the old fact does; or what stands behind its one "is" or "are".

    Raises:
        FieldProblem: none of these tells.
    """
    for answer in sorted(set(answers), key=len, reverse=True):
        if said.endswith(f" {answer}"):
            return said.removesuffix(answer).rstrip(), answer
    shared = next((place for place, pair in enumerate(zip(said, old, strict=False)) if pair[0] != pair[1]), len(old))
    cut = said.rfind(" ", 0, shared) + 1
    if old and cut and said[cut:].strip() and said[:cut].rstrip().endswith((" is", " are", " was")):
        return said[:cut].rstrip(), said[cut:]
    verbs = re.findall(r" (?:is|are) ", said)
    if len(verbs) == 1:
        prompt, verb, target = said.partition(verbs[0])
        return prompt + verb.rstrip(), target
    raise FieldProblem("edit", "doesn't tell where its prompt ends and its target begins")
