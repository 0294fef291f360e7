"""``wisedb verify-commit`` and ``verify-tag``: who vouches for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import render
from .complete import complete_revision, complete_tag
from .options import command
from .session import Session

if TYPE_CHECKING:
    from wisedb.store.signed import Checked

SIGNERS = click.option(
    "--allowed-signers",
    "signers",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Whose SSH keys count, in the place of gpg.ssh.allowedSignersFile.",
)


@command("wisedb verify-commit HEAD", "wisedb verify-commit v1 --allowed-signers signers --json", name="verify-commit")
@click.argument("revs", metavar="REV...", nargs=-1, required=True, shell_complete=complete_revision)
@SIGNERS
def verify_commit(session: Session, revs: tuple[str, ...], signers: Path | None) -> None:
    """Check the signature of each commit.

    A signature counts where it is over exactly this commit, by a key that you trust. Exits with 1 where one doesn't.
    With --json one document, or an array of them for several commits.
    """
    from wisedb.store.signed import check_commit

    store, trust = session.store(), session.trust(signers)
    ids = [store.resolve(rev) for rev in revs]
    _tell(session, [check_commit(each, store.objects.commit(each), trust) for each in ids])


@command("wisedb verify-tag v1", name="verify-tag")
@click.argument("names", metavar="TAG...", nargs=-1, required=True, shell_complete=complete_tag)
@SIGNERS
def verify_tag(session: Session, names: tuple[str, ...], signers: Path | None) -> None:
    """Check the signature of each tag.

    A signature counts where it is over this tag's name, commit and message, by a key that you trust. Exits with 1 where
    one doesn't.
    """
    from wisedb.store.signed import check_tag

    store, trust = session.store(), session.trust(signers)
    _tell(session, [check_tag(store, name, trust) for name in names])


def _tell(session: Session, found: Sequence[Checked]) -> None:
    told = [each.to_json() for each in found]
    session.show(
        told[0] if len(told) == 1 else told,
        lambda document: [
            line for each in ([document] if isinstance(document, Mapping) else document) for line in verdict_lines(each)
        ],
    )
    if not all(each.verdict.valid for each in found):
        raise click.exceptions.Exit(1)


def verdict_lines(checked: Mapping[str, Any]) -> render.Lines:
    """One object and what its signature is worth."""
    name = checked["object"]
    shown = name if name.startswith("refs/") else name[: render.SHORT]
    yield render.line((shown.removeprefix("refs/tags/"), "yellow"), " ", *verdict_pieces(checked))


def verdict_pieces(checked: Mapping[str, Any]) -> tuple[tuple[str, str] | str, ...]:
    """What a signature is worth, as pieces of a line."""
    if not checked["signed"]:
        return (("not signed", "red"),)
    signer = f" by {checked['signer']}" if checked["signer"] else ""
    key = f", key {checked['key']}" if checked["key"] else ""
    return (
        (f"{'good' if checked['valid'] else 'NOT GOOD'}", "green" if checked["valid"] else "red"),
        f"{signer}{key}: {checked['detail']}",
    )
