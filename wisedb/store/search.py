"""Edits by id and by what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from wisedb.edits import Edit, normalise_prompt
from wisedb.errors import AmbiguousId, UnknownEdit
from wisedb.store.index.session import Session
from wisedb.store.rows import EDITS, RowFormat, T

if TYPE_CHECKING:
    from wisedb.store.queries import Source

SHORTEST: Final = 4
"""Digits that a prefix of an id needs."""

_PREFIX: Final = re.compile(rf"[0-9a-f]{{{SHORTEST},64}}")

# In the order in which edits first appear in the history that the refs reach: the same, however the index came about.
# It is found on numbers alone: the database would copy all columns twice to sort them.
_IN_ORDER: Final = """
    WITH found AS MATERIALIZED (SELECT number, id FROM {table} WHERE {condition}),
    lined AS (SELECT number, row_number() OVER (ORDER BY generation, id) AS place FROM seen_commits),
    first AS (
        SELECT whole_changes.edit, min(lined.place * 4294967296 + whole_changes.position) AS place,
            arg_min(whole_changes.commit, lined.place) AS commit
        FROM whole_changes JOIN lined ON lined.number = whole_changes.commit
        WHERE whole_changes.action <> 'reverted' AND whole_changes.edit IN (SELECT number FROM found)
        GROUP BY whole_changes.edit
    ),
    placed AS MATERIALIZED (
        SELECT found.number AS edit, row_number() OVER (ORDER BY first.place NULLS LAST, found.id) AS place,
            first.commit
        FROM found LEFT JOIN first ON first.edit = found.number
    )
    SELECT {columns}, placed.place FROM whole_edits JOIN placed ON placed.edit = whole_edits.number
    LEFT JOIN (
        SELECT number AS since, id AS since_commit, author AS since_author, date AS since_date FROM whole_commits
    ) ON since = placed.commit
"""
_TEXTS: Final = "prompt, target, subject, ground_truth, source, reason"


def edit(store: Source, id_or_prefix: str) -> Edit:
    """The edit of that id, in force or not.

    Raises:
        UnknownEdit: there is none, or the prefix is shorter than four digits.
        AmbiguousId: there are several; the message names them.
    """
    prefix = id_or_prefix.strip().lower()
    if not _PREFIX.fullmatch(prefix):
        raise UnknownEdit(
            f"'{id_or_prefix}' is not an edit's id", hint=f"Give {SHORTEST} to 64 hexadecimal digits of it."
        )
    found = _found(store, "starts_with(id, $1)", [prefix], ())
    if not found:
        # What a reset left behind is no longer history, and can still be named.
        found = _found(store, "starts_with(id, $1)", [prefix], store.index.logged())
    if not found:
        raise UnknownEdit(
            f"no commit holds an edit {prefix[:12]}", hint="`wisedb search TEXT` and `wisedb facts` list edits."
        )
    if len(found) > 1:
        named = ", ".join(f"{each.id[:12]} ({each.prompt[:40]!r})" for each in found[:4])
        raise AmbiguousId(f"{len(found)} edits begin with '{prefix}': {named}", hint="Give more digits.")
    return found[0]


def edits_of(store: Source, ids: Iterable[str]) -> list[Edit]:
    """The edits of these ids, in the order of the ids.

    Raises:
        UnknownEdit: the store holds no such edit; the message names the first.
    """
    wanted = list(ids)
    if not wanted:
        return []
    condition = "id IN (SELECT unnest($1::VARCHAR[]))"
    found = {each.id: each for each in _found(store, condition, [wanted], ())}
    if len(found) < len(set(wanted)):
        found |= {each.id: each for each in _found(store, condition, [wanted], store.index.logged())}
    for each in wanted:
        if each not in found:
            raise UnknownEdit(f"no commit holds the edit {each[:12]}", hint="Run `wisedb fsck`.")
    return [found[each] for each in wanted]


def edits_with_key(store: Source, key: str) -> list[Edit]:
    """All edits, in force or not, whose prompt is a normalised one, in the order of their first appearance.

    Raises:
        MissingObject, CorruptObject: the history is damaged.
    """
    return _found(store, "key = $1", [key], store.index.logged())


def edits_about(store: Source, subjects: Iterable[str]) -> list[str]:
    """The ids of all edits, in force or not, about some things: their subject is one, or their prompt names one.

    Case and white space don't count; a name counts where it stands as whole words.

    Raises:
        MissingObject, CorruptObject: the history is damaged.
    """
    patterns = [rf"(^|[^\pL\pN]){re.escape(normalise_prompt(text))}($|[^\pL\pN])" for text in subjects]

    def ask(session: Session) -> list[str]:
        query = """SELECT id FROM whole_edits, (SELECT unnest($1::VARCHAR[]) AS pattern)
            WHERE regexp_matches(key, pattern) OR regexp_matches(lower(coalesce(subject, '')), pattern)"""
        return [row[0] for row in session.rows(query, [patterns])]

    return store.index.run(ask, also=sorted(store.index.logged()))


def search(store: Source, text: str) -> list[Edit]:
    """The edits of the whole history that contain ``text``, in the order of their first appearance.

    Looked at, whatever the case: prompt, target, subject, ground truth, rephrases, source, reason, tags and messages.

    Raises:
        MissingObject, CorruptObject: the history is damaged.
    """
    return search_as(EDITS, store, text)


def search_as(row_format: RowFormat[T], store: Source, text: str) -> T:
    """The same as something else than edits.

    Raises:
        MissingObject, CorruptObject: the history is damaged.
    """
    condition = f"""contains(lower(nfc_normalize(concat_ws('\x1f', {_TEXTS},
        array_to_string(rephrases, '\x1f'), array_to_string(tags, '\x1f'),
        array_to_string(message_contents, '\x1f')))), lower(nfc_normalize($1)))"""

    def ask(session: Session) -> T:
        return _query(row_format, session, "seen_edits", condition, [text])

    return store.index.run(ask)


def _found(
    store: Source, condition: str, parameters: list[str] | list[list[str]], commits: Iterable[str]
) -> list[Edit]:
    extra = sorted(commits)

    def ask(session: Session) -> list[Edit]:
        return _query(EDITS, session, "whole_edits" if extra else "seen_edits", condition, parameters)

    return store.index.run(ask, also=extra)


def _query(
    row_format: RowFormat[T], session: Session, table: str, condition: str, parameters: list[str] | list[list[str]]
) -> T:
    query = _IN_ORDER.format(table=table, condition=condition, columns=row_format.columns)
    return row_format.in_order(session.rows(query, parameters))
