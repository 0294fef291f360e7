"""The data layouts of the field: what each has, what it lacks, and what its records become.

A record is of the first layout that it fits. What a layout doesn't know is an error, since it is most likely a misspelt
name, or a text that somebody would miss; numbering and the like, which no edit has a place for, is counted as left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wisedb.edits import Edit
from wisedb.errors import BadRecord, UsageError
from wisedb.importers.fields import Fields
from wisedb.importers.flat import OWN_FIELDS, chat, easyedit, own, qaedit, wikibigedit, zsre
from wisedb.importers.nested import akew, akew_passage, mquake, ripple, rome, unke

_NUMBERING = frozenset({"id", "case_id", "index", "idx", "pararel_idx", "relation_id", "relation"})
"""What data sets number their records and relations with."""

_HOPS = _NUMBERING | {
    "answer",
    "answer_alias",
    "attribute_prompts",
    "generation_prompts",
    "new_answer_alias",
    "orig",
    "single_hops",
}
"""What MQuAKE says of the unedited model, other spellings, and the Wikidata triples."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout.

    Attributes:
        name: what ``--layout`` calls it.
        title: what people know it as.
        keys: the keys that an error message lists.
        fits: whether a record is of this layout, judged by the folded names of its fields, and their values.
        convert: a record → its edits, one or several; raises ``FieldProblem`` or ``InputError``.
        left_out: what it knows and an edit has no place for.
    """

    name: str
    title: str
    keys: str
    fits: Callable[[frozenset[str], Fields], bool]
    convert: Callable[[Fields], list[Edit]]
    left_out: frozenset[str] = _NUMBERING

    def read(self, record: Fields) -> tuple[list[Edit], tuple[str, ...]]:
        """The record's edits, and the fields that were left out.

        Raises:
            FieldProblem: a field is wrong, or unknown.
            InputError: an edit can't be made of it.
        """
        edits = self.convert(record)
        return edits, record.check(self.left_out)


def recognise(record: Fields) -> Layout | None:
    """The first layout that the record fits."""
    names = record.names()
    return next((layout for layout in LAYOUTS if layout.fits(names, record)), None)


def named(name: str) -> Layout:
    """The layout of a name.

    Raises:
        UsageError: there is none.
    """
    wanted = name.casefold().replace("_", "-")
    for layout in LAYOUTS:
        if layout.name == wanted:
            return layout
    known = ", ".join(layout.name for layout in LAYOUTS)
    raise UsageError(f"there is no layout '{name}'", hint=f"The layouts are {known}.")


def unknown(file: str, number: int, record: Mapping[str, Any]) -> BadRecord:
    """The error for a record of no layout: the keys found, the layouts known."""
    found = ", ".join(str(key) for key in list(record)[:12] if str(key).strip()) or "none"
    known = "; ".join(f"{layout.title}: {layout.keys}" for layout in LAYOUTS if layout.keys)
    hint = f"Say which is which, as in --fields prompt=question,target=reply. Layouts: {known}."
    return BadRecord(file, number, None, f"no known layout has these keys: {found}", hint=hint)


def _has_loc(record: Fields) -> bool:
    items = record.structure("locality")
    return isinstance(items, (list, tuple)) and any(isinstance(item, Mapping) and "loc" in item for item in items)


def _is_object(record: Fields, name: str, *, holding: str = "") -> bool:
    """Whether a field holds an object, or a list of them, the first of which has a key."""
    value = record.structure(name)
    first = value[0] if isinstance(value, (list, tuple)) and value else value
    return isinstance(first, Mapping) and (not holding or holding in first)


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "chat",
        "a conversation (OpenAI's fine-tuning)",
        "messages [{role, content}], and of wisedb's own keys those beside prompt and target",
        lambda names, _: "messages" in names and not {"prompt", "target"} & names,
        chat,
        frozenset(),
    ),
    Layout(
        "akew",
        "AKEW",
        "requested_rewrite {prompt, subject, target_new, fact_new_uns, unsfact_triplets_GPT}",
        lambda names, record: (
            "requested_rewrite" in names and _is_object(record, "requested_rewrite", holding="fact_new_uns")
        ),
        akew,
        _HOPS,
    ),
    Layout(
        "akew-text",
        "AKEW's passages",
        "",
        lambda names, record: False,
        akew_passage,
        _HOPS | {"questions", "new_answer", "new_single_hops", "neighborhood_prompts"},
    ),
    Layout(
        "mquake",
        "MQuAKE",
        "requested_rewrite [{prompt, subject, target_new, target_true, question}], questions, new_answer",
        lambda names, record: (
            "requested_rewrite" in names
            and (isinstance(record.structure("requested_rewrite"), (list, tuple)) or "new_answer" in names)
        ),
        mquake,
        _HOPS,
    ),
    Layout(
        "rome",
        "CounterFact as ROME has it",
        "requested_rewrite, paraphrase_prompts, neighborhood_prompts",
        lambda names, _: "requested_rewrite" in names,
        rome,
        _NUMBERING | {"generation_prompts", "attribute_prompts"},
    ),
    Layout(
        "ripple",
        "RippleEdits",
        "edit {prompt, original_fact}, Logical_Generalization, Relation_Specificity, …",
        lambda names, record: "edit" in names and _is_object(record, "edit"),
        ripple,
        _NUMBERING | {"example_type"},
    ),
    Layout(
        "unke",
        "UnKE",
        "question, answer, para_question, sub_question, sub_answer",
        lambda names, _: (
            {"question", "answer"} <= names
            and bool({"para_question", "sub_question"} & names)
            and "prompt" not in names
        ),
        unke,
        _NUMBERING | {"pred", "sub_pred", "title"},
    ),
    Layout(
        "zsre",
        "ZsRE (MEND)",
        "src, alt, rephrase, loc, loc_ans, subject, answers",
        lambda names, _: bool({"src", "alt"} & names) and not {"prompt", "target"} & names,
        zsre,
        _NUMBERING | {"cond", "pred"},
    ),
    Layout(
        "easyedit",
        "CounterFact, KnowEdit, WikiBigEdit as EasyEdit has them, and requests of ROME and MEMIT",
        "prompt, target_new, ground_truth, rephrase_prompt, locality_prompt, locality_ground_truth, locality, subject",
        lambda names, _: "target_new" in names,
        easyedit,
        _NUMBERING | {"cond", "pred", "generation_prompts", "attribute_prompts"},
    ),
    Layout(
        "wikibigedit",
        "WikiBigEdit",
        "update, ans, rephrase, loc, loc_ans, subject",
        lambda names, _: {"update", "ans"} <= names,
        wikibigedit,
        _NUMBERING | {"tag"},
    ),
    Layout(
        "qaedit",
        "QAEdit",
        "prompt, target, rephrase, locality [{loc, loc_ans}], subject",
        lambda names, record: (
            {"prompt", "target"} <= names
            and not {"reason", "tags", "rephrases"} & names
            and (_has_loc(record) or {"loc", "loc_ans"} <= names)
        ),
        qaedit,
    ),
    Layout(
        "wisedb",
        "wisedb",
        "prompt, target, subject, ground_truth, rephrases, locality [{prompt, answer}], portability, source, reason,"
        " tags, messages",
        lambda names, _: "target" in names or ("prompt" in names and names <= OWN_FIELDS),
        own,
        frozenset(),
    ),
)
"""In the order in which they are tried: those that ask for more of a record first."""
