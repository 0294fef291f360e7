"""The data layouts of the field, each recognised by its keys.

What a layout holds beyond an edit (portability questions, attribute prompts, personas, …) is left out; of our own
layout an unknown key is an error, since it is most likely a misspelt one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from wisedb.edits import Edit
from wisedb.errors import BadRecord
from wisedb.importers.conversations import conversation
from wisedb.importers.fields import FieldProblem, Record, locality, optional, pairs, required, several

_OWN_FIELDS = frozenset(field.name for field in fields(Edit)) | {"id"}


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout.

    Attributes:
        name: what users know it as.
        keys: the keys that an error message lists.
        fits: whether a record is of this layout, judged by its keys.
        convert: a record → its edit; raises ``FieldProblem`` or ``InputError``.
    """

    name: str
    keys: str
    fits: Callable[[Record], bool]
    convert: Callable[[Record], Edit]


def recognise(record: Record) -> Layout | None:
    """The first layout that the record's keys fit."""
    return next((layout for layout in LAYOUTS if layout.fits(record)), None)


def unknown(file: str, number: int, record: Record) -> BadRecord:
    """The error for a record of no layout: the keys found, the layouts known."""
    found = ", ".join(str(key) for key in list(record)[:12]) or "none"
    known = "; ".join(f"{layout.name}: {layout.keys}" for layout in LAYOUTS)
    return BadRecord(file, number, None, f"no known layout has these keys: {found}", hint=f"Layouts: {known}.")


def _rome(record: Record) -> Edit:
    rewrite = record["requested_rewrite"]
    if not isinstance(rewrite, Mapping):
        raise FieldProblem("requested_rewrite", "must be an object (one rewrite a record)")
    subject = optional(rewrite, "subject")
    prompt = required(rewrite, "prompt")
    if "{}" in prompt:
        if subject is None:
            raise FieldProblem("requested_rewrite", "has a prompt with {} and no subject to put there")
        prompt = prompt.replace("{}", subject)
    truth = optional(rewrite, "target_true")
    # Neighbourhood prompts ask the same relation of subjects whose true answer is the old one (ROME, section 3.4).
    unrelated = several(record, "neighborhood_prompts")
    return Edit(
        prompt=prompt,
        target=required(rewrite, "target_new"),
        subject=subject,
        ground_truth=truth,
        rephrases=several(record, "paraphrase_prompts"),
        locality=locality([{"prompt": text, "answer": truth} for text in unrelated], "neighborhood_prompts"),
        source="CounterFact",
    )


def _zsre(record: Record) -> Edit:
    return Edit(
        prompt=required(record, "src"),
        target=required(record, "alt"),
        subject=optional(record, "subject"),
        ground_truth=optional(record, "answers", "pred"),
        rephrases=several(record, "rephrase"),
        locality=pairs(record, "loc", "loc_ans"),
        source="ZsRE",
    )


def _flat(record: Record) -> Edit:
    groups = record.get("locality")
    named = "KnowEdit" if "portability" in record or isinstance(groups, Mapping) else None
    return Edit(
        prompt=required(record, "prompt"),
        target=required(record, "target_new"),
        subject=optional(record, "subject"),
        ground_truth=optional(record, "ground_truth"),
        rephrases=several(record, "rephrase_prompt", "rephrase_prompts", "rephrase", "ood_rephrase"),
        locality=(*pairs(record, "locality_prompt", "locality_ground_truth"), *locality(groups, "locality")),
        source="CounterFact" if "case_id" in record else named,
    )


def _wikibigedit(record: Record) -> Edit:
    return Edit(
        prompt=required(record, "update"),
        target=required(record, "ans"),
        subject=optional(record, "subject"),
        rephrases=several(record, "rephrase"),
        locality=pairs(record, "loc", "loc_ans"),
        source="WikiBigEdit",
    )


