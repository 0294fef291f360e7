"""Cells of a table: what CSV writes as text and JSON has as a list or an object."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from wisedb.importers.fields import FieldProblem

BARRED = frozenset({"rephrases", "locality", "tags"})
"""Our own lists, which a cell may also hold with bars between the items."""

LISTS = BARRED | {
    "answers",
    "locality_ground_truth",
    "locality_prompt",
    "messages",
    "neighborhood_prompts",
    "paraphrase_prompts",
    "portability",
    "rephrase_prompts",
    "requested_rewrite",
}
"""Fields that hold a list or an object in some layout: there, an opening bracket is never the beginning of a text."""

# What `str()` makes of a list of texts, lists or objects, as pandas writes one into a cell.
_PYTHON = re.compile(r"\[\s*(?:['\"\[{]|None\b)|\{\s*['\"]")


def cell(column: str, text: str) -> Any:
    """What a cell holds: a list or an object where its text is one (JSON's spelling or Python's), else its text.

    Args:
        column: the name of its field, in lower case.
        text: the cell, not empty.

    Raises:
        FieldProblem: the field holds lists, and the text begins like one and is none.
    """
    bare = text.strip()
    if bare[:1] in ("[", "{") and bare[-1:] in ("]", "}"):
        try:
            return json.loads(bare)
        except (json.JSONDecodeError, RecursionError):
            pass
        if _PYTHON.match(bare):
            try:
                return ast.literal_eval(bare)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                pass
    if column in LISTS and bare[:1] in ("[", "{"):
        raise FieldProblem(column, "looks like JSON and is none")
    if column in BARRED:
        return [item.strip() for item in bare.split("|") if item.strip()]
    return text
