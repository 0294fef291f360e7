"""What a push asks of signatures: that everything it publishes is vouched for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from wisedb.errors import NotSigned
from wisedb.signing.verdict import Trust
from wisedb.store.commits import Commit
from wisedb.store.refnames import TAGS
from wisedb.store.signed import Checked, check_commit, check_tag
from wisedb.store.store import Store

_SHOWN: Final = 5


def refuse_unsigned(store: Store, commits: Iterable[str], refs: Mapping[str, str | None], trust: Trust | None) -> None:
    """Refuse to publish what nobody whom one trusts has signed.

    The commit that ``init`` makes holds no fact and is bound by its children's ids: it needs no signature.

    Args:
        store: the store.
        commits: ids of the commits that would be sent.
        refs: full name → commit of what would move; annotated tags among them are checked.
        trust: whose signatures count; ``None`` asks for none.

    Raises:
        NotSigned: a commit or an annotated tag has no signature that counts; the message names the first ones.
        SigningFailed: the program that checks isn't there.
    """
    if trust is None:
        return
    checked = [
        check_commit(commit_id, commit, trust)
        for commit_id, commit in ((each, store.objects.commit(each)) for each in commits)
        if not _is_first(commit)
    ]
    names = [ref.removeprefix(TAGS) for ref, goal in refs.items() if ref.startswith(TAGS) and goal is not None]
    checked += [check_tag(store, name, trust) for name in names if store.tag_notes.read(name) is not None]
    bad = [each for each in checked if not each.verdict.valid]
    if bad:
        more = f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
        raise NotSigned(
            f"nothing was sent, since signatures are required: {'; '.join(map(_told, bad[:_SHOWN]))}{more}",
            hint="`wisedb commit --amend --no-edit -S` signs the newest commit; `wisedb verify-commit REV` says more.",
        )


def _is_first(commit: Commit) -> bool:
    return not (commit.parents or commit.added or commit.memories)


def _told(checked: Checked) -> str:
    name = checked.object.removeprefix(TAGS) if checked.object.startswith(TAGS) else checked.object[:12]
    return f"{name}: {checked.verdict.detail}"
