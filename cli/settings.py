"""``wisedb settings``: what can be set about an editor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from . import render
from .complete import complete_editor
from .options import command
from .session import Session


@command("wisedb settings", "wisedb settings rome", "wisedb settings keyed --json")
@click.argument("editor", metavar="[EDITOR]", required=False, shell_complete=complete_editor)
def settings(session: Session, editor: str | None) -> None:
    """List the settings of an editor: of the store's own where none is named.

    Each with its default and what it does; 'wisedb init --set', 'wisedb commit --set' take KEY=VALUE. What the store
    has set for its own editor is shown beside the default.
    """
    from wisedb.config import DEFAULT_EDITOR
    from wisedb.editors.describe import settings_help
    from wisedb.errors import NotAStore

    try:
        own = session.store().config.editor
    except NotAStore:
        own = None
    name = editor or (DEFAULT_EDITOR if own is None else own.name)
    here = own.settings if own is not None and own.name == name else {}
    found = [
        {**each.to_json(), **({"store": here[each.name]} if each.name in here else {})} for each in settings_help(name)
    ]
    session.browse(found, _listed)


def _listed(found: Sequence[Mapping[str, Any]]) -> render.Lines:
    stores = any("store" in each for each in found)
    titles = ("setting", "default", *(("store",) if stores else ()), "what it does")
    rows = [
        (
            (each["name"], "bold"),
            _text(each["default"]),
            *((_text(each.get("store", "")),) if stores else ()),
            each["help"],
        )
        for each in found
    ]
    yield render.table(*titles, rows=rows)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:.6g}" if isinstance(value, float) else str(value)
