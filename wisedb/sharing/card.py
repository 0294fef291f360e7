"""The model card of a pack: what the Hub shows of it, and what its search finds it by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from wisedb.edits import Edit
from wisedb.sharing.card_merge import DATASET, joined
from wisedb.sharing.card_template import TEMPLATE
from wisedb.sharing.markdown import plain
from wisedb.sharing.public_base import PublicBase, public_base
from wisedb.store import history
from wisedb.store.commits import Commit
from wisedb.store.fields import is_number
from wisedb.store.graph import ancestors

if TYPE_CHECKING:
    from wisedb.store.store import Store

NEWEST: Final = 100
"""How many facts the table lists."""

_TAGS: Final = ("wisedb", "knowledge-editing", "model-editing", "wise")
_FIGURES: Final = ("reliability", "generalization", "locality", "exact_match", "exact_match_rephrase")
_ADDRESSED: Final = re.compile(r"\s*<[^<>]*>\s*$")
_MAIL: Final = re.compile(r"@[\w.-]+")
_LAST_EDITS: Final = "last-edits"
_LONGEST: Final = 200  # characters of one text in the table

# Nothing that could end a string or a code block.
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9._~/-]{1,500}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Which commit brought an edit into force.

    Attributes:
        author: its author.
        date: its date.
        commit: its id.
    """

    author: str
    date: str
    commit: str


@dataclass(frozen=True, slots=True)
class Described:
    """What a card tells of a commit.

    Attributes:
        commit_id: the commit's id.
        commit: the commit.
        newest: the edits in force that are listed, newest first.
        facts: how many are in force.
        origins: edit id → where it came into force.
        scores: evaluations by name.
    """

    commit_id: str
    commit: Commit
    newest: Sequence[Edit] = ()
    facts: int = 0
    origins: Mapping[str, Origin] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def model_card(store: Store, commit_id: str, *, url: str | None = None, existing: str | None = None) -> str:
    """The text of ``README.md`` for a commit.

    What stands in the metadata already is kept, and so is all text outside of the section between ``wisedb:begin`` and
    ``wisedb:end``. The Hub is asked for the licence of the base model only where the pack goes there too.

    Args:
        store: the store.
        commit_id: the commit that is described.
        url: the canonical address that the pack is published at. A folder's is not shown.
        existing: the card that is there already.

    Raises:
        MissingObject, CorruptObject: the history is damaged.
    """
    described = describe(store, commit_id)
    named = described.commit.base
    # A commit knows a folder by its name alone.
    known = store.config.base if named.model.startswith("./") else named
    base = public_base(known, online=url is not None and url.startswith("hf://"))
    return render(described, base, url=url, existing=existing)


def describe(store: Store, commit_id: str) -> Described:
    """Collect what the card of a commit tells.

    Raises:
        MissingObject, CorruptObject: the history is damaged.
    """
    facts = history.facts(store, commit_id)
    newest = facts[: -NEWEST - 1 : -1]
    commit, origins = store.objects.commit(commit_id), _origins(store, commit_id, newest)
    return Described(commit_id, commit, newest, len(facts), origins, store.scores.get(commit_id))


def render(described: Described, base: PublicBase, *, url: str | None = None, existing: str | None = None) -> str:
    """Write the card.

    Args:
        described: what it tells.
        base: the base model as it may be named.
        url: as for :func:`model_card`.
        existing: as for :func:`model_card`.
    """
    source = _source(url)
    title = source or "Corrections"
    results = _results(described)
    data = ModelCardData(
        base_model=base.hub_id,
        base_model_relation="adapter",
        library_name="wisedb",
        pipeline_tag="text-generation",
        tags=list(_TAGS),
        license=base.licence.get("license"),
        license_name=base.licence.get("license_name"),
        license_link=base.licence.get("license_link"),
        model_name=title if results else None,  # it is the name of the results, and nothing without them
        eval_results=results or None,
    )
    card = ModelCard.from_template(
        data,
        template_str=TEMPLATE,
        title=plain(title),
        source=source or "FOLDER-OF-THIS-PACK",
        base=_base_words(base, described.commit),
        commit=described.commit_id,
        date=described.commit.date[:10],
        facts_in_force=described.facts,
        left_out=described.facts - len(described.newest),
        facts=[_row(edit, described.origins.get(edit.id)) for edit in described.newest],
        scores=_score_rows(described.scores),
    )
    return str(card) if existing is None else joined(card, existing)


