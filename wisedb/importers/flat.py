"""Layouts whose records are one edit each, a field for a field: wisedb's own, and those with other names for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from wisedb.edits import Edit
from wisedb.importers.conversations import conversation
from wisedb.importers.fields import FieldProblem, Fields, absent, filled, first

OWN_FIELDS = frozenset(field.name for field in fields(Edit)) | {"id"}
"""The names of our own layout."""

_REPHRASES = ("rephrases", "rephrase", "rephrase_prompt", "rephrase_prompts", "ood_rephrase", "paraphrase_prompts")
_SINCE = ("commit", "author", "date")
_TRUTH = ("ground_truth", "target_true", "target_old")


def own(record: Fields) -> list[Edit]:
    """Our own layout; other layouts' names for rephrases and locality are understood, unknown ones refused."""
    for name in ("rephrases", "tags"):
        value = record.structure(name)
        if not absent(value) and not isinstance(value, (list, tuple)):
            raise FieldProblem(record.spelt(name), "must be a list of texts")
    for name in ("subject", "ground_truth", "source", "reason"):
        if isinstance(record.get(name), (list, tuple)):
            raise FieldProblem(record.spelt(name), "must be a text, not a list")
    edit = single(record, prompt="prompt", target=("target",), messages=record.structure("messages") or ())
    # An id of another kind is the user's own numbering and means nothing here.
    claimed = record.get("id")
    if isinstance(claimed, str) and re.fullmatch("[0-9a-f]{64}", claimed) and claimed != edit.id:
        raise FieldProblem("id", "is that of another edit: the content was changed; leave the id out")
    if claimed == edit.id:
        # As `wisedb facts` lists it: when it came into force there is history, and none of the edit's own.
        for name in _SINCE:
            record.get(name)
    return [edit]


def chat(record: Fields) -> list[Edit]:
    """A conversation, with our own fields beside it."""
    found = conversation(record.structure("messages"))
    return own(record.with_values({"prompt": found.prompt, "target": found.target, "messages": found.before}))


def easyedit(record: Fields) -> list[Edit]:
    """EasyEdit's names, in its data sets and in requests of ROME and MEMIT."""
    names = record.names()
    grouped = "portability" in names or isinstance(record.structure("locality"), Mapping)
    source = "CounterFact" if "case_id" in names else "KnowEdit" if grouped else None
    return [single(record, prompt="prompt", target=("target_new", "target"), source=source)]


def zsre(record: Fields) -> list[Edit]:
    """MEND's names; several ``answers`` are spellings of one, which the first stands for."""
    answers = first(record.get("answers"), "answers") or record.text("pred")
    return [single(record, prompt="src", target=("alt",), source="ZsRE", ground_truth=answers)]


def wikibigedit(record: Fields) -> list[Edit]:
    """WikiBigEdit as published; the multi-hop question follows from the edit."""
    hops = record.pairs("mhop", "mhop_ans")
    more = record.texts("personas")
    return [single(record, prompt="update", target=("ans",), source="WikiBigEdit", portability=hops, rephrases=more)]


def qaedit(record: Fields) -> list[Edit]:
    """QAEdit; its ``source`` is the set that a question is from."""
    origin = record.text("source")
    source = f"QAEdit ({origin})" if origin else "QAEdit"
    return [single(record, prompt="prompt", target=("target",), source=source, named=False)]


def single(
    record: Fields,
    *,
    prompt: str,
    target: tuple[str, ...],
    source: str | None = None,
    named: bool = True,
    **known: Any,
) -> Edit:
    """One edit of one record.

    Args:
        record: the record.
        prompt: the field with the prompt.
        target: the fields with the target, of which one is there.
        source: the edit's source where the record names none (or, without ``named``, whatever it names).
        named: whether the record's own ``source`` counts.
        known: of ground truth, rephrases, portability and messages what is known already; rephrases and portability
            go before what the record has.

    Raises:
        FieldProblem: a field is missing or wrong.
    """
    asked, said = record.required(prompt), record.required(*target)
    subject = record.text("subject")
    truth = record.text(*_TRUTH) or known.get("ground_truth")
    own_source = record.text("source") if named else None
    neighbours = record.texts("neighborhood_prompts")
    locality = (
        *record.pairs("locality_prompt", "locality_ground_truth"),
        *record.pairs("loc", "loc_ans"),
        *record.questions("locality"),
        *record.neighbours(neighbours, truth),
    )
    portability = (
        *known.get("portability", ()),
        *record.pairs("portability_prompt", "portability_ground_truth"),
        *record.questions("portability"),
    )
    rephrases = (*known.get("rephrases", ()), *record.texts(*_REPHRASES))
    return Edit(
        prompt=filled(asked, subject, record.spelt(prompt)),
        target=said,
        subject=subject,
        ground_truth=truth,
        rephrases=tuple(dict.fromkeys(filled(text, subject, "rephrases") for text in rephrases)),
        locality=tuple(dict.fromkeys(locality)),
        source=own_source or source,
        reason=record.text("reason"),
        tags=record.texts("tags"),
        messages=known.get("messages", ()),
        portability=tuple(dict.fromkeys(portability)),
    )