def _qaedit(record: Record) -> Edit:
    origin = optional(record, "source")
    return Edit(
        prompt=required(record, "prompt"),
        target=required(record, "target"),
        subject=optional(record, "subject"),
        ground_truth=optional(record, "ground_truth"),
        rephrases=several(record, "rephrase"),
        locality=(*locality(record.get("locality"), "locality"), *pairs(record, "loc", "loc_ans")),
        source=f"QAEdit ({origin})" if origin else "QAEdit",
    )


def _own(record: Record) -> Edit:
    for key in record:
        if key not in _OWN_FIELDS:
            near = difflib.get_close_matches(str(key), _OWN_FIELDS, 1)
            raise FieldProblem(str(key), "is no field of an edit" + (f"; is it '{near[0]}'?" if near else ""))
    for name in ("rephrases", "tags"):
        if record.get(name) is not None and not isinstance(record[name], (list, tuple)):
            raise FieldProblem(name, "must be a list of texts")
    prompt, target = required(record, "prompt"), required(record, "target")
    single = {name: _single(record, name) for name in ("subject", "ground_truth", "source", "reason")}
    edit = Edit(
        prompt=prompt,
        target=target,
        **single,
        rephrases=several(record, "rephrases"),
        locality=locality(record.get("locality"), "locality"),
        tags=several(record, "tags"),
        messages=record.get("messages") or (),
    )
    # An id of another kind is the user's own numbering and means nothing here.
    claimed = record.get("id")
    if isinstance(claimed, str) and re.fullmatch("[0-9a-f]{64}", claimed) and claimed != edit.id:
        raise FieldProblem("id", "is that of another edit: the content was changed; leave the id out")
    return edit


def _chat(record: Record) -> Edit:
    found = conversation(record["messages"])
    rest = {name: value for name, value in record.items() if name != "messages"}
    return _own({**rest, "prompt": found.prompt, "target": found.target, "messages": found.before})


def _single(record: Record, name: str) -> str | None:
    if isinstance(record.get(name), (list, tuple)):
        raise FieldProblem(name, "must be a text, not a list")
    return optional(record, name)


def _is_qaedit(record: Record) -> bool:
    items = record.get("locality")
    asks = isinstance(items, list) and any(isinstance(item, Mapping) and "loc" in item for item in items)
    return {"prompt", "target"} <= record.keys() and (asks or bool({"rephrase", "loc", "loc_ans"} & record.keys()))


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "a conversation (OpenAI's fine-tuning)",
        "messages [{role, content}], and of wisedb's own keys those beside prompt and target",
        lambda record: "messages" in record and not {"prompt", "target"} & record.keys(),
        _chat,
    ),
    Layout(
        "CounterFact as ROME has it",
        "requested_rewrite, paraphrase_prompts, neighborhood_prompts",
        lambda record: "requested_rewrite" in record,
        _rome,
    ),
    Layout(
        "ZsRE (MEND)",
        "src, alt, rephrase, loc, loc_ans, subject, answers",
        lambda record: bool({"src", "alt"} & record.keys()),
        _zsre,
    ),
    Layout(
        "CounterFact, KnowEdit, WikiBigEdit as EasyEdit has them",
        "prompt, target_new, ground_truth, rephrase_prompt, locality_prompt, locality_ground_truth, locality, subject",
        lambda record: "target_new" in record,
        _flat,
    ),
    Layout(
        "WikiBigEdit",
        "update, ans, rephrase, loc, loc_ans, subject",
        lambda record: {"update", "ans"} <= record.keys(),
        _wikibigedit,
    ),
    Layout("QAEdit", "prompt, target, rephrase, locality [{loc, loc_ans}], subject", _is_qaedit, _qaedit),
    Layout(
        "wisedb",
        "prompt, target, subject, ground_truth, rephrases, locality [{prompt, answer}], source, reason, tags, messages",
        lambda record: "target" in record or ("prompt" in record and record.keys() <= _OWN_FIELDS),
        _own,
    ),
)
"""In the order in which they are tried: the more telling keys first."""