def _source(url: str | None) -> str | None:
    """What others load the pack by, ``None`` where they can't know: a folder is somewhere else for everybody."""
    if url is None or not _ADDRESS.fullmatch(url):
        return None
    return url.removeprefix("hf://")


def _results(described: Described) -> list[EvalResult]:
    # One entry of the index for each evaluation; where there is none, what was measured while writing the last edits.
    last = described.commit.scores
    rows: Mapping[str, Mapping[str, Any]] = described.scores or ({_LAST_EDITS: last} if last else {})
    return [
        EvalResult(
            task_type="text-generation",
            task_name="Knowledge editing",
            dataset_type=DATASET,
            dataset_name=_measured_on(row_name),
            dataset_config=row_name,
            dataset_revision=described.commit_id,
            metric_type=figure,
            metric_name=figure.replace("_", " ").capitalize(),
            metric_value=round(float(row[figure]), 4),
        )
        for row_name, row in sorted(rows.items())
        for figure in _FIGURES
        if is_number(row.get(figure))
    ]


def _measured_on(name: str) -> str:
    if name == _LAST_EDITS:
        return "The edits of the newest commit, right after they were written"
    return "Chosen records" if name.endswith("-data") else "The edits in force"


def _score_rows(scores: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """The evaluations as rows of a table, the unedited model's before each that another sample was measured on."""
    rows: list[dict[str, str]] = []
    for name, record in sorted(scores.items()):
        sample = " (chosen records)" if name.endswith("-data") else ""
        base = record.get("base")
        if isinstance(base, Mapping):
            unedited = _score_row(f"unedited model{sample}", record.get("n"), {**base, "locality": 1.0})
            if unedited not in rows:
                rows.append(unedited)
        rows.append(_score_row(plain(name.removesuffix("-data")) + sample, record.get("n"), record))
    return rows


def _score_row(label: str, n: object, record: Mapping[str, Any]) -> dict[str, str]:
    figures = {figure: f"{record[figure]:.3f}" if is_number(record.get(figure)) else "–" for figure in _FIGURES}
    return {"label": label, "n": str(n) if isinstance(n, int) else "–", **figures}


def _origins(store: Store, commit_id: str, edits: Iterable[Edit]) -> dict[str, Origin]:
    """By edit: the newest commit that brought it into force. Reads no further back than it must."""
    wanted = {edit.id for edit in edits}
    found: dict[str, Origin] = {}
    for origin_id, commit in ancestors(store.objects, commit_id) if wanted else ():
        # An author's address is nobody's business on a public page.
        author = _MAIL.sub("@…", _ADDRESSED.sub("", commit.author)) or "?"
        for edit in wanted.intersection(commit.added):
            found[edit] = Origin(author, commit.date[:10], origin_id)
        wanted.difference_update(commit.added)
        if not wanted:
            break
    return found


def _row(edit: Edit, origin: Origin | None) -> dict[str, str]:
    who = "" if origin is None else f"{plain(origin.author, 60)}, {origin.date}, `{origin.commit[:12]}`"
    return {
        "prompt": plain(edit.shown, _LONGEST),
        "target": plain(edit.target, _LONGEST),
        "before": plain(edit.ground_truth or "", _LONGEST),
        "reason": plain(edit.reason or "", _LONGEST),
        "who": who,
    }


def _base_words(base: PublicBase, commit: Commit) -> dict[str, str]:
    if base.built_in:
        name = "`atlas`"
        story = "The base model is `atlas`, the small model that ships inside wisedb."
    elif base.hub_id is not None:
        name = f"[{base.hub_id}](https://huggingface.co/{base.hub_id})"
        story = f"The base model is {name}."
    else:
        name = "a model that is not on the Hub"
        story = (
            "The base model lies in a folder of its author's, so that it can't be named here: who wants to use these "
            "corrections needs the same model. wisedb compares the fingerprints of weights and tokenizer, and refuses "
            "any other."
        )
    file = commit.base.gguf_file
    return {
        "name": name,
        "story": story,
        "public": "yes" if base.built_in or base.hub_id is not None else "",
        "place": "FOLDER-OF-THE-BASE-MODEL" if file is None else "PATH-OF-THE-BASE-MODEL.gguf",
        "dequantised_from": "" if file is None else _file_words(base, file),
        "revision": base.revision or "",
        "fingerprint": commit.base.fingerprint,
        "target": plain(", ".join(commit.modules) or "none yet", _LONGEST),
    }


def _file_words(base: PublicBase, file: str) -> str:
    return "a GGUF file" if base.hub_id is None else plain(file, _LONGEST)
