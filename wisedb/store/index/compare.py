"""Whether an index holds what the objects say: table by table, whatever numbers stand for the ids in it."""

from __future__ import annotations

import secrets
from typing import Final

from wisedb.store.index.session import Session

_ROWS: Final = {
    "commits": """
        SELECT whole_commits.* EXCLUDE (number, first_parent, other_parents, memories), first.id AS first_parent
        FROM whole_commits LEFT JOIN whole_commits AS first ON first.number = whole_commits.first_parent""",
    "other parents": """
        SELECT one.id, one.place, other.id AS parent
        FROM (SELECT id, unnest(other_parents) AS other, generate_subscripts(other_parents, 1) AS place
            FROM whole_commits) AS one
        LEFT JOIN whole_commits AS other ON other.number = one.other""",
    "memories of commits": """
        SELECT one.id, one.place, whole_memories.id AS memory
        FROM (SELECT id, unnest(memories) AS memory, generate_subscripts(memories, 1) AS place
            FROM whole_commits) AS one
        LEFT JOIN whole_memories ON whole_memories.number = one.memory""",
    "edits": "SELECT * EXCLUDE (number) FROM whole_edits",
    "changes": """
        SELECT whole_commits.id AS commit, position, whole_edits.id AS edit, action
        FROM whole_changes LEFT JOIN whole_commits ON whole_commits.number = whole_changes.commit
        LEFT JOIN whole_edits ON whole_edits.number = whole_changes.edit""",
    "memories": "SELECT * EXCLUDE (number, edits) FROM whole_memories",
    "edits of memories": """
        SELECT one.id, one.place, whole_edits.id AS edit
        FROM (SELECT id, unnest(edits) AS edit, generate_subscripts(edits, 1) AS place FROM whole_memories) AS one
        LEFT JOIN whole_edits ON whole_edits.number = one.edit""",
}


def differing(one: Session, other: Session) -> list[str]:
    """What of two indexes differs, by the names of tables and of the links between them; empty where nothing does."""
    # With a salt that nobody knew before: otherwise rows could be made up that come to the same.
    salt = secrets.token_hex(16)
    return [name for name in _ROWS if _sum(one, name, salt) != _sum(other, name, salt)]


def _sum(session: Session, name: str, salt: str) -> list[tuple[object, ...]]:
    parts = ", ".join(f"bit_xor(md5_number_{half}($1 || line))" for half in ("lower", "upper"))
    return session.rows(
        f"SELECT count(*), {parts} FROM (SELECT to_json(row)::VARCHAR AS line FROM ({_ROWS[name]}) AS row)", [salt]
    )
