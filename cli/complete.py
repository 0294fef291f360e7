"""What a shell completes: revisions, branches, tags, editors, settings and remotes that begin like what is typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

from wisedb.errors import WisedbError

from .session import Session


def complete_revision(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Branches and tags that begin like this."""
    return _complete(ctx, incomplete, lambda repository: [*repository.branches(), *repository.tags()], ("HEAD",))


def complete_branch(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Branches that begin like this."""
    return _complete(ctx, incomplete, lambda repository: repository.branches())


def complete_tag(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Tags that begin like this."""
    return _complete(ctx, incomplete, lambda repository: repository.tags())


def complete_editor(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Editors that begin like this."""
    from wisedb.editors.registry import editors

    return [CompletionItem(name) for name in editors() if name.startswith(incomplete)]


def complete_setting(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Settings that begin like this: those of the editor that is named before, of the default one otherwise."""
    from wisedb.config import DEFAULT_EDITOR
    from wisedb.editors.describe import settings_help

    try:
        found = settings_help(ctx.params.get("editor") or DEFAULT_EDITOR)
    except WisedbError:
        return []
    return [CompletionItem(f"{each.name}=") for each in found if each.name.startswith(incomplete)]


def complete_remote(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Remotes that begin like this."""
    directory = ctx.find_root().params.get("directory")
    try:
        names = list(Session(directory=directory).repository().remotes())
    except (WisedbError, OSError):
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _complete(
    ctx: click.Context, incomplete: str, refs: Callable[[Any], Iterable[Any]], more: Iterable[str] = ()
) -> list[CompletionItem]:
    directory = ctx.find_root().params.get("directory")
    try:
        names = [ref.name for ref in refs(Session(directory=directory).repository())]
    except (WisedbError, OSError):
        return []  # no store here: nothing to offer, and a completion must not complain
    return [CompletionItem(name) for name in [*more, *names] if name.startswith(incomplete)]
